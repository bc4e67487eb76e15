//! Where a fact stands: every sentence that is printed can be looked up.

/// One input of a consultation: a file, a stream, a probed target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A half-open range of bytes `start..end` in a text source.
///
/// Lines and columns are a view, made by the reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceSpan {
    /// The text that holds the range.
    pub source: SourceId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

/// Frames of a capture, numbered from 1 as Wireshark counts them, with the display filter that
/// shows them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameRange {
    /// The capture.
    pub source: SourceId,
    /// The first frame of interest.
    pub first: u64,
    /// The last frame of interest; equal to `first` for one frame.
    pub last: u64,
    /// A Wireshark display filter that selects the frames among others of the same story.
    pub filter: String,
}

/// Where a fact stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Locus {
    /// A range of bytes in a text.
    Text(SourceSpan),
    /// Frames of a capture.
    Frames(FrameRange),
    /// A step of a live probe.
    Probe {
        /// The probed target.
        source: SourceId,
        /// The step's number in its transcript.
        step: u32,
    },
    /// The whole of a source: its header, its absence of something.
    Whole(SourceId),
    /// Nothing that was read says so; the named authority does.
    Assumed {
        /// Who assumes it: a standard, a product and version.
        by: String,
    },
}
