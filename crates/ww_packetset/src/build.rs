//! Sets and maps from plain data.

use crate::space::{LevelId, Map, NONE, Set, Space, Terminal, TooLarge};
use crate::store::Ref;

impl Space {
    /// The points whose number on this level lies in one of the inclusive ranges, which may come in
    /// any order and overlap. A hundred thousand prefixes become one node.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn within(
        &mut self,
        level: LevelId,
        ranges: impl IntoIterator<Item = (u128, u128)>,
    ) -> Result<Set, TooLarge> {
        self.scratch.clear();
        let mut sorted: Vec<(u128, u128)> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let node = self.choice(level, &sorted, Ref::YES)?;
        Ok(self.set(node))
    }

    /// The points that lie in every one of these ranges: one list for each level, each level at most
    /// once, ranges sorted.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn cube(&mut self, sides: &[(LevelId, Vec<(u128, u128)>)]) -> Result<Set, TooLarge> {
        self.scratch.clear();
        let mut order: Vec<&(LevelId, Vec<(u128, u128)>)> = sides.iter().collect();
        order.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        let mut below = Ref::YES;
        for (level, ranges) in order {
            below = self.choice(*level, ranges, below)?;
        }
        Ok(self.set(below))
    }

    /// The points whose bits, read as a number, lie in the inclusive range. `bits` are levels of one
    /// bit, the most significant first; `None` stands for a bit that is always 0.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn bits_within(
        &mut self,
        bits: &[Option<LevelId>],
        first: u128,
        last: u128,
    ) -> Result<Set, TooLarge> {
        let most = match bits.len() {
            0..128 => (1u128 << bits.len()) - 1,
            _ => u128::MAX,
        };
        if first > last || first > most {
            return Ok(self.none());
        }
        let (mut at_least, mut at_most) = (self.all(), self.all());
        for (place, level) in bits.iter().rev().enumerate() {
            let set = match level {
                Some(level) => self.within(*level, [(1, 1)])?,
                None => self.none(),
            };
            at_least = if first >> place & 1 == 1 {
                self.and(set, at_least)?
            } else {
                self.or(set, at_least)?
            };
            at_most = if last >> place & 1 == 1 {
                let clear = self.not(set)?;
                self.or(clear, at_most)?
            } else {
                self.minus(at_most, set)?
            };
        }
        if last >= most {
            return Ok(at_least);
        }
        self.and(at_least, at_most)
    }

    /// A table over one level: the terminal of the narrowest range that has the number, of equally
    /// narrow ones the first. With prefixes this is longest-prefix match. Ranges must be nested or
    /// disjoint; ranges that cross are cut where the later one starts.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn narrowest(
        &mut self,
        level: LevelId,
        entries: &[((u128, u128), Terminal)],
    ) -> Result<Map, TooLarge> {
        self.scratch.clear();
        let max = self.max(level);
        let mut sorted: Vec<&((u128, u128), Terminal)> = entries
            .iter()
            .filter(|((first, last), _)| first <= last && *first <= max)
            .collect();
        sorted.sort_by_key(|((first, last), _)| (*first, std::cmp::Reverse(*last)));
        sorted.dedup_by_key(|(range, _)| *range);
        let mut sweep = Sweep {
            open: Vec::new(),
            next: Some(0),
            pieces: Vec::with_capacity(2 * sorted.len() + 1),
        };
        for ((first, last), terminal) in sorted {
            sweep.open(*first, (*last).min(max), *terminal);
        }
        sweep.close_before(None);
        if sweep.next.is_some_and(|next| next <= max) {
            sweep.pieces.push((max, NONE));
        }
        for (last, terminal) in sweep.pieces {
            let child = Ref::terminal(terminal).ok_or(TooLarge::Terminals)?;
            self.push(0, last, child);
        }
        let node = self.close(level.0, 0)?;
        Ok(self.map(node))
    }

    /// The node that leads to `inside` for the sorted ranges, and to nothing elsewhere.
    fn choice(
        &mut self,
        level: LevelId,
        ranges: &[(u128, u128)],
        inside: Ref,
    ) -> Result<Ref, TooLarge> {
        let max = self.max(level);
        let mut next = Some(0);
        for (first, last) in ranges {
            let (Some(from), last) = (next, (*last).min(max)) else {
                break;
            };
            let first = (*first).max(from);
            if first > last {
                continue;
            }
            if first > from {
                self.push(0, first - 1, Ref::NONE);
            }
            self.push(0, last, inside);
            next = last.checked_add(1).filter(|next| *next <= max);
        }
        if next.is_some() {
            self.push(0, max, Ref::NONE);
        }
        self.close(level.0, 0)
    }
}

/// Nested ranges, read from left to right.
struct Sweep {
    /// The ranges that are open, outermost first.
    open: Vec<(u128, Terminal)>,
    /// The first number that has no piece yet.
    next: Option<u128>,
    /// The last number of each piece, and whose it is.
    pieces: Vec<(u128, Terminal)>,
}

impl Sweep {
    fn open(&mut self, first: u128, last: u128, terminal: Terminal) {
        self.close_before(Some(first));
        if let Some(before) = first.checked_sub(1)
            && self.next.is_some_and(|next| next < first)
        {
            let around = self.open.last().map_or(NONE, |(_, terminal)| *terminal);
            self.pieces.push((before, around));
        }
        self.next = Some(first);
        self.open.push((last, terminal));
    }

    /// Closes the ranges that end before `first`, or all.
    fn close_before(&mut self, first: Option<u128>) {
        while let Some((last, terminal)) = self.open.last().copied() {
            if first.is_some_and(|first| first <= last) {
                return;
            }
            if self.next.is_some_and(|next| next <= last) {
                self.pieces.push((last, terminal));
                self.next = last.checked_add(1);
            }
            self.open.pop();
        }
    }
}
