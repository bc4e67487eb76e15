//! What is remembered of one direction of a connection.

use super::bulk::BulkState;
use super::segment::{Options, Segment};
use super::space::Space;
use ww_base::{Moment, Span};
use ww_evidence::{Flights, Mark, Reset, RttStats, Standstill, SynOptions, TtlUse};

/// What is remembered of one direction, beside the labels.
#[derive(Debug, Default)]
pub(crate) struct SideState {
    pub(crate) frames: u64,
    pub(crate) data_segments: u64,
    pub(crate) bytes: u64,
    pub(crate) largest_segment: u32,
    pub(crate) options: Option<SynOptions>,
    pub(crate) ttl: TtlUse,
    pub(crate) first_data: Option<Mark>,
    pub(crate) last_data: Option<Mark>,
    /// Last segment with payload or FIN, also repeated ones.
    pub(crate) last_sent: Option<Mark>,
    /// Its last frame of whatever kind, copies excluded.
    pub(crate) heard: Option<Mark>,
    /// The longest silence between two of these, from and to; of no length where there was none of note.
    pub(crate) silence: [Moment; 2],
    pub(crate) fin: Option<Mark>,
    pub(crate) reset: Option<Box<Reset>>,
    pub(crate) ack_rtt: RttStats,
    pub(crate) timestamp_rtt: RttStats,
    /// The window last advertised, scaled when its scale is known.
    pub(crate) window_now: u32,
    pub(crate) window_known: bool,
    pub(crate) window_min: u32,
    pub(crate) window_max: u32,
    pub(crate) ack_advances: u64,
    /// Sequence numbers seen and missing.
    pub(crate) space: Space,
    /// Highest acknowledgement number sent.
    pub(crate) acked: Option<u32>,
    /// When it last moved.
    pub(crate) acked_at: Moment,
    pub(crate) ids: IdUse,
    pub(crate) recent: Recent,
    /// Latest timestamp value sent.
    pub(crate) timestamp: Option<u32>,
    /// A timestamp value whose echo is awaited, and when it passed.
    pub(crate) timestamp_pending: Option<(u32, Moment)>,
    /// The other side has no room for a full segment in the window it advertises.
    pub(crate) window_full: bool,
    /// When there was room again.
    pub(crate) window_opened: Moment,
    /// Its window has been zero since.
    pub(crate) zero_since: Option<Mark>,
    /// The other side probed that window.
    pub(crate) zero_probed: bool,
    /// Most directions have none.
    trouble: Option<Box<Trouble>>,
    /// Its last segment was just acknowledged after this wait, at this time.
    pub(crate) delayed_ack: Option<(Span, Moment)>,
    /// Payload length of its last new segment, and whether it was pushed.
    pub(crate) last_length: u32,
    pub(crate) last_pushed: bool,
    pub(crate) flights: Flights,
    pub(crate) flight_state: FlightState,
    pub(crate) bulk: Option<Box<BulkState>>,
}

/// What is remembered of losses and repetitions in one direction.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Latest SACK blocks sent.
    pub(crate) sacked: [(u32, u32); 4],
    pub(crate) sacked_count: u8,
    /// Retransmissions that may yet turn out needless.
    pub(crate) pending: Vec<PendingRepeat>,
    /// Holes that a repetition filled lately.
    pub(crate) repaired: Vec<Repaired>,
    /// Time up to which losses of this direction have been charged.
    pub(crate) charged_until: Moment,
    /// When a loss of this direction last showed.
    pub(crate) last_loss: Option<Moment>,
    pub(crate) loss_episodes: u32,
    /// What is being repeated since the other side was last heard; when that ends is not known yet.
    pub(crate) vain: Option<Standstill>,
    pub(crate) standstills: Vec<Standstill>,
    /// The oldest outstanding segment's repetitions.
    pub(crate) oldest_repeats: u32,
    pub(crate) oldest_seq: u32,
}

impl SideState {
    /// Maximum segment size that the other side's option allows this side, or the usual one.
    pub(crate) fn segment_size(&self) -> u32 {
        self.largest_segment.clamp(536, 1460)
    }

    /// There is no room for another full segment in the window of `other`, as far as that is known.
    pub(crate) fn fills_window(&self, other: &SideState) -> bool {
        let after = self.outstanding(other) + self.segment_size();
        other.window_known && after > other.window_now
    }

    /// Bytes that passed and are not acknowledged by `other`.
    pub(crate) fn outstanding(&self, other: &SideState) -> u32 {
        match other.acked {
            Some(acked) if self.space.started() => {
                let bytes = self.space.high().wrapping_sub(acked) as i32;
                bytes.max(0) as u32
            }
            _ => 0,
        }
    }

    /// What is remembered of losses, if there were any.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_deref()
    }

    /// The same, to be changed where there is any.
    pub(crate) fn known_trouble(&mut self) -> Option<&mut Trouble> {
        self.trouble.as_deref_mut()
    }

    /// The same, to be added to.
    pub(crate) fn note_trouble(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    /// Retransmissions that may yet turn out needless.
    pub(crate) fn pending(&self) -> &[PendingRepeat] {
        self.trouble()
            .map_or(&[][..], |trouble| trouble.pending.as_slice())
    }

    /// Forgets one of them.
    pub(crate) fn settle(&mut self, index: usize) {
        if let Some(trouble) = self.known_trouble() {
            trouble.pending.remove(index);
        }
    }

    /// An earlier transmission of one of them had arrived.
    pub(crate) fn know(&mut self, index: usize) {
        let Some(trouble) = self.known_trouble() else {
            return;
        };
        let Some(repeat) = trouble.pending.get_mut(index) else {
            return;
        };
        repeat.known = true;
        let ended = repeat.in_vain;
        for standstill in &mut trouble.standstills {
            standstill.arrived |= Some(standstill.ended.at) == ended;
        }
    }

    /// The SACK blocks it sent last.
    pub(crate) fn sack_blocks(&self) -> &[(u32, u32)] {
        self.trouble()
            .and_then(|trouble| trouble.sacked.get(..usize::from(trouble.sacked_count)))
            .unwrap_or_default()
    }

    pub(crate) fn count_ttl(&mut self, ttl: u8) {
        if self.ttl.packets == 0 {
            (self.ttl.min, self.ttl.max) = (ttl, ttl);
        } else {
            self.ttl.min = self.ttl.min.min(ttl);
            self.ttl.max = self.ttl.max.max(ttl);
        }
        self.ttl.packets = self.ttl.packets.saturating_add(1);
    }

    pub(crate) fn note_options(&mut self, options: &Options, segment: &Segment<'_>) {
        self.options = Some(SynOptions {
            mss: options.mss,
            window_scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            timestamps: segment.timestamps.is_some(),
            window: segment.window,
            fast_open: options.fast_open,
        });
    }
}

/// A retransmission of data that had passed, judged a loss until the receiver says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingRepeat {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) mark: Mark,
    pub(crate) lost: Span,
    pub(crate) timestamp: Option<u32>,
    /// It followed a timeout; the tail kind or the other.
    pub(crate) timeout: Option<(bool, Span)>,
    /// One of several in a row to which nothing was heard; when that ended.
    pub(crate) in_vain: Option<Moment>,
    /// An earlier transmission had arrived.
    pub(crate) known: bool,
}

impl PendingRepeat {
    /// When the standstill ended that it was a part of, and by which timestamp its own answer is told from others.
    pub(crate) fn in_vain(&self) -> Option<(Moment, u32)> {
        Some((self.in_vain?, self.timestamp?))
    }
}

/// A hole that a repetition filled: should the first transmission still come, nothing was lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repaired {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) frame: u64,
    pub(crate) lost: Span,
}

/// At most this many repaired holes are remembered.
pub(crate) const REPAIRED_MAX: usize = 16;

/// At most this many repeats wait for a verdict; older ones stay losses.
pub(crate) const PENDING_MAX: usize = 64;

/// How a direction counts its IP identifications.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdUse {
    top: u16,
    seen: u32,
    forward: u32,
    /// Packets that did not follow a silence, and those of them that stepped by one.
    brisk: u32,
    by_one: u32,
    /// Packets that are not of this connection were counted as well.
    others: bool,
}

/// Steps up to this count as a counter going forward.
const ID_STEP_MAX: u16 = 256;

impl IdUse {
    /// Takes the next packet's identification; returns how far it stepped from the highest. After a
    /// silence the step may count packets that were lost and tells nothing about the counter.
    pub(crate) fn add(&mut self, id: u16, after_silence: bool) -> i16 {
        let step = id.wrapping_sub(self.top);
        if self.seen == 0 {
            self.top = id;
        }
        self.seen += 1;
        self.brisk += u32::from(!after_silence);
        if (1..=ID_STEP_MAX).contains(&step) {
            self.forward += 1;
            self.by_one += u32::from(step == 1 && !after_silence);
        }
        if (step as i16) > 0 {
            self.top = id;
        }
        step as i16
    }

    /// The counter goes forward packet by packet, so that an older number means an older packet.
    pub(crate) fn reliable(&self) -> bool {
        self.seen >= 4
            && self.forward >= 3
            && u64::from(self.forward + 1) * 10 >= u64::from(self.seen) * 7
    }

    /// A step after a silence shows that the counter is not of this connection alone.
    pub(crate) fn note_others(&mut self) {
        self.others = true;
    }

    /// The counter belongs to this connection alone: nearly always one more.
    pub(crate) fn strict(&self) -> bool {
        !self.others
            && self.brisk >= 4
            && u64::from(self.by_one + 1) * 10 >= u64::from(self.brisk) * 9
    }
}

/// Fingerprints of the last packets of a direction, to recognise copies; of their times the lower 48 bits, which tell
/// them apart for a day and a half.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recent {
    prints: [u32; 8],
    times: [u32; 8],
    times_above: [u16; 8],
    ttls: [u8; 8],
    next: u8,
}

impl Recent {
    /// Remembers a packet; if it is a copy of a recent one, tells the delay and whether its hop
    /// limit changed.
    #[inline]
    pub(crate) fn add(&mut self, segment: &Segment<'_>) -> Option<(Span, bool)> {
        let print = fingerprint(segment);
        for (index, &known) in self.prints.iter().enumerate() {
            if known == print {
                let ttl = self.ttls.get(index).copied().unwrap_or_default();
                let delay = self.since(index, segment.at());
                if copy_is_plausible(segment, delay) {
                    return Some((delay, ttl != segment.ttl));
                }
            }
        }
        let slot = usize::from(self.next & 7);
        let at = segment.at().0;
        if let (Some(p), Some(t), Some(above), Some(h)) = (
            self.prints.get_mut(slot),
            self.times.get_mut(slot),
            self.times_above.get_mut(slot),
            self.ttls.get_mut(slot),
        ) {
            (*p, *t, *above, *h) = (print, at as u32, (at >> 32) as u16, segment.ttl);
        }
        self.next = self.next.wrapping_add(1);
        None
    }

    /// How long before `at` one of them passed.
    fn since(&self, index: usize, at: Moment) -> Span {
        let below = self.times.get(index).copied().unwrap_or_default();
        let above = self.times_above.get(index).copied().unwrap_or_default();
        let time = i64::from(above) << 32 | i64::from(below);
        // The difference of 48 bits, with its sign.
        Span((at.0.wrapping_sub(time) << 16) >> 16)
    }
}

/// With an IP identification equal headers are one packet; without one, equal headers may be two
/// duplicate ACKs or a fast repetition.
fn copy_is_plausible(segment: &Segment<'_>, delay: Span) -> bool {
    if delay < Span::ZERO {
        return false;
    }
    if segment.ip_id.is_some_and(|id| id != 0) {
        return delay < Span::from_secs(1);
    }
    segment.extent() > 0 && delay < Span::from_millis(1)
}

/// A hash of everything that differs between two packets of a connection.
///
/// The checksum counts only where there is no IP identification: of a packet that leaves the capturing
/// machine or one of its guests, one copy has the checksum that the network card has yet to complete.
#[inline]
fn fingerprint(segment: &Segment<'_>) -> u32 {
    let checksum = match segment.ip_id {
        None | Some(0) => segment.checksum,
        Some(_) => 0,
    };
    let head = u64::from(segment.seq) << 32 | u64::from(segment.ack);
    let (value, echo) = segment.timestamps.unwrap_or_default();
    let tail = u64::from(segment.len) << 48
        ^ u64::from(segment.ip_id.unwrap_or_default()) << 32
        ^ u64::from(segment.window) << 16
        ^ u64::from(segment.flags)
        ^ u64::from(checksum) << 20;
    let mut hash = head.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ tail;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd) ^ (u64::from(value) << 32 | u64::from(echo));
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash >> 32) as u32 | 1
}

/// The response being sent, flight by flight.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FlightState {
    /// Largest flight of earlier responses.
    pub(crate) largest_before: u32,
    /// The side had sent nothing for this long when the response began.
    pub(crate) idle_before: Span,
    /// A segment of the response was lost or repeated.
    pub(crate) disturbed: bool,
    /// The response is over and has been judged.
    pub(crate) judged: bool,
    /// First segment of the response.
    pub(crate) first: Mark,
    /// Last segment with payload.
    pub(crate) last: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{IpHeader, Tcp};

    /// Whether the second of two segments is taken for a copy; they differ in time and checksum.
    fn is_copy(id: u16) -> bool {
        let ip = IpHeader {
            src: [10, 0, 0, 1].into(),
            dst: [10, 0, 0, 2].into(),
            ttl: 64,
            id: Some(id),
            dont_fragment: true,
            traffic_class: 0,
            total_len: 50,
            protocol: 6,
        };
        let tcp = |checksum| Tcp {
            src_port: 40_000,
            dst_port: 80,
            seq: 7,
            ack: 9,
            header_len: 20,
            flags: 0x18,
            window: 100,
            checksum,
            urgent: 0,
            options: &[],
            payload: &[],
            len: Some(10),
        };
        let mark = |frame| Mark::new(frame, Moment(1_000_000_000 + frame as i64 * 100_000));
        let mut recent = Recent::default();
        let first = Segment::new(mark(1), &ip, &tcp(0x14f1), 10);
        let second = Segment::new(mark(2), &ip, &tcp(0xfc80), 10);
        assert_eq!(recent.add(&first), None);
        recent.add(&second).is_some()
    }

    #[test]
    fn a_checksum_that_was_completed_later_makes_no_other_packet() {
        assert!(is_copy(0x0519));
        assert!(!is_copy(0));
    }
}
