//! Labels against the golden files of a corpus of captures, and against the tshark of this machine.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files and fails loudly"
)]

use std::path::{Path, PathBuf};
use ww_testkit::labels::{ByFrame, TSHARK, differences, ours, tshark_is_the_norm, tsharks};

fn captures() -> Option<PathBuf> {
    let root =
        std::env::var_os("WIREWISE_CORPORA").map(|root| PathBuf::from(root).join("captures"));
    if root.is_none() {
        println!(
            "NOT RUN: WIREWISE_CORPORA is not set, so there are no captures to compare labels on"
        );
    }
    root
}

/// Every capture of the corpus with the golden file it belongs to.
fn corpus(root: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for (folder, prefix) in [("files", ""), ("lab", "lab-")] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let Some((stem, _)) = name.split_once(".pcap") else {
                continue;
            };
            let golden = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}{stem}")
            };
            let golden = root.join("golden").join(format!("{golden}.tsv"));
            found.push((path.clone(), golden));
        }
    }
    found.sort();
    found
}

#[test]
fn labels_equal_the_golden_files() {
    let Some(root) = captures() else { return };
    let corpus = corpus(&root);
    let (mut compared, mut wrong) = (0, Vec::new());
    for (path, golden) in &corpus {
        let golden = std::fs::read_to_string(golden)
            .unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
        let theirs: ByFrame = golden
            .lines()
            .skip(1)
            .map(|line| {
                let (frame, rest) = line.split_once('\t').unwrap();
                (frame.parse().unwrap(), rest.to_owned())
            })
            .collect();
        compared += theirs.len();
        let name = path.display().to_string();
        wrong.extend(differences(&name, &ours(path).unwrap().0, &theirs));
    }
    println!(
        "{compared} labelled frames of {} captures, {} differ",
        corpus.len(),
        wrong.len()
    );
    assert!(corpus.len() > 200 && compared > 1000);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn labels_equal_the_installed_tshark() {
    if !tshark_is_the_norm() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{TSHARK} is not installed"
        );
        println!("NOT RUN: {TSHARK} is not installed");
        return;
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut paths: Vec<_> = std::fs::read_dir(examples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "pcap")
        })
        .collect();
    let picked = [
        "zeek-reassembly.pcap",
        "wireshark-http2_follow_multistream.pcapng",
        "ndpi-fuzz-2006-09-29-28586.pcap",
        "sanders-http_espn_fail.pcapng",
        "zeek-gre-sample.pcap",
    ];
    if let Some(root) = captures() {
        paths.extend(picked.iter().map(|name| root.join("files").join(name)));
    }
    for path in paths {
        let name = path.display().to_string();
        let wrong = differences(&name, &ours(&path).unwrap().0, &tsharks(&path).unwrap());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
