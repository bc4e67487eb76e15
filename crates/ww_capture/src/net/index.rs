//! Positions in a list, found by the hash of a key; the list itself holds the keys.

/// Slots looked at before a search is given up: colliding keys cost time, never more than this.
const REACH: usize = 64;
const FIRST_SLOTS: usize = 1024;

/// An open-addressed table of positions.
///
/// A slot holds the upper half of the hash and the position plus one; 0 is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    slots: Vec<u64>,
    held: usize,
}

impl Index {
    /// The position under this hash that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let tag = hash >> 32;
        for slot in self.reach(tag) {
            let &entry = self.slots.get(slot)?;
            if entry == 0 {
                return None;
            }
            let position = (entry as u32 - 1) as usize;
            if entry >> 32 == tag && is_it(position) {
                return Some(position);
            }
        }
        None
    }

    /// Enters a position. False when too many keys collide: it cannot be found then.
    pub(super) fn insert(&mut self, hash: u64, position: usize) -> bool {
        if self.held * 2 >= self.slots.len() {
            self.grow();
        }
        let placed = self.place((hash >> 32) << 32 | (position as u64 + 1));
        self.held += usize::from(placed);
        placed
    }

    fn reach(&self, tag: u64) -> impl Iterator<Item = usize> {
        let mask = self.slots.len().wrapping_sub(1);
        (0..REACH).map(move |step| (tag as usize).wrapping_add(step) & mask)
    }

    fn place(&mut self, entry: u64) -> bool {
        let free = self
            .reach(entry >> 32)
            .find(|&slot| self.slots.get(slot) == Some(&0));
        match free.and_then(|slot| self.slots.get_mut(slot)) {
            Some(slot) => {
                *slot = entry;
                true
            }
            None => false,
        }
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![0; slots]);
        for entry in old.into_iter().filter(|&entry| entry != 0) {
            self.place(entry);
        }
    }
}
