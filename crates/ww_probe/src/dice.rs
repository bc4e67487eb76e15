//! Numbers that nobody else can foresee, and times that follow no beat.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// A wait between walks that follows no beat: of an exponential distribution, a fifth of the mean at least and three times
/// at most.
pub fn spacing(mean: Duration) -> Duration {
    Dice::shaken().wait(mean).clamp(mean / 5, mean * 3)
}

/// A sequence of numbers that look random (SplitMix64); equal seeds give equal sequences.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A sequence that is known beforehand.
    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A sequence that is not: the standard library seeds its hashes from the system's random numbers.
    pub(crate) fn shaken() -> Dice {
        Dice(RandomState::new().build_hasher().finish())
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// So many bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }

    /// One of so many, from 0; 0 where there are none.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.next() % (count.max(1) as u64)) as usize
    }

    /// Puts things into an order of chance (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }

    /// A wait of an exponential distribution, at most ten times its mean: trials at such times meet a fault
    /// that comes and goes at a beat as often as any other.
    pub(crate) fn wait(&mut self, mean: Duration) -> Duration {
        // 53 bits are what a double holds; zero, whose logarithm is not finite, is left out.
        let unit = ((self.next() >> 11) as f64 + 1.0) / 9_007_199_254_740_993.0;
        mean.mul_f64((-unit.ln()).min(10.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_have_their_mean() {
        let mut dice = Dice::seeded(7);
        let mean = Duration::from_millis(100);
        let all: Duration = (0..10_000).map(|_| dice.wait(mean)).sum();
        let is = all / 10_000;
        assert!(
            is > Duration::from_millis(95) && is < Duration::from_millis(105),
            "{is:?}"
        );
    }

    #[test]
    fn every_side_of_the_dice_comes() {
        let mut dice = Dice::seeded(1);
        let mut sides = [0; 6];
        for _ in 0..6_000 {
            sides[dice.below(6)] += 1;
        }
        assert!(
            sides.iter().all(|side| (800..1_200).contains(side)),
            "{sides:?}"
        );
        assert_eq!(dice.below(0), 0);
        let mut things = [0, 1, 2, 3, 4, 5, 6, 7];
        dice.shuffle(&mut things);
        let shuffled = things;
        things.sort_unstable();
        assert_eq!(things, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_ne!(shuffled, things);
        assert_ne!(dice.bytes::<12>(), dice.bytes::<12>());
    }
}
