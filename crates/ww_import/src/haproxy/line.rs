//! Words of a line (HAProxy 3.3, configuration.txt, section 2.2).

use std::borrow::Cow;

/// A word of a line, with its offsets in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// What it says: without quotes and escapes. Environment variables stay as they are written.
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The words of a line, and whether a quote was left open. `#` begins a comment.
pub(super) fn words(line: &str) -> (Vec<Piece>, bool) {
    let mut words: Vec<Piece> = Vec::new();
    let mut word: Option<Piece> = None;
    let mut open: Option<char> = None;
    let mut letters = line.char_indices();
    while let Some((at, letter)) = letters.next() {
        let blank = matches!(letter, ' ' | '\t' | '\r' | '\n');
        match (open, letter) {
            (None, '#') => break,
            (None, _) if blank => {
                words.extend(word.take());
                continue;
            }
            _ => {}
        }
        let current = word.get_or_insert(Piece {
            text: String::new(),
            start: at,
            end: at,
        });
        current.end = at + letter.len_utf8();
        match (open, letter) {
            (Some(quote), _) if letter == quote => open = None,
            (None, '"' | '\'') => open = Some(letter),
            (None | Some('"'), '\\') => {
                if let Some((at, next)) = letters.next() {
                    current.end = at + next.len_utf8();
                    current.text.push_str(&escaped(open, next));
                }
            }
            _ => current.text.push(letter),
        }
    }
    words.extend(word);
    (words, open.is_some())
}

/// What a backslash and the letter behind it stand for.
fn escaped(open: Option<char>, next: char) -> Cow<'static, str> {
    match (open, next) {
        (None, 'n') => "\n".into(),
        (None, 'r') => "\r".into(),
        (None, 't') => "\t".into(),
        (None, ' ' | '#' | '\'') | (_, '\\' | '"' | '$') => next.to_string().into(),
        _ => format!("\\{next}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quotes_and_escapes_hold_words_together() {
        let said = |line| {
            let (words, open) = words(line);
            let texts: Vec<String> = words.into_iter().map(|word| word.text).collect();
            (texts.join("|"), open)
        };
        let cases = [
            ("  a b\tc  # d", "a|b|c", false),
            ("a\\ b 'c \\' \"d \\\" $e\"", "a b|c \\|d \" $e", false),
            ("a#b", "a", false),
            ("a\\#b", "a#b", false),
            ("a\"b c\"d ''", "ab cd|", false),
            ("a \"b", "a|b", true),
        ];
        for (line, expected, open) in cases {
            assert_eq!(said(line), (expected.to_owned(), open), "{line}");
        }
        let (found, _) = words("  ab \"c\"");
        let places: Vec<(usize, usize)> = found.iter().map(|word| (word.start, word.end)).collect();
        assert_eq!(places, [(2, 4), (5, 8)]);
    }
}
