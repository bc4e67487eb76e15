//! Whether the time that an answer tells is that of a running clock.

use super::request::Request;
use super::session::{self, Hop};
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ww_base::{Moment, Span};
use ww_evidence::transcript::HttpReply;

/// A clock that is further away than this is looked at again: twice what an answer may take that is waited for.
const DOUBT: Span = Span::from_secs(20);

/// From one look to the next. `Date` tells whole seconds, so that it must have changed by then.
const BETWEEN: Duration = Duration::from_millis(1_100);

/// Whether an answer that came just now tells another time than this host's clock.
pub(super) fn is_off(reply: &HttpReply) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(Moment(0), |since| Moment(since.as_nanos() as i64));
    reply.date().is_some_and(|date| {
        let off = date - now;
        off > DOUBT || off < Span(-DOUBT.0)
    })
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

    #[test]
    fn only_a_date_can_be_off() {
        let dated = |value: &str| HttpReply {
            headers: vec![("Date".to_owned(), value.to_owned())],
            ..HttpReply::default()
        };
        assert!(is_off(&dated("Sun, 06 Nov 1994 08:49:37 GMT")));
        assert!(!is_off(&dated("yesterday")));
        assert!(!is_off(&HttpReply::default()));
    }
}
