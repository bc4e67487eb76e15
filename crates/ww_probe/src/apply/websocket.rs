//! WebSocket: the handshake in HTTP/1.1, and frames (RFC 6455).

use super::talk::clipped;
use crate::http::fits_a_line;
use std::fmt::Write as _;
use ww_evidence::transcript::{Target, WebSocketOutcome};

/// What the server appends to the key before it hashes it (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A longer head of an answer is given up.
pub(crate) const HEAD_BYTES: usize = 32 * 1024;

/// Header fields that are kept of an answer.
const FIELDS: usize = 100;

/// The payload of our ping, so that whoever reads it knows what it is.
pub(crate) const PING: &[u8] = b"wirewise ping";

/// Base64 of bytes (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut whole = [0; 3];
        whole
            .iter_mut()
            .zip(group)
            .for_each(|(to, from)| *to = *from);
        let [a, b, c] = whole.map(u32::from);
        let bits = (a << 16) | (b << 8) | c;
        for place in 0..4 {
            let letter = (bits >> (18 - 6 * place)) & 63;
            text.push(if place > group.len() {
                '='
            } else {
                ALPHABET
                    .get(letter as usize)
                    .map_or('=', |&letter| char::from(letter))
            });
        }
    }
    text
}

/// A key as a client sends it.
pub(crate) fn key(nonce: [u8; 16]) -> String {
    base64(&nonce)
}

/// What a server answers to a key.
pub(crate) fn accept(key: &str) -> String {
    let mut text = key.as_bytes().to_vec();
    text.extend_from_slice(GUID);
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
    base64(digest.as_ref())
}

/// The request for an upgrade. Fields that the user gives stand in place of ours of the same name.
pub(crate) fn request(
    target: &Target,
    authority: &str,
    key: &str,
    given: &[(String, String)],
) -> Vec<u8> {
    let ours = [
        ("Host", authority),
        (
            "User-Agent",
            concat!("wirewise/", env!("CARGO_PKG_VERSION")),
        ),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", "13"),
    ];
    let mut text = format!("GET {} HTTP/1.1\r\n", target.path);
    for (name, value) in ours {
        if !given
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            let _ = write!(text, "{name}: {value}\r\n");
        }
    }
    for (name, value) in given
        .iter()
        .filter(|(name, value)| fits_a_line(name) && fits_a_line(value))
    {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    /// Bytes up to and with the empty line.
    pub(crate) bytes: usize,
}

/// Reads the head of an answer.
///
/// # Errors
///
/// What came is not HTTP. `Ok(None)` while the head is not complete.
pub(crate) fn head(heard: &[u8]) -> Result<Option<Head>, ()> {
    if !b"HTTP/1."
        .iter()
        .zip(heard)
        .all(|(is, should)| is == should)
    {
        return Err(());
    }
    let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(heard.get(..end).unwrap_or_default());
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or(())?;
    let fields = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (clipped(name), value.trim().chars().take(4096).collect()))
        .take(FIELDS)
        .collect();
    Ok(Some(Head {
        status,
        fields,
        bytes: end + 4,
    }))
}

/// How the handshake ended, by the head of the answer to this key (RFC 6455 section 4.1).
pub(crate) fn outcome(head: &Head, key: &str) -> WebSocketOutcome {
    if head.status != 101 {
        return WebSocketOutcome::Status(head.status);
    }
    let has = |name: &str, token: &str| {
        head.fields.iter().any(|(known, value)| {
            known.eq_ignore_ascii_case(name)
                && value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(token))
        })
    };
    let told = head
        .fields
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-accept"))
        .map(|(_, value)| value.as_str());
    let should = accept(key);
    let wrong = |what: String| WebSocketOutcome::Wrong(what);
    match told {
        _ if !has("upgrade", "websocket") => {
            wrong("the field Upgrade does not say websocket".to_owned())
        }
        _ if !has("connection", "upgrade") => {
            wrong("the field Connection does not say Upgrade".to_owned())
        }
        None => wrong("there is no field Sec-WebSocket-Accept".to_owned()),
        Some(told) if told != should => wrong(format!(
            "Sec-WebSocket-Accept is {}, to this key belongs {should}",
            clipped(told)
        )),
        Some(_) => WebSocketOutcome::Open,
    }
}

/// What a frame is for (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Data of whatever kind.
    Data,
    /// The end of the connection.
    Close,
    /// A question whether we live.
    Ping,
    /// The answer to ours.
    Pong,
}

/// A frame with a masked payload, as clients send them; of at most 125 bytes, as control frames are.
pub(crate) fn frame(kind: Kind, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let code = match kind {
        Kind::Data => 1,
        Kind::Close => 8,
        Kind::Ping => 9,
        Kind::Pong => 10,
    };
    let payload = payload.get(..125).unwrap_or(payload);
    let mut frame = vec![0x80 | code, 0x80 | payload.len() as u8];
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// Reads a peer's frames piece by piece. The payload of data is passed over, however long it is.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    heard: Vec<u8>,
    /// Bytes of data that are still to be passed over.
    skip: u64,
}

impl Frames {
    /// Takes what was heard.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let skipped = (bytes.len() as u64).min(self.skip);
        self.skip -= skipped;
        self.heard
            .extend_from_slice(bytes.get(skipped as usize..).unwrap_or_default());
    }

    /// The next frame, its payload where it is a control frame; `None` when more must be heard first.
    pub(crate) fn next(&mut self) -> Option<(Kind, Vec<u8>)> {
        let (&[first, second], rest) = self.heard.split_first_chunk()?;
        let (length, rest) = match second & 0x7f {
            126 => {
                let (&length, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(length)), rest)
            }
            127 => {
                let (&length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(length), rest)
            }
            length => (u64::from(length), rest),
        };
        let masked = if second & 0x80 == 0 { 0 } else { 4 };
        let kind = match first & 0x0f {
            8 => Kind::Close,
            9 => Kind::Ping,
            10 => Kind::Pong,
            _ => Kind::Data,
        };
        let behind = rest.get(masked..)?;
        if kind == Kind::Data || length > 125 {
            let here = (behind.len() as u64).min(length);
            self.skip = length - here;
            self.heard = behind.get(here as usize..).unwrap_or_default().to_vec();
            return Some((Kind::Data, Vec::new()));
        }
        let payload = behind.get(..length as usize)?.to_vec();
        self.heard = behind.get(length as usize..).unwrap_or_default().to_vec();
        Some((kind, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_is_accepted() {
        assert_eq!(
            accept("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_eq!(key(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
        let texts = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ];
        for (text, encoded) in texts {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn answers_are_judged_by_their_head() {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let read = |text: &str| head(text.as_bytes()).expect("HTTP").expect("complete");
        let good = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nrest";
        let is = read(good);
        assert_eq!(is.bytes, good.len() - 4);
        assert_eq!(outcome(&is, key), WebSocketOutcome::Open);
        assert_eq!(
            outcome(&read("HTTP/1.1 426 Upgrade Required\r\n\r\n"), key),
            WebSocketOutcome::Status(426)
        );
        for (from, to) in [
            ("s3pP", "xxxx"),
            ("upgrade: WebSocket", "a: b"),
            ("Sec-WebSocket-Accept", "b"),
            ("keep-alive, Upgrade", "close"),
        ] {
            assert!(
                matches!(
                    outcome(&read(&good.replace(from, to)), key),
                    WebSocketOutcome::Wrong(_)
                ),
                "{from}"
            );
        }
        assert_eq!(head(b"HTTP/1.1 101 Sw"), Ok(None));
        assert_eq!(head(b"HT"), Ok(None));
        assert_eq!(head(b"SSH-2.0"), Err(()));
        assert_eq!(head(b"HTTP/1.1 x y\r\n\r\n"), Err(()));
    }

    #[test]
    fn a_field_of_the_user_stands_in_place_of_ours() {
        let target = Target {
            path: "/ws".to_owned(),
            ..Target::default()
        };
        let given = [
            ("host".to_owned(), "b.example".to_owned()),
            ("Origin".to_owned(), "x".to_owned()),
        ];
        let text = String::from_utf8(request(&target, "a.example", "k", &given)).expect("text");
        assert!(text.starts_with("GET /ws HTTP/1.1\r\n"), "{text}");
        assert!(text.ends_with("Origin: x\r\n\r\n"), "{text}");
        assert!(!text.contains("a.example"), "{text}");
    }

    #[test]
    fn frames_come_in_pieces() {
        let mut bytes = vec![0x82, 126, 1, 44];
        bytes.extend([5; 300]);
        bytes.extend([0x81, 127, 0, 0, 0, 0, 0, 0, 0, 2, b'h', b'i']);
        bytes.extend([0x8a, PING.len() as u8]);
        bytes.extend(PING);
        bytes.extend([0x88, 2, 3, 232]);
        for size in [1, 7, 1000] {
            let mut frames = Frames::default();
            let mut all = Vec::new();
            for piece in bytes.chunks(size) {
                frames.feed(piece);
                while let Some(frame) = frames.next() {
                    all.push(frame);
                }
            }
            assert_eq!(
                all,
                [
                    (Kind::Data, Vec::new()),
                    (Kind::Data, Vec::new()),
                    (Kind::Pong, PING.to_vec()),
                    (Kind::Close, vec![3, 232]),
                ],
                "{size}"
            );
        }
        let mut endless = Frames::default();
        endless.feed(&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert!(endless.next().is_some());
        endless.feed(&[0; 4096]);
        assert!(endless.heard.is_empty());
    }

    #[test]
    fn our_frames_are_masked() {
        assert_eq!(
            frame(Kind::Ping, b"Hello", [0x37, 0xfa, 0x21, 0x3d]),
            // RFC 6455 section 5.7, with the opcode of a ping.
            [
                0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
    }
}
