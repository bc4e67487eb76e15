//! Limits on requests, whether on their rate or on how many are under way, as far as both are judged
//! alike.

use ww_base::{Setting, SourceSpan};
use ww_chain::Party;
use ww_model::service::{Counter, Refused};

/// A limit that a program applies.
#[derive(Clone, Copy)]
pub(super) struct Bound<'m> {
    /// Where it is applied.
    pub(super) at: SourceSpan,
    pub(super) kind: Kind,
    pub(super) refused: &'m Setting<Refused>,
    pub(super) counter: &'m Counter,
}

/// What a limit bounds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Requests in a time.
    Rate,
    /// Requests under way.
    AtOnce,
}

impl Kind {
    /// What is limited, in words.
    pub(super) fn of_what(self) -> &'static str {
        match self {
            Kind::Rate => "requests",
            Kind::AtOnce => "requests at once",
        }
    }

    /// The directive of nginx that sets the status of what is refused.
    pub(super) fn status_directive(self) -> &'static str {
        match self {
            Kind::Rate => "limit_req_status",
            Kind::AtOnce => "limit_conn_status",
        }
    }
}

impl Bound<'_> {
    /// The place that says what is counted.
    pub(super) fn key_place(&self) -> SourceSpan {
        self.counter.key.span().unwrap_or(self.at)
    }
}

/// All limits of a party.
pub(super) fn all<'m>(party: &Party<'m>) -> Vec<Bound<'m>> {
    let Some(program) = party.program else {
        return Vec::new();
    };
    let rates = program.rate_limits.iter().map(|limit| Bound {
        at: limit.at,
        kind: Kind::Rate,
        refused: &limit.refused,
        counter: &limit.counter,
    });
    let at_once = program.concurrency_limits.iter().map(|limit| Bound {
        at: limit.at,
        kind: Kind::AtOnce,
        refused: &limit.refused,
        counter: &limit.counter,
    });
    rates.chain(at_once).collect()
}
