//! Sets of numbers as sorted, disjoint ranges that do not touch.

use std::fmt;

/// A set of numbers: addresses, ports, types. Ranges are inclusive, sorted, and never adjacent, so
/// that equal sets are equal values.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    /// The set that contains nothing.
    pub fn none() -> Ranges {
        Ranges::default()
    }

    /// One number.
    pub fn one(value: u128) -> Ranges {
        Ranges(vec![(value, value)])
    }

    /// All numbers from `first` to `last`, both included; nothing when they are the wrong way round.
    pub fn span(first: u128, last: u128) -> Ranges {
        if first > last {
            Ranges::none()
        } else {
            Ranges(vec![(first, last)])
        }
    }

    /// The union of inclusive ranges in any order; those the wrong way round count as empty.
    pub fn of(ranges: impl IntoIterator<Item = (u128, u128)>) -> Ranges {
        let mut sorted: Vec<(u128, u128)> = ranges
            .into_iter()
            .filter(|(first, last)| first <= last)
            .collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        Ranges(merged)
    }

    /// The inclusive ranges, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u128, u128)> + '_ {
        self.0.iter().copied()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the number is in the set.
    pub fn contains(&self, value: u128) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= value);
        after
            .checked_sub(1)
            .and_then(|index| self.0.get(index))
            .is_some_and(|(_, last)| value <= *last)
    }

    /// All numbers in either set.
    #[must_use]
    pub fn or(&self, other: &Ranges) -> Ranges {
        Ranges::of(self.iter().chain(other.iter()))
    }

    /// All numbers in both sets.
    #[must_use]
    pub fn and(&self, other: &Ranges) -> Ranges {
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        let mut both = Vec::new();
        while let (Some(&(a, b)), Some(&(c, d))) = (left.peek(), right.peek()) {
            if a.max(c) <= b.min(d) {
                both.push((a.max(c), b.min(d)));
            }
            if b < d {
                left.next();
            } else {
                right.next();
            }
        }
        Ranges(both)
    }

    /// All numbers up to `most` that are not in the set.
    #[must_use]
    pub fn not(&self, most: u128) -> Ranges {
        let mut rest = Vec::with_capacity(self.0.len() + 1);
        let mut from = Some(0);
        for (first, last) in self.iter() {
            if let Some(start) = from.filter(|start| *start < first) {
                rest.push((start, first - 1));
            }
            from = last.checked_add(1);
        }
        if let Some(start) = from.filter(|start| *start <= most) {
            rest.push((start, most));
        }
        Ranges(rest).and(&Ranges::span(0, most))
    }

    /// All numbers in this set that are not in the other.
    #[must_use]
    pub fn minus(&self, other: &Ranges) -> Ranges {
        self.and(&other.not(u128::MAX))
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(first, last)| first..=last))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;

    fn members(set: &Ranges) -> Vec<u128> {
        (0..64).filter(|value| set.contains(*value)).collect()
    }

    #[test]
    fn touching_and_overlapping_ranges_become_one() {
        let set = Ranges::of([(5, 9), (1, 2), (3, 4), (8, 12), (20, 10)]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [(1, 12)]);
    }

    #[test]
    fn the_algebra_agrees_with_membership() {
        let sets = [
            Ranges::none(),
            Ranges::one(0),
            Ranges::of([(0, 3), (7, 7), (9, 20)]),
            Ranges::of([(2, 8), (20, 63)]),
            Ranges::span(0, u128::MAX),
        ];
        for a in &sets {
            let not = a.not(40);
            assert!((0..=40).all(|value| not.contains(value) != a.contains(value)));
            assert!(!not.contains(41));
            for b in &sets {
                for value in members(&Ranges::span(0, 63)) {
                    let (in_a, in_b) = (a.contains(value), b.contains(value));
                    assert_eq!(a.or(b).contains(value), in_a || in_b);
                    assert_eq!(a.and(b).contains(value), in_a && in_b);
                    assert_eq!(a.minus(b).contains(value), in_a && !in_b);
                }
            }
        }
    }

    #[test]
    fn the_largest_number_is_a_number() {
        let all = Ranges::span(0, u128::MAX);
        assert!(all.not(u128::MAX).is_empty());
        assert_eq!(
            Ranges::one(u128::MAX).not(u128::MAX),
            Ranges::span(0, u128::MAX - 1)
        );
    }
}
