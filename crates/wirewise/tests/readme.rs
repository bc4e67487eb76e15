//! What the README says of the rules is what the catalogue holds, and every link of the project's
//! documents leads to a file. `UPDATE=1` rewrites the table of rules.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read files; where that fails, they fail"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- rules: written by a test from the catalogue -->\n";
const END: &str = "<!-- end of rules -->\n";

#[test]
fn the_readme_names_every_rule() {
    let path = root().join("README.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = written.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let actual = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &actual).unwrap();
    } else {
        assert!(
            written == actual,
            "README.md is out of date; UPDATE=1 rewrites it. It should read:\n{actual}"
        );
    }
}

#[test]
fn every_link_leads_to_a_file() {
    let documents = documents();
    assert!(documents.len() > 4, "{documents:?}");
    let mut checked = 0;
    for document in &documents {
        let text = std::fs::read_to_string(document).unwrap();
        for target in links(&text) {
            let file = document.parent().unwrap().join(target);
            assert!(
                file.exists(),
                "{} links to {target}, which is not there",
                document.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 0, "no document links to any other");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every rule with a link to its page, a row for each family.
fn table() -> String {
    let mut families: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for rule in ww_rules::RULES {
        let (family, name) = (rule.meta.family, rule.meta.name);
        let file = name.replace('-', "_");
        families
            .entry(family)
            .or_default()
            .push(format!("[{name}](crates/ww_rules/src/{family}/{file}.md)"));
    }
    let mut table = format!(
        "\n| family | {} rules, each with its page |\n|---|---|\n",
        ww_rules::RULES.len()
    );
    for (family, rules) in families {
        writeln!(table, "| {family} | {} |", rules.join(" · ")).unwrap();
    }
    table.push('\n');
    table
}

/// The documents at the root of the project and below `docs`.
fn documents() -> Vec<PathBuf> {
    let folders = ["", "docs", "docs/guide", "docs/decisions", "fuzz"];
    let files = folders
        .into_iter()
        .flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect()
}

/// The targets of a document's links within the project.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}
