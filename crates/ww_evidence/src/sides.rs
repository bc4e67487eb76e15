//! What one side of a connection sent.

use crate::{Mark, RateBins, RttStats};
use ww_base::{Moment, Span};

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SideId {
    /// The end that opened the connection.
    Client,
    /// The end that was opened.
    Server,
}

impl SideId {
    /// The opposite end.
    #[must_use]
    pub fn other(self) -> SideId {
        match self {
            SideId::Client => SideId::Server,
            SideId::Server => SideId::Client,
        }
    }

    /// `client` or `server`.
    pub fn word(self) -> &'static str {
        match self {
            SideId::Client => "client",
            SideId::Server => "server",
        }
    }
}

/// Options on a SYN or SYN-ACK (RFC 9293, RFC 7323, RFC 2018).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynOptions {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale shift.
    pub window_scale: Option<u8>,
    /// Selective acknowledgements permitted.
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: bool,
    /// The window field, unscaled.
    pub window: u16,
    /// TCP Fast Open cookie or request (RFC 7413).
    pub fast_open: bool,
}

/// Hop limits of a side's packets, resets excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TtlUse {
    /// Packets counted.
    pub packets: u32,
    /// The lowest.
    pub min: u8,
    /// The highest.
    pub max: u8,
}

impl TtlUse {
    /// The hop limit that all packets had, when there were at least `enough` of them.
    pub fn constant(&self, enough: u32) -> Option<u8> {
        (self.packets >= enough && self.min == self.max).then_some(self.min)
    }
}

/// The first reset of a side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reset {
    /// Its frame.
    pub mark: Mark,
    /// Resets in all.
    pub count: u32,
    /// Its hop limit.
    pub ttl: u8,
    /// Its IP identification, IPv4 only.
    pub ip_id: Option<u16>,
    /// The ACK flag is set, on it or on a later reset of the side: sent by a socket that knows the
    /// connection, or by an imitator; without it the host did not know the connection (RFC 9293
    /// section 3.10.7.1).
    pub has_ack: bool,
    /// Its sequence number minus the end of what the side had sent; 0 is what an honest end sends.
    pub sequence_offset: i32,
    /// It carries a timestamp option.
    pub has_timestamp: bool,
    /// Payload bytes of the other side that the side had not acknowledged before.
    pub unacknowledged: u32,
    /// Time since the other side's last data segment; none when it never sent any.
    pub after_data: Option<Span>,
    /// Time since anything at all was sent on the connection.
    pub after_quiet: Span,
    /// Frames of the same side, no resets, that came later: the real end did not know of it.
    pub frames_after: u32,
    /// The first of them.
    pub first_after: Option<Mark>,
    /// The other side had sent its FIN before: a harmless, hasty close.
    pub after_peer_fin: bool,
    /// The side itself had sent its FIN before.
    pub after_own_fin: bool,
}

/// Data that its receiver never acknowledged, at the end of the connection or the capture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnackedEnd {
    /// Bytes outstanding.
    pub bytes: u32,
    /// First transmission of the oldest outstanding segment.
    pub first_sent: Mark,
    /// How often the oldest outstanding segment was sent again.
    pub repeats: u32,
    /// The last of these.
    pub last_sent: Mark,
    /// Its payload length.
    pub length: u32,
    /// The other side was heard (any frame) after `first_sent`.
    pub peer_heard_after: bool,
}

/// A time in which a side sent data again and again and heard nothing, until the other side was heard again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standstill {
    /// First transmission of what was repeated.
    pub first_sent: Mark,
    /// Its last repetition.
    pub last_sent: Mark,
    /// How often it was sent again.
    pub repeats: u32,
    /// The other side's last frame before; none where it had not sent any.
    pub heard: Option<Mark>,
    /// The other side's first frame after.
    pub ended: Mark,
    /// The first transmission had arrived, as the other side's echo of its timestamp shows afterwards.
    pub arrived: bool,
}

impl Standstill {
    /// From when on nothing came although something was due.
    pub fn since(&self) -> Mark {
        match self.heard {
            Some(heard) if heard.frame() > self.first_sent.frame() => heard,
            _ => self.first_sent,
        }
    }
}

/// A range of sequence numbers that never passed the capture point although later ones did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnfilledHole {
    /// Bytes missing.
    pub bytes: u32,
    /// The frame whose sequence number revealed it.
    pub revealed: Mark,
    /// That frame carried no data (a pure ACK, FIN or keep-alive).
    pub by_empty_frame: bool,
    /// The other side never acknowledged it.
    pub unacknowledged: bool,
}

/// Flight sizes of the last response, for slow start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flights {
    /// Payload bytes of the first flights.
    pub bytes: [u32; 8],
    /// Number of flights, also beyond those listed.
    pub count: u32,
}

/// What is kept once a side has sent much.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bulk {
    /// Time with data in flight.
    pub busy: Span,
    /// Of that, time in which the receiver's window left less than one segment of room (as seen
    /// from a capture point near the sender).
    pub window_limited: Span,
    /// Largest window that the other side advertised in that time, bytes.
    pub window_max: u32,
    /// Most bytes in flight, as seen at the capture point.
    pub in_flight_max: u32,
    /// Time between data segments in which nothing was in flight and the window was open.
    pub paused: Span,
    /// Number of such pauses.
    pub pauses: u32,
    /// Last data segments before a pause that were short or pushed.
    pub pauses_after_short: u32,
    /// Delivery, by arrival of new data.
    pub arrivals: RateBins,
    /// Delivery, by progress of acknowledgements.
    pub acknowledged: RateBins,
    /// Correlation of round trip with bytes in flight, −1 to 1; none below 20 samples.
    pub rtt_flight_correlation: Option<f64>,
    /// Round trips of samples taken with the least quarter of flight.
    pub rtt_small_flight: RttStats,
    /// Round trips of samples taken with more than half of the largest flight so far.
    pub rtt_large_flight: RttStats,
    /// Loss episodes: at least one round trip apart.
    pub loss_episodes: u32,
    /// First and last data segment.
    pub first: Mark,
    /// Last data segment.
    pub last: Mark,
}

/// What one side of a connection sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    /// Frames.
    pub frames: u64,
    /// Frames with payload, copies excluded.
    pub data_segments: u64,
    /// Payload bytes, each sequence number counted once.
    pub bytes: u64,
    /// Largest payload of one segment, as captured (offload included).
    pub largest_segment: u32,
    /// Largest payload of one segment that the other side acknowledged.
    pub largest_acknowledged: u32,
    /// Options of its SYN or SYN-ACK.
    pub options: Option<SynOptions>,
    /// Hop limits.
    pub ttl: TtlUse,
    /// First data segment.
    pub first_data: Option<Mark>,
    /// Last data segment.
    pub last_data: Option<Mark>,
    /// Its last frame of any kind, copies excluded.
    pub heard: Option<Mark>,
    /// Its first FIN.
    pub fin: Option<Mark>,
    /// Its resets.
    pub reset: Option<Box<Reset>>,
    /// From its data passing the capture point to the acknowledgement: the round trip between
    /// capture point and the other side, delayed ACKs included.
    pub ack_rtt: RttStats,
    /// From its timestamp passing the capture point to the echo (RFC 7323).
    pub timestamp_rtt: RttStats,
    /// Smallest and largest window it advertised after its SYN, bytes, scaled when the scale is known.
    pub window_min: u32,
    /// Largest window it advertised, bytes.
    pub window_max: u32,
    /// It ended with a zero window.
    pub window_zero_at_end: bool,
    /// Acknowledgement numbers moved forward in its frames.
    pub ack_advances: u64,
    /// Data outstanding at the end.
    pub unacked_end: Option<Box<UnackedEnd>>,
    /// When it repeated data and heard nothing for a while: the longest few, in order of time.
    pub standstills: Vec<Standstill>,
    /// The longest time of at least a second in which nothing of it was seen, between two of its frames.
    pub longest_silence: Option<[Moment; 2]>,
    /// A hole at the end.
    pub unfilled_hole: Option<Box<UnfilledHole>>,
    /// Flights of its last response.
    pub flights: Flights,
    /// What is kept once it has sent more than 64 KiB.
    pub bulk: Option<Box<Bulk>>,
}
