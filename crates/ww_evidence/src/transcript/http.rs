//! Requests and what came back.

use super::{date, written};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::ops::Not;
use ww_base::{Moment, Span};

/// The version of HTTP that was spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.0 or HTTP/1.1.
    #[default]
    #[serde(rename = "1.1")]
    One,
    /// HTTP/2.
    #[serde(rename = "2")]
    Two,
    /// HTTP/3.
    #[serde(rename = "3")]
    Three,
}

/// How long each phase took, one after the other; zero for what was not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Phases {
    /// Finding the address.
    #[serde(with = "written::ms")]
    pub name: Span,
    /// Opening the connection.
    #[serde(with = "written::ms")]
    pub connect: Span,
    /// The TLS (or QUIC) handshake.
    #[serde(with = "written::ms")]
    pub handshake: Span,
    /// From the request's last byte to the answer's first.
    #[serde(with = "written::ms")]
    pub wait: Span,
    /// From the answer's first byte to its last.
    #[serde(with = "written::ms")]
    pub transfer: Span,
}

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpOutcome {
    /// An answer came.
    Replied(Box<HttpReply>),
    /// The connection was closed without an answer.
    Closed,
    /// A reset came.
    Reset,
    /// Nothing came in the time given.
    #[default]
    TimedOut,
    /// What came is not HTTP: its first line.
    NotHttp(String),
    /// Nothing was asked, as there was no connection or no TLS: why.
    NotConnected(String),
    /// The answer breaks the protocol: its head cannot be read.
    Broken(String),
    /// It could not be sent, or another error came.
    Failed(String),
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// Header fields in order, names as they were sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

impl HttpReply {
    /// The first value of a header field; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a header field.
    pub fn all<'r>(&'r self, name: &str) -> impl Iterator<Item = &'r str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Its media type is one of text, which shrinks when it is compressed (RFC 6839 has the suffixes).
    pub fn is_text(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let kind = kind.trim().to_ascii_lowercase();
        kind.starts_with("text/")
            || kind.ends_with("+json")
            || kind.ends_with("+xml")
            || matches!(
                kind.as_str(),
                "application/json"
                    | "application/javascript"
                    | "application/x-javascript"
                    | "application/xml"
                    | "application/wasm"
            )
    }

    /// It says that it depends on a field of the request (`Vary`, RFC 9110 section 12.5.5).
    pub fn varies_by(&self, field: &str) -> bool {
        self.all("vary")
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|name| name == "*" || name.eq_ignore_ascii_case(field))
    }

    /// When the answer was made, by the clock of who made it, to the second (`Date`); `None` where it does not say so
    /// in the form that is sent (RFC 9110 section 5.6.7).
    pub fn date(&self) -> Option<Moment> {
        self.header("date").and_then(date::read)
    }
}

/// A body as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Body {
    /// Its length as announced.
    pub announced: Option<u64>,
    /// Bytes that came (at most the bound of the probe).
    pub received: u64,
    /// It ended as the framing says.
    #[serde(skip_serializing_if = "Not::not")]
    pub complete: bool,
    /// The rest was not read, as a bound of size or time was reached.
    #[serde(skip_serializing_if = "Not::not")]
    pub cut: bool,
    /// Why it is not complete, where the server or the path is to blame: it broke off, or its chunks cannot
    /// be read.
    pub fault: String,
    /// Its first kilobyte as text.
    pub head: String,
    /// What became of it when its codings were taken off, where that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoding: Option<Decoding>,
}

/// A body without its codings (RFC 9110 section 8.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Decoding {
    /// The codings that `Content-Encoding` names, in the order in which they were put on.
    pub named: Vec<String>,
    /// Those that were taken off, the outermost first: what is not named shows itself by its first bytes.
    pub found: Vec<String>,
    /// Bytes that were left then (at most the bound of the probe).
    pub bytes: u64,
    /// Why one of them cannot be taken off.
    pub fault: String,
    /// The coding that the probe cannot take off.
    pub skipped: String,
    /// How many bytes gzip would have made of a body that came without a coding, where that could save a round trip.
    pub gzip: Option<u64>,
}

/// An HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct HttpExchange {
    /// What was asked for.
    pub url: String,
    /// The method.
    pub method: String,
    /// To where.
    pub to: Option<SocketAddr>,
    /// The version that was spoken.
    pub version: HttpVersion,
    /// Which redirect led here: 0 for the target itself.
    pub redirect: u32,
    /// The connection had carried a request before.
    #[serde(skip_serializing_if = "Not::not")]
    pub reused: bool,
    /// The codings that were offered (`Accept-Encoding`); empty when none was.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub offered: String,
    /// How long each phase took.
    pub phases: Phases,
    /// How it ended.
    pub outcome: HttpOutcome,
}

impl HttpExchange {
    /// The answer, if one came.
    pub fn reply(&self) -> Option<&HttpReply> {
        match &self.outcome {
            HttpOutcome::Replied(reply) => Some(reply),
            _ => None,
        }
    }
}

/// How long, and for how many requests, a connection is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct KeepAliveProbe {
    /// To where.
    pub to: Option<SocketAddr>,
    /// The server ended the idle connection after this time; `None` when it had not within the wait.
    #[serde(with = "written::optional_ms")]
    pub idle: Option<Span>,
    /// The idle connection was ended by a reset, not in order.
    #[serde(skip_serializing_if = "Not::not")]
    pub by_reset: bool,
    /// How long was waited at most.
    #[serde(with = "written::ms")]
    pub waited: Span,
    /// The server ended the connection after this many requests; `None` when it had not.
    pub requests: Option<u32>,
    /// How many requests were tried at most.
    pub tried: u32,
    /// The time in the `Keep-Alive` header field, where there was one.
    #[serde(with = "written::optional_ms")]
    pub announced: Option<Span>,
}

/// How a QUIC server answered a packet of a version that does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuicOutcome {
    /// With the versions that it speaks, as the protocol has it.
    Answered,
    /// The port is closed: ICMP port unreachable.
    Refused,
    /// Nothing came, each time it was asked.
    #[default]
    Silence,
    /// It could not be asked, or what came is not QUIC.
    Failed(String),
}

/// Whether somebody speaks QUIC at an address: a packet of a reserved version must be answered with a Version
/// Negotiation packet (RFC 9000 section 6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct QuicProbe {
    /// To where.
    pub to: Option<SocketAddr>,
    /// The `Alt-Svc` field that promises HTTP/3 there; empty when none does.
    pub advertised: String,
    /// The HTTPS record that promises it, as a zone file has it; empty when none does.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub record: String,
    /// How often it was asked.
    pub tries: u32,
    /// How it answered.
    pub outcome: QuicOutcome,
    /// The versions that it speaks, as eight hexadecimal digits (`00000001` is RFC 9000).
    pub versions: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> HttpReply {
        HttpReply {
            headers: vec![(name.to_owned(), value.to_owned())],
            ..HttpReply::default()
        }
    }

    #[test]
    fn text_is_told_by_its_media_type() {
        for text in [
            "text/html; charset=utf-8",
            "Application/JSON",
            "application/problem+json",
            "image/svg+xml",
            "application/wasm",
        ] {
            assert!(with("Content-Type", text).is_text(), "{text}");
        }
        let document = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        for other in ["image/png", "application/gzip", "", document] {
            assert!(!with("Content-Type", other).is_text(), "{other}");
        }
        assert!(!HttpReply::default().is_text());
    }

    #[test]
    fn what_an_answer_depends_on_is_told_by_names() {
        let vary = |value: &str| with("Vary", value).varies_by("accept-encoding");
        assert!(vary("Accept-Encoding") && vary("Origin, accept-encoding") && vary("*"));
        assert!(!vary("Origin") && !vary("X-Accept-Encoding-Hint") && !vary(""));
    }
}
