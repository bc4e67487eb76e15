//! The sending half of a TCP end: congestion window, scoreboard, recovery and timers.

use super::receiver::insert;
use super::types::Micros;

const INITIAL_SEGMENTS: u32 = 10;
const DUPLICATE_THRESHOLD: u32 = 3;
const LEAST_RTO: Micros = 200_000;
const FIRST_RTO: Micros = 1_000_000;
const GIVE_UP_AFTER: u32 = 6;

/// A stretch of the stream to put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Stream offset.
    pub(super) offset: u32,
    /// Payload bytes.
    pub(super) len: u32,
    /// Carries the FIN.
    pub(super) fin: bool,
    /// Last of what the application has written.
    pub(super) push: bool,
}

/// What the retransmission timer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Nothing was due.
    Nothing,
    /// Send again what `next_piece` gives.
    Retransmit,
    /// The peer's window is closed: probe it.
    Probe,
    /// Too many tries: the connection is dead.
    GiveUp,
}

#[derive(Debug, Clone, Copy)]
struct Recovery {
    /// Recovery ends when this is acknowledged.
    until: u32,
    /// What is not selectively acknowledged before this is taken for lost.
    lost: u32,
    /// Lost bytes before this were sent again.
    next: u32,
    /// Started by the timer.
    by_timer: bool,
}

/// Sending state; offsets count the own stream from 0, the FIN being one more.
#[derive(Debug)]
pub(super) struct Sender {
    /// Oldest unacknowledged offset.
    pub(super) una: u32,
    /// Next offset to send for the first time.
    pub(super) next: u32,
    /// When the retransmission or persist timer fires.
    pub(super) timer: Option<Micros>,
    written: u32,
    closing: bool,
    mss: u32,
    sack: bool,
    cwnd: u32,
    ssthresh: u32,
    buffer: u32,
    edge: u32,
    sacked: Vec<(u32, u32)>,
    duplicates: u32,
    recovery: Option<Recovery>,
    srtt: Micros,
    rttvar: Micros,
    backoff: u32,
    timed: Option<(u32, Micros)>,
    last_sent: Micros,
}

impl Sender {
    /// A sender; `buffer` bounds what may be in flight.
    pub(super) fn new(mss: u32, sack: bool, buffer: u32) -> Self {
        Self {
            una: 0,
            next: 0,
            timer: None,
            written: 0,
            closing: false,
            mss,
            sack,
            cwnd: INITIAL_SEGMENTS * mss,
            ssthresh: u32::MAX,
            buffer,
            edge: 0,
            sacked: Vec::new(),
            duplicates: 0,
            recovery: None,
            srtt: 0,
            rttvar: 0,
            backoff: 0,
            timed: None,
            last_sent: 0,
        }
    }

    /// The application writes.
    pub(super) fn write(&mut self, now: Micros, bytes: u32) {
        if self.una == self.next && now - self.last_sent > self.rto() {
            self.cwnd = self.cwnd.min(INITIAL_SEGMENTS * self.mss);
        }
        self.written += bytes;
    }

    /// The application closes.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    /// The window of the peer as its SYN gave it.
    pub(super) fn open_window(&mut self, window: u32) {
        self.edge = self.edge.max(window);
    }

    /// A round-trip time measured on the handshake.
    pub(super) fn first_sample(&mut self, rtt: Micros) {
        self.sample(rtt);
    }

    fn end(&self) -> u32 {
        self.written + u32::from(self.closing)
    }

    fn rto(&self) -> Micros {
        if self.srtt == 0 {
            return FIRST_RTO;
        }
        self.srtt + (4 * self.rttvar).max(LEAST_RTO)
    }

    fn sacked_between(&self, from: u32, to: u32) -> u32 {
        let inside =
            |(left, right): &(u32, u32)| (*right).min(to).saturating_sub((*left).max(from));
        self.sacked.iter().map(inside).sum()
    }

    /// Bytes believed to be in the network.
    fn pipe(&self) -> u32 {
        let flight = self.next - self.una;
        let left = if self.sack {
            self.sacked_between(self.una, self.next)
        } else {
            (self.duplicates * self.mss).min(flight)
        };
        let lost = self.recovery.map_or(0, |recovery| {
            let from = recovery.next.max(self.una);
            let range = recovery.lost.saturating_sub(from);
            range - self.sacked_between(from, recovery.lost).min(range)
        });
        flight.saturating_sub(left).saturating_sub(lost)
    }

    /// The next thing to send, if anything may be sent now.
    pub(super) fn next_piece(&mut self, now: Micros) -> Option<Piece> {
        let piece = self.lost_piece().or_else(|| self.new_piece(now))?;
        self.last_sent = now;
        if self.timer.is_none() {
            self.arm(now);
        }
        Some(piece)
    }

    fn lost_piece(&mut self) -> Option<Piece> {
        let recovery = self.recovery?;
        let mut from = recovery.next.max(self.una);
        for (left, right) in &self.sacked {
            if (*left..*right).contains(&from) {
                from = *right;
            }
        }
        let first = from == self.una;
        if from >= recovery.lost || (!first && self.pipe() + self.mss > self.cwnd) {
            return None;
        }
        let hole = self
            .sacked
            .iter()
            .map(|(left, _)| *left)
            .find(|left| *left > from);
        let stop = hole
            .unwrap_or(self.next)
            .min(recovery.lost.max(from + 1))
            .min(self.next);
        let piece = self.cut(from, self.mss.min(stop - from));
        self.timed = None;
        if let Some(recovery) = &mut self.recovery {
            recovery.next = from + piece.len + u32::from(piece.fin);
        }
        Some(piece)
    }

    fn new_piece(&mut self, now: Micros) -> Option<Piece> {
        if self.next >= self.end() {
            return None;
        }
        let wanted = self.mss.min(self.written.saturating_sub(self.next));
        let flight = self.next - self.una;
        let pipe = self.pipe();
        if pipe > 0 && (pipe + wanted > self.cwnd || flight + wanted > self.buffer) {
            return None;
        }
        let room = self.edge.saturating_sub(self.next);
        if wanted > 0 && room == 0 {
            return None;
        }
        let piece = self.cut(self.next, wanted.min(room.max(u32::from(wanted == 0))));
        self.next += piece.len + u32::from(piece.fin);
        if self.timed.is_none() && self.recovery.is_none() {
            self.timed = Some((self.next, now));
        }
        Some(piece)
    }

    fn cut(&self, offset: u32, len: u32) -> Piece {
        let len = len.min(self.written.saturating_sub(offset));
        let last = offset + len == self.written;
        Piece {
            offset,
            len,
            fin: last && self.closing,
            push: last && len > 0,
        }
    }

    /// Start or stop the timer after something changed.
    pub(super) fn arm(&mut self, now: Micros) {
        let blocked = self.next < self.end() && self.edge <= self.next;
        let wait = self.rto() << self.backoff.min(6);
        self.timer = (self.next > self.una || blocked).then_some(now + wait);
    }

    /// Take an acknowledgement; `window` is in bytes, `pure` when it carries nothing else.
    pub(super) fn acknowledge(
        &mut self,
        now: Micros,
        ack: u32,
        window: u32,
        blocks: &[(u32, u32)],
        pure: bool,
    ) {
        if ack < self.una || ack > self.next {
            return;
        }
        let edge = ack + window;
        let same_window = edge == self.edge;
        self.edge = edge;
        for (left, right) in blocks
            .iter()
            .filter(|(left, right)| *left > ack && left < right)
        {
            insert(&mut self.sacked, *left, *right);
        }
        if ack > self.una {
            self.advance(now, ack);
            self.arm(now);
        } else if pure && self.next > self.una && (same_window || !blocks.is_empty()) {
            self.duplicates += 1;
        } else if pure && self.next == self.una {
            self.backoff = if window > 0 { 0 } else { self.backoff };
            self.arm(now);
        }
        self.detect_loss();
    }

    fn advance(&mut self, now: Micros, ack: u32) {
        let acked = ack - self.una;
        let was_full = self.next - self.una + self.mss >= self.cwnd;
        self.una = ack;
        self.duplicates = 0;
        self.backoff = 0;
        self.sacked.retain(|(_, right)| *right > ack);
        if let Some((_, sent)) = self.timed.filter(|(end, _)| *end <= ack) {
            self.sample(now - sent);
            self.timed = None;
        }
        match &mut self.recovery {
            Some(recovery) if ack >= recovery.until => {
                self.cwnd = self.ssthresh.max(2 * self.mss);
                self.recovery = None;
            }
            Some(recovery) => {
                recovery.next = recovery.next.max(ack);
                if recovery.by_timer {
                    self.cwnd += acked.min(self.mss);
                } else if !self.sack {
                    recovery.next = ack;
                    recovery.lost = (ack + self.mss).min(self.next);
                }
            }
            None if was_full && self.cwnd < self.ssthresh => {
                self.cwnd += acked.min(2 * self.mss);
            }
            None if was_full => {
                let step = u64::from(self.mss) * u64::from(acked) / u64::from(self.cwnd.max(1));
                self.cwnd += step as u32;
            }
            None => {}
        }
        self.cwnd = self
            .cwnd
            .min(2 * self.buffer.max(INITIAL_SEGMENTS * self.mss));
    }

    fn detect_loss(&mut self) {
        let threshold = DUPLICATE_THRESHOLD * self.mss;
        let highest = self.sacked.last().map_or(0, |(_, right)| *right);
        let lost = if self.sack {
            highest.saturating_sub(threshold)
        } else {
            self.una + self.mss
        };
        if let Some(recovery) = &mut self.recovery {
            if self.sack {
                recovery.lost = recovery.lost.max(lost);
            }
            return;
        }
        let enough = self.duplicates >= DUPLICATE_THRESHOLD
            || self.sack && self.sacked_between(self.una, self.next) >= threshold;
        if enough && self.next > self.una {
            self.ssthresh = (self.pipe() / 2).max(2 * self.mss);
            self.cwnd = self.ssthresh;
            self.recovery = Some(Recovery {
                until: self.next,
                lost: lost.max(self.una + self.mss).min(self.next),
                next: self.una,
                by_timer: false,
            });
        }
    }

    /// The timer fires.
    pub(super) fn expire(&mut self, now: Micros) -> Expiry {
        if self.timer.is_none_or(|due| due > now) {
            return Expiry::Nothing;
        }
        self.timer = None;
        self.backoff += 1;
        if self.backoff > GIVE_UP_AFTER {
            return Expiry::GiveUp;
        }
        if self.next == self.una {
            self.arm(now);
            return Expiry::Probe;
        }
        self.ssthresh = (self.pipe() / 2).max(2 * self.mss);
        self.cwnd = self.mss;
        self.timed = None;
        self.duplicates = 0;
        self.recovery = Some(Recovery {
            until: self.next,
            lost: self.next,
            next: self.una,
            by_timer: true,
        });
        Expiry::Retransmit
    }

    fn sample(&mut self, rtt: Micros) {
        if self.srtt == 0 {
            (self.srtt, self.rttvar) = (rtt.max(1), rtt / 2);
        } else {
            self.rttvar += ((self.srtt - rtt).abs() - self.rttvar) / 4;
            self.srtt = (self.srtt + (rtt - self.srtt) / 8).max(1);
        }
    }
}
