//! Dates as HTTP writes them.

use ww_base::{Moment, Span};

/// A day in nanoseconds.
const DAY: i64 = 86_400_000_000_000;

/// The months as they are written, from January.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that is sent (RFC 9110 section 5.6.7).
pub(super) fn read(text: &str) -> Option<Moment> {
    let (_, rest) = text.trim().split_once(", ")?;
    let words: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, clock, "GMT"] = words.as_slice() else {
        return None;
    };
    let month = MONTHS.iter().position(|known| known == month)? as i64 + 1;
    let day: i64 = number(day, 31)?;
    let year: i64 = number(year, 9999)?;
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else {
        return None;
    };
    // A leap second is written as :60.
    let (hour, minute, second) = (number(hour, 23)?, number(minute, 59)?, number(second, 60)?);
    let days = Moment(days(year, month, day).checked_mul(DAY)?);
    Some(days + Span::from_secs(hour * 3600 + minute * 60 + second))
}

fn number(text: &str, most: i64) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits)?;
    (number <= most).then_some(number)
}

/// Days from 1970-01-01 to a date, counted from March so that a leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        let good = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Thu, 31 Dec 1998 23:59:60 GMT", 915_148_800),
        ];
        for (text, seconds) in good {
            assert_eq!(read(text), Some(Moment(seconds * 1_000_000_000)), "{text}");
        }
        for text in [
            "",
            "0",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nox 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn days_agree_with_how_moments_are_written() {
        for day in (-100_000..100_000).step_by(97) {
            let written = Moment(day * DAY).date();
            let mut parts = written.rsplitn(3, '-').map(str::parse::<i64>);
            let (Some(Ok(d)), Some(Ok(m)), Some(Ok(y))) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            assert_eq!(days(y, m, d), day, "{written}");
        }
    }
}
