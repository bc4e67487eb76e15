//! Lines and words of a text, with their places, and the problems met while reading it.

use std::borrow::Cow;
use ww_base::{Limits, Locus, Problem, ProblemKind, SourceId, SourceSpan};

/// A line without its end and without the blanks around it.
pub(crate) struct Line<'a> {
    /// Where it stands.
    pub(crate) at: SourceSpan,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub(crate) text: Cow<'a, str>,
}

/// The lines of a text that are not blank.
pub(crate) fn lines(source: SourceId, bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut offset = 0_usize;
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter_map(move |raw| {
            let begin = offset;
            offset += raw.len();
            let trimmed = raw.trim_ascii();
            if trimmed.is_empty() {
                return None;
            }
            let start = begin + (raw.len() - raw.trim_ascii_start().len());
            Some(Line {
                at: SourceSpan {
                    source,
                    start: start as u32,
                    end: (start + trimmed.len()) as u32,
                },
                text: String::from_utf8_lossy(trimmed),
            })
        })
}

/// The blanks that the line of a place begins with, and whether nothing else stands before it there.
pub(crate) fn blanks_before(bytes: &[u8], place: u32) -> (bool, String) {
    let before = bytes.get(..place as usize).unwrap_or_default();
    let line = before.rsplit(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    let blank = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    let blank: String = blank.map(|byte| char::from(*byte)).collect();
    (blank.len() == line.len(), blank)
}

/// How a format quotes its words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// Double quotes; a backslash escapes inside them only (`iptables-restore`, `ipset restore`).
    Dump,
    /// Double and single quotes, a backslash everywhere but in single quotes, `#` begins a comment.
    Shell,
}

/// The words of a line, and whether a quote was left open.
pub(crate) fn words(line: &str, quoting: Quoting) -> (Vec<Cow<'_, str>>, bool) {
    let special = |c: char| match quoting {
        Quoting::Dump => c == '"',
        Quoting::Shell => matches!(c, '"' | '\'' | '\\' | '#'),
    };
    if line.contains(special) {
        quoted_words(line, quoting)
    } else {
        (
            line.split_ascii_whitespace().map(Cow::Borrowed).collect(),
            false,
        )
    }
}

fn quoted_words(line: &str, quoting: Quoting) -> (Vec<Cow<'_, str>>, bool) {
    let shell = quoting == Quoting::Shell;
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut open: Option<char> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (open, letter) {
            (Some(quote), _) if letter == quote => open = None,
            (Some('"'), '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, '\\') if shell => word.get_or_insert_default().extend(letters.next()),
            (None, '"') => (open, word) = (Some('"'), Some(word.unwrap_or_default())),
            (None, '\'') if shell => (open, word) = (Some('\''), Some(word.unwrap_or_default())),
            (None, '#') if shell && word.is_none() => break,
            (None, blank) if blank.is_ascii_whitespace() => {
                words.extend(word.take().map(Cow::Owned));
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word.map(Cow::Owned));
    (words, open.is_some())
}

/// The problems met in one text, as many as [`Limits::problems_per_text`].
pub(crate) struct Problems {
    told: Vec<Problem>,
    untold: u64,
    most: u32,
    source: SourceId,
    broke_off: Option<SourceSpan>,
}

impl Problems {
    pub(crate) fn new(source: SourceId, limits: &Limits) -> Problems {
        Problems {
            told: Vec::new(),
            untold: 0,
            most: limits.problems_per_text,
            source,
            broke_off: None,
        }
    }

    /// A problem that leaves what follows unread.
    pub(crate) fn break_off(
        &mut self,
        at: SourceSpan,
        kind: ProblemKind,
        message: impl Into<String>,
    ) {
        self.broke_off.get_or_insert(SourceSpan {
            start: at.start.min(at.end.saturating_sub(1)),
            ..at
        });
        self.add(at, kind, message);
    }

    /// The first place behind which something was left unread.
    pub(crate) fn broke_off_at(&self) -> Option<SourceSpan> {
        self.broke_off
    }

    pub(crate) fn add(&mut self, at: SourceSpan, kind: ProblemKind, message: impl Into<String>) {
        if self.told.len() as u64 >= u64::from(self.most) {
            self.untold += 1;
        } else {
            self.told.push(Problem {
                at: Locus::Text(at),
                kind,
                message: message.into(),
            });
        }
    }

    /// The beginning of the text that is to be read; a problem when that is not all of it.
    pub(crate) fn bounded<'a>(&mut self, bytes: &'a [u8], limits: &Limits) -> &'a [u8] {
        match bytes.get(..limits.text_bytes as usize) {
            Some(beginning) if beginning.len() < bytes.len() => {
                let at = SourceSpan {
                    source: self.source,
                    start: limits.text_bytes.saturating_sub(1),
                    end: limits.text_bytes,
                };
                let message = format!(
                    "the text has {} bytes; nothing after the first {} was read",
                    bytes.len(),
                    limits.text_bytes
                );
                self.break_off(at, ProblemKind::TooLarge, message);
                beginning
            }
            _ => bytes,
        }
    }

    /// All of them, with a last one that counts those not told.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        if self.untold > 0 {
            self.told.push(Problem {
                at: Locus::Whole(self.source),
                kind: ProblemKind::TooLarge,
                message: format!("{} more problems in this text are not listed", self.untold),
            });
        }
        self.told
    }
}

/// A whole number as C reads it: decimal, `0x` hexadecimal, or octal after a leading zero.
pub(crate) fn number(text: &str) -> Option<u64> {
    let unsigned = |digits: &str, radix| {
        let bare = digits.starts_with(|c: char| c.is_ascii_hexdigit());
        bare.then(|| u64::from_str_radix(digits, radix).ok())
            .flatten()
    };
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    match (hexadecimal, text.strip_prefix('0')) {
        (Some(digits), _) => unsigned(digits, 16),
        (None, Some("")) => Some(0),
        (None, Some(digits)) => unsigned(digits, 8),
        (None, None) => unsigned(text, 10),
    }
}

/// [`number`], when it fits.
pub(crate) fn number_in<T: TryFrom<u64>>(text: &str) -> Option<T> {
    number(text).and_then(|value| T::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_their_places() {
        let text = b"\r\n  one \r\n\ntwo";
        let found: Vec<_> = lines(SourceId(3), text)
            .map(|line| (line.at.start, line.at.end, line.text.into_owned()))
            .collect();
        assert_eq!(
            found,
            [(4, 7, "one".to_owned()), (11, 14, "two".to_owned())]
        );
    }

    #[test]
    fn quotes_hold_words_together() {
        let said = |line, quoting| {
            let (words, open) = words(line, quoting);
            (words.join("|"), open)
        };
        assert_eq!(
            said(r#"-m "a \"b\" \\ c" "" d\e"#, Quoting::Dump),
            (r#"-m|a "b" \ c||d\e"#.to_owned(), false)
        );
        assert_eq!(
            said(r#"x 'a "b' c\ d -p"tcp" # rest"#, Quoting::Shell),
            ("x|a \"b|c d|-ptcp".to_owned(), false)
        );
        assert_eq!(said("a \"b c", Quoting::Dump), ("a|b c".to_owned(), true));
    }

    #[test]
    fn numbers_are_read_as_in_c() {
        let cases = [("10", 10), ("0x1F", 31), ("017", 15), ("0", 0)];
        for (text, value) in cases {
            assert_eq!(number(text), Some(value));
        }
        for text in [
            "",
            "-1",
            "+1",
            "0x",
            "08",
            "ten",
            "0x+1",
            "99999999999999999999",
        ] {
            assert_eq!(number(text), None);
        }
        assert_eq!(number_in::<u8>("256"), None);
    }
}
