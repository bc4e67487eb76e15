//! Text into tokens.

use ww_base::{SourceId, SourceSpan};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind<'a> {
    /// A number, name, address or keyword; names may end in `*`.
    Word(&'a str),
    /// What stands between quotation marks.
    Quoted(&'a str),
    /// Punctuation.
    Mark(&'static str),
    /// End of a line.
    Newline,
    /// End of the input.
    End,
    /// A byte that has no place in the language.
    Stray,
}

/// A token with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind<'a>,
    pub(super) at: SourceSpan,
}

/// Reads tokens of one text. A copy remembers a position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    source: SourceId,
    text: &'a [u8],
    position: usize,
}

/// Longest first, so that the first that fits is the right one.
const MARKS: &[&str] = &[
    "==", "!=", "<=", ">=", "<<", ">>", "&&", "{", "}", "(", ")", "[", "]", ";", ",", ":", ".",
    "=", "<", ">", "&", "|", "^", "!", "-", "/", "+", "@", "$", "*", "~",
];

impl<'a> Lexer<'a> {
    /// Reads a text from its start.
    pub(super) fn new(source: SourceId, text: &'a [u8]) -> Lexer<'a> {
        Lexer {
            source,
            text,
            position: 0,
        }
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.position + ahead).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// The next token; `End` for ever at the end.
    pub(super) fn token(&mut self) -> Token<'a> {
        self.skip_blanks();
        let start = self.position;
        let kind = self.kind();
        Token {
            kind,
            at: SourceSpan {
                source: self.source,
                start: start as u32,
                end: self.position as u32,
            },
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.byte(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.position += 1,
                b'\\' if self.byte(1) == Some(b'\n') => self.position += 2,
                b'\\' if self.byte(1) == Some(b'\r') && self.byte(2) == Some(b'\n') => {
                    self.position += 3;
                }
                b'#' => self.position += run(self.rest(), |byte| byte != b'\n'),
                _ => return,
            }
        }
    }

    fn kind(&mut self) -> TokenKind<'a> {
        let Some(byte) = self.byte(0) else {
            return TokenKind::End;
        };
        match byte {
            b'\n' => {
                self.position += 1;
                TokenKind::Newline
            }
            b'"' => self.quoted(),
            _ => match self.word_length(byte) {
                0 => self.mark(),
                length => TokenKind::Word(self.take(length)),
            },
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let taken = self.rest().get(..length).unwrap_or_default();
        self.position += length;
        std::str::from_utf8(taken).unwrap_or("\u{fffd}")
    }

    fn quoted(&mut self) -> TokenKind<'a> {
        self.position += 1;
        let length = run(self.rest(), |byte| byte != b'"' && byte != b'\n');
        let text = self.take(length);
        if self.byte(0) == Some(b'"') {
            self.position += 1;
            TokenKind::Quoted(text)
        } else {
            TokenKind::Stray
        }
    }

    /// Length of the word that starts here with this byte, 0 when none does.
    fn word_length(&self, first: u8) -> usize {
        let rest = self.rest();
        if first.is_ascii_hexdigit() || first == b':' {
            let length = colon_address(rest);
            if length > 0 {
                return length;
            }
        }
        if first.is_ascii_digit() {
            return run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'.')
                - usize::from(ends_in_dot(rest));
        }
        if first.is_ascii_alphabetic() || first == b'_' {
            let length = run(rest, |byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/')
            });
            return length + usize::from(rest.get(length) == Some(&b'*'));
        }
        0
    }

    fn mark(&mut self) -> TokenKind<'a> {
        let rest = self.rest();
        let mark = MARKS.iter().find(|mark| rest.starts_with(mark.as_bytes()));
        self.position += mark.map_or(1, |mark| mark.len());
        mark.map_or(TokenKind::Stray, |mark| TokenKind::Mark(mark))
    }
}

/// How many bytes at the start fit.
fn run(text: &[u8], fits: impl Fn(u8) -> bool) -> usize {
    text.iter()
        .position(|byte| !fits(*byte))
        .unwrap_or(text.len())
}

/// Whether the number at the start is followed by the dot of a concatenation: `22. 80`.
fn ends_in_dot(text: &[u8]) -> bool {
    let length = run(text, |byte| byte.is_ascii_alphanumeric() || byte == b'.');
    length > 1 && text.get(length - 1) == Some(&b'.')
}

/// The longest textual form of an IPv6 address, and nothing longer.
const LONGEST_ADDRESS: usize = 45;

/// Length of the IPv6 or link address at the start, 0 when there is none.
fn colon_address(text: &[u8]) -> usize {
    let window = text
        .get(..text.len().min(LONGEST_ADDRESS + 1))
        .unwrap_or(text);
    let length = run(window, |byte| {
        byte.is_ascii_hexdigit() || byte == b':' || byte == b'.'
    });
    let Ok(candidate) = std::str::from_utf8(window.get(..length).unwrap_or_default()) else {
        return 0;
    };
    if candidate.matches(':').count() < 2 {
        return 0;
    }
    // What follows may be the colon between a key and its data: the longest part that is an
    // address and does not end within a word.
    (2..=candidate.len())
        .rev()
        .filter(|length| !text.get(*length).is_some_and(u8::is_ascii_alphanumeric))
        .find(|length| candidate.get(..*length).is_some_and(is_address))
        .unwrap_or(0)
}

fn is_address(text: &str) -> bool {
    text.parse::<std::net::Ipv6Addr>().is_ok() || is_link_address(text)
}

fn is_link_address(text: &str) -> bool {
    let groups = text.split(':');
    groups.clone().count() >= 6
        && groups
            .into_iter()
            .all(|group| matches!(group.len(), 1 | 2) && u8::from_str_radix(group, 16).is_ok())
}

#[cfg(test)]
mod tests {
    use super::{Lexer, TokenKind};
    use TokenKind::{End, Mark, Newline, Quoted, Stray, Word};
    use ww_base::SourceId;

    fn tokens(text: &str) -> Vec<TokenKind<'_>> {
        let mut lexer = Lexer::new(SourceId(0), text.as_bytes());
        let mut tokens = Vec::new();
        loop {
            match lexer.token().kind {
                End => return tokens,
                kind => tokens.push(kind),
            }
        }
    }

    #[test]
    fn addresses_ports_and_ranges_are_told_apart() {
        assert_eq!(
            tokens("10.0.0.1:80 fe80::1-fe80::2 [::1]:53 1024-65535 ::/0"),
            [
                Word("10.0.0.1"),
                Mark(":"),
                Word("80"),
                Word("fe80::1"),
                Mark("-"),
                Word("fe80::2"),
                Mark("["),
                Word("::1"),
                Mark("]"),
                Mark(":"),
                Word("53"),
                Word("1024"),
                Mark("-"),
                Word("65535"),
                Word("::"),
                Mark("/"),
                Word("0"),
            ]
        );
    }

    #[test]
    fn names_keep_their_dashes_and_end_in_a_star() {
        assert_eq!(
            tokens("fe80::1:drop 1::1:"),
            [
                Word("fe80::1"),
                Mark(":"),
                Word("drop"),
                Word("1::1"),
                Mark(":")
            ]
        );
        assert_eq!(
            tokens("echo-request eth* 80:accept \"a b\" # no\n00:11:22:33:44:55"),
            [
                Word("echo-request"),
                Word("eth*"),
                Word("80"),
                Mark(":"),
                Word("accept"),
                Quoted("a b"),
                Newline,
                Word("00:11:22:33:44:55"),
            ]
        );
    }

    #[test]
    fn a_line_goes_on_after_a_backslash() {
        assert_eq!(tokens("a \\\n b\n"), [Word("a"), Word("b"), Newline]);
    }

    #[test]
    fn what_is_no_token_is_stray_and_ends() {
        assert_eq!(tokens("\"open\nx"), [Stray, Newline, Word("x")]);
        assert_eq!(tokens("\u{1}%"), [Stray, Stray]);
    }
}
