//! Edits that give a setting another value, in the way in which it is written, or write it where it
//! belongs.

mod written;

use crate::Declared;
use crate::operand::Known;
use ww_base::{SourceSpan, Span};
use ww_finding::{Edit, Fix, Safety};
use ww_model::service::{Program, Room};

/// Words of directives that set one of several things, which the next word names.
const SETS_SEVERAL: [&str; 3] = ["proxy_set_header", "timeout", "option"];

/// The fix that sets a time to another one: an edit where the time is written; where it is a default,
/// a line in what stands at `place` and may hold it, or only a sentence where nothing says how it
/// would be written.
pub(crate) fn set_time(
    declared: &Declared<'_>,
    (known, place): (&Known<Span>, SourceSpan),
    to: Span,
    title: impl Into<String>,
) -> Fix {
    let edit = match (known.at, &known.default) {
        (Some(at), _) => edit(declared, at, |word| rewritten(word, known.value, to)),
        (None, Some(default)) => written::time(declared, default, place, to),
        (None, None) => None,
    };
    with(edit, title)
}

/// The edit of a value where it is written.
fn edit(
    declared: &Declared<'_>,
    at: SourceSpan,
    to: impl Fn(&str) -> Option<String>,
) -> Option<Edit> {
    if is_stated(declared, at) {
        return None;
    }
    let (start, end, word) = value_word(declared.text(at)?)?;
    let span = SourceSpan {
        start: at.start + start as u32,
        end: at.start + end as u32,
        ..at
    };
    let replace_with = to(word)?;
    Some(Edit { span, replace_with })
}

/// The fix that writes settings, each on a line of its own, in a block that has none of these names;
/// a sentence where there is no such block.
pub(crate) fn add_lines(room: Option<&Room>, lines: &[String], title: impl Into<String>) -> Fix {
    let edit = room.and_then(|room| {
        let is_free = lines.iter().all(|line| room.entry(&named(line)).is_none());
        let put = |line: &String| format!("{}{line}", room.before);
        is_free.then(|| Edit {
            span: room.at,
            replace_with: lines.iter().map(put).collect::<String>() + &room.after,
        })
    });
    with(edit, title)
}

/// What a directive sets: its first word, and the second one where the first sets several things.
fn named(line: &str) -> String {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let second = words.next().filter(|_| SETS_SEVERAL.contains(&first));
    match second {
        Some(second) => format!("{first} {second}"),
        None => first.to_owned(),
    }
}

/// The fix that sets each of several times to the same one.
pub(crate) fn set_times<'k>(
    declared: &Declared<'_>,
    all: impl IntoIterator<Item = (&'k Known<Span>, SourceSpan)>,
    to: Span,
    title: impl Into<String>,
) -> Fix {
    let all = all.into_iter();
    together(all.map(|known| set_time(declared, known, to, "")), title)
}

/// The fix that takes all of several ones.
pub(crate) fn together(fixes: impl Iterator<Item = Fix>, title: impl Into<String>) -> Fix {
    let title = title.into();
    let whole = fixes.reduce(|mut whole, one| {
        if one.safety == Safety::Review {
            whole.safety = Safety::Review;
        }
        for edit in one.edits {
            if !whole.edits.contains(&edit) {
                whole.edits.push(edit);
            }
        }
        whole
    });
    match whole {
        Some(whole) => Fix { title, ..whole },
        None => Fix::advice(title),
    }
}

/// The fix that sets a number to another one, as [`set_time`] does.
pub(crate) fn set_number(
    declared: &Declared<'_>,
    (known, place): (&Known<u64>, SourceSpan),
    to: u64,
    title: impl Into<String>,
) -> Fix {
    let edit = match (known.at, &known.default) {
        (Some(at), _) => edit(declared, at, |word| {
            (word.parse() == Ok(known.value)).then(|| to.to_string())
        }),
        (None, Some(default)) => written::number(declared, default, place, to),
        (None, None) => None,
    };
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

/// A time as the value of a setting that takes a unit.
pub(crate) fn as_value(span: Span) -> String {
    if span.0 % 1_000_000_000 == 0 {
        format!("{}s", span.0 / 1_000_000_000)
    } else {
        format!("{}ms", span.0 / 1_000_000)
    }
}

/// Whether nginx' `proxy_set_header` can be written in a block without taking those out of force that
/// are written around it: headers are inherited only by blocks that have none of their own.
pub(crate) fn takes_headers(program: &Program, room: &Room) -> bool {
    let has = |room: &Room| {
        let mut entries = room.entries.iter();
        entries.any(|entry| entry.name.starts_with("proxy_set_header "))
    };
    has(room) || !program.rooms.iter().any(has)
}

/// Whether a place is in a file of the team's statements: they say how things are, and changing them
/// changes nothing.
fn is_stated(declared: &Declared<'_>, at: SourceSpan) -> bool {
    let facts = &declared.model.services.facts;
    let programs = facts.programs.iter().map(|program| program.at);
    let middleboxes = facts.middleboxes.iter().map(|middlebox| middlebox.at);
    let demands = facts.demands.iter().filter_map(|demand| demand.at);
    let mut places = programs.chain(middleboxes).chain(demands);
    places.any(|place| place.source == at.source)
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
