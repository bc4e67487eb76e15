//! Our TCP labels beside those of tshark, frame by frame.
//!
//! The norm is TShark 4.0.17: later versions define some of the labels anew.

#![expect(
    clippy::disallowed_methods,
    reason = "the comparison opens captures and starts tshark"
)]

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::process::Command;
use ww_base::{Limits, SourceId};
use ww_capture::Labels;

/// The version whose definitions the labels follow, as it names itself.
pub const TSHARK: &str = "TShark (Wireshark) 4.0.17";

/// Labelled frames: number, then stream, flags and the number of the duplicate ACK, tab-separated.
pub type ByFrame = BTreeMap<u64, String>;

/// Whether the tshark of this machine is the version that is the norm.
pub fn tshark_is_the_norm() -> bool {
    Command::new("tshark")
        .arg("--version")
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with(TSHARK))
}

/// Our labels of a capture, and the number of its TCP frames.
///
/// # Errors
///
/// When the file cannot be opened or is no capture.
pub fn ours(path: &Path) -> Result<(ByFrame, u64)> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut found = ByFrame::new();
    let mut frames = 0;
    ww_capture::labels(
        Box::new(file),
        SourceId(0),
        &Limits::default(),
        &mut |frame, given| {
            frames += 1;
            if !given.labels.is_empty() {
                let number = match given.duplicate_number {
                    0 => String::new(),
                    number => number.to_string(),
                };
                let line = format!("{}\t{}\t{number}", given.stream, given.labels);
                found.insert(frame, line);
            }
        },
    )
    .with_context(|| format!("reading {}", path.display()))?;
    Ok((found, frames))
}

/// The labels that tshark gives.
///
/// # Errors
///
/// When tshark cannot be started or prints something unexpected.
pub fn tsharks(path: &Path) -> Result<ByFrame> {
    let words: Vec<_> = Labels::ALL.iter().map(|&(_, word)| word).collect();
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
        .args(["-e", "tcp.analysis.duplicate_ack_num"]);
    for word in &words {
        command.arg("-e").arg(format!("tcp.analysis.{word}"));
    }
    let output = command
        .arg("-r")
        .arg(path)
        .output()
        .context("starting tshark (Debian package tshark)")?;
    let text = String::from_utf8(output.stdout).context("reading what tshark printed")?;
    let mut found = ByFrame::new();
    for line in text.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [frame, stream, number, flags @ ..] = fields.as_slice() else {
            bail!("tshark printed an unexpected line: {line}");
        };
        let mut set: Vec<_> = words
            .iter()
            .zip(flags)
            .filter(|(_, flag)| !flag.is_empty())
            .map(|(word, _)| *word)
            .collect();
        set.sort_unstable();
        if !set.is_empty() {
            let frame = frame.parse().context("reading a frame number of tshark")?;
            found.insert(frame, format!("{stream}\t{}\t{number}", set.join(",")));
        }
    }
    Ok(found)
}

/// The frames on which two sets of labels differ, in words.
pub fn differences(name: &str, ours: &ByFrame, theirs: &ByFrame) -> Vec<String> {
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
