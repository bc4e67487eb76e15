//! The only source of variety in the built capture: splitmix64, integers only, so that every
//! machine draws the same numbers.

/// A splitmix64 generator (Steele, Lea, Flood: *Fast splittable pseudorandom number generators*).
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The generator of a seed; different seeds give unrelated sequences.
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `low..high`; `low` when the range is empty.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        let width = high.saturating_sub(low);
        low + ((u128::from(self.next()) * u128::from(width)) >> 64) as u64
    }

    /// A time in `low..high` microseconds.
    pub(super) fn micros(&mut self, low: i64, high: i64) -> i64 {
        low + self.range(0, (high - low) as u64) as i64
    }

    /// True with a probability of `ppm` in a million.
    pub(super) fn chance(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.range(0, 1_000_000) < u64::from(ppm)
    }

    /// A heavy-tailed size: `least` doubled with probability ½ each time, at most `doublings`
    /// times, then spread evenly over its octave.
    pub(super) fn heavy_tail(&mut self, least: u32, doublings: u32) -> u32 {
        let octave = self.next().trailing_ones().min(doublings);
        let size = u64::from(least) << octave;
        self.range(size, 2 * size) as u32
    }

    /// One of the given things.
    pub(super) fn pick<T: Copy>(&mut self, things: &[T], otherwise: T) -> T {
        let index = self.range(0, things.len() as u64) as usize;
        things.get(index).copied().unwrap_or(otherwise)
    }
}

/// The finaliser: every bit of the word changes about half of the result's.
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
