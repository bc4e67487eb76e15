//! What went wrong inside a connection, counted.

use crate::SideId;
use ww_base::Span;

/// A kind of event inside a connection that costs time or shows trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SymptomKind {
    /// A segment never passed the capture point; its retransmission filled the hole: lost before
    /// the capture point.
    LossBefore,
    /// A segment passed the capture point and was sent again, and nothing shows that this was
    /// needless: lost after the capture point.
    LossAfter,
    /// A segment filled a hole too soon, or with too old an IP-ID or timestamp, to be a
    /// retransmission: overtaken on the way.
    Late,
    /// The same packet once more (same IP-ID, timestamps and checksum).
    Copy,
    /// A segment was sent again although its receiver had it (it had acknowledged it, reported it
    /// by D-SACK, or answered the original: Eifel, RFC 3522).
    Needless,
    /// The sender was silent for at least 200 ms and then repeated its oldest outstanding
    /// segment: a retransmission timeout (RFC 6298). Time lost is the silence.
    Timeout,
    /// As `Timeout`, with at most two further segments outstanding, so that duplicate ACKs could
    /// not speed the repair: a loss at the tail.
    TailTimeout,
    /// The receiver acknowledged bytes that are not in the capture, without ever missing them.
    UnseenAcked,
    /// The side advertised a zero window while the other had more to send. Time lost is how long.
    ZeroWindow,
    /// The other side probed the zero window.
    WindowProbe,
    /// The side's small segment waited for a delayed ACK and the next one left right after it
    /// (Nagle's algorithm, RFC 896, against RFC 1122 delayed ACKs). Time lost is the wait.
    DelayedAckWait,
    /// The side had nothing in flight and an open window, in the middle of a transfer. Time lost
    /// is the pause.
    SenderPause,
    /// A keep-alive of the side (RFC 9293 section 3.8.4) while the window was open.
    KeepAlive,
    /// A segment longer than the maximum segment size: joined by the capturing host's offload.
    Offloaded,
    /// A D-SACK (RFC 2883) sent by the side: it received something twice.
    DuplicateReported,
    /// A response of the side that ended while its flights still doubled every round trip.
    /// Time lost is the round trips beyond the first.
    SlowStart,
    /// A flight restarted small after an idle period (RFC 5681 section 4.1).
    RestartAfterIdle,
}

/// One kind of symptom in one direction of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Symptom {
    /// What happened.
    pub kind: SymptomKind,
    /// Whose segments (or whose window, for window symptoms) it concerns.
    pub side: SideId,
    /// How often.
    pub count: u32,
    /// Bytes concerned.
    pub bytes: u64,
    /// Time that the connection lost to it.
    pub lost: Span,
    /// The longest single loss of time.
    pub worst: Span,
    /// The first frames that show it, oldest first; a bounded few.
    pub frames: Vec<u64>,
    /// The frame of the worst case.
    pub worst_frame: u64,
    /// The last frame that shows it.
    pub last_frame: u64,
}
