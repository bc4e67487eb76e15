//! Labels against the golden files of a corpus of captures, and against the tshark of this machine.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test reads files, starts tshark, and fails loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use ww_base::{Limits, SourceId};
use ww_capture::labels;

/// Labels by frame: stream, flags, number of the duplicate ACK, as the golden files write them.
type ByFrame = BTreeMap<u64, String>;

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
            found.push((
                path.clone(),
                root.join("golden").join(format!("{golden}.tsv")),
            ));
        }
    }
    found.sort();
    found
}

fn our_labels(path: &Path) -> ByFrame {
    let mut found = ByFrame::new();
    let opened = Box::new(File::open(path).unwrap());
    let read = labels(
        opened,
        SourceId(0),
        &Limits::default(),
        &mut |frame, given| {
            if !given.labels.is_empty() {
                let number = match given.duplicate_number {
                    0 => String::new(),
                    number => number.to_string(),
                };
                found.insert(
                    frame,
                    format!("{}\t{}\t{number}", given.stream, given.labels),
                );
            }
        },
    );
    assert!(read.is_ok(), "{}: {read:?}", path.display());
    found
}

/// The frames on which two sets of labels differ.
fn differences(name: &str, ours: &ByFrame, theirs: &ByFrame) -> Vec<String> {
    let frames: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    frames
        .into_iter()
        .filter(|frame| ours.get(frame) != theirs.get(frame))
        .map(|frame| {
            format!(
                "{name} frame {frame}: {:?}, not {:?}",
                ours.get(frame),
                theirs.get(frame)
            )
        })
        .collect()
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
        wrong.extend(differences(
            &path.display().to_string(),
            &our_labels(path),
            &theirs,
        ));
    }
    println!(
        "{compared} labelled frames of {} captures, {} differ",
        corpus.len(),
        wrong.len()
    );
    assert!(corpus.len() > 200 && compared > 1000);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The version whose definitions the labels follow.
const TSHARK: &str = "TShark (Wireshark) 4.0.17";

#[test]
fn labels_equal_the_installed_tshark() {
    let Some(root) = captures() else { return };
    let version = Command::new("tshark").arg("--version").output();
    let installed =
        version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with(TSHARK));
    if !installed {
        assert!(
            std::env::var_os("CI").is_none(),
            "{TSHARK} is not installed"
        );
        println!("NOT RUN: {TSHARK} is not installed");
        return;
    }
    let picked = [
        "zeek-reassembly.pcap",
        "wireshark-http2_follow_multistream.pcapng",
        "ndpi-fuzz-2006-09-29-28586.pcap",
        "sanders-http_espn_fail.pcapng",
        "zeek-gre-sample.pcap",
    ];
    for name in picked {
        let path = root.join("files").join(name);
        let wrong = differences(name, &our_labels(&path), &tshark_labels(&path));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

fn tshark_labels(path: &Path) -> ByFrame {
    let words: Vec<_> = ww_capture::Labels::ALL
        .iter()
        .map(|&(_, word)| word)
        .collect();
    let mut command = Command::new("tshark");
    command
        .args([
            "-n",
            "-o",
            "tcp.relative_sequence_numbers:FALSE",
            "-T",
            "fields",
        ])
        .args([
            "-E",
            "occurrence=f",
            "-e",
            "frame.number",
            "-e",
            "tcp.stream",
        ])
        .args(["-e", "tcp.analysis.duplicate_ack_num", "-r"])
        .arg(path);
    for word in &words {
        command.arg("-e").arg(format!("tcp.analysis.{word}"));
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found = ByFrame::new();
    for line in text.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [frame, stream, number, flags @ ..] = fields.as_slice() else {
            panic!("unexpected output of tshark: {line}");
        };
        let mut set: Vec<_> = words
            .iter()
            .zip(flags)
            .filter(|(_, flag)| !flag.is_empty())
            .map(|(word, _)| *word)
            .collect();
        set.sort_unstable();
        if !set.is_empty() {
            found.insert(
                frame.parse().unwrap(),
                format!("{stream}\t{}\t{number}", set.join(",")),
            );
        }
    }
    found
}
