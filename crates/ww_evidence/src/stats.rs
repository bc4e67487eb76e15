//! Small summaries that are updated packet by packet.

use ww_base::Span;

/// Number of buckets of a [`RttStats`] histogram.
const BUCKETS: usize = 40;

/// Samples of which the buckets are kept one by one before they are counted: most connections have
/// no more, and need no histogram.
const FEW: usize = 15;

/// Round-trip samples: count, extremes, mean and a logarithmic histogram (two buckets per
/// doubling, from 64 µs to 33 s).
#[derive(Clone, Debug, PartialEq)]
pub struct RttStats {
    /// Number of samples.
    pub count: u32,
    /// The shortest.
    pub min: Span,
    /// The longest.
    pub max: Span,
    /// Their sum.
    pub sum: Span,
    buckets: Buckets,
}

/// Which buckets the samples fell into.
#[derive(Clone, Debug, PartialEq)]
enum Buckets {
    /// That of each sample.
    Few([u8; FEW]),
    /// How many in each.
    Many(Box<[u16; BUCKETS]>),
}

impl Default for RttStats {
    fn default() -> RttStats {
        RttStats {
            count: 0,
            min: Span(i64::MAX),
            max: Span::ZERO,
            sum: Span::ZERO,
            buckets: Buckets::Few([0; FEW]),
        }
    }
}

impl RttStats {
    /// Adds one sample; negative ones (a clock that stepped back) are left out.
    #[inline]
    pub fn add(&mut self, sample: Span) {
        if sample < Span::ZERO {
            return;
        }
        let bucket = bucket_of(sample);
        match &mut self.buckets {
            Buckets::Few(each) => match each.get_mut(self.count as usize) {
                Some(next) => *next = bucket as u8,
                None => self.buckets = Buckets::Many(Box::new(self.histogram_with(bucket))),
            },
            Buckets::Many(counts) => count(counts, bucket),
        }
        self.count = self.count.saturating_add(1);
        self.min = self.min.min(sample);
        self.max = self.max.max(sample);
        self.sum += sample;
    }

    /// The shortest sample, if there was any.
    pub fn shortest(&self) -> Option<Span> {
        (self.count > 0).then_some(self.min)
    }

    /// The mean, if there was any sample.
    pub fn mean(&self) -> Option<Span> {
        (self.count > 0).then(|| Span(self.sum.0 / i64::from(self.count)))
    }

    /// The sample below which about `share` (0 to 1) of all lie, to the precision of the
    /// histogram (the geometric middle of a bucket, clamped to the extremes).
    pub fn quantile(&self, share: f64) -> Option<Span> {
        let buckets = self.histogram();
        let total: u32 = buckets.iter().map(|&count| u32::from(count)).sum();
        if total == 0 {
            return None;
        }
        let wanted = (share * f64::from(total)).ceil().max(1.0);
        let mut seen = 0.0;
        for (index, &count) in buckets.iter().enumerate() {
            seen += f64::from(count);
            if seen >= wanted {
                let middle = 64_000.0 * 2f64.powf((index as f64 - 0.5) / 2.0);
                return Some(Span(middle as i64).max(self.min).min(self.max));
            }
        }
        Some(self.max)
    }

    /// How many samples fell into each bucket.
    fn histogram(&self) -> [u16; BUCKETS] {
        match &self.buckets {
            Buckets::Many(counts) => **counts,
            Buckets::Few(each) => {
                let mut counts = [0; BUCKETS];
                for &bucket in each.iter().take(self.count as usize) {
                    count(&mut counts, usize::from(bucket));
                }
                counts
            }
        }
    }

    /// The same with one more sample.
    #[cold]
    fn histogram_with(&self, bucket: usize) -> [u16; BUCKETS] {
        let mut counts = self.histogram();
        count(&mut counts, bucket);
        counts
    }
}

/// One more sample in a bucket.
#[inline]
fn count(counts: &mut [u16; BUCKETS], bucket: usize) {
    if let Some(count) = counts.get_mut(bucket) {
        *count = count.saturating_add(1);
    }
}

/// Bucket 0 is up to 64 µs; every two buckets double.
#[inline]
fn bucket_of(sample: Span) -> usize {
    let units = (sample.0 / 64_000) as u64;
    if units == 0 {
        return 0;
    }
    let doubling = units.ilog2();
    let upper_half = units >= (3u64 << doubling) / 2;
    (1 + 2 * doubling as usize + usize::from(upper_half)).min(BUCKETS - 1)
}

/// Delivery rates in equal time bins of a bulk transfer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RateBins {
    /// Length of a bin.
    pub width: Span,
    /// Complete bins in which the transfer was busy throughout.
    pub count: u32,
    /// Sum of their rates, bytes per second.
    pub sum: f64,
    /// Sum of the squares of their rates.
    pub sum_squared: f64,
    /// The fastest bin, bytes per second.
    pub max: f64,
    /// Bins in which a loss showed.
    pub lossy: u32,
    /// Sum of the rates of the bins in which a loss showed or that came just before one.
    pub lossy_sum: f64,
}

impl RateBins {
    /// Mean rate, bytes per second.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }

    /// Mean rate of the bins in which a loss showed, bytes per second.
    pub fn lossy_mean(&self) -> Option<f64> {
        (self.lossy > 0).then(|| self.lossy_sum / f64::from(self.lossy))
    }

    /// Standard deviation over mean.
    pub fn variation(&self) -> Option<f64> {
        let mean = self.mean()?;
        if self.count < 2 || mean <= 0.0 {
            return None;
        }
        let variance = self.sum_squared / f64::from(self.count) - mean * mean;
        Some(variance.max(0.0).sqrt() / mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut stats = RttStats::default();
        for ms in 1..=100 {
            stats.add(Span::from_millis(ms));
        }
        let median = stats.quantile(0.5).unwrap().as_millis();
        assert!((35.0..=70.0).contains(&median), "{median}");
        assert_eq!(stats.shortest(), Some(Span::from_millis(1)));
        assert_eq!(stats.mean(), Some(Span::from_micros(50_500)));
        assert!(stats.quantile(0.99).unwrap() <= Span::from_millis(100));
        assert_eq!(RttStats::default().quantile(0.5), None);
    }

    #[test]
    fn few_samples_and_many_have_the_same_quantiles() {
        let mut stats = RttStats::default();
        let mut once = Vec::new();
        for n in 1..=FEW as i64 {
            stats.add(Span::from_micros(n * n * 300));
            once.push(stats.quantile(0.5));
            assert!(matches!(stats.buckets, Buckets::Few(_)));
        }
        let half = stats.quantile(0.5);
        assert_eq!(once.last(), Some(&half));
        for n in 1..=FEW as i64 {
            stats.add(Span::from_micros(n * n * 300));
        }
        assert!(matches!(stats.buckets, Buckets::Many(_)));
        assert_eq!(stats.quantile(0.5), half);
        assert_eq!(stats.count as usize, 2 * FEW);
    }

    #[test]
    fn long_round_trips_keep_their_length() {
        for ms in [200, 700, 3_000, 20_000] {
            let mut stats = RttStats::default();
            stats.add(Span::from_millis(1));
            for _ in 0..9 {
                stats.add(Span::from_millis(ms));
            }
            stats.add(Span::from_secs(30));
            let usual = stats.quantile(0.5).unwrap().as_millis();
            let ratio = usual / ms as f64;
            assert!((0.7..=1.4).contains(&ratio), "{usual} for {ms}");
        }
    }

    #[test]
    fn buckets_grow_with_the_sample() {
        let mut last = 0;
        for us in [1, 64, 100, 128, 200, 400, 10_000, 1_000_000, 100_000_000] {
            let bucket = bucket_of(Span::from_micros(us));
            assert!(bucket >= last);
            last = bucket;
        }
        assert_eq!(last, BUCKETS - 1);
    }

    #[test]
    fn variation_of_a_steady_rate_is_zero() {
        let bins = RateBins {
            count: 4,
            sum: 400.0,
            sum_squared: 40_000.0,
            ..RateBins::default()
        };
        assert_eq!(bins.variation(), Some(0.0));
    }
}
