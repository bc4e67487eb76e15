//! Asks tshark whether the frames a report points at exist, and whether its filters select them.

use super::diagnosis::Exhibit;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::Command;

/// What is wrong with each of `exhibits`, in words.
pub(super) fn wrong(file: &Path, exhibits: &[Exhibit]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for exhibit in exhibits {
        if let Some(reason) = reason(file, exhibit)? {
            let Exhibit {
                rule,
                first,
                last,
                filter,
            } = exhibit;
            let filter = filter.as_deref().unwrap_or("no filter");
            wrong.push(format!(
                "{}: {rule}, frames {first} to {last}, {filter}: {reason}",
                file.display()
            ));
        }
    }
    Ok(wrong)
}

/// Why an exhibit is wrong; `None` when it is right.
fn reason(
    file: &Path,
    Exhibit {
        first,
        last,
        filter,
        ..
    }: &Exhibit,
) -> Result<Option<String>> {
    if *first == 0 || first > last {
        return Ok(Some("not a range of frames".to_owned()));
    }
    let ends = format!("(frame.number == {first} || frame.number == {last})");
    let condition = match filter {
        Some(filter) => format!("({filter}) && {ends}"),
        None => ends,
    };
    let output = Command::new("tshark")
        .args([
            "-n",
            "-c",
            &last.to_string(),
            "-Y",
            &condition,
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-r",
        ])
        .arg(file)
        .output()
        .context("run tshark")?;
    if !output.status.success() {
        return Ok(Some(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    let selected = String::from_utf8_lossy(&output.stdout);
    let missing: Vec<String> = [first, last]
        .into_iter()
        .map(u64::to_string)
        .filter(|number| !selected.lines().any(|line| line == number))
        .collect();
    Ok((!missing.is_empty()).then(|| format!("does not select {}", missing.join(" and "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use ww_lab::pcap::{Record, write};

    fn exhibit(first: u64, last: u64, filter: &str) -> Exhibit {
        Exhibit {
            rule: "arp-conflict".into(),
            first,
            last,
            filter: Some(filter.into()),
        }
    }

    #[test]
    fn tshark_judges_the_filters() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("three.pcap");
        let mut frame = vec![0xff; 12];
        frame.extend_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        frame.resize(60, 0);
        let records: Vec<Record> = (0..3)
            .map(|second| Record::new(Duration::from_secs(second), frame.clone()))
            .collect();
        std::fs::write(&file, write(&records)).unwrap();
        let right = [exhibit(1, 3, "arp"), exhibit(2, 2, "arp.opcode == 1")];
        assert_eq!(wrong(&file, &right).unwrap(), Vec::<String>::new());
        let bad = [
            exhibit(1, 4, "arp"),
            exhibit(1, 2, "tcp"),
            exhibit(1, 2, "no such field"),
            exhibit(0, 2, "arp"),
        ];
        assert_eq!(wrong(&file, &bad).unwrap().len(), bad.len());
    }
}
