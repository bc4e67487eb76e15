//! `cargo xtask oracle labels`: our TCP labels against tshark's, on any captures and on random segments.

use super::segments::random_segments;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use ww_testkit::labels::{TSHARK, differences, ours, tshark_is_the_norm, tsharks};

/// Differences shown per capture.
const SHOWN: usize = 5;

/// Segments of a random capture.
const SEGMENTS: u32 = 50_000;

/// What a comparison came to, in TCP frames.
struct Tally {
    captures: usize,
    frames: u64,
    labelled: usize,
    wrong: usize,
}

/// Compares all captures, or so many random ones after `--random`; the number of frames that differ.
pub(super) fn run(args: &[String]) -> Result<usize> {
    let text: Vec<&str> = args.iter().map(String::as_str).collect();
    let tally = match *text {
        ["--random", count] => random(super::kernel::new_seed() >> 1, captures_to_make(count)?)?,
        ["--random", count, "--seed", seed] => {
            random(seed.parse().context("the seed")?, captures_to_make(count)?)?
        }
        _ => compare(args)?,
    };
    let Tally {
        captures,
        frames,
        labelled,
        wrong,
    } = tally;
    println!(
        "{captures} captures, {frames} TCP frames, {labelled} labelled by tshark, {wrong} differ"
    );
    Ok(wrong)
}

fn captures_to_make(count: &str) -> Result<u64> {
    count.parse().context("how many captures to make")
}

/// Compares random captures of these seeds, which name the captures where something differs.
#[expect(
    clippy::disallowed_methods,
    reason = "a chore writes the captures that tshark reads"
)]
fn random(first: u64, count: u64) -> Result<Tally> {
    let folder = tempfile::tempdir().context("making a folder for captures")?;
    let mut paths = Vec::new();
    for seed in first..first.saturating_add(count) {
        let path = folder.path().join(format!("seed-{seed}.pcap"));
        std::fs::write(&path, random_segments(seed, SEGMENTS))
            .with_context(|| format!("writing {}", path.display()))?;
        paths.push(path.display().to_string());
    }
    compare(&paths)
}

fn compare(paths: &[String]) -> Result<Tally> {
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
    Ok(Tally {
        captures: captures.len(),
        frames,
        labelled,
        wrong,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "where CI is set, the test may not be left out"
    )]
    fn labels_of_random_segments_equal_those_of_the_installed_tshark() {
        if !tshark_is_the_norm() {
            assert!(
                std::env::var_os("CI").is_none(),
                "{TSHARK} is not installed"
            );
            println!("NOT RUN: {TSHARK} is not installed");
            return;
        }
        let tally = random(1, 2).unwrap();
        assert_eq!((tally.captures, tally.wrong), (2, 0));
        assert!(tally.labelled > 50_000, "{} with labels", tally.labelled);
    }
}
