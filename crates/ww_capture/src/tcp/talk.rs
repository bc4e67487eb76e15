//! Who asks, who answers, how long it takes.

use super::seq::at_or_after;
use ww_base::{Moment, Span};
use ww_evidence::{Exchanges, Mark, SideId, Slowest, Unanswered};

/// Answers at least this slow are kept as examples.
const NOTABLE: Span = Span::from_millis(100);

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

/// The exchange in progress and the statistics of those before.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    turn: Turn,
    request: Mark,
    request_end: Mark,
    request_bytes: u64,
    request_edge: u32,
    acknowledged: Option<Mark>,
    disturbed: bool,
    exchanges: Exchanges,
}

impl Talk {
    /// New data of a side. Returns whether the side took the turn with it.
    pub(crate) fn data(&mut self, side: SideId, mark: Mark, bytes: u32, edge: u32) -> bool {
        match side {
            SideId::Client => self.asked(mark, bytes, edge),
            SideId::Server => self.answered(mark),
        }
    }

    fn asked(&mut self, mark: Mark, bytes: u32, edge: u32) -> bool {
        let begins = self.turn != Turn::Asked;
        if begins {
            self.turn = Turn::Asked;
            self.request = mark;
            self.request_bytes = 0;
            self.disturbed = false;
        }
        self.request_end = mark;
        self.request_edge = edge;
        self.request_bytes += u64::from(bytes);
        self.acknowledged = None;
        begins
    }

    fn answered(&mut self, mark: Mark) -> bool {
        match self.turn {
            Turn::Answered => return false,
            Turn::Silent => self.exchanges.server_first = true,
            Turn::Asked => self.complete(mark),
        }
        self.turn = Turn::Answered;
        true
    }

    fn complete(&mut self, answer: Mark) {
        self.exchanges.answered += 1;
        if self.disturbed {
            return;
        }
        let took = answer.at - self.request_end.at;
        self.exchanges.took.add(took);
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
                acknowledged: self.acknowledged,
                answer,
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
    pub(crate) fn finish(mut self, end: Moment, given_up: Option<(SideId, Mark)>) -> Exchanges {
        if self.turn == Turn::Asked {
            self.exchanges.unanswered = Some(Unanswered {
                request: self.request,
                request_end: self.request_end,
                bytes: self.request_bytes,
                acknowledged: self.acknowledged,
                waited: given_up.map_or(end, |(_, mark)| mark.at) - self.request_end.at,
                given_up_by: given_up,
            });
        }
        self.exchanges
    }
}
