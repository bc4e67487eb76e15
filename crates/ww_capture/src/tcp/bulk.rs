//! What is measured once a direction has sent much: rates, limits, how delay follows load.

use ww_base::{Moment, Span};
use ww_evidence::{Bulk, Mark, RateBins};

/// Bytes after which a direction counts as bulk.
pub(crate) const BULK_BYTES: u64 = 64 << 10;

/// Samples below which a correlation means nothing.
const CORRELATION_SAMPLES: u32 = 20;

/// Measurements of one bulk direction.
#[derive(Clone, Debug)]
pub(crate) struct BulkState {
    facts: Bulk,
    arrivals: Binner,
    acknowledged: Binner,
    last_event: Moment,
    in_flight: bool,
    limited: bool,
    relation: Relation,
}

impl BulkState {
    /// Begins; `rtt` sets the width of the rate bins.
    pub(crate) fn new(first: Mark, rtt: Option<Span>) -> BulkState {
        let width = rtt
            .unwrap_or(Span::ZERO)
            .times(4)
            .max(Span::from_millis(100))
            .min(Span::from_secs(1));
        BulkState {
            facts: Bulk {
                first,
                last: first,
                ..Bulk::default()
            },
            arrivals: Binner::new(width, first.at),
            acknowledged: Binner::new(width, first.at),
            last_event: first.at,
            in_flight: false,
            limited: false,
            relation: Relation::default(),
        }
    }

    /// Data or an acknowledgement changed what is in flight.
    pub(crate) fn flight(&mut self, at: Moment, in_flight: u32, window: Option<u32>, segment: u32) {
        let since = (at - self.last_event).or_zero();
        if self.in_flight {
            self.facts.busy += since;
            if self.limited {
                self.facts.window_limited += since;
            }
        }
        self.last_event = at;
        self.in_flight = in_flight > 0;
        self.facts.in_flight_max = self.facts.in_flight_max.max(in_flight);
        self.limited = window.is_some_and(|window| in_flight.saturating_add(segment) > window);
        if let Some(window) = window {
            self.facts.window_max = self.facts.window_max.max(window);
        }
    }

    /// New data passed.
    pub(crate) fn arrived(&mut self, mark: Mark, bytes: u32) {
        self.facts.last = mark;
        self.arrivals.add(mark.at, bytes);
    }

    /// The receiver acknowledged more.
    pub(crate) fn acknowledge(&mut self, at: Moment, bytes: u32) {
        self.acknowledged.add(at, bytes);
    }

    /// A loss showed.
    pub(crate) fn lost(&mut self) {
        self.arrivals.lossy = true;
        self.acknowledged.lossy = true;
    }

    /// The sender paused with nothing in flight.
    pub(crate) fn paused(&mut self, pause: Span, after_short: bool) {
        self.facts.paused += pause;
        self.facts.pauses += 1;
        self.facts.pauses_after_short += u32::from(after_short);
    }

    /// A round trip, measured on a segment sent with `flight` bytes outstanding.
    pub(crate) fn round_trip(&mut self, rtt: Span, flight: u32) {
        self.relation.add(f64::from(flight), rtt.as_millis());
        let largest = self.facts.in_flight_max;
        if flight <= largest / 4 {
            self.facts.rtt_small_flight.add(rtt);
        } else if flight > largest / 2 {
            self.facts.rtt_large_flight.add(rtt);
        }
    }

    /// All measurements, with the number of loss episodes counted elsewhere.
    pub(crate) fn finish(mut self, loss_episodes: u32) -> Bulk {
        self.facts.arrivals = self.arrivals.finish();
        self.facts.acknowledged = self.acknowledged.finish();
        self.facts.rtt_flight_correlation = self.relation.correlation();
        self.facts.loss_episodes = loss_episodes;
        self.facts
    }
}

/// Collects bytes into equal time bins.
#[derive(Clone, Debug)]
struct Binner {
    bins: RateBins,
    started: Moment,
    bytes: u64,
    lossy: bool,
    rate_before: f64,
}

impl Binner {
    fn new(width: Span, started: Moment) -> Binner {
        Binner {
            bins: RateBins {
                width,
                ..RateBins::default()
            },
            started,
            bytes: 0,
            lossy: false,
            rate_before: 0.0,
        }
    }

    fn add(&mut self, at: Moment, bytes: u32) {
        let elapsed = at - self.started;
        if elapsed >= self.bins.width || elapsed < Span::ZERO {
            // A bin that ended in silence is not a rate of the path.
            if elapsed < self.bins.width.times(2) && elapsed > Span::ZERO {
                self.close();
                self.started = self.started + self.bins.width;
            } else {
                self.rate_before = 0.0;
                self.started = at;
            }
            self.bytes = 0;
            self.lossy = false;
        }
        self.bytes += u64::from(bytes);
    }

    fn close(&mut self) {
        let rate = self.bytes as f64 / self.bins.width.as_secs();
        self.bins.count += 1;
        self.bins.sum += rate;
        self.bins.sum_squared += rate * rate;
        self.bins.max = self.bins.max.max(rate);
        if self.lossy {
            self.bins.lossy += 1;
            self.bins.lossy_sum += rate.max(self.rate_before);
        }
        self.rate_before = rate;
    }

    fn finish(self) -> RateBins {
        self.bins
    }
}

/// Running sums for Pearson's correlation.
#[derive(Clone, Copy, Debug, Default)]
struct Relation {
    count: u32,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Relation {
    fn add(&mut self, x: f64, y: f64) {
        self.count += 1;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    fn correlation(&self) -> Option<f64> {
        if self.count < CORRELATION_SAMPLES {
            return None;
        }
        let n = f64::from(self.count);
        let covariance = self.xy / n - self.x / n * (self.y / n);
        let x_variance = self.xx / n - (self.x / n).powi(2);
        let y_variance = self.yy / n - (self.y / n).powi(2);
        let scale = (x_variance * y_variance).sqrt();
        (scale > 1e-9).then(|| (covariance / scale).clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_that_follows_load_correlates() {
        let mut relation = Relation::default();
        for n in 0..40 {
            relation.add(f64::from(n) * 1000.0, 20.0 + f64::from(n));
        }
        assert!(relation.correlation().unwrap() > 0.99);
        assert_eq!(Relation::default().correlation(), None);
    }

    #[test]
    fn a_steady_transfer_has_equal_bins() {
        let mut binner = Binner::new(Span::from_millis(100), Moment(0));
        for ms in 0..1000 {
            binner.add(Moment(ms * 1_000_000), 1000);
        }
        let bins = binner.finish();
        assert_eq!(bins.count, 9);
        assert!((bins.mean().unwrap() - 1e6).abs() < 1.0);
        assert!(bins.variation().unwrap() < 0.001);
    }
}
