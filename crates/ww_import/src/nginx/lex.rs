//! Words and signs of an nginx configuration, as `ngx_conf_read_token` divides them (nginx 1.31,
//! `ngx_conf_file.c`).

use super::lua;
use super::tree::Word;
use ww_base::{SourceId, SourceSpan};

/// A word or a sign.
#[derive(Debug, PartialEq)]
pub(super) enum Token {
    Word(Word),
    /// `;`.
    End(SourceSpan),
    /// `{`.
    Open(SourceSpan),
    /// `}`.
    Close(SourceSpan),
}

/// Divides a text.
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    source: SourceId,
    at: usize,
    /// What was read but makes no sense.
    pub(super) broken: Vec<(SourceSpan, String)>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(source: SourceId, bytes: &'a [u8]) -> Lexer<'a> {
        let mark = b"\xef\xbb\xbf";
        Lexer {
            bytes,
            source,
            at: if bytes.starts_with(mark) {
                mark.len()
            } else {
                0
            },
            broken: Vec::new(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn span(&self, start: usize, end: usize) -> SourceSpan {
        SourceSpan {
            source: self.source,
            start: start as u32,
            end: end as u32,
        }
    }

    /// The next word or sign; comments and blanks are passed over.
    pub(super) fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.at;
            let sign = self.span(start, start + 1);
            match self.peek()? {
                byte if is_blank(byte) => self.at += 1,
                b'#' => self.skip_line(),
                b';' => {
                    self.at += 1;
                    return Some(Token::End(sign));
                }
                b'{' => {
                    self.at += 1;
                    return Some(Token::Open(sign));
                }
                b'}' => {
                    self.at += 1;
                    return Some(Token::Close(sign));
                }
                quote @ (b'"' | b'\'') => return Some(Token::Word(self.quoted(quote))),
                _ => return Some(Token::Word(self.bare())),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n');
        self.at += length.unwrap_or(rest.len());
    }

    /// A word between quotes; what stands right behind it has to be a blank or a sign.
    fn quoted(&mut self, quote: u8) -> Word {
        let start = self.at;
        self.at += 1;
        let begin = self.at;
        let mut is_closed = false;
        while let Some(byte) = self.peek() {
            if byte == quote {
                is_closed = true;
                break;
            }
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        self.at = self.at.min(self.bytes.len());
        let text = unescaped(self.bytes.get(begin..self.at).unwrap_or_default());
        self.at += usize::from(is_closed);
        let at = self.span(start, self.at);
        if !is_closed {
            let message = "a quote is opened and not closed; close it";
            self.broken.push((at, message.to_owned()));
        } else if let Some(byte) = self.peek()
            && !is_blank(byte)
            && !matches!(byte, b';' | b'{' | b')')
        {
            let message = "a word goes on behind its closing quote; put a blank between them";
            self.broken.push((at, message.to_owned()));
        }
        Word {
            text,
            at,
            is_quoted: true,
        }
    }

    /// A word without quotes: up to a blank, `;`, or a `{` that does not follow a `$`.
    fn bare(&mut self) -> Word {
        let start = self.at;
        let mut after_dollar = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' => {
                    self.at += 1;
                    after_dollar = false;
                }
                b'{' if after_dollar => after_dollar = false,
                b';' | b'{' => break,
                byte if is_blank(byte) => break,
                byte => after_dollar = byte == b'$',
            }
            self.at += 1;
        }
        self.at = self.at.min(self.bytes.len());
        Word {
            text: unescaped(self.bytes.get(start..self.at).unwrap_or_default()),
            at: self.span(start, self.at),
            is_quoted: false,
        }
    }

    /// Passes over the body of a block in Lua, which the last `{` opened; the place of its `}`.
    pub(super) fn skip_lua(&mut self) -> Option<SourceSpan> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let close = self.at + lua::end_of_block(rest)?;
        self.at = close + 1;
        Some(self.span(close, close + 1))
    }

    /// The empty place behind the last byte.
    pub(super) fn end(&self) -> SourceSpan {
        self.span(self.bytes.len(), self.bytes.len())
    }

    /// Reads nothing more.
    pub(super) fn stop(&mut self) {
        self.at = self.bytes.len();
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The text of a word: a backslash is taken away before quotes and itself, `\t`, `\r` and `\n` are
/// control characters, and before anything else it stays.
fn unescaped(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.contains('\\') {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.clone().next()) {
            ('\\', Some(next @ ('"' | '\'' | '\\' | 't' | 'r' | 'n'))) => {
                letters.next();
                out.push(match next {
                    't' => '\t',
                    'r' => '\r',
                    'n' => '\n',
                    other => other,
                });
            }
            (letter, _) => out.push(letter),
        }
    }
    out
}
