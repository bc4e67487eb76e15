//! Edits that give a setting another value, in the way in which it is written.

use crate::Declared;
use crate::operand::Known;
use ww_base::{SourceSpan, Span};
use ww_finding::{Edit, Fix, Safety};

/// The fix that sets a time to another one. An edit where the time is written; only a sentence
/// where it is a default, as nothing says how and where it would have to be written.
pub(crate) fn set_time(
    declared: &Declared<'_>,
    known: &Known<Span>,
    to: Span,
    title: impl Into<String>,
) -> Fix {
    let edit = known.at.and_then(|at| {
        let text = declared.text(at)?;
        let (start, end, word) = value_word(text)?;
        let span = SourceSpan {
            start: at.start + start as u32,
            end: at.start + end as u32,
            ..at
        };
        let replace_with = rewritten(word, known.value, to)?;
        Some(Edit { span, replace_with })
    });
    with(edit, title)
}

/// The fix that sets each of several times to the same one.
pub(crate) fn set_times<'k>(
    declared: &Declared<'_>,
    all: impl IntoIterator<Item = &'k Known<Span>>,
    to: Span,
    title: impl Into<String>,
) -> Fix {
    let title = title.into();
    let fixes = all
        .into_iter()
        .map(|known| set_time(declared, known, to, title.clone()));
    let whole = fixes.reduce(|mut whole, one| {
        if one.safety == Safety::Review {
            whole.safety = Safety::Review;
        }
        whole.edits.extend(one.edits);
        whole
    });
    whole.unwrap_or_else(|| Fix::advice(title))
}

/// The fix that sets a number to another one: an edit where the number is written, a sentence where
/// it is a default.
pub(crate) fn set_number(
    declared: &Declared<'_>,
    known: &Known<u64>,
    to: u64,
    title: impl Into<String>,
) -> Fix {
    let edit = known.at.and_then(|at| {
        let text = declared.text(at)?;
        let (start, end, word) = value_word(text)?;
        let span = SourceSpan {
            start: at.start + start as u32,
            end: at.start + end as u32,
            ..at
        };
        let is_plain = word.parse() == Ok(known.value);
        is_plain.then(|| Edit {
            span,
            replace_with: to.to_string(),
        })
    });
    with(edit, title)
}

/// The fix that puts another word in the place of a setting's last one.
pub(crate) fn replace(
    declared: &Declared<'_>,
    at: SourceSpan,
    old: &str,
    new: &str,
    title: impl Into<String>,
) -> Fix {
    let found = declared.text(at).and_then(value_word);
    let edit = found.filter(|(.., word)| *word == old);
    let edit = edit.map(|(start, end, _)| Edit {
        span: SourceSpan {
            start: at.start + start as u32,
            end: at.start + end as u32,
            ..at
        },
        replace_with: new.to_owned(),
    });
    with(edit, title)
}

fn with(edit: Option<Edit>, title: impl Into<String>) -> Fix {
    Fix {
        title: title.into(),
        safety: if edit.is_some() {
            Safety::Safe
        } else {
            Safety::Review
        },
        edits: edit.into_iter().collect(),
    }
}

/// The value in the text of a setting: its last word, without quotes and what ends it. Begin, end
/// and the word itself.
fn value_word(text: &str) -> Option<(usize, usize, &str)> {
    let is_around = |letter: char| {
        letter.is_whitespace() || matches!(letter, ';' | '"' | '\'' | ',' | '}' | ')' | ']')
    };
    let end = text.trim_end_matches(is_around).len();
    let inside = text.get(..end)?;
    let start = inside
        .rfind(|letter: char| {
            letter.is_whitespace() || matches!(letter, '=' | ':' | '"' | '\'' | '(' | '[' | '{')
        })
        .map_or(0, |at| at + 1);
    let word = inside.get(start..)?;
    (!word.is_empty()).then_some((start, end, word))
}

/// A time in the notation of a word that stands for another one: in the same unit where that makes
/// it a whole number, in seconds or milliseconds otherwise. A word without a unit tells by its value
/// what it counts.
fn rewritten(word: &str, old: Span, new: Span) -> Option<String> {
    let digits = word
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(word.len());
    let (number, unit) = word.split_at_checked(digits)?;
    let number: i64 = number.parse().ok()?;
    if number == 0 || old.0 % number != 0 {
        return None;
    }
    let unit_length = old.0 / number;
    let is_known = unit.is_empty() || matches!(unit, "ms" | "s" | "m" | "min" | "h" | "d");
    if !is_known || unit_length <= 0 {
        return None;
    }
    if new.0 % unit_length == 0 {
        return Some(format!("{}{unit}", new.0 / unit_length));
    }
    match (unit.is_empty(), new.0 % 1_000_000_000, new.0 % 1_000_000) {
        (false, 0, _) => Some(format!("{}s", new.0 / 1_000_000_000)),
        (false, _, 0) => Some(format!("{}ms", new.0 / 1_000_000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_the_last_word_of_a_setting() {
        let word = |text: &'static str| {
            let (start, end, word) = value_word(text)?;
            Some((text.get(start..end)?, word))
        };
        for (text, expected) in [
            ("keepalive_timeout 75s;", "75s"),
            ("timeout server 30s", "30s"),
            ("timeout: 10s", "10s"),
            ("perTryTimeout: \"2s\"", "2s"),
            ("server.keepAliveTimeout = 5000;", "5000"),
            ("--keep-alive=2", "2"),
            ("75s", "75s"),
            ("\"idleTimeout\": 60000,", "60000"),
        ] {
            assert_eq!(word(text), Some((expected, expected)), "{text}");
        }
        assert_eq!(word(" ;"), None);
    }

    #[test]
    fn a_time_is_written_as_the_one_before_it() {
        let to = |word, old, new| rewritten(word, Span::from_millis(old), Span::from_millis(new));
        assert_eq!(to("75s", 75_000, 65_000).as_deref(), Some("65s"));
        assert_eq!(to("75", 75_000, 65_000).as_deref(), Some("65"));
        assert_eq!(to("5000", 5000, 65_000).as_deref(), Some("65000"));
        assert_eq!(to("1m", 60_000, 65_000).as_deref(), Some("65s"));
        assert_eq!(to("5s", 5000, 2500).as_deref(), Some("2500ms"));
        assert_eq!(to("5", 5000, 2500), None);
        assert_eq!(to("1m30s", 90_000, 65_000), None);
        assert_eq!(to("0", 0, 65_000), None);
        assert_eq!(to("${T}", 5000, 65_000), None);
    }
}
