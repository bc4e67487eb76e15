//! The keys of one table of the file, with their places.

use super::span;
use crate::Text;
use crate::service::{Intake, Notation};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use ww_base::{Gap, Locus, Order, Setting, SourceSpan, Span};

/// Words longer than this are not compared with others.
const LONGEST_WORD: usize = 64;

/// One table.
pub(super) struct Fields<'t> {
    table: &'t DeTable<'t>,
    text: &'t Text<'t>,
    at: SourceSpan,
    of: &'static str,
}

impl<'t> Fields<'t> {
    /// A table that problems call `of`; `at` is the bytes it is written on.
    pub(super) fn new(
        table: &'t DeTable<'t>,
        text: &'t Text<'t>,
        at: SourceSpan,
        of: &'static str,
    ) -> Fields<'t> {
        Fields {
            table,
            text,
            at,
            of,
        }
    }

    /// The bytes of the table, from its first to its last.
    pub(super) fn at(&self) -> SourceSpan {
        self.at
    }

    /// A problem for each key that is not among the known ones.
    pub(super) fn known(&self, known: &[&str], intake: &mut Intake<'_>) {
        for key in self.table.keys() {
            let word = key.get_ref().as_ref();
            if known.contains(&word) {
                continue;
            }
            let advice = nearest(word, known).map_or_else(
                || format!("it has {}", known.join(", ")),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            let message = format!("`{word}` is not a key of {}: {advice}", self.of);
            intake.malformed(self.place(key.span()), message);
        }
    }

    /// The table behind a key.
    pub(super) fn table(&self, key: &'static str, intake: &mut Intake<'_>) -> Option<Fields<'t>> {
        let (at, value) = self.entry(key)?;
        let Some(table) = value.as_table() else {
            intake.malformed(at, format!("`{key}` has to be a table, `[{key}]`"));
            return None;
        };
        Some(Fields::new(table, self.text, self.extent(at, table), key))
    }

    /// The tables of the array behind a key.
    pub(super) fn tables(&self, key: &'static str, intake: &mut Intake<'_>) -> Vec<Fields<'t>> {
        let Some((at, value)) = self.entry(key) else {
            return Vec::new();
        };
        let Some(array) = value.as_array() else {
            let message = format!("`{key}` has to be an array of tables, `[[{key}]]`");
            intake.malformed(at, message);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in array {
            let place = self.place(item.span());
            match item.get_ref().as_table() {
                Some(table) => {
                    let at = self.extent(place, table);
                    tables.push(Fields::new(table, self.text, at, key));
                }
                None => intake.malformed(place, format!("an entry of `{key}` has to be a table")),
            }
        }
        tables
    }

    /// Every key with its text, and the bytes of both.
    pub(super) fn texts(&self, intake: &mut Intake<'_>) -> Vec<(String, SourceSpan, String)> {
        let mut texts = Vec::new();
        for (key, value) in self.table {
            if is_missing(value) {
                continue;
            }
            let at = self.place(key.span().start..value.span().end);
            match value.get_ref().as_str() {
                Some(text) => texts.push((key.get_ref().to_string(), at, text.to_owned())),
                None => intake.malformed(
                    at,
                    format!(
                        "what stands behind `{}` in `[{}]` has to be a text in quotes",
                        key.get_ref(),
                        self.of
                    ),
                ),
            }
        }
        texts.put_in_order_by_key(|(_, at, _)| at.start);
        texts
    }

    /// The table's `name`; a problem when there is none.
    pub(super) fn name(&self, intake: &mut Intake<'_>) -> Option<String> {
        let name = self.text("name", intake);
        if name.is_none() && self.entry("name").is_none() {
            let message = format!("an entry of `{}` needs a `name`: it was left out", self.of);
            intake.malformed(self.at, message);
        }
        name
    }

    /// A text.
    pub(super) fn text(&self, key: &str, intake: &mut Intake<'_>) -> Option<String> {
        let (at, value) = self.entry(key)?;
        let text = value.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            intake.malformed(at, format!("`{key}` has to be a text in quotes"));
        }
        text.map(str::to_owned)
    }

    /// The texts of an array; one text stands for an array of it.
    pub(super) fn words(&self, key: &str, intake: &mut Intake<'_>) -> Vec<String> {
        let found = self.spanned_words(key, intake);
        found.into_iter().map(|(word, _)| word).collect()
    }

    /// The texts of an array, each with its place.
    pub(super) fn spanned_words(
        &self,
        key: &str,
        intake: &mut Intake<'_>,
    ) -> Vec<(String, SourceSpan)> {
        let Some((at, value)) = self.entry(key) else {
            return Vec::new();
        };
        if let Some(word) = value.as_str() {
            return vec![(word.to_owned(), at)];
        }
        let mut words = Vec::new();
        for item in value.as_array().into_iter().flat_map(|array| array.iter()) {
            let place = self.place(item.span());
            match item.get_ref().as_str() {
                Some(word) => words.push((word.to_owned(), place)),
                None => intake.malformed(place, format!("`{key}` holds texts in quotes")),
            }
        }
        if value.as_array().is_none() {
            intake.malformed(at, format!("`{key}` has to be a list of texts in quotes"));
        }
        words
    }

    /// A time with its unit; off where it says `none`.
    pub(super) fn time(&self, key: &str, intake: &mut Intake<'_>) -> Setting<Span> {
        let says = "a time with its unit, as \"350s\", or \"none\"";
        self.setting(key, says, intake, |value| {
            let text = value.as_str()?;
            Notation::Go.parse(text).filter(|span| *span >= Span::ZERO)
        })
    }

    /// A whole number; off where it says `none`.
    pub(super) fn number(&self, key: &str, intake: &mut Intake<'_>) -> Setting<u64> {
        self.setting(key, "a whole number, or \"none\"", intake, |value| {
            let number = value.as_integer()?;
            u64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// A number, also with a fraction, not below zero.
    pub(super) fn real(&self, key: &str, intake: &mut Intake<'_>) -> Setting<f64> {
        self.setting(key, "a number", intake, |value| {
            let text = value
                .as_integer()
                .filter(|number| number.radix() == 10)
                .map(toml::de::DeInteger::as_str)
                .or_else(|| value.as_float().map(toml::de::DeFloat::as_str))?;
            let number: f64 = text.parse().ok()?;
            (number.is_finite() && number >= 0.0).then_some(number)
        })
    }

    /// Yes or no.
    pub(super) fn flag(&self, key: &str, intake: &mut Intake<'_>) -> Setting<bool> {
        self.setting(key, "true or false", intake, DeValue::as_bool)
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&str, T)],
        intake: &mut Intake<'_>,
    ) -> Setting<T> {
        let listed: Vec<String> = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        self.setting(key, &listed.join(" or "), intake, |value| {
            let text = value.as_str()?;
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, meaning)| *meaning)
        })
    }

    fn setting<T>(
        &self,
        key: &str,
        says: &str,
        intake: &mut Intake<'_>,
        read: impl Fn(&DeValue<'t>) -> Option<T>,
    ) -> Setting<T> {
        let Some((at, value)) = self.entry(key) else {
            return Setting::default();
        };
        if let Some(value) = read(value) {
            return Setting::set(value, at);
        }
        if value.as_str() == Some("none") && says.contains("none") {
            return Setting::Off(Locus::Text(at));
        }
        intake.malformed(at, format!("`{key}` has to be {says}"));
        Setting::Unknown(Gap::new(format!("`{key}` of {}", self.of), says))
    }

    /// A key's value, with the bytes of both.
    fn entry(&self, key: &str) -> Option<(SourceSpan, &'t DeValue<'t>)> {
        let (written, value) = self.table.get_key_value(key)?;
        if is_missing(value) {
            return None;
        }
        let start = written.span().start.min(value.span().start);
        Some((self.place(start..value.span().end), value.get_ref()))
    }

    /// The bytes of a table: those of its header, and of all its keys and values.
    fn extent(&self, header: SourceSpan, table: &DeTable<'_>) -> SourceSpan {
        let ends = table.values().map(|value| self.place(value.span()).end);
        SourceSpan {
            end: ends.chain([header.end]).max().unwrap_or(header.end),
            ..header
        }
    }

    fn place(&self, range: Range<usize>) -> SourceSpan {
        span(self.text, range.start, range.end)
    }
}

/// Whether a key stands without a value, of which the parser has told already.
fn is_missing(value: &Spanned<DeValue<'_>>) -> bool {
    value.span().is_empty()
}

/// The word that few letters tell from this one.
pub(super) fn nearest<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    let (distance, nearest) = words
        .iter()
        .filter(|_| word.len() <= LONGEST_WORD)
        .map(|candidate| (distance(word, candidate), *candidate))
        .min()?;
    (distance <= nearest.len().div_ceil(3)).then_some(nearest)
}

/// The fewest insertions, deletions and replacements of letters that turn one word into the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (deleted, letter) in from.chars().enumerate() {
        let mut diagonal = deleted;
        let mut left = deleted + 1;
        let mut next = vec![left];
        for (&above, other) in row.iter().skip(1).zip(to.chars()) {
            let replaced = diagonal + usize::from(letter != other);
            left = replaced.min(above + 1).min(left + 1);
            diagonal = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
