//! `cargo xtask oracle labels FILE…`: our TCP labels against tshark's, on any captures.

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use ww_testkit::labels::{TSHARK, differences, ours, tshark_is_the_norm, tsharks};

/// Differences shown per capture.
const SHOWN: usize = 5;

/// Compares all captures; the number of frames that differ.
pub(super) fn run(paths: &[String]) -> Result<usize> {
    if !tshark_is_the_norm() {
        bail!("the labels follow {TSHARK}, which is not what `tshark --version` says here");
    }
    let captures = captures(paths)?;
    if captures.is_empty() {
        bail!("no capture (*.pcap*) among {}", paths.join(", "));
    }
    let (mut frames, mut labelled, mut wrong) = (0, 0, 0);
    for path in &captures {
        let (mine, seen) = ours(path)?;
        let theirs = tsharks(path)?;
        let differing = differences(&path.display().to_string(), &mine, &theirs);
        frames += seen;
        labelled += theirs.len();
        wrong += differing.len();
        for line in differing.iter().take(SHOWN) {
            println!("{line}");
        }
    }
    println!(
        "{} captures, {frames} TCP frames, {labelled} labelled by tshark, {wrong} differ",
        captures.len()
    );
    Ok(wrong)
}

/// The files named, and the captures in the folders named.
fn captures(paths: &[String]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths.iter().map(Path::new) {
        if !path.is_dir() {
            found.push(path.to_owned());
            continue;
        }
        for entry in std::fs::read_dir(path)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            if name.is_some_and(|name| name.contains(".pcap")) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
