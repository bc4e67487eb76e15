//! A packetdrill-like text that compiles to the bytes of a capture.
//!
//! The language is described in `docs/capture-language.md`. Compilation is a pure function: the
//! text is first flattened (`repeat` blocks unrolled), then each line is parsed into a statement
//! and played: hosts and connections advance as real ones would, so that ordinary lines need no
//! sequence numbers, acknowledgements, timestamps or identifications.

mod attributes;
mod connection;
mod dns;
mod flatten;
mod icmp;
mod names;
mod packets;
mod player;
mod segments;
mod statement;
mod wire;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A capture made from text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompiledCapture {
    /// A pcap file: little-endian, nanoseconds, Ethernet.
    pub pcap: Vec<u8>,
    /// How many frames it holds.
    pub frames: u64,
    /// The frames of the lines marked `# finds`, numbered from 1.
    pub finds: BTreeSet<u64>,
    /// The frames named with `as NAME`; segments that are not in the capture have none.
    pub names: BTreeMap<String, u64>,
}

/// A line that cannot be understood or played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it and what would be right.
    pub message: String,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for TextError {}

/// Compiles a capture text.
///
/// # Errors
///
/// The first line that cannot be understood or played, with the reason.
pub fn compile(text: &str) -> Result<CompiledCapture, TextError> {
    let mut player = player::Player::default();
    for step in flatten::flatten(text)? {
        match &step.act {
            flatten::Act::EnterRepeat => player.enter_repeat(),
            flatten::Act::Iteration(offset_ns) => player.start_iteration(*offset_ns),
            flatten::Act::LeaveRepeat => player.leave_repeat(),
            flatten::Act::Line { code, finds } => {
                play_line(&mut player, code, *finds).map_err(|message| TextError {
                    line: step.line,
                    message,
                })?;
            }
        }
    }
    Ok(player.finish())
}

fn play_line(player: &mut player::Player, code: &str, finds: bool) -> Result<(), String> {
    let words = words::Words::split(code)?;
    let statement = statement::parse(words, player.in_repeat())?;
    player.play(statement, finds)
}
