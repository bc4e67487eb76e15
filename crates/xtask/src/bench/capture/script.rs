//! What is to happen on a TCP connection, before it is simulated.

use super::path::Way;
use super::receiver::Stall;
use super::types::{Micros, Options, Pair, Side};

/// One turn of the conversation: `from` says `len` bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Who speaks.
    pub(super) from: Side,
    /// How much.
    pub(super) len: u32,
    /// How long it thinks first.
    pub(super) think: Micros,
}

/// How a connection ends once everything is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// This side closes first.
    Close(Side),
    /// This side resets.
    Reset(Side),
    /// It stays open.
    Open,
}

/// Everything that decides how a connection goes.
#[derive(Debug)]
pub(super) struct Connection {
    /// When the first SYN leaves.
    pub(super) start: Micros,
    /// The way between the ends.
    pub(super) way: Way,
    /// Options agreed on.
    pub(super) options: Options,
    /// Receive buffer of each side, bytes.
    pub(super) buffers: Pair<u32>,
    /// Most that may be in flight, bytes.
    pub(super) send_buffer: u32,
    /// Segments acknowledged one by one before acknowledgements are delayed.
    pub(super) eager_acks: u32,
    /// The conversation.
    pub(super) turns: Vec<Turn>,
    /// Idle time before the ending.
    pub(super) linger: Micros,
    /// The ending.
    pub(super) ending: Ending,
    /// A reader that stops for a while.
    pub(super) stall: Option<(Side, Stall)>,
    /// A side that sends keep-alives, and after how much silence.
    pub(super) keep_alive: Option<(Side, Micros)>,
    /// Initial sequence numbers.
    pub(super) isns: Pair<u32>,
    /// Nothing after this moment is of interest.
    pub(super) horizon: Micros,
}
