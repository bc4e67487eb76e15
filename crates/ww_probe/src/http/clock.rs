//! Whether the time that an answer tells is that of a running clock.

use super::request::Request;
use super::session::{self, Hop};
use crate::recorder::span;
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ww_base::{Moment, Span};
use ww_evidence::transcript::{HttpExchange, HttpReply, Seen, Step};

/// A clock that is further away than this is looked at again; what is told begins a little beyond.
const DOUBT: Span = Span::from_secs(20);

/// From one look to the next. `Date` tells whole seconds, so that it must have changed by then.
const BETWEEN: Duration = Duration::from_millis(1_100);

/// Whether an answer tells another time than this host's clock.
pub(super) fn is_off(walker: &Walker<'_>, exchange: &HttpExchange) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(Moment(0), |since| Moment(since.as_nanos() as i64));
    let is_it = |step: &&Step| matches!(&step.seen, Seen::Http(seen) if seen == exchange);
    let ended = walker.recorder.look(|steps| {
        let step = steps.iter().rfind(is_it)?;
        Some(step.began + step.took)
    });
    // Other questions may have been put since.
    let ago = ended.map_or(Span::ZERO, |ended| span(walker.recorder.elapsed()) - ended);
    differs(exchange, now - ago)
}

/// Whether it does, where the answer was whole at this time. It was made at some time after the request was sent: a slow
/// one is old by then.
fn differs(exchange: &HttpExchange, came: Moment) -> bool {
    let took = exchange.phases.wait + exchange.phases.transfer;
    let date = exchange.reply().and_then(HttpReply::date);
    date.is_some_and(|date| date - came > DOUBT || came - date > DOUBT + took)
}

/// Asks once more, a second later.
pub(super) async fn look_again(walker: &Walker<'_>, request: &Request, to: SocketAddr) {
    let Some(wait) = walker.at_most(BETWEEN).filter(|&wait| wait == BETWEEN) else {
        return;
    };
    tokio::time::sleep(wait).await;
    let hop = Hop {
        to,
        number: 0,
        name: Duration::ZERO,
        why: "its Date is not the time here: whether that is a clock that runs, or a stored answer"
            .to_owned(),
    };
    session::first(walker, request, &hop).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_evidence::transcript::HttpOutcome;

    #[test]
    fn only_a_date_can_be_off() {
        let noon = "Sun, 06 Nov 1994 12:00:00 GMT";
        let came = |second: i64| Moment((784_123_200 + second) * 1_000_000_000);
        let quick = dated(noon, Span::ZERO);
        assert!(!differs(&quick, came(15)) && !differs(&quick, came(-15)));
        assert!(differs(&quick, came(25)) && differs(&quick, came(-25)));
        // Made when the request came, and whole a minute later.
        let slow = dated(noon, Span::from_secs(60));
        assert!(!differs(&slow, came(60)) && differs(&slow, came(-25)));
        assert!(!differs(&dated("yesterday", Span::ZERO), came(0)));
        assert!(!differs(&HttpExchange::default(), came(0)));
    }

    fn dated(value: &str, transfer: Span) -> HttpExchange {
        let reply = HttpReply {
            headers: vec![("Date".to_owned(), value.to_owned())],
            ..HttpReply::default()
        };
        let mut exchange = HttpExchange {
            outcome: HttpOutcome::Replied(Box::new(reply)),
            ..HttpExchange::default()
        };
        exchange.phases.transfer = transfer;
        exchange
    }
}
