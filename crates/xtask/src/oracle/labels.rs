//! `cargo xtask oracle labels`: our TCP labels against tshark's, on any captures and on random segments.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use ww_testkit::labels::{TSHARK, differences, ours, tshark_is_the_norm, tsharks};
use ww_testkit::segments::random_segments;

/// Differences shown per capture.
const SHOWN: usize = 5;

/// Segments of a random capture.
const SEGMENTS: u32 = 50_000;

/// Compares all captures, or so many random ones after `--random`; the number of frames that differ.
pub(super) fn run(args: &[String]) -> Result<usize> {
    match args {
        [flag, count] if flag == "--random" => random(count.parse().context("captures to make")?),
        paths => compare(paths),
    }
}

/// Compares random captures of new seeds, which are named where something differs.
#[expect(
    clippy::disallowed_methods,
    reason = "a chore writes the captures that tshark reads"
)]
fn random(count: u64) -> Result<usize> {
    let folder = tempfile::tempdir().context("making a folder for captures")?;
    let first = super::kernel::new_seed() >> 1;
    let mut paths = Vec::new();
    for seed in first..first.saturating_add(count) {
        let path = folder.path().join(format!("seed-{seed}.pcap"));
        std::fs::write(&path, random_segments(seed, SEGMENTS))
            .with_context(|| format!("writing {}", path.display()))?;
        paths.push(path.display().to_string());
    }
    compare(&paths)
}

fn compare(paths: &[String]) -> Result<usize> {
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
