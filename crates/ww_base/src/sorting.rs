//! Sorting that costs little of the program.
//!
//! The standard library's sort is compiled anew for every type and every order, some five kilobytes each, which is most
//! of what a hundred lists of a handful of entries cost to build and to ship. [`Order`] sorts the places of the entries
//! with one copy of it, and then moves the entries. Lists that grow with a capture are better left to
//! [`slice::sort_unstable`].

use std::cmp::Ordering;

/// Stable sorting for lists of which nobody waits.
pub trait Order<T> {
    /// Sorts by the entries' own order.
    fn put_in_order(&mut self)
    where
        T: Ord;

    /// Sorts by what `key` makes of an entry.
    fn put_in_order_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);

    /// Sorts by `compare`.
    fn put_in_order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);
}

impl<T> Order<T> for [T] {
    fn put_in_order(&mut self)
    where
        T: Ord,
    {
        self.put_in_order_by(T::cmp);
    }

    fn put_in_order_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.put_in_order_by(|a, b| key(a).cmp(&key(b)));
    }

    fn put_in_order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut from = {
            let entries = &*self;
            sorted_places(
                entries.len(),
                &mut |a, b| match (entries.get(a), entries.get(b)) {
                    (Some(a), Some(b)) => compare(a, b),
                    _ => Ordering::Equal,
                },
            )
        };
        gather(&mut from, &mut |a, b| self.swap(a, b));
    }
}

/// The places `0..count`, each where the entry that stands there belongs.
fn sorted_places(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|a, b| compare(*a, *b));
    places
}

/// Moves to every place the entry that `from` names for it, by swaps along the cycles of the permutation.
fn gather(from: &mut [usize], swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..from.len() {
        let mut at = start;
        while let Some(place) = from.get_mut(at) {
            let next = std::mem::replace(place, at);
            if next == start || next == at {
                break;
            }
            swap(at, next);
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists of 0 to 60 entries of few distinct keys, from a generator of the classic kind.
    fn lists() -> impl Iterator<Item = Vec<(u8, usize)>> {
        let mut state = 1_u64;
        (0..61)
            .flat_map(|count| (0..20).map(move |_| count))
            .map(move |count| {
                let entries = (0..count).map(|place| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    ((state >> 33) as u8 % 7, place)
                });
                entries.collect()
            })
    }

    #[test]
    fn sorts_as_the_standard_library_does() {
        for list in lists() {
            let (mut ours, mut theirs) = (list.clone(), list.clone());
            ours.put_in_order();
            theirs.sort_by(Ord::cmp);
            assert_eq!(ours, theirs, "{list:?}");

            let (mut ours, mut theirs) = (list.clone(), list.clone());
            ours.put_in_order_by_key(|(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            assert_eq!(ours, theirs, "{list:?}");

            let (mut ours, mut theirs) = (list.clone(), list.clone());
            let falling = |a: &(u8, usize), b: &(u8, usize)| b.0.cmp(&a.0);
            ours.put_in_order_by(falling);
            theirs.sort_by(falling);
            assert_eq!(ours, theirs, "{list:?}");
        }
    }
}
