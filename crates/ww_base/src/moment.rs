//! Time as a value: nobody in the core asks a clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A point in time: nanoseconds since 1970-01-01 00:00 UTC, negative before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

/// A signed length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A span of whole milliseconds.
    #[inline]
    pub const fn from_millis(ms: i64) -> Span {
        Span(ms.saturating_mul(1_000_000))
    }

    /// A span of whole microseconds.
    #[inline]
    pub const fn from_micros(us: i64) -> Span {
        Span(us.saturating_mul(1_000))
    }

    /// A span of whole seconds.
    #[inline]
    pub const fn from_secs(s: i64) -> Span {
        Span(s.saturating_mul(1_000_000_000))
    }

    /// The span in milliseconds, with its fraction.
    #[inline]
    pub fn as_millis(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The span in seconds, with its fraction.
    #[inline]
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The longer of two spans.
    #[must_use]
    #[inline]
    pub fn max(self, other: Span) -> Span {
        Span(self.0.max(other.0))
    }

    /// The shorter of two spans.
    #[must_use]
    #[inline]
    pub fn min(self, other: Span) -> Span {
        Span(self.0.min(other.0))
    }

    /// The span, or zero when it is negative.
    #[must_use]
    #[inline]
    pub fn or_zero(self) -> Span {
        self.max(Span::ZERO)
    }

    /// The span taken `times` times, saturating.
    #[must_use]
    #[inline]
    pub fn times(self, times: i64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}

/// As an engineer says it: `380 µs`, `41.2 ms`, `5.00 s`, `12.5 min`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.as_secs();
        match seconds.abs() {
            s if s < 1e-6 => write!(f, "{} ns", self.0),
            s if s < 1e-3 => write!(f, "{:.0} µs", seconds * 1e6),
            s if s < 0.9995 => write!(f, "{} ms", three_digits(seconds * 1e3)),
            s if s < 120.0 => write!(f, "{} s", three_digits(seconds)),
            s if s < 7200.0 => write!(f, "{} min", three_digits(seconds / 60.0)),
            _ => write!(f, "{} h", three_digits(seconds / 3600.0)),
        }
    }
}

/// About three significant digits, without an exponent.
fn three_digits(value: f64) -> String {
    match value.abs() {
        v if v < 10.0 => format!("{value:.2}"),
        v if v < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

impl Moment {
    /// The day in the Gregorian calendar, UTC: `2026-11-29`.
    pub fn date(self) -> String {
        const DAY: i64 = 86_400_000_000_000;
        // Counted from 0000-03-01, so that a leap day is the last of its year.
        let days = self.0.div_euclid(DAY) + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        format!("{year:04}-{month:02}-{day:02}")
    }
}

impl Sub for Moment {
    type Output = Span;
    #[inline]
    fn sub(self, earlier: Moment) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Moment {
    type Output = Moment;
    #[inline]
    fn add(self, later: Span) -> Moment {
        Moment(self.0.saturating_add(later.0))
    }
}

impl Sub<Span> for Moment {
    type Output = Moment;
    #[inline]
    fn sub(self, earlier: Span) -> Moment {
        Moment(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Span {
    type Output = Span;
    #[inline]
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Span;
    #[inline]
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Span {
    #[inline]
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Span {
    #[inline]
    fn sum<I: Iterator<Item = Span>>(spans: I) -> Span {
        spans.fold(Span::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_day() {
        let days = [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_996_799, "2026-11-29"),
            (4_107_542_400, "2100-03-01"),
        ];
        for (seconds, day) in days {
            assert_eq!(Moment(seconds * 1_000_000_000).date(), day);
        }
    }

    #[test]
    fn spans_read_as_an_engineer_says_them() {
        let said = |ns| Span(ns).to_string();
        assert_eq!(said(0), "0 ns");
        assert_eq!(said(380_000), "380 µs");
        assert_eq!(said(41_234_000), "41.2 ms");
        assert_eq!(said(999_900_000), "1.00 s");
        assert_eq!(said(5_000_000_000), "5.00 s");
        assert_eq!(said(750_000_000_000), "12.5 min");
        assert_eq!(said(-2_000_000), "-2.00 ms");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Moment(i64::MAX) + Span(1), Moment(i64::MAX));
        assert_eq!(Moment(i64::MIN) - Moment(i64::MAX), Span(i64::MIN));
    }
}
