//! Words of a line, and the values they spell.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A hardware address.
pub(super) type Mac = [u8; 6];

/// One word: bare, or the bytes of a quoted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Bare(String),
    Text(Vec<u8>),
}

/// The words of a line that have not been read yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(VecDeque<Word>);

impl Words {
    /// Splits a line at white space and reads its quoted texts.
    pub(super) fn split(code: &str) -> Result<Words, String> {
        let mut words = VecDeque::new();
        let mut letters = code.chars().peekable();
        while let Some(&letter) = letters.peek() {
            if letter.is_whitespace() {
                letters.next();
            } else if letter == '"' {
                letters.next();
                words.push_back(Word::Text(read_text(&mut letters)?));
            } else {
                let mut word = String::new();
                while let Some(letter) = letters.next_if(|l| !l.is_whitespace()) {
                    word.push(letter);
                }
                words.push_back(Word::Bare(word));
            }
        }
        Ok(Words(words))
    }

    /// The next word, if it is a bare one, without reading it.
    pub(super) fn peek(&self) -> Option<&str> {
        match self.0.front()? {
            Word::Bare(word) => Some(word),
            Word::Text(_) => None,
        }
    }

    /// Whether a quoted text comes next.
    pub(super) fn next_is_text(&self) -> bool {
        matches!(self.0.front(), Some(Word::Text(_)))
    }

    /// Reads the next word.
    pub(super) fn next(&mut self) -> Option<Word> {
        self.0.pop_front()
    }

    /// Reads the next word if it is `keyword`.
    pub(super) fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek() == Some(keyword);
        if found {
            self.next();
        }
        found
    }

    /// Reads a bare word; `what` names it in the error.
    pub(super) fn bare(&mut self, what: &str) -> Result<String, String> {
        match self.next() {
            Some(Word::Bare(word)) => Ok(word),
            Some(Word::Text(_)) => Err(format!("expected {what}, found a quoted text")),
            None => Err(format!("expected {what}, found the end of the line")),
        }
    }

    /// Reads a word that spells a `T`.
    pub(super) fn value<T: FromStr>(&mut self, what: &str) -> Result<T, String> {
        let word = self.bare(what)?;
        word.parse()
            .map_err(|_| format!("expected {what}, found `{word}`"))
    }

    /// Reads an address.
    pub(super) fn address(&mut self) -> Result<IpAddr, String> {
        self.value("an address such as 10.0.0.1 or 2001:db8::1")
    }

    /// Reads an address with a port.
    pub(super) fn endpoint(&mut self) -> Result<SocketAddr, String> {
        self.value("an address with a port, such as 10.0.0.1:80 or [2001:db8::1]:80")
    }

    /// Reads a length of time.
    pub(super) fn span(&mut self) -> Result<i64, String> {
        let word = self.bare("a length of time such as 20ms")?;
        parse_span(&word)
    }

    /// Reads a hardware address.
    pub(super) fn mac(&mut self) -> Result<Mac, String> {
        let word = self.bare("a hardware address such as 02:00:00:00:00:01")?;
        parse_mac(&word).ok_or_else(|| {
            format!("expected a hardware address such as 02:00:00:00:00:01, found `{word}`")
        })
    }
}

/// Reads a quoted text up to its closing quote.
fn read_text(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let mut utf8 = [0; 4];
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Ok(text),
            '\\' => text.push(read_escape(letters)?),
            other => text.extend_from_slice(other.encode_utf8(&mut utf8).as_bytes()),
        }
    }
    Err("a quoted text is never closed".to_owned())
}

fn read_escape(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<u8, String> {
    match letters.next() {
        Some('r') => Ok(b'\r'),
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('"') => Ok(b'"'),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let digits: String = letters.by_ref().take(2).collect();
            u8::from_str_radix(&digits, 16)
                .map_err(|_| format!("`\\x{digits}` is not a byte; write two hex digits"))
        }
        other => Err(format!(
            "unknown escape `\\{}`; known are \\r \\n \\t \\0 \\\" \\\\ \\xHH",
            other.map(String::from).unwrap_or_default()
        )),
    }
}

/// Nanoseconds of a length of time such as `0.5`, `20ms`, `100us`; without a unit, seconds.
pub(super) fn parse_span(word: &str) -> Result<i64, String> {
    let digits = word.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = word
        .split_at_checked(digits.unwrap_or(word.len()))
        .unwrap_or((word, ""));
    let factor = match unit {
        "" | "s" => 1e9,
        "ms" => 1e6,
        "us" | "µs" => 1e3,
        "ns" => 1.0,
        _ => {
            return Err(format!(
                "`{word}` is not a length of time; units are s, ms, us, ns"
            ));
        }
    };
    number
        .parse::<f64>()
        .map(|number| (number * factor).round() as i64)
        .map_err(|_| format!("`{word}` is not a length of time such as 20ms"))
}

/// The bytes of an even run of hex digits; `:` and `.` between them are skipped.
pub(super) fn parse_hex(digits: &str) -> Result<Vec<u8>, String> {
    let values = digits
        .chars()
        .filter(|letter| !matches!(letter, ':' | '.'))
        .map(|letter| letter.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| format!("`hex:{digits}` holds something that is no hex digit"))?;
    let pairs = values.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(format!("`hex:{digits}` has an odd number of digits"));
    }
    Ok(pairs
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect())
}

fn parse_mac(word: &str) -> Option<Mac> {
    let bytes: Vec<u8> = word
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect::<Option<_>>()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(parse_span("1.5"), Ok(1_500_000_000));
        assert_eq!(parse_span("0.1ms"), Ok(100_000));
        assert_eq!(parse_span("20us"), Ok(20_000));
        assert!(parse_span("20min").unwrap_err().contains("units are"));
        assert!(parse_span("ms").is_err());
    }

    #[test]
    fn texts_keep_their_blanks_and_escapes() {
        let mut words = Words::split(r#"a  "b \"c\"\r\x00" d"#).unwrap();
        assert_eq!(words.next(), Some(Word::Bare("a".into())));
        assert_eq!(words.next(), Some(Word::Text(b"b \"c\"\r\0".to_vec())));
        assert_eq!(words.next(), Some(Word::Bare("d".into())));
        assert!(Words::split("\"open").unwrap_err().contains("never closed"));
        assert!(Words::split(r#""\q""#).unwrap_err().contains("escape"));
    }

    #[test]
    fn hex_reads_pairs() {
        assert_eq!(parse_hex("00:ff10"), Ok(vec![0, 255, 16]));
        assert!(parse_hex("0").unwrap_err().contains("odd"));
        assert!(parse_hex("zz").is_err());
    }
}
