//! Data: new, beyond a hole, filling a hole, or sent again — and why.

use super::bulk::{BULK_BYTES, BulkState};
use super::flow::Step;
use super::labels::{Labelled, Labels};
use super::segment::{FIN, PSH};
use super::seq::{after, at_or_after, at_or_before, before};
use super::side::{PENDING_MAX, PendingRepeat, REPAIRED_MAX, Repaired};
use super::space::{Hole, Place};
use super::symptoms::Case;
use super::talk::NewData;
use ww_base::{Moment, Span};
use ww_evidence::{Mark, SideId, Standstill, SymptomKind};

/// A retransmission timer never fires sooner on common systems (Linux: 200 ms; RFC 6298 says 1 s);
/// a little less, for the clock of the capture.
pub(crate) const TIMEOUT_MIN: Span = Span::from_millis(190);

/// Once a round trip is known, the timer first fires before this (RFC 6298 section 2: 1 s, more only where round
/// trips are long), with room for coarse clocks; then each time after twice as long.
const FIRST_TIMEOUT_MAX: Span = Span::from_millis(1500);

/// The same, in round trips, where these are long.
const FIRST_TIMEOUT_ROUND_TRIPS: i64 = 6;

/// Nobody tries more often.
const LOST_MAX: i16 = 15;

/// So many segments of a short end may be lost together.
const LOST_AT_ONCE: i16 = 3;

/// A segment that passes within this time of its own acknowledgement was swapped with it by the
/// capture.
const SWAPPED: Span = Span::from_millis(5);

/// So many packets of a host may pass elsewhere between two of a connection.
const CLOSE_IDS: u16 = 64;

/// Losses closer together than this, where no round trip is known, are one episode.
const EPISODE_DEFAULT: Span = Span::from_millis(100);

/// Silences shorter than this are not of note.
const SILENCE: Span = Span::from_secs(1);

/// Who sends something so often again means it.
const STANDSTILL_REPEATS: u32 = 2;

/// At most this many are kept per direction.
const STANDSTILLS: usize = 8;

impl Step<'_> {
    /// A segment with payload or FIN.
    pub(crate) fn data(&mut self, labelled: &Labelled, id_step: Option<i16>) {
        if labelled.labels.contains(Labels::KEEP_ALIVE)
            || labelled.labels.contains(Labels::ZERO_WINDOW_PROBE)
        {
            self.probe();
            return;
        }
        let (start, end) = (self.segment.seq, self.segment.end());
        let silence = self
            .f
            .last_sent
            .map_or(Span::ZERO, |sent| self.segment.at() - sent.at);
        match self.f.space.place(start) {
            Place::New => {
                if !self.note_lost_tail(id_step) {
                    self.note_pause(silence);
                }
                self.new_data(start, end);
            }
            Place::Beyond => {
                self.open_hole(start, id_step);
                self.new_data(start, end);
            }
            Place::Old => {
                let high = self.f.space.high();
                let old_end = if after(end, high) { high } else { end };
                self.old_data(start, old_end, id_step, silence);
                if after(end, high) {
                    self.new_data(high, end);
                }
            }
        }
        self.f.last_sent = Some(self.segment.mark);
        if self.segment.len > 0 {
            self.r.window_full = self.f.fills_window(self.r);
            self.note_flight();
        }
    }

    /// A segment without payload: it may reveal that data before it did not pass.
    pub(crate) fn empty(&mut self, labelled: &Labelled) {
        if labelled.labels.contains(Labels::KEEP_ALIVE) {
            self.probe();
            return;
        }
        match self.f.space.place(self.segment.seq) {
            Place::New if !self.f.space.started() => self.f.space.start(self.segment.seq),
            Place::Beyond => self.open_hole(self.segment.seq, None),
            _ => {}
        }
    }

    /// A keep-alive, or a probe of the other side's zero window.
    fn probe(&mut self) {
        if self.r.zero_since.is_some() {
            self.r.zero_probed = true;
            self.log(SymptomKind::WindowProbe, self.from.other(), 0, Span::ZERO);
        } else {
            self.log(SymptomKind::KeepAlive, self.from, 0, Span::ZERO);
        }
    }

    fn open_hole(&mut self, end: u32, id_step: Option<i16>) {
        let ids = match (id_step, self.segment.ip_id) {
            (Some(step), Some(id)) if step > 0 => Some((id.wrapping_sub(step as u16), id)),
            _ => None,
        };
        let hole = Hole {
            start: self.f.space.high(),
            end,
            opened: self.segment.mark,
            by_empty: self.segment.len == 0,
            ids,
            timestamp: self.segment.timestamps.map(|(value, _)| value),
            missed: false,
        };
        self.f
            .space
            .open_hole(hole, self.limits.holes_per_direction as usize);
    }

    fn new_data(&mut self, start: u32, end: u32) {
        let mark = self.segment.mark;
        let fresh = self.f.space.extend(start, end);
        let payload = fresh.saturating_sub(u32::from(self.segment.has(FIN)));
        if payload == 0 {
            return;
        }
        self.f.data_segments += 1;
        self.f.bytes += u64::from(payload);
        self.f.largest_segment = self.f.largest_segment.max(self.segment.len);
        self.note_waited_for_ack();
        self.f.first_data.get_or_insert(mark);
        self.f.last_data = Some(mark);
        self.f.last_length = self.segment.len;
        self.f.last_pushed = self.segment.has(PSH);
        if let Some(last) = self.last_data.replace(mark) {
            *self.longest_idle = (*self.longest_idle).max(mark.at - last.at);
        }
        let new = NewData {
            mark,
            bytes: payload,
            edge: end,
            payload: self.segment.payload,
        };
        let took_turn = self.talk.data(self.from, new);
        if took_turn {
            self.end_flights();
        }
        self.grow_bulk(mark, payload);
    }

    fn grow_bulk(&mut self, mark: Mark, payload: u32) {
        if self.f.bulk.is_none() && self.f.bytes > BULK_BYTES {
            let rtt = self.round_trip();
            self.f.bulk = Some(Box::new(BulkState::new(mark, rtt)));
        }
        let outstanding = self.f.outstanding(self.r);
        let window = self.receiver_window();
        let segment_size = self.f.segment_size();
        if let Some(bulk) = &mut self.f.bulk {
            bulk.arrived(mark, payload);
            bulk.flight(mark.at, outstanding, window, segment_size);
        }
    }

    /// The sender's small segment had waited for a delayed ACK, and this one left right after it.
    fn note_waited_for_ack(&mut self) {
        self.r.delayed_ack = None;
        let Some((wait, acked_at)) = self.f.delayed_ack.take() else {
            return;
        };
        let after_ack = self.segment.at() - acked_at;
        let path = self.r.ack_rtt.shortest().unwrap_or(Span::ZERO);
        let prompt = path.max(Span::ZERO) + Span::from_millis(3);
        let in_request = self.f.last_data > self.r.last_data;
        if in_request && after_ack <= prompt {
            self.log(SymptomKind::DelayedAckWait, self.from, 0, wait);
        }
    }

    /// The sender had everything acknowledged, the window was open, and it sent nothing.
    fn note_pause(&mut self, silence: Span) {
        let silence = silence.min(self.segment.at() - self.r.window_opened);
        let rtt = self.round_trip().unwrap_or(Span::from_millis(100));
        let lasting = silence > Span(rtt.0 / 2).times(3) + Span::from_millis(10);
        let same_transfer = self.f.last_data.is_some() && self.f.last_data > self.r.last_data;
        if !lasting
            || !same_transfer
            || self.segment.len == 0
            || self.r.zero_since.is_some()
            || self.f.outstanding(self.r) > 0
        {
            return;
        }
        let pause = silence - rtt;
        let after_short = self.f.last_pushed || self.f.last_length < self.f.largest_segment;
        self.log(SymptomKind::SenderPause, self.from, 0, pause);
        if let Some(bulk) = &mut self.f.bulk {
            bulk.paused(pause, after_short);
        }
    }

    /// Near the receiver a lost last segment leaves no hole: its repetition continues what passed.
    /// Only the connection's own IP-ID counter, and a silence as long as a timer, give it away.
    fn note_lost_tail(&mut self, id_step: Option<i16>) -> bool {
        let lost = match id_step {
            Some(step @ 2..) if self.f.ids.strict() => step - 1,
            _ => return false,
        };
        // Where the capture missed packets, acknowledgements without data may be among them.
        if self.segment.len == 0 || self.f.space.unseen_acknowledged() {
            return false;
        }
        let waited = self
            .f
            .last_sent
            .max(self.r.last_sent)
            .map_or(Span::ZERO, |mark| self.segment.at() - mark.at);
        let usual = self.talk.usual().unwrap_or(Span::ZERO);
        let answering = self.from == SideId::Server && self.talk.waiting();
        let round_trip = self.round_trip().unwrap_or(Span::ZERO);
        let first = FIRST_TIMEOUT_MAX.max(round_trip.times(FIRST_TIMEOUT_ROUND_TRIPS));
        if lost > LOST_MAX || waited > first.times((1 << lost) - 1) {
            self.f.ids.note_others();
            return false;
        }
        // One segment lost so often, or a few at once and then the first of them.
        let shortest = TIMEOUT_MIN.times((1 << (lost - LOST_AT_ONCE).max(1)) - 1);
        if waited < shortest
            || usual.times(3) > waited
            || !(answering || self.f.last_data > self.r.last_data)
        {
            return false;
        }
        self.log(
            SymptomKind::TailTimeout,
            self.from,
            self.segment.len,
            waited,
        );
        for _ in 0..lost.min(3) {
            self.log(
                SymptomKind::LossBefore,
                self.from,
                self.segment.len,
                Span::ZERO,
            );
        }
        self.note_episode();
        self.talk.disturb();
        true
    }

    /// A range that lies before the highest that passed.
    fn old_data(&mut self, start: u32, end: u32, id_step: Option<i16>, silence: Span) {
        self.talk.disturb();
        self.f.flight_state.disturbed = true;
        if let Some((hole, filled)) = self.f.space.fill(start, end) {
            self.filled(&hole, filled, end, silence);
            return;
        }
        if let Some(unseen) = self.f.space.was_unseen(start, end)
            && self.segment.at() - unseen.at < SWAPPED
        {
            self.symptoms.take_back(
                SymptomKind::UnseenAcked,
                self.from,
                Case {
                    frame: 0,
                    bytes: end.wrapping_sub(start),
                    lost: Span::ZERO,
                },
            );
            self.f.bytes += u64::from(self.segment.len);
            self.f.data_segments += 1;
            return;
        }
        if self.is_old_packet(id_step) {
            self.old_packet(start, end);
        } else {
            self.repeated(start, end, silence);
        }
    }

    /// Its IP-ID or timestamp is older than what passed already: no new transmission.
    fn is_old_packet(&self, id_step: Option<i16>) -> bool {
        if self.f.ids.reliable() && id_step.is_some() {
            return id_step.is_some_and(|step| step <= 0);
        }
        match (self.segment.timestamps, self.f.timestamp) {
            (Some((value, _)), Some(latest)) => before(value, latest),
            _ => false,
        }
    }

    /// A first transmission that its repetition overtook, or else a copy that came late.
    fn old_packet(&mut self, start: u32, end: u32) {
        let overtaken = self.f.known_trouble().and_then(|trouble| {
            let index = trouble
                .repaired
                .iter()
                .position(|repaired| before(repaired.start, end) && after(repaired.end, start))?;
            Some(trouble.repaired.remove(index))
        });
        let Some(repaired) = overtaken else {
            self.log(SymptomKind::Copy, self.from, self.segment.len, Span::ZERO);
            return;
        };
        let case = Case {
            frame: repaired.frame,
            bytes: end.wrapping_sub(start),
            lost: repaired.lost,
        };
        self.symptoms
            .take_back(SymptomKind::LossBefore, self.from, case);
        let needless = Case {
            lost: Span::ZERO,
            ..case
        };
        self.symptoms
            .add(SymptomKind::Needless, self.from, needless);
        self.log(SymptomKind::Late, self.from, self.segment.len, Span::ZERO);
    }

    /// A hole closes: by the segment itself, overtaken on the way, or by its repetition.
    fn filled(&mut self, hole: &Hole, filled: u32, end: u32, silence: Span) {
        self.f.data_segments += 1;
        self.f.bytes += u64::from(filled.min(self.segment.len));
        self.f.largest_segment = self.f.largest_segment.max(self.segment.len);
        self.f.first_data.get_or_insert(self.segment.mark);
        self.f.last_data = Some(self.segment.mark);
        if self.is_late(hole) {
            self.log(SymptomKind::Late, self.from, filled, Span::ZERO);
            return;
        }
        let lost = self.charge(hole.opened.at);
        self.log(SymptomKind::LossBefore, self.from, filled, lost);
        let repaired = &mut self.f.note_trouble().repaired;
        if repaired.len() >= REPAIRED_MAX {
            repaired.remove(0);
        }
        repaired.push(Repaired {
            start: self.segment.seq,
            end,
            frame: self.segment.mark.frame(),
            lost,
        });
        self.note_timeout(end, silence);
        self.note_episode();
    }

    /// The segment itself, not a repetition: by its IP-ID, its timestamp, or because nobody can
    /// have asked for it yet.
    fn is_late(&self, hole: &Hole) -> bool {
        if let (Some((before_hole, after_hole)), Some(id)) = (hole.ids, self.segment.ip_id) {
            let width = after_hole.wrapping_sub(before_hole);
            let step = id.wrapping_sub(before_hole);
            let inside = step > 0 && step < width;
            // Numbers at random hardly ever lie that close.
            if self.f.ids.reliable() || (inside && width <= CLOSE_IDS) {
                return inside;
            }
        }
        if let (Some(opened), Some((value, _))) = (hole.timestamp, self.segment.timestamps)
            && value != opened
        {
            return before(value, opened);
        }
        let elapsed = self.segment.at() - hole.opened.at;
        match self.round_trip() {
            Some(rtt) if rtt > Span::from_micros(500) => elapsed.times(10) < rtt.times(7),
            _ => elapsed < Span::from_millis(2),
        }
    }

    /// What had passed is sent again.
    fn repeated(&mut self, start: u32, end: u32, silence: Span) {
        let bytes = end.wrapping_sub(start);
        self.note_oldest(start);
        if let Some(quiet) = &mut *self.quiet
            && quiet.by == self.from
        {
            quiet.repeats += 1;
        }
        let original = self.mark_repeated(start, end);
        if self.receiver_has(start, end) {
            self.log(SymptomKind::Needless, self.from, bytes, Span::ZERO);
            return;
        }
        // Only its end is sent again, to a side that may be gone: nobody waits for that.
        if self.segment.len == 0 {
            return;
        }
        let lost = original.map_or(Span::ZERO, |sent| self.charge(sent));
        self.log(SymptomKind::LossAfter, self.from, bytes, lost);
        let timeout = self.note_timeout(end, silence);
        self.note_episode();
        let pending = &mut self.f.note_trouble().pending;
        if pending.len() >= PENDING_MAX {
            pending.remove(0);
        }
        pending.push(PendingRepeat {
            start,
            end,
            mark: self.segment.mark,
            lost,
            timestamp: self.segment.timestamps.map(|(value, _)| value),
            timeout,
            in_vain: None,
            known: false,
        });
    }

    /// The receiver acknowledged or reported it, or it passed right before the receiver.
    fn receiver_has(&self, start: u32, end: u32) -> bool {
        let acknowledged = self.r.acked.is_some_and(|acked| at_or_before(end, acked));
        let reported = self
            .r
            .sack_blocks()
            .iter()
            .any(|&(left, right)| at_or_after(start, left) && at_or_before(end, right));
        acknowledged || reported || (self.near_receiver() && self.r.zero_since.is_none())
    }

    /// Marks the first transmission as ambiguous for round trips; tells when it passed.
    fn mark_repeated(&mut self, start: u32, end: u32) -> Option<Moment> {
        let mut sent = None;
        let way = self.way();
        let unacked = &mut self.labels.sides.get_mut(way)?.unacked;
        for segment in unacked.iter_mut() {
            if before(segment.start, end) && after(segment.end, start) {
                segment.repeated = true;
                sent.get_or_insert(segment.at);
            }
        }
        sent
    }

    /// How often the oldest outstanding segment was sent again.
    fn note_oldest(&mut self, start: u32) {
        let oldest = self.r.acked.is_some_and(|acked| acked == start);
        if !oldest {
            return;
        }
        let (mark, heard) = (self.segment.mark, self.r.heard);
        let first_sent = self.oldest_sent().unwrap_or(mark);
        let trouble = self.f.note_trouble();
        if trouble.oldest_seq != start {
            trouble.oldest_repeats = 0;
        }
        trouble.oldest_seq = start;
        trouble.oldest_repeats += 1;
        match &mut trouble.vain {
            Some(vain) if vain.heard == heard => {
                vain.last_sent = mark;
                vain.repeats += 1;
            }
            vain => {
                *vain = Some(Standstill {
                    first_sent,
                    last_sent: mark,
                    repeats: 1,
                    heard,
                    ended: mark,
                    arrived: false,
                });
            }
        }
    }

    /// When the oldest outstanding segment passed first.
    fn oldest_sent(&self) -> Option<Mark> {
        let oldest = self.labels.sides.get(self.way())?.unacked.front()?;
        Some(Mark::new(oldest.frame, oldest.at))
    }

    /// The sender is heard again after some time. Whatever the other side repeated meanwhile, it stood still.
    pub(crate) fn end_silence(&mut self) {
        let ended = self.segment.mark;
        let Some(heard) = self.f.heard else { return };
        let [from, to] = self.f.silence;
        if ended.at - heard.at >= SILENCE.max(to - from) {
            self.f.silence = [heard.at, ended.at];
        }
        let Some(trouble) = self.r.known_trouble() else {
            return;
        };
        let Some(vain) = trouble.vain.take() else {
            return;
        };
        if vain.repeats < STANDSTILL_REPEATS || vain.heard != Some(heard) {
            return;
        }
        for repeat in &mut trouble.pending {
            if repeat.start == trouble.oldest_seq && repeat.mark > heard {
                repeat.in_vain = Some(ended.at);
            }
        }
        let known = &mut trouble.standstills;
        known.push(Standstill { ended, ..vain });
        if known.len() > STANDSTILLS {
            let length = |one: &Standstill| one.ended.at - one.since().at;
            let shortest = (0..known.len()).min_by_key(|&index| known.get(index).map(length));
            known.remove(shortest.unwrap_or_default());
        }
    }

    /// A silence as long as a timer, then the oldest segment again.
    fn note_timeout(&mut self, end: u32, silence: Span) -> Option<(bool, Span)> {
        if silence < TIMEOUT_MIN {
            return None;
        }
        let behind = self.f.space.high().wrapping_sub(end);
        let tail = behind <= 2 * self.f.segment_size();
        let kind = if tail {
            SymptomKind::TailTimeout
        } else {
            SymptomKind::Timeout
        };
        self.log(kind, self.from, self.segment.len, silence);
        Some((tail, silence))
    }

    /// Time from `since` until now that no other loss of this direction was charged with.
    fn charge(&mut self, since: Moment) -> Span {
        let at = self.segment.at();
        let trouble = self.f.note_trouble();
        let from = since.max(trouble.charged_until);
        trouble.charged_until = trouble.charged_until.max(at);
        (at - from).or_zero()
    }

    fn note_episode(&mut self) {
        let at = self.segment.at();
        let apart = self.round_trip().unwrap_or(EPISODE_DEFAULT);
        let trouble = self.f.note_trouble();
        if trouble.last_loss.is_none_or(|last| at - last > apart) {
            trouble.loss_episodes += 1;
        }
        trouble.last_loss = Some(at);
        if let Some(bulk) = &mut self.f.bulk {
            bulk.lost();
        }
    }
}
