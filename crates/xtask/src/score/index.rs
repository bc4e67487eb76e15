//! The index of kept captures: written by a run of the lab, read to score the same captures again.

use super::judge::Case;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use ww_lab::scenario::Class;

const NAME: &str = "index.tsv";
const COLUMNS: &str = "file\tclass\texpected\towner\tvantage\tforbidden\twhat_was_done";

/// Writes the index of `cases`, each with its vantage and what was done.
pub(super) fn write(folder: &Path, cases: &[(Case, &str, &str)]) -> Result<()> {
    let rows = cases
        .iter()
        .map(|(case, vantage, done)| row(case, vantage, done));
    let text: Vec<String> = std::iter::once(COLUMNS.to_owned()).chain(rows).collect();
    let file = folder.join(NAME);
    std::fs::write(&file, text.join("\n") + "\n")
        .with_context(|| format!("write {}", file.display()))
}

/// The cases of a folder of kept captures.
pub(super) fn read(folder: &Path) -> Result<Vec<Case>> {
    let file = folder.join(NAME);
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    text.lines()
        .skip(1)
        .map(|line| case(folder, line))
        .collect()
}

fn row(case: &Case, vantage: &str, done: &str) -> String {
    let class = match case.class {
        Class::Fault => "fault",
        Class::Clean => "clean",
        Class::Artefact => "artefact",
    };
    let file = case.file.file_name().unwrap_or_default().to_string_lossy();
    let list = |rules: &[String]| {
        if rules.is_empty() {
            "-".to_owned()
        } else {
            rules.join(",")
        }
    };
    let owner = case.owner.as_deref().unwrap_or("-");
    [
        &file,
        class,
        &list(&case.expected),
        owner,
        vantage,
        &list(&case.never),
        done,
    ]
    .join("\t")
}

fn case(folder: &Path, line: &str) -> Result<Case> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [file, class, expected, owner, _, never, ..] = columns.as_slice() else {
        bail!("a line of the index has too few columns: {line}");
    };
    let class = match *class {
        "fault" => Class::Fault,
        "clean" => Class::Clean,
        "artefact" => Class::Artefact,
        other => bail!("{file}: unknown class {other}"),
    };
    let list = |rules: &str| -> Vec<String> {
        rules
            .split(',')
            .filter(|rule| *rule != "-")
            .map(str::to_owned)
            .collect()
    };
    Ok(Case {
        name: file.trim_end_matches(".pcap").to_owned(),
        file: folder.join(file),
        class,
        expected: list(expected),
        never: list(never),
        owner: (*owner != "-").then(|| (*owner).to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let case = Case {
            name: "loss-client".into(),
            file: folder.path().join("loss-client.pcap"),
            class: Class::Fault,
            expected: vec!["packet-loss".into()],
            never: vec!["packet-reordering".into(), "duplicated-capture".into()],
            owner: Some("network".into()),
        };
        write(folder.path(), &[(case.clone(), "client", "2 % lost")]).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [case]);
    }

    #[test]
    fn an_unknown_class_is_an_error() {
        assert!(case(Path::new("."), "a.pcap\tmagic\t-\t-\tclient\t-\t-").is_err());
    }
}
