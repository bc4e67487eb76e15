//! The chunked transfer coding (RFC 9112 section 7.1), as far as it must be read to know where a body ends.

use super::wire::shortened;

/// No line of the coding, and no trailer section, is read beyond this.
const LINE_MAX: usize = 16 * 1024;

/// Reads chunks.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    at: At,
    line: Vec<u8>,
    trailer_bytes: usize,
}

#[derive(Debug, Default)]
enum At {
    /// In a line with a chunk's size.
    #[default]
    Size,
    /// In a chunk, this many bytes before its end.
    Data(u64),
    /// In the line end after a chunk.
    DataEnd,
    /// In the trailer section.
    Trailers,
    End,
    Fault(String),
}

impl Chunks {
    /// Takes what came and adds what the chunks hold to `out`.
    pub(crate) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut bytes = bytes;
        while !bytes.is_empty() && !self.ended() {
            if let At::Data(left) = &mut self.at {
                let take = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let (data, rest) = bytes.split_at(take);
                out.extend_from_slice(data);
                bytes = rest;
                *left -= take as u64;
                if *left == 0 {
                    self.at = At::DataEnd;
                }
                continue;
            }
            let Some((&byte, rest)) = bytes.split_first() else {
                return;
            };
            bytes = rest;
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.end_line(line.strip_suffix(b"\r").unwrap_or(&line));
            } else {
                self.line.push(byte);
                self.trailer_bytes += usize::from(matches!(self.at, At::Trailers));
                if self.line.len() > LINE_MAX || self.trailer_bytes > LINE_MAX {
                    self.at = At::Fault(format!(
                        "a line of the chunks is longer than {LINE_MAX} bytes"
                    ));
                }
            }
        }
    }

    /// The last chunk has come, or the coding is broken.
    pub(crate) fn ended(&self) -> bool {
        matches!(self.at, At::End | At::Fault(_))
    }

    /// The last chunk has come.
    pub(crate) fn whole(&self) -> bool {
        matches!(self.at, At::End)
    }

    /// How the coding is broken.
    pub(crate) fn fault(&self) -> Option<&str> {
        match &self.at {
            At::Fault(why) => Some(why),
            _ => None,
        }
    }

    fn end_line(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        self.at = match &self.at {
            At::Size => size(&text),
            At::DataEnd if line.is_empty() => At::Size,
            At::DataEnd => At::Fault(format!(
                "`{}` follows a chunk in place of a line end",
                shortened(&text)
            )),
            _ if line.is_empty() => At::End,
            _ => At::Trailers,
        };
    }
}

fn size(line: &str) -> At {
    let digits = line.split(';').next().unwrap_or_default().trim();
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match u64::from_str_radix(digits, 16) {
        Ok(0) if hexadecimal => At::Trailers,
        Ok(size) if hexadecimal => At::Data(size),
        _ => At::Fault(format!("`{}` is no chunk size", shortened(line))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_chunks_are_named() {
        let cases: [(&[u8], &str); 5] = [
            (
                b"5\r\nhelloX\r\n",
                "`X` follows a chunk in place of a line end",
            ),
            (b"\r\n", "`` is no chunk size"),
            (b"-1\r\n", "`-1` is no chunk size"),
            (
                b"11111111111111111\r\n",
                "`11111111111111111` is no chunk size",
            ),
            (b"HTTP/1.1 200 OK\r\n", "`HTTP/1.1 200 OK` is no chunk size"),
        ];
        for (bytes, why) in cases {
            let mut chunks = Chunks::default();
            chunks.feed(bytes, &mut Vec::new());
            assert_eq!(chunks.fault(), Some(why));
        }
        let mut chunks = Chunks::default();
        chunks.feed(&vec![b'1'; LINE_MAX + 2], &mut Vec::new());
        assert!(chunks.fault().is_some_and(|why| why.contains("longer")));
    }
}
