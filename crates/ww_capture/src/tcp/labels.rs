//! The TCP analysis labels of Wireshark 4.0, frame by frame.
//!
//! They agree with TShark 4.0.17 flag for flag. They are conditions on header fields, not causes:
//! a loss seen at the sender is labelled out of order, a mirror port's copies are labelled
//! retransmissions. What really happened is judged elsewhere in this module's parent.

use super::segment::{ACK, FIN, RST, SYN, Segment};
use super::seq::{after, at_or_before, before};
use std::collections::VecDeque;
use std::fmt;
use ww_base::{Limits, Moment, Span};

/// A set of labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(u16);

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $word:literal;)+) => {
        impl Labels {
            $($(#[$doc])* pub const $name: Labels = Labels(1 << $bit);)+

            /// Every label with the last part of its `tcp.analysis.` field name.
            pub const ALL: &'static [(Labels, &'static str)] = &[$((Labels::$name, $word),)+];
        }
    };
}

labels! {
    /// Sent again.
    RETRANSMISSION = 0, "retransmission";
    /// Sent again soon after duplicate ACKs.
    FAST_RETRANSMISSION = 1, "fast_retransmission";
    /// Sent again although acknowledged.
    SPURIOUS_RETRANSMISSION = 2, "spurious_retransmission";
    /// Earlier data, too soon after later data.
    OUT_OF_ORDER = 3, "out_of_order";
    /// The same acknowledgement again.
    DUPLICATE_ACK = 4, "duplicate_ack";
    /// No room at the receiver.
    ZERO_WINDOW = 5, "zero_window";
    /// One byte into a zero window.
    ZERO_WINDOW_PROBE = 6, "zero_window_probe";
    /// The answer to it.
    ZERO_WINDOW_PROBE_ACK = 7, "zero_window_probe_ack";
    /// The segment fills the receiver's window exactly.
    WINDOW_FULL = 8, "window_full";
    /// Only the window changed.
    WINDOW_UPDATE = 9, "window_update";
    /// One byte before the next.
    KEEP_ALIVE = 10, "keep_alive";
    /// The answer to it.
    KEEP_ALIVE_ACK = 11, "keep_alive_ack";
    /// A segment before this one is not in the capture.
    LOST_SEGMENT = 12, "lost_segment";
    /// Acknowledges what is not in the capture.
    ACK_LOST_SEGMENT = 13, "ack_lost_segment";
    /// A new connection on the ports of an old one.
    REUSED_PORTS = 14, "reused_ports";
}

impl Labels {
    /// No label.
    pub const NONE: Labels = Labels(0);

    /// All of `other` are in the set.
    #[inline]
    pub fn contains(self, other: Labels) -> bool {
        self.0 & other.0 == other.0
    }

    /// There is no label in the set.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) fn insert(&mut self, other: Labels) {
        self.0 |= other.0;
    }

    /// The field names' last parts, sorted.
    pub fn words(self) -> Vec<&'static str> {
        let mut words: Vec<_> = Labels::ALL
            .iter()
            .filter(|(label, _)| self.contains(*label))
            .map(|&(_, word)| word)
            .collect();
        words.sort_unstable();
        words
    }
}

/// Comma-separated, sorted.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(","))
    }
}

/// Threshold for "out of order" while the initial round trip is unknown.
const OUT_OF_ORDER_DEFAULT: Span = Span::from_millis(3);

/// A retransmission within this time of the last ACK counts as fast.
const FAST_LIMIT: Span = Span::from_millis(20);

/// Window scale not known.
const SCALE_UNKNOWN: i8 = -1;
/// Window scale known to be unused.
const SCALE_UNUSED: i8 = -2;
/// The largest legal shift (RFC 7323 section 2.3).
const SCALE_MAX: u8 = 14;

/// A segment that waits for its acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unacked {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) frame: u64,
    pub(crate) at: Moment,
    /// Bytes in flight once it was sent, as seen at the capture point.
    pub(crate) flight: u32,
    /// Sent more than once, so that its round trip is ambiguous (Karn).
    pub(crate) repeated: bool,
}

impl Unacked {
    /// Its length once it is acknowledged; 0 when it was sent again, maybe in shorter pieces.
    fn length_acknowledged(&self) -> u32 {
        if self.repeated {
            0
        } else {
            self.end.wrapping_sub(self.start)
        }
    }
}

/// What the labels need to know of one direction.
#[derive(Clone, Debug)]
pub(crate) struct LabelSide {
    base: Option<u32>,
    /// Highest sequence end seen; 0 when none.
    next: u32,
    /// Highest contiguous end that may be acknowledged; 0 when none.
    max_acked: u32,
    /// Last acknowledgement number.
    pub(crate) ack: u32,
    ack_time: Moment,
    duplicates: u32,
    /// Last unscaled window; beyond 16 bits when none.
    window: u32,
    scale: i8,
    first_ack: bool,
    next_time: Moment,
    last_labels: Labels,
    /// Bytes of the largest segment that was sent once and acknowledged.
    pub(crate) largest_acknowledged: u32,
    pub(crate) unacked: VecDeque<Unacked>,
    /// Not in order of their ends.
    unsorted: bool,
    /// It sent a FIN.
    finished: bool,
}

impl Default for LabelSide {
    fn default() -> LabelSide {
        LabelSide {
            base: None,
            next: 0,
            max_acked: 0,
            ack: 0,
            ack_time: Moment(0),
            duplicates: 0,
            window: u32::MAX,
            scale: SCALE_UNKNOWN,
            first_ack: false,
            next_time: Moment(0),
            last_labels: Labels::NONE,
            largest_acknowledged: 0,
            unacked: VecDeque::new(),
            unsorted: false,
            finished: false,
        }
    }
}

impl LabelSide {
    /// The window's shift, when it is known; 0 when it is known to be unused.
    pub(crate) fn shift(&self) -> Option<u8> {
        match self.scale {
            SCALE_UNKNOWN => None,
            SCALE_UNUSED => Some(0),
            shift => Some(shift as u8),
        }
    }

    /// A SYN of this direction with another sequence number than the one known begins a new
    /// conversation.
    pub(crate) fn is_reused_by(&self, flags: u16, seq: u32) -> bool {
        flags & (SYN | ACK) == SYN && self.base.is_some_and(|base| base != seq)
    }

    fn remember(&mut self, segment: &Segment<'_>, end: u32, flight: u32) {
        if let Some(last) = self.unacked.back()
            && before(end, last.end)
        {
            self.unsorted = true;
        }
        self.unacked.push_back(Unacked {
            start: segment.seq,
            end,
            frame: segment.mark.frame(),
            at: segment.at(),
            flight,
            repeated: false,
        });
    }

    /// Forgets what `ack` covers; returns the newest segment it ends exactly at, or covers last.
    fn acknowledge(&mut self, ack: u32) -> Option<Unacked> {
        let mut newest = None;
        while let Some(front) = self.unacked.front() {
            if after(front.end, ack) {
                break;
            }
            self.largest_acknowledged = self.largest_acknowledged.max(front.length_acknowledged());
            newest = self.unacked.pop_front();
        }
        if self.unsorted {
            let largest = &mut self.largest_acknowledged;
            self.unacked.retain(|segment| {
                let keep = after(segment.end, ack);
                if !keep {
                    *largest = (*largest).max(segment.length_acknowledged());
                }
                keep
            });
            self.unsorted = self
                .unacked
                .iter()
                .zip(self.unacked.iter().skip(1))
                .any(|(first, second)| before(second.end, first.end));
        }
        if self.finished && newest.is_some() && self.unacked.is_empty() {
            // There is little to come: another connection may have the room.
            self.unacked = VecDeque::new();
        }
        newest
    }
}

/// What the labels need to know of one conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelState {
    syn_time: Option<Moment>,
    initial_rtt: Option<Span>,
    pub(crate) sides: [LabelSide; 2],
}

/// The result for one frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Labelled {
    pub(crate) labels: Labels,
    /// Number of the duplicate ACK.
    pub(crate) duplicate_number: u32,
    /// The newest segment of the other side that the frame acknowledged.
    pub(crate) acknowledged: Option<Unacked>,
}

impl LabelState {
    /// Labels a segment of direction `from` (0 or 1). `reused` says that it opened a new
    /// conversation on known ports.
    pub(crate) fn label(
        &mut self,
        from: usize,
        segment: &Segment<'_>,
        reused: bool,
        limits: &Limits,
    ) -> Labelled {
        let [first, second] = &mut self.sides;
        let (f, r) = if from == 0 {
            (first, second)
        } else {
            (second, first)
        };
        let mut labels = Labels::NONE;
        if reused {
            labels.insert(Labels::REUSED_PORTS);
        }
        set_bases(f, r, segment, &mut labels);
        let duplicate_number = label_window_and_acks(f, r, segment, &mut labels);
        if segment.ack != f.ack {
            f.duplicates = 0;
        }
        label_unseen_ack(r, segment, &mut labels);
        if (segment.len > 0 || segment.has(SYN | FIN)) && !labels.contains(Labels::KEEP_ALIVE) {
            label_repeat(f, r, segment, self.initial_rtt, &mut labels);
        }
        let acknowledged = advance(f, r, segment, labels, limits);
        read_scale(f, r, segment);
        self.time_handshake(from, segment);
        Labelled {
            labels,
            duplicate_number,
            acknowledged,
        }
    }

    fn time_handshake(&mut self, from: usize, segment: &Segment<'_>) {
        if segment.has(SYN) {
            if !segment.has(ACK) {
                // A time of exactly 0 counts as no time.
                self.syn_time = Some(segment.at()).filter(|at| *at != Moment(0));
            }
        } else if segment.has(ACK) {
            if self.initial_rtt.is_none() {
                self.initial_rtt = self.syn_time.map(|syn| segment.at() - syn);
            }
            if let Some(side) = self.sides.get_mut(from) {
                side.first_ack = false;
            }
        }
    }
}

/// Sequence bases, and what a repeated or changed SYN does to them.
fn set_bases(f: &mut LabelSide, r: &mut LabelSide, segment: &Segment<'_>, labels: &mut Labels) {
    if segment.has(SYN)
        && let Some(base) = f.base
    {
        if !segment.has(ACK) && base == segment.seq {
            f.next = f.max_acked;
        } else if segment.has(ACK) && base != segment.seq {
            f.base = Some(segment.seq);
            labels.insert(Labels::REUSED_PORTS);
        }
    }
    if f.base.is_none() {
        f.base = Some(if segment.has(SYN) {
            segment.seq
        } else {
            segment.seq.wrapping_sub(1)
        });
    }
    if r.base.is_none() && segment.has(ACK) {
        r.base = Some(segment.ack.wrapping_sub(1));
    }
}

/// Labels about windows, keep-alives and duplicate ACKs; returns the duplicate's number.
#[inline]
fn label_window_and_acks(
    f: &mut LabelSide,
    r: &LabelSide,
    segment: &Segment<'_>,
    labels: &mut Labels,
) -> u32 {
    let window = u32::from(segment.window);
    let control = segment.has(SYN | FIN | RST);
    if segment.len == 1 && segment.seq == f.next && r.window == 0 {
        labels.insert(Labels::ZERO_WINDOW_PROBE);
        return 0;
    }
    if window == 0 && !control {
        labels.insert(Labels::ZERO_WINDOW);
    }
    if f.next != 0 && after(segment.seq, f.next) && !segment.has(RST) {
        labels.insert(Labels::LOST_SEGMENT);
    }
    if segment.len <= 1 && segment.seq == f.next.wrapping_sub(1) && !control {
        labels.insert(Labels::KEEP_ALIVE);
    }
    if segment.len > 0 && r.scale != SCALE_UNKNOWN && !control {
        let shift = if r.first_ack || r.scale == SCALE_UNUSED {
            0
        } else {
            r.scale as u32
        };
        let right_edge = r.ack.wrapping_add(r.window.wrapping_shl(shift));
        if segment.seq.wrapping_add(segment.len) == right_edge {
            labels.insert(Labels::WINDOW_FULL);
        }
    }
    if segment.len > 0 || control || segment.seq != f.next || segment.ack != f.ack {
        return 0;
    }
    // A pure ACK that acknowledges nothing new.
    if window != f.window {
        if window != 0 {
            labels.insert(Labels::WINDOW_UPDATE);
        }
        return 0;
    }
    if window == 0 {
        if r.last_labels.contains(Labels::ZERO_WINDOW_PROBE) {
            labels.insert(Labels::ZERO_WINDOW_PROBE_ACK);
        }
        return 0;
    }
    if r.last_labels.contains(Labels::KEEP_ALIVE) {
        labels.insert(Labels::KEEP_ALIVE_ACK);
        return 0;
    }
    labels.insert(Labels::DUPLICATE_ACK);
    f.duplicates = match f.duplicates {
        u32::MAX => 1,
        count => count + 1,
    };
    f.duplicates
}

/// An acknowledgement beyond everything seen.
fn label_unseen_ack(r: &mut LabelSide, segment: &Segment<'_>, labels: &mut Labels) {
    if !segment.has(ACK) || r.max_acked == 0 || at_or_before(segment.ack, r.max_acked) {
        return;
    }
    if before(r.max_acked, r.next) {
        r.max_acked = r.next;
        labels.insert(Labels::ACK_LOST_SEGMENT);
    } else {
        if r.duplicates == 0 {
            labels.insert(Labels::ACK_LOST_SEGMENT);
        }
        r.duplicates = u32::MAX;
    }
}

/// The retransmission family.
fn label_repeat(
    f: &LabelSide,
    r: &LabelSide,
    segment: &Segment<'_>,
    initial_rtt: Option<Span>,
    labels: &mut Labels,
) {
    let end = segment.seq.wrapping_add(segment.len);
    if segment.len > 0 && r.ack != 0 && at_or_before(end, r.ack) {
        labels.insert(Labels::SPURIOUS_RETRANSMISSION);
        labels.insert(Labels::RETRANSMISSION);
        return;
    }
    let not_advanced = f.next != 0
        && before(segment.seq, f.next)
        && !(segment.len > 1 && segment.seq == f.next.wrapping_sub(1));
    if !not_advanced {
        return;
    }
    let since_ack = segment.at() - r.ack_time;
    if r.duplicates >= 2
        && r.ack == segment.seq
        && since_ack >= Span::ZERO
        && since_ack < FAST_LIMIT
    {
        labels.insert(Labels::FAST_RETRANSMISSION);
        labels.insert(Labels::RETRANSMISSION);
        return;
    }
    let since_next = segment.at() - f.next_time;
    let threshold = initial_rtt
        .filter(|rtt| *rtt != Span::ZERO)
        .unwrap_or(OUT_OF_ORDER_DEFAULT);
    let with_control = end.wrapping_add(u32::from(segment.has(SYN | FIN)));
    if since_next >= Span::ZERO && since_next < threshold && f.next != with_control {
        labels.insert(Labels::OUT_OF_ORDER);
        return;
    }
    labels.insert(Labels::RETRANSMISSION);
}

/// Moves the state past the frame.
fn advance(
    f: &mut LabelSide,
    r: &mut LabelSide,
    segment: &Segment<'_>,
    labels: Labels,
    limits: &Limits,
) -> Option<Unacked> {
    let probe = labels.contains(Labels::ZERO_WINDOW_PROBE);
    let mut end = segment.seq.wrapping_add(segment.len);
    if (segment.len > 0 || segment.has(SYN | FIN))
        && f.unacked.len() < limits.segments_per_direction as usize
    {
        end = end.wrapping_add(u32::from(segment.has(SYN | FIN)));
        f.remember(segment, end, end.wrapping_sub(r.ack));
    }
    if (f.next == 0 || after(end, f.next)) && !probe {
        f.next = end;
        f.next_time = segment.at();
    }
    if (f.max_acked == 0 || segment.seq == f.max_acked) && !probe {
        f.max_acked = f.next;
    }
    f.finished |= segment.has(FIN);
    f.window = u32::from(segment.window);
    f.ack = segment.ack;
    f.ack_time = segment.at();
    f.last_labels = labels;
    r.acknowledge(segment.ack)
}

/// Window scales, learned after the frame was judged.
fn read_scale(f: &mut LabelSide, r: &mut LabelSide, segment: &Segment<'_>) {
    if let Some(shift) = segment.options().and_then(|options| options.window_scale) {
        f.scale = shift.min(SCALE_MAX) as i8;
    }
    if !segment.has(SYN) {
        return;
    }
    f.first_ack = true;
    if f.scale == SCALE_UNKNOWN {
        f.scale = SCALE_UNUSED;
        r.scale = SCALE_UNUSED;
    } else if segment.has(ACK) && r.scale == SCALE_UNUSED {
        f.scale = SCALE_UNUSED;
    }
}
