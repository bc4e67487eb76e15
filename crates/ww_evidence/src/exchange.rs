//! Requests and answers as the transport shows them: who spoke, who answered, how long it took.

use crate::{Mark, RttStats, SideId};
use ww_base::Span;

/// What the first bytes of a connection's data are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Nothing known.
    #[default]
    Unknown,
    /// HTTP/1.
    Http,
    /// HTTP/2 in clear: many requests at once.
    Http2,
    /// HTTP/1 that was switched to something else, such as a WebSocket: either side speaks when it
    /// likes.
    Upgraded,
    /// TLS records.
    Tls,
    /// SSH: either side speaks when it likes.
    Ssh,
}

/// The first line of an HTTP/1 request, without what may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// Method and path; the query and long, random-looking parts of the path are left out.
    pub text: String,
    /// Its words say that the answer may be held back until there is news (`poll`, `events`,
    /// `timeout=` …).
    pub may_wait: bool,
}

/// A request that was never answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Unanswered {
    /// Its first segment.
    pub request: Mark,
    /// Its last segment.
    pub request_end: Mark,
    /// Payload bytes of it.
    pub bytes: u64,
    /// Payload bytes of its largest segment.
    pub largest: u32,
    /// Its first line, when it is HTTP/1.
    pub line: Option<RequestLine>,
    /// From the other side's last data to its beginning; none when it had sent none.
    pub after_answer: Option<Span>,
    /// All that came is the head of an HTTP/1 request whose method has a body.
    pub awaits_body: bool,
    /// When the other side acknowledged all of it, if it did.
    pub acknowledged: Option<Mark>,
    /// From the end of the request to the end of the connection, or of the capture.
    pub waited: Span,
    /// The side that then closed or reset the connection; none when the capture ended first.
    pub given_up_by: Option<(SideId, Mark)>,
}

/// One of the slowest answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Slowest {
    /// Last segment of the request.
    pub request: Mark,
    /// Payload bytes of the request.
    pub request_bytes: u64,
    /// Its first line, when it is HTTP/1.
    pub line: Option<RequestLine>,
    /// From the other side's last data to the beginning of the request; none when it had sent none.
    pub after_answer: Option<Span>,
    /// The frame that acknowledged the whole request (the answer itself, when it carried the ACK).
    pub acknowledged: Option<Mark>,
    /// First segment of the answer.
    pub answer: Mark,
    /// Payload bytes of that segment.
    pub answer_bytes: u32,
    /// Answer minus request, as seen at the capture point.
    pub took: Span,
}

/// All exchanges of a connection. The client is the side that asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchanges {
    /// Requests that were answered.
    pub answered: u32,
    /// Time from the last segment of the request to the first of the answer, as seen at the
    /// capture point (at the client it includes one round trip). Exchanges in which a segment of the
    /// request or the answer was lost or repeated are left out.
    pub took: RttStats,
    /// Of those, answers that took at least half a second.
    pub slow: u32,
    /// The time these took in all.
    pub slow_sum: Span,
    /// The slowest of them, slowest first; a bounded few.
    pub slowest: Vec<Slowest>,
    /// How often the server went on after half a second or more although nothing had been said to it since, and nothing
    /// was lost: it speaks when it likes. Messages too short to be news (pings, the end of TLS) do not count.
    pub unprompted: u32,
    /// The request still open at the end.
    pub unanswered: Option<Box<Unanswered>>,
    /// The server spoke first (SMTP, SSH, MySQL …): exchanges are counted from its greeting on.
    pub server_first: bool,
    /// What is spoken.
    pub protocol: Protocol,
}
