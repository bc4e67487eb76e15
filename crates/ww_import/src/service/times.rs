//! Times as products write them.

use ww_base::Span;

/// How a product writes times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    /// Numbers with the units `ms`, `s`, `m`, `h`, `d`, `w`, `M`, `y`, one after the other; without
    /// one, seconds (nginx: "Configuration file measurement units").
    Nginx,
    /// A number with `us`, `ms`, `s`, `m`, `h` or `d`; without one, milliseconds (HAProxy, "Time
    /// format").
    Haproxy,
    /// Numbers, also with fractions, with the units `ns`, `us`, `ms`, `s`, `m`, `h`, one after the
    /// other (Go's `time.ParseDuration`; Istio, Gateway API, compose).
    Go,
    /// A number with `s`, also with a fraction (Protocol Buffers' JSON; Envoy).
    Protobuf,
    /// A number with `ns`, `us`, `ms`, `s`, `m`, `h` or `d`, or ISO 8601; without a unit,
    /// milliseconds (Spring Boot, "Converting Durations").
    Spring,
    /// A bare number of seconds, also with a fraction.
    Seconds,
}

impl Notation {
    /// The time that a text writes; none when it writes none.
    pub(crate) fn parse(self, text: &str) -> Option<Span> {
        let text = text.trim();
        if self == Notation::Spring && text.starts_with(['P', 'p']) {
            return iso8601(text);
        }
        if let Ok(number) = text.parse::<f64>() {
            return spanned(number, self.bare()?);
        }
        let many = matches!(self, Notation::Nginx | Notation::Go);
        let mut rest = text;
        let mut sum = Span::ZERO;
        while !rest.is_empty() {
            if !many && rest.len() != text.len() {
                return None;
            }
            let number_length = rest
                .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
                .unwrap_or(rest.len());
            let (number, behind) = rest.split_at_checked(number_length)?;
            let unit_length = behind
                .find(|letter: char| !letter.is_alphabetic())
                .unwrap_or(behind.len());
            let (unit, behind) = behind.split_at_checked(unit_length)?;
            let unit = match unit {
                "" => self.bare()?,
                unit => self.unit(unit)?,
            };
            sum += spanned(number.parse().ok()?, unit)?;
            rest = behind.trim_start();
        }
        (!text.is_empty()).then_some(sum)
    }

    /// Nanoseconds of a number without a unit.
    fn bare(self) -> Option<i64> {
        match self {
            Notation::Nginx | Notation::Seconds => Some(1_000_000_000),
            Notation::Haproxy | Notation::Spring => Some(1_000_000),
            Notation::Go | Notation::Protobuf => None,
        }
    }

    /// Nanoseconds of a unit.
    fn unit(self, unit: &str) -> Option<i64> {
        let known: &[&str] = match self {
            Notation::Nginx => &["ms", "s", "m", "h", "d", "w", "M", "y"],
            Notation::Haproxy => &["us", "ms", "s", "m", "h", "d"],
            Notation::Go => &["ns", "us", "µs", "ms", "s", "m", "h"],
            Notation::Protobuf => &["s"],
            Notation::Spring => &["ns", "us", "ms", "s", "m", "h", "d"],
            Notation::Seconds => &[],
        };
        let second = 1_000_000_000;
        known.contains(&unit).then_some(match unit {
            "ns" => 1,
            "us" | "µs" => 1000,
            "ms" => 1_000_000,
            "s" => second,
            "m" => 60 * second,
            "h" => 3600 * second,
            "d" => 86_400 * second,
            "w" => 7 * 86_400 * second,
            "M" => 30 * 86_400 * second,
            _ => 365 * 86_400 * second,
        })
    }
}

/// So many units; none beyond what a span holds.
fn spanned(number: f64, unit: i64) -> Option<Span> {
    let nanoseconds = number * unit as f64;
    (nanoseconds.is_finite() && nanoseconds.abs() < 9e18)
        .then_some(Span(nanoseconds.round() as i64))
}

/// `PT1H30M`, `P2D`: days, hours, minutes and seconds (ISO 8601, as Java's `Duration.parse`).
fn iso8601(text: &str) -> Option<Span> {
    let mut rest = text.get(1..)?;
    let mut in_time = false;
    let mut sum = Span::ZERO;
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix(['T', 't']) {
            in_time = true;
            rest = behind;
            continue;
        }
        let length = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (number, behind) = rest.split_at_checked(length)?;
        let unit = behind.chars().next()?.to_ascii_uppercase();
        let seconds = match (in_time, unit) {
            (false, 'D') => 86_400,
            (true, 'H') => 3600,
            (true, 'M') => 60,
            (true, 'S') => 1,
            _ => return None,
        };
        sum += spanned(number.parse().ok()?, seconds * 1_000_000_000)?;
        rest = behind.get(1..)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::Notation;

    fn millis(notation: Notation, text: &str) -> Option<f64> {
        notation.parse(text).map(ww_base::Span::as_millis)
    }

    #[test]
    fn a_bare_number_is_seconds_here_and_milliseconds_there() {
        assert_eq!(millis(Notation::Nginx, "60"), Some(60_000.0));
        assert_eq!(millis(Notation::Haproxy, "60"), Some(60.0));
        assert_eq!(millis(Notation::Spring, "500"), Some(500.0));
        assert_eq!(millis(Notation::Go, "30"), None);
    }

    #[test]
    fn units_are_those_of_the_product() {
        assert_eq!(millis(Notation::Nginx, "1m30s"), Some(90_000.0));
        assert_eq!(millis(Notation::Nginx, "1m 30s"), Some(90_000.0));
        assert_eq!(millis(Notation::Nginx, "500ms"), Some(500.0));
        assert_eq!(millis(Notation::Haproxy, "1m"), Some(60_000.0));
        assert_eq!(millis(Notation::Haproxy, "1m30s"), None);
        assert_eq!(millis(Notation::Go, "1.5h"), Some(5_400_000.0));
        assert_eq!(millis(Notation::Go, "1h30m"), Some(5_400_000.0));
        assert_eq!(millis(Notation::Protobuf, "0.25s"), Some(250.0));
        assert_eq!(millis(Notation::Protobuf, "1m"), None);
        assert_eq!(millis(Notation::Spring, "PT1M30S"), Some(90_000.0));
        assert_eq!(millis(Notation::Spring, "2m"), Some(120_000.0));
        assert_eq!(millis(Notation::Seconds, "2.5"), Some(2500.0));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "s", "x", "1x", "-", "1..2s", "9e300s"] {
            assert_eq!(millis(Notation::Nginx, text), None, "{text}");
        }
    }
}
