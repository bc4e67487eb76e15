//! Requests and answers as the transport shows them: who spoke, who answered, how long it took.

use crate::{Mark, RttStats, SideId};
use ww_base::Span;

/// A request that was never answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Unanswered {
    /// Its first segment.
    pub request: Mark,
    /// Its last segment.
    pub request_end: Mark,
    /// Payload bytes of it.
    pub bytes: u64,
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
    /// The frame that acknowledged the whole request (the answer itself, when it carried the ACK).
    pub acknowledged: Option<Mark>,
    /// First segment of the answer.
    pub answer: Mark,
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
    /// The slowest of them, slowest first; a bounded few.
    pub slowest: Vec<Slowest>,
    /// The request still open at the end.
    pub unanswered: Option<Unanswered>,
    /// The server spoke first (SMTP, SSH, MySQL …): exchanges are counted from its greeting on.
    pub server_first: bool,
}
