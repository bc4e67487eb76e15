//! The sequence space of one direction: what passed, what is missing.

use super::seq::{after, at_or_after, at_or_before, before};
use ww_base::Moment;
use ww_evidence::Mark;

/// A range of sequence numbers that did not pass although later ones did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hole {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The frame that revealed it.
    pub(crate) opened: Mark,
    /// That frame had no payload.
    pub(crate) by_empty: bool,
    /// IP identifications of the packet before the hole and of the one that revealed it.
    pub(crate) ids: Option<(u16, u16)>,
    /// Timestamp of the packet that revealed it.
    pub(crate) timestamp: Option<u32>,
    /// The receiver complained: duplicate ACKs or SACK.
    pub(crate) missed: bool,
}

/// Acknowledged by the receiver although it never passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unseen {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) at: Moment,
}

/// Distances beyond this are no holes but another numbering (a broken or forged segment).
const HOLE_MAX: u32 = 1 << 28;

/// What passed of one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space {
    started: bool,
    high: u32,
    /// In order, apart from one another.
    holes: Vec<Hole>,
    /// Hardly any direction has one.
    unseen: Option<Box<Unseen>>,
}

/// How a range of sequence numbers lies to what passed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It continues what passed.
    New,
    /// It lies beyond, and leaves a hole.
    Beyond,
    /// It begins in what passed.
    Old,
}

impl Space {
    pub(crate) fn started(&self) -> bool {
        self.started
    }

    /// The sequence number after the highest that passed.
    pub(crate) fn high(&self) -> u32 {
        self.high
    }

    pub(crate) fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// Begins at `high`.
    pub(crate) fn start(&mut self, high: u32) {
        self.started = true;
        self.high = high;
    }

    #[inline]
    pub(crate) fn place(&self, start: u32) -> Place {
        if !self.started || start == self.high {
            Place::New
        } else if after(start, self.high) {
            Place::Beyond
        } else {
            Place::Old
        }
    }

    /// Extends what passed up to `end`; returns how many numbers are new.
    #[inline]
    pub(crate) fn extend(&mut self, start: u32, end: u32) -> u32 {
        if !self.started {
            self.start(end);
            return end.wrapping_sub(start);
        }
        if !after(end, self.high) {
            return 0;
        }
        let from = if after(start, self.high) {
            start
        } else {
            self.high
        };
        self.high = end;
        end.wrapping_sub(from)
    }

    /// Opens a hole from what passed up to `start`, unless the distance is absurd.
    pub(crate) fn open_hole(&mut self, hole: Hole, max: usize) {
        if hole.end.wrapping_sub(hole.start) > HOLE_MAX {
            self.holes.clear();
            self.high = hole.end;
            return;
        }
        if self.holes.len() >= max {
            self.holes.remove(0);
        }
        self.holes.push(hole);
        self.high = hole.end;
    }

    /// Takes `start..end` out of the holes; returns the first hole it touched, as it was, and the
    /// bytes filled.
    pub(crate) fn fill(&mut self, start: u32, end: u32) -> Option<(Hole, u32)> {
        let mut touched = None;
        let mut filled = 0;
        let mut index = 0;
        while let Some(&hole) = self.holes.get(index) {
            if at_or_before(hole.end, start) {
                index += 1;
                continue;
            }
            if at_or_after(hole.start, end) {
                break;
            }
            touched.get_or_insert(hole);
            let from = if after(start, hole.start) {
                start
            } else {
                hole.start
            };
            let to = if before(end, hole.end) { end } else { hole.end };
            filled += to.wrapping_sub(from);
            let left = Hole { end: from, ..hole };
            let right = Hole { start: to, ..hole };
            let parts = [left, right]
                .into_iter()
                .filter(|part| part.start != part.end);
            let count = parts.clone().count();
            self.holes.splice(index..=index, parts);
            index += count;
        }
        touched.map(|hole| (hole, filled))
    }

    /// The receiver acknowledged up to `ack`; calls `unseen` for every hole that it had no reason
    /// to consider filled.
    pub(crate) fn acknowledged(&mut self, ack: u32, at: Moment, mut unseen: impl FnMut(u32)) {
        while let Some(&hole) = self.holes.first() {
            if at_or_after(hole.start, ack) {
                break;
            }
            let end = if after(hole.end, ack) { ack } else { hole.end };
            unseen(end.wrapping_sub(hole.start));
            self.unseen = Some(Box::new(Unseen {
                start: hole.start,
                end,
                at,
            }));
            if end == hole.end {
                self.holes.remove(0);
            } else if let Some(first) = self.holes.first_mut() {
                first.start = end;
                break;
            }
        }
        if self.started && after(ack, self.high) && ack.wrapping_sub(self.high) < HOLE_MAX {
            unseen(ack.wrapping_sub(self.high));
            self.unseen = Some(Box::new(Unseen {
                start: self.high,
                end: ack,
                at,
            }));
            self.high = ack;
        }
    }

    /// The receiver acknowledged something that never passed.
    pub(crate) fn unseen_acknowledged(&self) -> bool {
        self.unseen.is_some()
    }

    /// A range that was acknowledged before it passed, just now: the capture swapped the two.
    pub(crate) fn was_unseen(&mut self, start: u32, end: u32) -> Option<Unseen> {
        let unseen = *self.unseen.as_deref()?;
        let inside = at_or_after(start, unseen.start) && at_or_before(end, unseen.end);
        inside.then_some(unseen)
    }

    /// The receiver complained about what it misses below the given number.
    pub(crate) fn complain(&mut self, below: u32) {
        for hole in &mut self.holes {
            if before(hole.start, below) {
                hole.missed = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(start: u32, end: u32) -> Hole {
        Hole {
            start,
            end,
            opened: Mark::default(),
            by_empty: false,
            ids: None,
            timestamp: None,
            missed: false,
        }
    }

    fn ranges(space: &Space) -> Vec<(u32, u32)> {
        space
            .holes
            .iter()
            .map(|hole| (hole.start, hole.end))
            .collect()
    }

    #[test]
    fn holes_open_split_and_close() {
        let mut space = Space::default();
        space.start(100);
        assert_eq!(space.place(100), Place::New);
        assert_eq!(space.place(200), Place::Beyond);
        space.open_hole(hole(100, 200), 8);
        assert_eq!(space.extend(200, 300), 100);
        assert_eq!(space.place(100), Place::Old);
        assert_eq!(space.fill(120, 150).map(|(_, bytes)| bytes), Some(30));
        assert_eq!(ranges(&space), [(100, 120), (150, 200)]);
        assert_eq!(space.fill(90, 400).map(|(_, bytes)| bytes), Some(70));
        assert!(ranges(&space).is_empty());
        assert!(space.fill(120, 150).is_none());
    }

    #[test]
    fn acknowledged_holes_were_never_seen() {
        let mut space = Space::default();
        space.start(u32::MAX - 9);
        space.open_hole(hole(u32::MAX - 9, 10), 8);
        space.extend(10, 20);
        let mut unseen = Vec::new();
        space.acknowledged(5, Moment(0), |bytes| unseen.push(bytes));
        assert_eq!(unseen, [15]);
        assert_eq!(ranges(&space), [(5, 10)]);
        space.acknowledged(50, Moment(0), |bytes| unseen.push(bytes));
        assert_eq!(unseen, [15, 5, 30]);
        assert_eq!(space.high(), 50);
        assert!(space.was_unseen(20, 50).is_some());
        assert!(space.was_unseen(10, 50).is_none());
    }

    #[test]
    fn an_absurd_distance_is_no_hole() {
        let mut space = Space::default();
        space.start(0);
        space.open_hole(hole(0, 1 << 30), 8);
        assert!(space.holes().is_empty());
        assert_eq!(space.high(), 1 << 30);
    }
}
