//! The reader counts the frames of real captures as tshark does.
//!
//! Needs a collection of captures with tshark's counts, named by `WIREWISE_CORPORA`.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test against files, told by the environment; helpers are not in a test function"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ww_base::{Limits, SourceId};
use ww_capture::reader::CaptureReader;

/// The collection, or `None` after saying loudly that this test checked nothing.
fn captures() -> Option<PathBuf> {
    let corpora = std::env::var_os("WIREWISE_CORPORA");
    if corpora.is_none() {
        eprintln!("NOT CHECKED: WIREWISE_CORPORA is not set, no capture was compared with tshark");
    }
    corpora.map(|path| PathBuf::from(path).join("captures"))
}

/// Rows of a table whose first line names its columns, as the named columns.
fn table(path: &Path, columns: [&str; 2]) -> Vec<[String; 2]> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let indices = columns.map(|name| header.iter().position(|title| *title == name).unwrap());
    lines
        .map(|row| indices.map(|index| row[index].to_owned()))
        .collect()
}

/// Frames delivered and problems reported.
fn walk(path: &Path) -> (u64, Vec<String>) {
    let file = File::open(path).unwrap();
    let mut reader = CaptureReader::open(Box::new(file), SourceId(0), &Limits::default()).unwrap();
    let mut frames = 0;
    while let Some(frame) = reader.next_frame() {
        frames += 1;
        assert_eq!(frame.number, frames);
    }
    let problems = reader.problems().iter().map(|p| p.message.clone());
    (frames, problems.collect())
}

#[test]
fn public_captures_have_the_frames_that_tshark_counts() {
    let Some(captures) = captures() else { return };
    let damaged = table(&captures.join("list.tsv"), ["file", "tshark_exit"]);
    let counted = table(&captures.join("list.tsv"), ["file", "frames"]);
    assert!(
        counted.len() > 200,
        "the list is too short to mean anything"
    );
    for ([file, frames], [_, exit]) in counted.iter().zip(&damaged) {
        let (found, problems) = walk(&captures.join(file));
        assert_eq!(found.to_string(), *frames, "{file}: {problems:?}");
        assert_eq!(problems.is_empty(), exit == "0", "{file}: {problems:?}");
    }
}

#[test]
fn lab_captures_have_the_frames_that_tshark_counts() {
    let Some(captures) = captures() else { return };
    let counted = table(&captures.join("lab/truth.tsv"), ["file", "frames"]);
    assert!(
        counted.len() >= 20,
        "the list is too short to mean anything"
    );
    for [file, frames] in counted {
        let (found, problems) = walk(&captures.join("lab").join(&file));
        assert_eq!(found.to_string(), frames, "{file}: {problems:?}");
        assert_eq!(problems, Vec::<String>::new(), "{file}");
    }
}
