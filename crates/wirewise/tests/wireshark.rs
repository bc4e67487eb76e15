//! Wireshark is the judge of what is printed: every display filter is accepted and selects the frames
//! of its exhibits. With `WIREWISE_CORPORA` set, over the captures of its laboratory too.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start programs and read files; where that fails, they fail"
)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_filter_selects_its_exhibits() {
    if !tshark_is_installed() {
        return;
    }
    let mut checked = 0;
    for capture in captures() {
        let report: Value =
            serde_json::from_str(&diagnose(&capture, &["--format", "json"])).unwrap();
        for finding in report["findings"].as_array().unwrap() {
            for exhibit in exhibits(finding) {
                assert_selects(&capture, &exhibit.filter, &exhibit.frames);
                checked += 1;
            }
        }
    }
    assert!(checked > 0, "no finding was made");
}

#[test]
fn the_filter_in_the_text_selects_the_frames_beside_it() {
    if !tshark_is_installed() {
        return;
    }
    for capture in captures() {
        let text = diagnose(&capture, &["--color", "never"]);
        for (filter, frames) in rows(&text) {
            assert_selects(&capture, &filter, &frames);
        }
    }
}

/// Whether tshark is there; under CI it must be.
fn tshark_is_installed() -> bool {
    let installed = Command::new("tshark").arg("--version").output().is_ok();
    if !installed {
        assert!(
            std::env::var_os("CI").is_none(),
            "tshark must be installed under CI"
        );
        println!("NOT RUN: tshark is not installed, so nobody judges the filters");
    }
    installed
}

/// The examples, a capture with a finding for certain, and the laboratory's captures.
fn captures() -> Vec<PathBuf> {
    let cut = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wireshark-cut.pcap");
    let text = "snaplen 60\nclient 10.0.0.5:40000\nserver 10.0.0.1:80\n0.0 > S mss 1460\n+1ms > P. len 500\n";
    std::fs::write(&cut, ww_testkit::capture_text::compile(text).unwrap().pcap).unwrap();
    let mut captures = vec![cut];
    captures.extend(files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"),
    ));
    match std::env::var_os("WIREWISE_CORPORA") {
        Some(corpora) => captures.extend(files(&Path::new(&corpora).join("captures/lab"))),
        None => println!("NOT RUN on the laboratory's captures: WIREWISE_CORPORA is not set"),
    }
    captures
}

/// The captures in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".pcap"))
        .collect();
    files.sort();
    files
}

fn diagnose(capture: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .arg("diagnose")
        .args(arguments)
        .arg(capture)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

struct Shown {
    filter: String,
    frames: BTreeSet<u64>,
}

/// The exhibits of a finding that are frames.
fn exhibits(finding: &Value) -> Vec<Shown> {
    let loci = finding["exhibits"].as_array().unwrap().iter();
    loci.map(|exhibit| &exhibit["locus"])
        .filter(|locus| locus["kind"] == "frames" && locus["filter"] != "")
        .map(|locus| Shown {
            filter: locus["filter"].as_str().unwrap().to_owned(),
            frames: ["first", "last"]
                .map(|end| locus[end].as_u64().unwrap())
                .into(),
        })
        .collect()
}

/// The Wireshark rows of a text report, each with the frames of the rows above it.
fn rows(text: &str) -> Vec<(String, BTreeSet<u64>)> {
    let mut rows: Vec<(String, BTreeSet<u64>)> = Vec::new();
    let mut frames = BTreeSet::new();
    let mut in_filter = false;
    for line in text.lines() {
        let continues = line.starts_with("          ");
        if let Some(filter) = line.strip_prefix("    Wireshark ") {
            rows.push((filter.trim().to_owned(), std::mem::take(&mut frames)));
            in_filter = true;
        } else if continues && in_filter {
            let (filter, _) = rows.last_mut().unwrap();
            filter.push(' ');
            filter.push_str(line.trim());
        } else {
            in_filter = false;
            frames.extend(frames_of(line));
        }
    }
    rows
}

/// The frame numbers at the beginning of an exhibit's row.
fn frames_of(line: &str) -> Vec<u64> {
    let label = line
        .strip_prefix("    frame")
        .map(|rest| rest.trim_start_matches('s'));
    let numbers = label.and_then(|rest| rest.split_whitespace().next());
    numbers
        .into_iter()
        .flat_map(|numbers| numbers.split('–'))
        .filter_map(|number| number.parse().ok())
        .collect()
}

fn assert_selects(capture: &Path, filter: &str, frames: &BTreeSet<u64>) {
    let output = Command::new("tshark")
        .args([
            "-n",
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-Y",
            filter,
            "-r",
        ])
        .arg(capture)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    let selected: BTreeSet<u64> = String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect();
    assert!(
        frames.is_subset(&selected),
        "{}: {filter} selects not all of {frames:?}. {complaint}",
        capture.display()
    );
}
