//! The first bytes of what is said: which protocol, and what a request asks for.

use ww_evidence::{Protocol, RequestLine};

/// Bytes of a request that are kept until it is answered.
const HEAD: usize = 96;

/// Parts of a path that are longer than this and hold a digit may be secrets.
const SEGMENT_MAX: usize = 20;

/// Words in a request's target that announce a held-back answer.
const WAITING_WORDS: [&str; 13] = [
    "poll", "event", "subscri", "watch", "wait", "comet", "stream", "notif", "listen", "updates",
    "changes", "signalr", "timeout=",
];

/// Which protocol a conversation that begins so is.
pub(crate) fn speaks(payload: &[u8]) -> Protocol {
    match payload {
        [0x16 | 0x17, 3, 0..=4, ..] => Protocol::Tls,
        _ if payload.starts_with(b"SSH-") => Protocol::Ssh,
        _ if payload.starts_with(b"PRI * HTTP/2") => Protocol::Http2,
        _ if method(payload).is_some() => Protocol::Http,
        _ => Protocol::Unknown,
    }
}

/// How much of what a side says only ends a TLS handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum HandshakeEnd {
    /// It says something else.
    #[default]
    No,
    /// ChangeCipherSpec, so far.
    Announced,
    /// And Finished: nobody has to answer that.
    Finished,
}

impl HandshakeEnd {
    /// The longest Finished of TLS 1.2: 16 bytes, an initialisation vector, a MAC and padding.
    const FINISHED_MAX: usize = 112;

    /// Finished of TLS 1.3, with the cipher suites' two hashes (RFC 8446 sections 4.4.4 and 5.2).
    const FINISHED_13: [usize; 2] = [53, 69];

    /// What a segment with the given payload begins.
    pub(crate) fn begun_by(payload: &[u8]) -> HandshakeEnd {
        match payload {
            [0x14, 3, 0..=4, 0, 1, 1] => HandshakeEnd::Announced,
            [0x14, 3, 0..=4, 0, 1, 1, rest @ ..] => HandshakeEnd::Announced.and(rest),
            _ => HandshakeEnd::No,
        }
    }

    /// What it is once another segment's payload is said as well.
    pub(crate) fn and(self, payload: &[u8]) -> HandshakeEnd {
        let (HandshakeEnd::Announced, [kind, 3, 0..=4, high, low, body @ ..]) = (self, payload)
        else {
            return HandshakeEnd::No;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let fits = match kind {
            0x16 => length <= HandshakeEnd::FINISHED_MAX,
            0x17 => HandshakeEnd::FINISHED_13.contains(&length),
            _ => false,
        };
        if fits && body.len() == length {
            HandshakeEnd::Finished
        } else {
            HandshakeEnd::No
        }
    }
}

/// A registered method (RFC 9110 section 9, RFC 5789) at the beginning, with the space after it.
fn method(payload: &[u8]) -> Option<&'static str> {
    [
        "GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "TRACE ",
    ]
    .into_iter()
    .find(|method| payload.starts_with(method.as_bytes()))
}

/// The beginning of a request, kept in case that its answer turns out notable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    bytes: [u8; HEAD],
    length: u8,
    /// The segment's length, when it ends with an empty line.
    complete: Option<u32>,
}

impl Head {
    /// Keeps the beginning of what was said in `head`, if it is a request of HTTP/1.
    pub(crate) fn keep(payload: &[u8], head: &mut Option<Box<Head>>) {
        match (Head::new(payload), head) {
            (Some(new), Some(head)) => **head = new,
            (new, head) => *head = new.map(Box::new),
        }
    }

    /// The beginning of a request of HTTP/1.
    fn new(payload: &[u8]) -> Option<Head> {
        method(payload)?;
        let kept = payload.get(..HEAD).unwrap_or(payload);
        let mut bytes = [0; HEAD];
        bytes.get_mut(..kept.len())?.copy_from_slice(kept);
        Some(Head {
            bytes,
            length: kept.len() as u8,
            complete: payload
                .ends_with(b"\r\n\r\n")
                .then(|| u32::try_from(payload.len()).ok())
                .flatten(),
        })
    }

    /// A request of so many bytes is only the head of one that has a body (RFC 9110 section 9.3).
    pub(crate) fn awaits_body(&self, bytes: u64) -> bool {
        let has_body = matches!(self.method(), Some("POST " | "PUT " | "PATCH "));
        has_body && self.complete.map(u64::from) == Some(bytes)
    }

    fn method(&self) -> Option<&'static str> {
        method(self.bytes.get(..usize::from(self.length))?)
    }

    /// The request line, if it is one of HTTP/1.
    pub(crate) fn line(&self) -> Option<RequestLine> {
        let bytes = self.bytes.get(..usize::from(self.length))?;
        let method = method(bytes)?;
        let target = bytes.get(method.len()..)?;
        let end = target
            .iter()
            .position(|byte| !byte.is_ascii_graphic())
            .unwrap_or(target.len());
        let target = std::str::from_utf8(target.get(..end)?).ok()?;
        let lower = target.to_ascii_lowercase();
        Some(RequestLine {
            text: format!("{method}{}", without_secrets(target)),
            may_wait: WAITING_WORDS.iter().any(|word| lower.contains(word)),
        })
    }
}

/// A target without user, query and random-looking parts.
fn without_secrets(target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, _)) => (path, "?…"),
        None => (target, ""),
    };
    let path = path.rsplit_once('@').map_or(path, |(_, rest)| rest);
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| {
            let secret = part.len() > SEGMENT_MAX && part.bytes().any(|byte| byte.is_ascii_digit());
            if secret { "…" } else { part }
        })
        .collect();
    format!("{}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<RequestLine> {
        Head::new(text.as_bytes()).and_then(|head| head.line())
    }

    #[test]
    fn a_request_is_named_without_its_secrets() {
        let named = |text| line(text).map(|line| line.text);
        assert_eq!(named("GET / HTTP/1.1\r\n").unwrap(), "GET /");
        assert_eq!(
            named("GET /reset?token=abc HTTP/1.1\r\n").unwrap(),
            "GET /reset?…"
        );
        assert_eq!(
            named("GET /reset/4f9a2c77b1d04e6f8a31cc HTTP/1.1\r\n").unwrap(),
            "GET /reset/…"
        );
        assert_eq!(
            named("CONNECT user:pw@host:443 HTTP/1.1\r\n").unwrap(),
            "CONNECT host:443"
        );
        assert_eq!(named("\x16\x03\x01"), None);
        assert_eq!(named("GETTING /"), None);
    }

    #[test]
    fn the_end_of_a_handshake_is_told_from_what_follows_it() {
        let change = [0x14, 3, 3, 0, 1, 1];
        let record = |kind: u8, length: u8| {
            let mut bytes = vec![kind, 3, 3, 0, length];
            bytes.resize(5 + usize::from(length), 0xaa);
            bytes
        };
        let both = |kind, length| [&change[..], &record(kind, length)].concat();
        assert_eq!(
            HandshakeEnd::begun_by(&both(0x16, 40)),
            HandshakeEnd::Finished
        );
        assert_eq!(
            HandshakeEnd::begun_by(&both(0x17, 53)),
            HandshakeEnd::Finished
        );
        assert_eq!(
            HandshakeEnd::begun_by(&both(0x17, 120)),
            HandshakeEnd::No,
            "a request"
        );
        let announced = HandshakeEnd::begun_by(&change);
        assert_eq!(announced, HandshakeEnd::Announced);
        assert_eq!(announced.and(&record(0x16, 64)), HandshakeEnd::Finished);
        assert_eq!(
            announced.and(&record(0x16, 64)[..30]),
            HandshakeEnd::No,
            "cut off"
        );
        let finished = HandshakeEnd::Finished;
        assert_eq!(
            finished.and(&record(0x17, 90)),
            HandshakeEnd::No,
            "a request after it"
        );
        assert_eq!(
            HandshakeEnd::begun_by(&record(0x16, 64)),
            HandshakeEnd::No,
            "a client's key"
        );
    }

    #[test]
    fn a_request_that_may_wait_says_so() {
        assert!(line("GET /api/poll?since=5 HTTP/1.1").unwrap().may_wait);
        assert!(line("GET /v1/pods?watch=1 HTTP/1.1").unwrap().may_wait);
        assert!(!line("GET /slow?think=800 HTTP/1.1").unwrap().may_wait);
    }

    #[test]
    fn a_head_without_its_body_is_known() {
        let post = b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n";
        assert!(Head::new(post).unwrap().awaits_body(post.len() as u64));
        assert!(!Head::new(post).unwrap().awaits_body(post.len() as u64 + 9));
        let get = b"GET / HTTP/1.1\r\n\r\n";
        assert!(!Head::new(get).unwrap().awaits_body(get.len() as u64));
    }

    #[test]
    fn the_first_bytes_tell_the_protocol() {
        assert_eq!(speaks(b"GET / HTTP/1.1\r\n"), Protocol::Http);
        assert_eq!(speaks(b"PRI * HTTP/2.0\r\n\r\n"), Protocol::Http2);
        assert_eq!(speaks(&[0x16, 3, 1, 2, 0]), Protocol::Tls);
        assert_eq!(speaks(b"SSH-2.0-OpenSSH_9.2\r\n"), Protocol::Ssh);
        assert_eq!(speaks(b""), Protocol::Unknown);
    }
}
