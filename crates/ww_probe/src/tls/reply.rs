//! What comes back to a ClientHello: bytes in, meaning out. Nothing is waited for here.

use super::groups::Group;
use ww_evidence::tls::{KeyExchange, Suite};

/// So much of an answer is read: a chain of certificates may come before what is looked for.
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// So much is kept of what a server of another protocol says.
const LONGEST_LINE: usize = 200;

/// A record may be as long as this (RFC 5246 section 6.2.3).
const LONGEST_RECORD: usize = 16_384 + 2_048;

/// The random bytes by which a HelloRetryRequest is told (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// How far to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// To the ServerHello.
    Hello,
    /// To the server's part of the key agreement, which names the group before TLS 1.3.
    KeyExchange,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A ServerHello or a HelloRetryRequest.
    Hello(Chosen),
    /// An alert that ends the handshake.
    Alert(u8),
    /// Something else: its first line.
    NotTls(String),
}

/// What the server chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The version's number.
    pub(crate) version: u16,
    /// The suite's number.
    pub(crate) suite: u16,
    /// The group that was chosen, or asked for.
    pub(crate) group: Option<Group>,
    /// It was a HelloRetryRequest.
    pub(crate) retry: bool,
}

/// Reads what came so far; `None` when more is needed. `ended`: nothing more will come.
pub(crate) fn read(bytes: &[u8], until: Until, ended: bool) -> Option<Reply> {
    let kind = *bytes.first()?;
    let is_tls = (20..=24).contains(&kind)
        && match bytes.get(1) {
            Some(major) => *major == 3,
            None if ended => false,
            None => return None,
        };
    if !is_tls {
        return first_line(bytes, ended);
    }
    let (messages, alert) = records(bytes);
    match (handshake(&messages, until), alert) {
        (Some((chosen, complete)), alert) if complete || ended || alert.is_some() => {
            Some(Reply::Hello(chosen))
        }
        (None, Some(number)) => Some(Reply::Alert(number)),
        _ => None,
    }
}

fn first_line(bytes: &[u8], ended: bool) -> Option<Reply> {
    let line = bytes
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .next()
        .unwrap_or(bytes);
    if line.len() == bytes.len() && !ended && bytes.len() < LONGEST_LINE {
        return None;
    }
    let line = line.get(..LONGEST_LINE).unwrap_or(line);
    Some(Reply::NotTls(String::from_utf8_lossy(line).into_owned()))
}

/// The handshake messages in the records so far, and the alert that ends them.
fn records(bytes: &[u8]) -> (Vec<u8>, Option<u8>) {
    let mut messages = Vec::new();
    let mut reader = Reader(bytes);
    while let Some((kind, body)) = reader.record() {
        match (kind, body) {
            (22, body) => messages.extend(body),
            // A warning lets the handshake go on (RFC 5246 section 7.2), but for close_notify.
            (21, [1, number, ..]) if *number != 0 => {}
            (21, [_, number, ..]) => return (messages, Some(*number)),
            _ => {}
        }
    }
    (messages, None)
}

/// The ServerHello, and whether all that is looked for was there.
fn handshake(messages: &[u8], until: Until) -> Option<(Chosen, bool)> {
    let mut reader = Reader(messages);
    let mut chosen: Option<Chosen> = None;
    while let Some((kind, body)) = reader.message() {
        match (kind, &mut chosen) {
            (2, None) => {
                let hello = server_hello(body)?;
                if until == Until::Hello || hello.version >= 0x0304 {
                    return Some((hello, true));
                }
                chosen = Some(hello);
            }
            (12, Some(hello)) => {
                hello.group = agreed_group(hello.suite, body);
                return Some((*hello, true));
            }
            (14, Some(hello)) => return Some((*hello, true)),
            _ => {}
        }
    }
    chosen.map(|hello| (hello, false))
}

/// RFC 8446 section 4.1.3.
fn server_hello(body: &[u8]) -> Option<Chosen> {
    let mut reader = Reader(body);
    let version = reader.u16()?;
    let random = reader.take(32)?;
    reader.vector8()?;
    let suite = reader.u16()?;
    reader.take(1)?;
    let mut chosen = Chosen {
        version,
        suite,
        group: None,
        retry: random == RETRY,
    };
    let mut extensions = Reader(reader.vector16().unwrap_or_default());
    while let (Some(kind), Some(data)) = (extensions.u16(), extensions.vector16()) {
        match kind {
            43 => chosen.version = Reader(data).u16().unwrap_or(version),
            51 => chosen.group = Reader(data).u16(),
            _ => {}
        }
    }
    Some(chosen)
}

/// The group of a ServerKeyExchange (RFC 8422 section 5.4), where it is one that has a name.
fn agreed_group(suite: u16, body: &[u8]) -> Option<Group> {
    let suite = Suite::from_code(suite)?;
    let mut reader = Reader(body);
    (suite.exchange() == KeyExchange::Ecdhe && reader.take(1)? == [3])
        .then(|| reader.u16())
        .flatten()
}

/// Takes bytes from the front; nothing where there are not enough.
#[derive(Clone, Copy)]
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        let bytes: [u8; 2] = self.take(2)?.try_into().ok()?;
        Some(u16::from_be_bytes(bytes))
    }

    fn vector8(&mut self) -> Option<&'b [u8]> {
        let length = *self.take(1)?.first()?;
        self.take(usize::from(length))
    }

    fn vector16(&mut self) -> Option<&'b [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// A whole record: its type and its body.
    fn record(&mut self) -> Option<(u8, &'b [u8])> {
        let kind = *self.take(1)?.first()?;
        self.take(2)?;
        let length = usize::from(self.u16()?);
        if length > LONGEST_RECORD {
            return None;
        }
        Some((kind, self.take(length)?))
    }

    /// A whole handshake message: its type and its body.
    fn message(&mut self) -> Option<(u8, &'b [u8])> {
        let kind = *self.take(1)?.first()?;
        let high = *self.take(1)?.first()?;
        let low = self.u16()?;
        let length = (usize::from(high) << 16) | usize::from(low);
        Some((kind, self.take(length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(version: u16, suite: u16, extensions: &[u8], random: [u8; 32]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend(random);
        body.push(0);
        body.extend(suite.to_be_bytes());
        body.push(0);
        if !extensions.is_empty() {
            body.extend((extensions.len() as u16).to_be_bytes());
            body.extend(extensions);
        }
        message(2, &body)
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut all = vec![kind, 0];
        all.extend((body.len() as u16).to_be_bytes());
        all.extend(body);
        all
    }

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut all = vec![kind, 3, 3];
        all.extend((body.len() as u16).to_be_bytes());
        all.extend(body);
        all
    }

    #[test]
    fn a_hello_retry_request_names_the_group() {
        let bytes = record(
            22,
            &hello(
                0x0303,
                0x1301,
                &[0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0x11, 0xEC],
                RETRY,
            ),
        );
        let chosen = Chosen {
            version: 0x0304,
            suite: 0x1301,
            group: Some(4588),
            retry: true,
        };
        assert_eq!(
            read(&bytes, Until::Hello, false),
            Some(Reply::Hello(chosen))
        );
        for length in 0..bytes.len() {
            assert_eq!(
                read(&bytes[..length], Until::Hello, false),
                None,
                "{length}"
            );
        }
    }

    #[test]
    fn before_tls_13_the_group_comes_later_and_in_pieces() {
        let mut messages = hello(0x0303, 0xC02F, &[], [7; 32]);
        messages.extend(message(11, &[0; 900]));
        messages.extend(message(12, &[3, 0, 29, 32]));
        let bytes: Vec<u8> = messages
            .chunks(100)
            .flat_map(|piece| record(22, piece))
            .collect();
        let Some(Reply::Hello(chosen)) = read(&bytes, Until::KeyExchange, false) else {
            panic!("no hello");
        };
        assert_eq!((chosen.group, chosen.retry), (Some(29), false));
        assert_eq!(read(&bytes[..500], Until::KeyExchange, false), None);
        let early = read(&bytes[..500], Until::Hello, false);
        assert!(matches!(
            early,
            Some(Reply::Hello(Chosen {
                suite: 0xC02F,
                group: None,
                ..
            }))
        ));
    }

    #[test]
    fn an_alert_ends_and_a_warning_does_not() {
        let mut bytes = record(21, &[1, 112]);
        assert_eq!(read(&bytes, Until::Hello, false), None);
        bytes.extend(record(21, &[2, 40]));
        assert_eq!(read(&bytes, Until::Hello, false), Some(Reply::Alert(40)));
        let mut bytes = record(21, &[1, 112]);
        bytes.extend(record(22, &hello(0x0301, 0x0005, &[], [0; 32])));
        assert!(matches!(
            read(&bytes, Until::Hello, false),
            Some(Reply::Hello(_))
        ));
    }

    #[test]
    fn other_protocols_are_quoted() {
        let cases: [(&[u8], bool, Option<&str>); 6] = [
            (
                b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n",
                false,
                Some("HTTP/1.1 400 Bad Request"),
            ),
            (b"SSH-2.0-OpenSSH_9.2\n", false, Some("SSH-2.0-OpenSSH_9.2")),
            (b"220 mail.example ESMTP", false, None),
            (
                b"220 mail.example ESMTP",
                true,
                Some("220 mail.example ESMTP"),
            ),
            (b"N", true, Some("N")),
            (b"", true, None),
        ];
        for (bytes, ended, line) in cases {
            let expected = line.map(|line| Reply::NotTls(line.to_owned()));
            assert_eq!(read(bytes, Until::Hello, ended), expected, "{bytes:?}");
        }
        let Some(Reply::NotTls(line)) = read(&[b'x'; 5_000], Until::Hello, false) else {
            panic!("no line");
        };
        assert_eq!(line.len(), LONGEST_LINE);
    }

    #[test]
    fn no_bytes_break_it() {
        // A small generator is enough: the reader has no state beyond its position.
        let mut state = 1_u32;
        for _ in 0..20_000 {
            let mut bytes = vec![22, 3, 3];
            for _ in 0..(state >> 8) % 90 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                bytes.push((state >> 24) as u8 & 0x3F);
            }
            let _ = read(&bytes, Until::KeyExchange, true);
            assert!(
                read(&bytes, Until::Hello, false)
                    .is_none_or(|reply| reply != Reply::NotTls(String::new()))
            );
            state = state.wrapping_add(97);
        }
    }
}
