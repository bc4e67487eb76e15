//! The receiving half of a TCP end: in-order point, what is beyond it, window, acknowledgements.

use super::types::Micros;

/// Linux acknowledges a lone segment after this long.
const DELAYED_ACK: Micros = 40_000;

/// A reader that stops for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stall {
    /// Stream offset at which the application stops reading.
    pub(super) at: u32,
    /// For how long.
    pub(super) lasts: Micros,
}

/// Receiving state; offsets count the peer's stream from 0, its FIN being one more.
#[derive(Debug)]
pub(super) struct Receiver {
    /// Everything before this has arrived.
    pub(super) next: u32,
    /// When a delayed acknowledgement is due.
    pub(super) ack_due: Option<Micros>,
    /// When a stalled reader goes on.
    pub(super) stalled_until: Option<Micros>,
    stall: Option<Stall>,
    beyond: Vec<(u32, u32)>,
    recent: u32,
    duplicate: Option<(u32, u32)>,
    read: u32,
    buffer: u32,
    edge: u32,
    scale: u8,
    mss: u32,
    unacked: u32,
    eager: u32,
}

impl Receiver {
    /// A receiver with this buffer; the first `eager` segments are acknowledged at once.
    pub(super) fn new(buffer: u32, scale: u8, mss: u32, stall: Option<Stall>, eager: u32) -> Self {
        Self {
            next: 0,
            ack_due: None,
            stalled_until: None,
            stall,
            beyond: Vec::new(),
            recent: 0,
            duplicate: None,
            read: 0,
            buffer,
            edge: buffer.min(65_535),
            scale,
            mss,
            unacked: 0,
            eager,
        }
    }

    /// Take in `start..end`; true when it must be acknowledged at once.
    pub(super) fn take(&mut self, now: Micros, start: u32, end: u32) -> bool {
        if end <= self.next {
            self.duplicate = Some((start, end));
            return true;
        }
        if start > self.next {
            self.keep(start, end);
            return true;
        }
        let filled_gap = !self.beyond.is_empty();
        self.next = end;
        while let Some(&(left, right)) = self.beyond.first().filter(|(left, _)| *left <= self.next)
        {
            self.next = self.next.max(right);
            self.beyond.retain(|range| *range != (left, right));
        }
        self.read_up(now);
        self.unacked += end - start;
        self.eager = self.eager.saturating_sub(1);
        if self.unacked > self.mss || self.eager > 0 || filled_gap {
            return true;
        }
        self.ack_due.get_or_insert(now + DELAYED_ACK);
        false
    }

    /// The application reads again; true when the peer should hear of the room.
    pub(super) fn resume(&mut self) -> bool {
        self.stalled_until = None;
        let was_closed = self.edge.saturating_sub(self.next) < 2 * self.mss;
        self.read = self.next;
        was_closed
    }

    /// What an acknowledgement says now: window field and SACK blocks, at most `room` of them.
    pub(super) fn acknowledge(&mut self, room: usize) -> (u16, Vec<(u32, u32)>) {
        self.ack_due = None;
        self.unacked = 0;
        let free = self.buffer.saturating_sub(self.next - self.read);
        let open = (self.next + free).max(self.edge) - self.next;
        let field = (open >> self.scale).min(65_535);
        self.edge = self.edge.max(self.next + (field << self.scale));
        let (recent, others): (Vec<_>, Vec<_>) = self
            .beyond
            .iter()
            .partition(|(left, right)| (*left..*right).contains(&self.recent));
        let blocks = self
            .duplicate
            .take()
            .into_iter()
            .chain(recent)
            .chain(others);
        (field as u16, blocks.take(room).collect())
    }

    fn read_up(&mut self, now: Micros) {
        if let Some(stall) = self.stall.filter(|stall| self.next >= stall.at) {
            self.stall = None;
            self.stalled_until = Some(now + stall.lasts);
        }
        if self.stalled_until.is_none() {
            self.read = self.next;
        }
    }

    fn keep(&mut self, start: u32, end: u32) {
        self.recent = start;
        let covered = self
            .beyond
            .iter()
            .any(|(left, right)| *left <= start && end <= *right);
        if covered {
            self.duplicate = Some((start, end));
        }
        insert(&mut self.beyond, start, end);
    }
}

/// Add a range to sorted, disjoint ranges, joining those it touches.
pub(super) fn insert(ranges: &mut Vec<(u32, u32)>, start: u32, end: u32) {
    let (mut start, mut end) = (start, end);
    ranges.retain(|&(left, right)| {
        let apart = right < start || end < left;
        if !apart {
            start = start.min(left);
            end = end.max(right);
        }
        apart
    });
    let index = ranges.partition_point(|(left, _)| *left < start);
    ranges.insert(index, (start, end));
}
