//! Chance: what a count of failures tells about how often something fails.
//!
//! A share of failures alone says little: 1 of 10 may be 2 % or 40 %. Everything here is exact or has its
//! formula named, and depends on nothing but its arguments.

/// The quantile of the normal distribution that leaves 2.5 % above it.
const Z_95: f64 = 1.959_963_984_540_054;

/// The interval that holds the true rate with 95 % confidence, by Wilson's score (E. B. Wilson, 1927): from
/// 0 to 1. It is all of that when nothing was tried.
pub fn wilson(failed: u64, trials: u64) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let n = trials as f64;
    let share = failed.min(trials) as f64 / n;
    let z2 = Z_95 * Z_95;
    let centre = share + z2 / (2.0 * n);
    let half = Z_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    let low = if failed == 0 {
        0.0
    } else {
        ((centre - half) / scale).max(0.0)
    };
    let high = if failed >= trials {
        1.0
    } else {
        ((centre + half) / scale).min(1.0)
    };
    (low, high)
}

/// The least rate that would have shown at least one failure in so many trials with 95 % confidence.
pub fn detectable_rate(trials: u64) -> f64 {
    if trials == 0 {
        return 1.0;
    }
    1.0 - 0.05_f64.powf(1.0 / trials as f64)
}

/// How many trials show at least one failure of a rate with this confidence; both from 0 to 1, exclusive.
pub fn trials_to_see(rate: f64, confidence: f64) -> u64 {
    ((1.0 - confidence).ln() / (1.0 - rate).ln()).ceil() as u64
}

/// The chance that at least so many of all failures fall to the first of two groups if it fails no more
/// often than the other: Fisher's exact test, one-sided.
pub fn fisher(failed: u64, trials: u64, others_failed: u64, others: u64) -> f64 {
    let failed = failed.min(trials);
    let all_failed = failed + others_failed.min(others);
    let all = trials + others;
    let whole = ln_choose(all, all_failed);
    let most = trials.min(all_failed);
    let sum: f64 = (failed..=most)
        .filter(|here| all_failed - here <= others)
        .map(|here| (ln_choose(trials, here) + ln_choose(others, all_failed - here) - whole).exp())
        .sum();
    sum.min(1.0)
}

/// The chance of as few runs of equal outcomes as these, or fewer, if failures are spread at random: the
/// lower tail of the runs test of Wald and Wolfowitz (1940), exact. Small means that failures come in
/// bursts. It is 1 when there is one kind of outcome only.
pub fn few_runs(outcomes: &[bool]) -> f64 {
    let failed = outcomes.iter().filter(|&&failed| failed).count() as u64;
    let fine = outcomes.len() as u64 - failed;
    if failed == 0 || fine == 0 {
        return 1.0;
    }
    let runs = 1 + outcomes
        .windows(2)
        .filter(|pair| pair.first() != pair.last())
        .count() as u64;
    let whole = ln_choose(failed + fine, failed);
    let both = |a: u64, b: u64| {
        if a > failed - 1 || b > fine - 1 {
            return 0.0;
        }
        (ln_choose(failed - 1, a) + ln_choose(fine - 1, b) - whole).exp()
    };
    let sum: f64 = (2..=runs)
        .map(|runs| {
            let half = runs / 2;
            if runs % 2 == 0 {
                2.0 * both(half - 1, half - 1)
            } else {
                both(half - 1, half) + both(half, half - 1)
            }
        })
        .sum();
    sum.min(1.0)
}

/// What a sequential test has decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    #[default]
    Open,
    /// It fails no more often than can be borne.
    Cleared,
    /// It fails too often.
    Convicted,
}

/// The sequential probability ratio test (A. Wald, 1945): decides between two rates with as few trials as
/// its errors allow.
#[derive(Clone, Copy, Debug)]
pub struct Sequential {
    /// What a failure adds to the logarithm of the likelihood ratio, and what a success takes away.
    steps: (f64, f64),
    /// Where it decides, below and above zero.
    bound: f64,
    ratio: f64,
    decision: Decision,
}

impl Default for Sequential {
    /// 0.1 % can be borne, 5 % cannot, and either error is made in 5 of 100 cases: 59 successes in a row
    /// clear, and a failure among the first 20 trials convicts.
    fn default() -> Sequential {
        Sequential::between(0.001, 0.05, 0.05)
    }
}

impl Sequential {
    /// A test between a rate that can be borne and one that cannot, with the same chance for either error.
    pub fn between(borne: f64, unbearable: f64, error: f64) -> Sequential {
        Sequential {
            steps: (
                (unbearable / borne).ln(),
                ((1.0 - unbearable) / (1.0 - borne)).ln(),
            ),
            bound: ((1.0 - error) / error).ln(),
            ratio: 0.0,
            decision: Decision::Open,
        }
    }

    /// Takes one more trial into account. What is decided stays decided.
    pub fn note(&mut self, failed: bool) -> Decision {
        if self.decision == Decision::Open {
            let (failure, success) = self.steps;
            self.ratio += if failed { failure } else { success };
            if self.ratio >= self.bound {
                self.decision = Decision::Convicted;
            } else if self.ratio <= -self.bound {
                self.decision = Decision::Cleared;
            }
        }
        self.decision
    }

    /// What is decided so far.
    pub fn decision(&self) -> Decision {
        self.decision
    }
}

/// A share as people write it, without the sign: two digits that tell something, `0.26`, `5.5`, `40`.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        v if v <= 0.0 => "0".to_owned(),
        v if v < 0.995 => format!("{v:.2}"),
        v if v < 9.95 => {
            let text = format!("{v:.1}");
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
        v => format!("{v:.0}"),
    }
}

/// The logarithm of the number of ways to choose `some` of `all`; minus infinity where there are none.
fn ln_choose(all: u64, some: u64) -> f64 {
    if some > all {
        return f64::NEG_INFINITY;
    }
    ln_factorial(all) - ln_factorial(some) - ln_factorial(all - some)
}

/// The logarithm of a factorial: summed up for small numbers, Stirling's series for large ones.
fn ln_factorial(n: u64) -> f64 {
    if n < 64 {
        return (2..=n).map(|factor| (factor as f64).ln()).sum();
    }
    let n = n as f64;
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + 1.0 / (12.0 * n)
        - 1.0 / (360.0 * n.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(is: f64, should: f64, by: f64) {
        assert!((is - should).abs() <= by, "{is} should be {should}");
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        for (failed, trials, low, high) in [
            (0, 10, 0.0, 0.278),
            (0, 30, 0.0, 0.114),
            (0, 60, 0.0, 0.060),
            (0, 100, 0.0, 0.037),
            (0, 1_000, 0.0, 0.003_8),
            (1, 10, 0.018, 0.404),
            (1, 100, 0.002, 0.055),
            (3, 100, 0.010, 0.085),
            (10, 1_000, 0.005_4, 0.018_3),
            (10, 10, 0.722, 1.0),
        ] {
            let (is_low, is_high) = wilson(failed, trials);
            close(is_low, low, 0.000_6);
            close(is_high, high, 0.000_6);
        }
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn so_many_trials_show_a_rate() {
        for (rate, each) in [
            (0.2, [11, 14, 21]),
            (0.1, [22, 29, 44]),
            (0.05, [45, 59, 90]),
            (0.02, [114, 149, 228]),
            (0.01, [230, 299, 459]),
            (0.001, [2302, 2995, 4603]),
        ] {
            for (confidence, trials) in [0.9, 0.95, 0.99].into_iter().zip(each) {
                assert_eq!(
                    trials_to_see(rate, confidence),
                    trials,
                    "{rate} {confidence}"
                );
            }
        }
        assert!(detectable_rate(59) < 0.05);
        assert!(detectable_rate(58) > 0.05);
        close(detectable_rate(0), 1.0, 0.0);
    }

    #[test]
    fn the_sequential_test_clears_and_convicts() {
        let mut test = Sequential::default();
        let cleared = (1..1_000).find(|_| test.note(false) == Decision::Cleared);
        assert_eq!(cleared, Some(59));
        let mut test = Sequential::default();
        assert_eq!(test.note(true), Decision::Convicted);
        assert_eq!(test.note(false), Decision::Convicted);
        // One failure after 20 successes is not enough; a second one is.
        let mut test = Sequential::default();
        (0..20).for_each(|_| {
            test.note(false);
        });
        assert_eq!(test.note(true), Decision::Open);
        assert_eq!(test.note(true), Decision::Convicted);
        assert_eq!(test.decision(), Decision::Convicted);
    }

    #[test]
    fn fishers_test_knows_its_tea() {
        // R. A. Fisher, The Design of Experiments: eight cups, four of them with milk first.
        close(fisher(4, 4, 0, 4), 1.0 / 70.0, 1e-9);
        close(fisher(3, 4, 1, 4), 17.0 / 70.0, 1e-9);
        close(fisher(0, 4, 4, 4), 1.0, 1e-9);
        // All three failures at one of five backends, whichever it is.
        close(5.0 * fisher(3, 20_000, 0, 80_000), 0.04, 0.001);
        close(5.0 * fisher(4, 20_000, 0, 80_000), 0.008, 0.000_1);
        close(10.0 * fisher(3, 10_000, 0, 90_000), 0.01, 0.001);
        close(fisher(0, 0, 0, 0), 1.0, 1e-9);
    }

    #[test]
    fn runs_are_counted_exactly() {
        let outcomes = |text: &str| -> Vec<bool> { text.chars().map(|one| one == 'x').collect() };
        // Five of ten: 252 orders, 2 of them with two runs, 8 with three, 32 with four.
        close(few_runs(&outcomes("xxxxx.....")), 2.0 / 252.0, 1e-9);
        close(few_runs(&outcomes("xx.....xxx")), 10.0 / 252.0, 1e-9);
        close(few_runs(&outcomes("xx...xxx..")), 42.0 / 252.0, 1e-9);
        close(few_runs(&outcomes("x.x.x.x.x.")), 1.0, 1e-9);
        close(few_runs(&outcomes("xxxx")), 1.0, 0.0);
        close(few_runs(&[]), 1.0, 0.0);
    }

    #[test]
    fn shares_are_short() {
        let cases = [
            (0.0, "0"),
            (0.002_6, "0.26"),
            (0.05, "5"),
            (0.055, "5.5"),
            (0.404, "40"),
            (1.0, "100"),
        ];
        for (share, text) in cases {
            assert_eq!(percent(share), text);
        }
    }
}
