//! Sets of small numbers, one bit each.

/// A set of numbers below a size that all sets of one kind share.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// The empty set of numbers below a size.
    pub(super) fn none(size: usize) -> Bits {
        Bits(vec![0; size.div_ceil(64)])
    }

    /// All numbers below the size.
    pub(super) fn all(size: usize) -> Bits {
        let mut bits = Bits(vec![u64::MAX; size.div_ceil(64)]);
        let rest = size % 64;
        if let Some(last) = bits.0.last_mut().filter(|_| rest > 0) {
            *last = (1 << rest) - 1;
        }
        bits
    }

    pub(super) fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.0
            .get(number / 64)
            .is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn or_with(&mut self, other: &Bits) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    pub(super) fn and_with(&mut self, other: &Bits) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    pub(super) fn minus_with(&mut self, other: &Bits) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
    }

    pub(super) fn and(&self, other: &Bits) -> Bits {
        Bits(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    /// The numbers, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0
            .iter()
            .enumerate()
            .flat_map(|(index, word)| Ones(*word).map(move |bit| index * 64 + bit))
    }
}

/// The places of the bits of a word.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.0.trailing_zeros() as usize;
        self.0 &= self.0.checked_sub(1)?;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn sets_behave_like_sets() {
        for size in [0, 1, 63, 64, 65, 200] {
            assert_eq!(Bits::all(size).iter().count(), size);
            let (mut twos, mut threes) = (Bits::none(size), Bits::none(size));
            (0..size).step_by(2).for_each(|number| twos.insert(number));
            (0..size)
                .step_by(3)
                .for_each(|number| threes.insert(number));
            let sixes: Vec<_> = (0..size).step_by(6).collect();
            assert_eq!(twos.and(&threes).iter().collect::<Vec<_>>(), sixes);
            let mut rest = twos.clone();
            rest.minus_with(&threes);
            assert!(rest.iter().all(|number| number % 2 == 0 && number % 3 != 0));
            rest.or_with(&twos.and(&threes));
            assert_eq!(rest, twos);
            rest.and_with(&Bits::none(size));
            assert!(rest.is_empty());
        }
    }
}
