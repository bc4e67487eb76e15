//! Results of operations on two nodes, remembered as long as there is room.

use crate::store::Ref;

/// A table where a newer result takes the place of an older one with the same slot. It grows with
/// the arena, up to 64 MiB.
#[derive(Debug)]
pub(crate) struct Memo {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    operation: u32,
    left: Ref,
    right: Ref,
    result: Ref,
}

const SMALLEST: usize = 1 << 10;
const LARGEST: usize = 1 << 22;

/// No operation has this number.
const EMPTY: Slot = Slot {
    operation: u32::MAX,
    left: Ref::NONE,
    right: Ref::NONE,
    result: Ref::NONE,
};

impl Memo {
    pub(crate) fn new() -> Memo {
        Memo {
            slots: vec![EMPTY; SMALLEST],
        }
    }

    #[inline]
    pub(crate) fn get(&self, operation: u32, left: Ref, right: Ref) -> Option<Ref> {
        let slot = self
            .slots
            .get(place(self.slots.len(), operation, left, right))?;
        (slot.operation == operation && slot.left == left && slot.right == right)
            .then_some(slot.result)
    }

    #[inline]
    pub(crate) fn put(&mut self, operation: u32, left: Ref, right: Ref, result: Ref) {
        let place = place(self.slots.len(), operation, left, right);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Slot {
                operation,
                left,
                right,
                result,
            };
        }
    }

    /// Makes room for an arena of so many nodes.
    pub(crate) fn fit(&mut self, nodes: usize) {
        let wanted = (nodes * 4).next_power_of_two().clamp(SMALLEST, LARGEST);
        if wanted <= self.slots.len() {
            return;
        }
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; wanted]);
        for slot in old.into_iter().filter(|slot| slot.operation != u32::MAX) {
            let place = place(wanted, slot.operation, slot.left, slot.right);
            if let Some(free) = self.slots.get_mut(place) {
                *free = slot;
            }
        }
    }
}

/// The slot of a result, in a table of a power of two slots.
#[inline]
fn place(slots: usize, operation: u32, left: Ref, right: Ref) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let pair = u64::from(left.bits()) << 32 | u64::from(right.bits());
    let mixed = (pair ^ u64::from(operation) << 29).wrapping_mul(ODD);
    (mixed ^ mixed >> 32).wrapping_mul(ODD).rotate_left(24) as usize & (slots - 1)
}
