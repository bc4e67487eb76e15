//! Who asks, who answers, how long it takes.

mod request_line;

use super::seq::at_or_after;
use request_line::{HandshakeEnd, Head, speaks};
use ww_base::{Moment, Span};
use ww_evidence::{Exchanges, Mark, Protocol, SideId, Slowest, Unanswered};

/// Answers at least this slow are kept as examples.
const NOTABLE: Span = Span::from_millis(100);

/// Answers at least this slow are counted as slow.
const SLOW: Span = Span::from_millis(500);

/// What a server says unasked is upkeep when it is shorter: a ping or the end of TLS, encrypted.
const NEWS_MIN: u32 = 48;

/// How many of the slowest answers are kept.
const SLOWEST_KEPT: usize = 4;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    /// Nobody has spoken.
    #[default]
    Silent,
    /// The client spoke last.
    Asked,
    /// The server spoke last.
    Answered,
}

/// Data that was not seen before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewData<'p> {
    pub(crate) mark: Mark,
    /// How much of it is new.
    pub(crate) bytes: u32,
    /// The sequence number after it.
    pub(crate) edge: u32,
    /// The segment's payload, as far as it was captured.
    pub(crate) payload: &'p [u8],
}

/// The exchange in progress and the statistics of those before.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    turn: Turn,
    request: Mark,
    request_end: Mark,
    request_bytes: u64,
    request_largest: u32,
    request_edge: u32,
    /// The beginning of the request, when it is one of HTTP/1.
    head: Option<Box<Head>>,
    answered_last: Option<Mark>,
    after_answer: Option<Span>,
    acknowledged: Option<Mark>,
    disturbed: bool,
    /// The request is but the end of a TLS handshake.
    ends_handshake: HandshakeEnd,
    exchanges: Exchanges,
}

impl Talk {
    /// New data of a side. Returns whether the side took the turn with it.
    pub(crate) fn data(&mut self, side: SideId, new: NewData<'_>) -> bool {
        match side {
            SideId::Client => self.asked(new),
            SideId::Server => self.answered(new),
        }
    }

    fn asked(&mut self, new: NewData<'_>) -> bool {
        let NewData {
            mark,
            bytes,
            edge,
            payload,
        } = new;
        let begins = self.turn != Turn::Asked;
        if begins {
            if self.turn == Turn::Silent {
                self.exchanges.protocol = speaks(payload);
            }
            self.turn = Turn::Asked;
            self.ends_handshake = HandshakeEnd::begun_by(payload);
            Head::keep(payload, &mut self.head);
            self.after_answer = self.answered_last.map(|last| mark.at - last.at);
            self.request = mark;
            self.request_bytes = 0;
            self.request_largest = 0;
            self.disturbed = false;
        } else {
            self.ends_handshake = self.ends_handshake.and(payload);
        }
        self.request_end = mark;
        self.request_edge = edge;
        self.request_bytes += u64::from(bytes);
        self.request_largest = self.request_largest.max(bytes);
        self.acknowledged = None;
        begins
    }

    fn answered(&mut self, new: NewData<'_>) -> bool {
        let before = self.answered_last.replace(new.mark);
        match self.turn {
            Turn::Answered => {
                let paused = before.is_some_and(|last| new.mark.at - last.at >= SLOW);
                let is_news = paused && new.bytes >= NEWS_MIN && !self.disturbed;
                self.exchanges.unprompted += u32::from(is_news);
                return false;
            }
            Turn::Silent => {
                self.exchanges.server_first = true;
                self.exchanges.protocol = speaks(new.payload);
            }
            Turn::Asked => self.complete(new),
        }
        self.turn = Turn::Answered;
        true
    }

    fn complete(&mut self, new: NewData<'_>) {
        let answer = new.mark;
        self.exchanges.answered += 1;
        if self.exchanges.protocol == Protocol::Http && new.payload.starts_with(b"HTTP/1.1 101") {
            self.exchanges.protocol = Protocol::Upgraded;
        }
        if self.disturbed || self.ends_handshake == HandshakeEnd::Finished {
            return;
        }
        let took = answer.at - self.request_end.at;
        self.exchanges.took.add(took);
        if took >= SLOW {
            self.exchanges.slow += 1;
            self.exchanges.slow_sum += took;
        }
        let slowest = &mut self.exchanges.slowest;
        let full = slowest.len() >= SLOWEST_KEPT;
        if took < NOTABLE || (full && slowest.last().is_some_and(|last| last.took >= took)) {
            return;
        }
        let place = slowest.partition_point(|other| other.took >= took);
        slowest.insert(
            place,
            Slowest {
                request: self.request_end,
                request_bytes: self.request_bytes,
                line: self.head.as_ref().and_then(|head| head.line()),
                after_answer: self.after_answer,
                acknowledged: self.acknowledged,
                answer,
                answer_bytes: new.bytes,
                took,
            },
        );
        slowest.truncate(SLOWEST_KEPT);
    }

    /// The server acknowledged up to `ack`.
    pub(crate) fn acknowledged(&mut self, ack: u32, mark: Mark) {
        if self.turn == Turn::Asked
            && self.acknowledged.is_none()
            && at_or_after(ack, self.request_edge)
        {
            self.acknowledged = Some(mark);
        }
    }

    /// A segment of the exchange in progress was lost or repeated: its time tells of the path.
    pub(crate) fn disturb(&mut self) {
        self.disturbed = true;
    }

    /// A request is waiting for its answer.
    pub(crate) fn waiting(&self) -> bool {
        self.turn == Turn::Asked
    }

    /// Exchanges answered so far.
    pub(crate) fn answered_count(&self) -> u32 {
        self.exchanges.answered
    }

    /// The usual time of an answer.
    pub(crate) fn usual(&self) -> Option<Span> {
        self.exchanges.took.quantile(0.5)
    }

    /// The statistics, with the request still open when the connection ended at `end`.
    pub(crate) fn finish(&mut self, end: Moment, given_up: Option<(SideId, Mark)>) -> Exchanges {
        let mut exchanges = std::mem::take(&mut self.exchanges);
        if self.turn == Turn::Asked && self.ends_handshake != HandshakeEnd::Finished {
            let head = self.head.as_deref();
            exchanges.unanswered = Some(Box::new(Unanswered {
                request: self.request,
                request_end: self.request_end,
                bytes: self.request_bytes,
                largest: self.request_largest,
                line: head.and_then(Head::line),
                after_answer: self.after_answer,
                awaits_body: head.is_some_and(|head| head.awaits_body(self.request_bytes)),
                acknowledged: self.acknowledged,
                waited: (given_up.map_or(end, |(_, mark)| mark.at) - self.request_end.at).or_zero(),
                given_up_by: given_up,
            }));
        }
        exchanges
    }
}
