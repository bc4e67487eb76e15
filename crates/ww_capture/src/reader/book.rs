//! What a reader learns besides frames, and how it reports trouble.

use ww_base::{FrameRange, Limits, Locus, Problem, ProblemKind, SourceId};

use super::info::{Comment, Interface, Notes, ResolvedName};
use super::input::Failure;
use super::window::Window;

/// Longest text kept from an option, in bytes.
const TEXT_BYTES: usize = 1024;

/// Problems kept from one capture; damage that repeats is told often enough by then.
const PROBLEMS: usize = 64;

/// Unknown block types told apart.
const SKIPPED_TYPES: usize = 64;

/// Everything known about one capture so far.
pub(super) struct Book {
    source: SourceId,
    notes_limit: usize,
    /// The number of the last record that Wireshark counts as a frame.
    pub(super) frames: u64,
    pub(super) interfaces: Vec<Interface>,
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Notes,
}

impl Book {
    /// Nothing known yet.
    pub(super) fn new(source: SourceId, limits: &Limits) -> Book {
        Book {
            source,
            notes_limit: limits.notes as usize,
            frames: 0,
            interfaces: Vec::new(),
            problems: Vec::new(),
            notes: Notes::default(),
        }
    }

    /// Reports trouble after the last frame handed out.
    pub(super) fn problem(&mut self, kind: ProblemKind, message: String) {
        if self.problems.len() >= PROBLEMS {
            return;
        }
        let at = match self.frames {
            0 => Locus::Whole(self.source),
            last => Locus::Frames(FrameRange {
                source: self.source,
                first: last,
                last,
                filter: format!("frame.number == {last}"),
            }),
        };
        self.problems.push(Problem { at, kind, message });
    }

    /// Reports why nothing more can be read, if that is anything but the regular end.
    ///
    /// `inside` names what was being read, `needed` how many bytes it takes.
    #[cold]
    pub(super) fn end(&mut self, window: &Window<'_>, inside: &str, needed: u64) {
        let here = window.ahead().len() as u64;
        let place = format!(
            "at byte {}, after frame {}",
            window.position().saturating_add(here),
            self.frames
        );
        match window.failure() {
            Some(failure) => {
                let kind = match failure {
                    Failure::Expands(_) => ProblemKind::TooLarge,
                    _ => ProblemKind::Malformed,
                };
                self.problem(kind, format!("capture ends early {place}: {failure}"));
            }
            None if here > 0 => self.problem(
                ProblemKind::Malformed,
                format!(
                    "capture is cut short {place}: the next {inside} takes {needed} bytes, \
                     {here} are there"
                ),
            ),
            None => {}
        }
    }

    /// Reports that what follows makes no sense, with the offset where it begins.
    #[cold]
    pub(super) fn damaged(&mut self, offset: u64, what: &str) {
        let frames = self.frames;
        self.problem(
            ProblemKind::Malformed,
            format!("capture is damaged at byte {offset}, after frame {frames}: {what}"),
        );
    }

    /// Keeps a comment, on the frame about to be handed out or on no frame.
    pub(super) fn comment(&mut self, on_next_frame: bool, text: &[u8]) {
        if self.notes.comments.len() < self.notes_limit {
            self.notes.comments.push(Comment {
                frame: on_next_frame.then(|| self.frames.saturating_add(1)),
                text: shortened(text),
            });
        }
    }

    /// Keeps a resolved name.
    pub(super) fn name(&mut self, address: std::net::IpAddr, name: &[u8]) {
        if self.notes.names.len() < self.notes_limit {
            self.notes.names.push(ResolvedName {
                address,
                name: shortened(name),
            });
        }
    }

    /// Counts a block that was stepped over.
    pub(super) fn skipped(&mut self, block_type: u32) {
        let known = self.notes.skipped_blocks.contains_key(&block_type);
        if known || self.notes.skipped_blocks.len() < SKIPPED_TYPES {
            *self.notes.skipped_blocks.entry(block_type).or_default() += 1;
        }
    }

    /// Reports the blocks that were stepped over, once.
    pub(super) fn report_skipped(&mut self) {
        let skipped: Vec<String> = self
            .notes
            .skipped_blocks
            .iter()
            .map(|(block_type, count)| format!("{count} of type 0x{block_type:08x}"))
            .collect();
        if !skipped.is_empty() {
            self.problem(
                ProblemKind::Unsupported,
                format!("blocks that are not read: {}", skipped.join(", ")),
            );
        }
    }
}

/// Text out of an option: without padding, valid, not too long.
pub(super) fn shortened(text: &[u8]) -> String {
    let whole = text.split(|byte| *byte == 0).next().unwrap_or_default();
    match whole.get(..TEXT_BYTES) {
        Some(beginning) if whole.len() > TEXT_BYTES => {
            let mut kept = String::from_utf8_lossy(beginning).into_owned();
            kept.push('…');
            kept
        }
        _ => String::from_utf8_lossy(whole).into_owned(),
    }
}
