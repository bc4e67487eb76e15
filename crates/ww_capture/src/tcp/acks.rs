//! What an acknowledgement tells: round trips, losses confirmed or denied, windows.

use super::flow::Step;
use super::labels::{Labelled, Labels};
use super::segment::{FIN, RST, SYN};
use super::seq::{after, at_or_after, at_or_before, before};
use super::side::PendingRepeat;
use super::symptoms::Case;
use ww_base::Span;
use ww_evidence::SymptomKind;

/// A wait for an ACK between these is a delayed ACK's (RFC 1122 section 4.2.3.2: below 500 ms).
const DELAYED_ACK: std::ops::RangeInclusive<i64> = 20_000_000..=600_000_000;

/// After this time nothing answers a repetition any more.
const ANSWER_MAX: Span = Span::from_secs(2);

impl Step<'_> {
    /// The segment acknowledges data of `r`.
    pub(crate) fn acknowledge(&mut self, labelled: &Labelled) {
        let ack = self.segment.ack;
        let at = self.segment.at();
        let advance = self.f.acked.is_none_or(|acked| after(ack, acked));
        if !advance {
            if labelled.labels.contains(Labels::DUPLICATE_ACK) {
                self.r.space.complain(ack.wrapping_add(1));
            }
            self.settle_in_vain(ack);
            self.read_sack(ack);
            return;
        }
        let known = self.f.acked.replace(ack);
        let progress = known.map_or(0, |known| ack.wrapping_sub(known));
        if known.is_some() {
            self.f.ack_advances += 1;
            self.note_unseen(ack);
        }
        self.f.acked_at = at;
        self.sample_round_trip(labelled, ack);
        self.settle_in_vain(ack);
        self.settle_pending(ack);
        self.note_delayed_ack(ack);
        if self.from == ww_evidence::SideId::Server {
            self.talk.acknowledged(ack, self.segment.mark);
        }
        if let Some(trouble) = self.f.known_trouble() {
            trouble.sacked_count = 0;
        }
        self.read_sack(ack);
        let outstanding = self.r.outstanding(self.f);
        let window = self.f.window_known.then_some(self.f.window_now);
        let segment_size = self.r.segment_size();
        if let Some(bulk) = &mut self.r.bulk {
            bulk.acknowledge(at, progress);
            bulk.flight(at, outstanding, window, segment_size);
        }
    }

    /// Bytes acknowledged that are not in the capture.
    fn note_unseen(&mut self, ack: u32) {
        if self.r.frames == 0 {
            return;
        }
        let mut unseen = 0;
        self.r
            .space
            .acknowledged(ack, self.segment.at(), |bytes| unseen += bytes);
        if unseen > 0 {
            let whose = self.from.other();
            self.log(SymptomKind::UnseenAcked, whose, unseen, Span::ZERO);
        }
    }

    fn sample_round_trip(&mut self, labelled: &Labelled, ack: u32) {
        let Some(newest) = labelled.acknowledged.filter(|newest| !newest.repeated) else {
            return;
        };
        if newest.end != ack {
            return;
        }
        let rtt = self.segment.at() - newest.at;
        self.r.ack_rtt.add(rtt);
        if let Some(bulk) = &mut self.r.bulk {
            bulk.round_trip(rtt, newest.flight);
        }
    }

    /// SACK blocks: what the receiver has, and what it got twice (RFC 2018, RFC 2883).
    fn read_sack(&mut self, ack: u32) {
        let Some(options) = self.segment.options() else {
            return;
        };
        let blocks = options.sack_blocks();
        let Some(&(left, right)) = blocks.first() else {
            return;
        };
        let trouble = self.f.note_trouble();
        trouble.sacked = options.sack;
        trouble.sacked_count = options.sack_count;
        let below = at_or_before(right, ack);
        let inside = blocks
            .get(1)
            .is_some_and(|&(l, r)| at_or_after(left, l) && at_or_before(right, r));
        if below || inside {
            let bytes = right.wrapping_sub(left);
            self.log(SymptomKind::DuplicateReported, self.from, bytes, Span::ZERO);
            self.deny_pending(left, right);
        }
        for &(left, right) in blocks.iter().skip(usize::from(below || inside)) {
            if after(right, ack) {
                self.r.space.complain(left);
            }
        }
    }

    /// The receiver had it already: what looked like a loss of `r` was none.
    fn deny_pending(&mut self, left: u32, right: u32) {
        let mut index = 0;
        while let Some(&repeat) = self.r.pending().get(index) {
            let concerned = before(repeat.start, right) && after(repeat.end, left);
            if concerned && repeat.in_vain().is_none() {
                self.r.settle(index);
                self.make_needless(&repeat);
            } else {
                index += 1;
            }
        }
    }

    /// Repeats of a standstill: that the first transmission had arrived does not tell that they did, and neither they
    /// nor what answered it came through. Each that arrives is answered with its timestamp, in order.
    fn settle_in_vain(&mut self, ack: u32) {
        let Some((_, echo)) = self.segment.timestamps else {
            return;
        };
        let mut index = 0;
        let mut unheard = None;
        while let Some(&repeat) = self.r.pending().get(index) {
            let (ended, sent) = match repeat.in_vain() {
                Some(in_vain) if !after(repeat.end, ack) => in_vain,
                _ => {
                    index += 1;
                    continue;
                }
            };
            let arrived = echo == sent && repeat.known;
            if arrived {
                // That it was sent at all is due to what did not come through before.
                let timeout = repeat.timeout.filter(|_| unheard != Some(repeat.start));
                self.make_needless(&PendingRepeat { timeout, ..repeat });
            } else {
                unheard = Some(repeat.start);
            }
            if arrived || !before(echo, sent) || self.segment.at() - ended > ANSWER_MAX {
                self.r.settle(index);
            } else {
                self.r.know(index);
                index += 1;
            }
        }
    }

    /// Repeats that the acknowledgement covers: which transmission does it answer?
    fn settle_pending(&mut self, ack: u32) {
        if self.r.pending().is_empty() {
            return;
        }
        let echo = self.segment.timestamps.map(|(_, echo)| echo);
        let shortest = self.r.ack_rtt.shortest();
        let mut index = 0;
        while let Some(&repeat) = self.r.pending().get(index) {
            if after(repeat.end, ack) || (echo.is_some() && repeat.in_vain().is_some()) {
                index += 1;
                continue;
            }
            let since = self.segment.at() - repeat.mark.at;
            let answers_original = match (echo, repeat.timestamp) {
                (Some(echo), Some(sent)) => before(echo, sent),
                _ => shortest.is_some_and(|rtt| since.times(2) < rtt),
            };
            if answers_original {
                self.r.settle(index);
                self.make_needless(&repeat);
            } else if since > ANSWER_MAX {
                self.r.settle(index);
            } else {
                // A D-SACK may still follow.
                index += 1;
            }
        }
    }

    /// Turns a loss of `r` into a needless repetition.
    fn make_needless(&mut self, repeat: &PendingRepeat) {
        let whose = self.from.other();
        let case = Case {
            frame: repeat.mark.frame(),
            bytes: repeat.end.wrapping_sub(repeat.start),
            lost: repeat.lost,
        };
        self.symptoms.take_back(SymptomKind::LossAfter, whose, case);
        if let Some((tail, lost)) = repeat.timeout {
            let kind = if tail {
                SymptomKind::TailTimeout
            } else {
                SymptomKind::Timeout
            };
            self.symptoms.take_back(kind, whose, Case { lost, ..case });
        }
        self.symptoms.add(
            SymptomKind::Needless,
            whose,
            Case {
                lost: Span::ZERO,
                ..case
            },
        );
    }

    /// A pure ACK that came late, for everything outstanding: did the sender wait for it?
    fn note_delayed_ack(&mut self, ack: u32) {
        self.r.delayed_ack = None;
        let Some(last) = self.r.last_data else {
            return;
        };
        if self.segment.len > 0 || ack != self.r.space.high() || self.r.last_length >= 1200 {
            return;
        }
        let wait = self.segment.at() - last.at;
        let path = self.r.ack_rtt.shortest().unwrap_or(Span::ZERO);
        if DELAYED_ACK.contains(&(wait - path).0) {
            self.r.delayed_ack = Some((wait - path, self.segment.at()));
        }
    }

    /// Round trips by timestamps: the first echo of a value.
    pub(crate) fn timestamps(&mut self) {
        let Some((value, echo)) = self.segment.timestamps else {
            return;
        };
        let at = self.segment.at();
        if let Some((pending, since)) = self.r.timestamp_pending
            && !before(echo, pending)
        {
            if echo == pending {
                self.r.timestamp_rtt.add(at - since);
            }
            self.r.timestamp_pending = None;
        }
        if self.f.timestamp_pending.is_none()
            && self.f.timestamp.is_none_or(|known| after(value, known))
        {
            self.f.timestamp_pending = Some((value, at));
        }
        if self.f.timestamp.is_none_or(|known| after(value, known)) {
            self.f.timestamp = Some(value);
        }
    }

    /// The window that the segment advertises.
    pub(crate) fn window(&mut self) {
        let segment = self.segment;
        let shift = self
            .labels
            .sides
            .get(self.way())
            .and_then(super::labels::LabelSide::shift);
        let handshake = segment.has(SYN);
        self.f.window_known = shift.is_some();
        let scaled = u32::from(segment.window) << if handshake { 0 } else { shift.unwrap_or(0) };
        self.f.window_now = scaled;
        let full = self.r.fills_window(self.f);
        if self.f.window_full && !full {
            self.f.window_opened = segment.at();
        }
        self.f.window_full = full;
        if handshake {
            return;
        }
        if self.f.window_max == 0 && self.f.window_min == 0 {
            self.f.window_min = scaled;
        }
        self.f.window_min = self.f.window_min.min(scaled);
        self.f.window_max = self.f.window_max.max(scaled);
        if segment.window == 0 {
            if !segment.has(FIN | RST) && self.f.zero_since.is_none() {
                self.f.zero_since = Some(segment.mark);
                self.f.zero_probed = false;
            }
        } else if let Some(since) = self.f.zero_since.take() {
            let lost = segment.at() - since.at;
            if self.f.zero_probed || lost >= Span::from_millis(10) {
                let case = Case {
                    frame: since.frame(),
                    bytes: 0,
                    lost,
                };
                self.symptoms.add(SymptomKind::ZeroWindow, self.from, case);
            }
        }
    }
}
