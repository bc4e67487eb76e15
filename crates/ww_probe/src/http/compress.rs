//! What comes back when codings are offered as browsers offer them.

use super::coding;
use super::exchange::{self, Kept};
use super::open;
use super::request::Request;
use super::session;
use super::wire::BODY_MAX;
use crate::recorder::{Asked, span};
use crate::walk::Walker;
use ww_evidence::transcript::{HttpExchange, HttpOutcome, HttpReply, HttpVersion, Seen};

/// The codings that browsers know.
const OFFERED: &str = "gzip, deflate, br, zstd";

/// How gzip and Zstandard begin, as text: what is none stands as a replacement character.
const CODED: [&str; 2] = ["\u{1f}\u{fffd}\u{8}", "(\u{fffd}/\u{fffd}"];

/// A shorter text is not worth a coding, and few servers give it one.
const TEXT_MIN: u64 = 1024;

/// Asks once more for what was answered, with codings on offer, where a coding may be in play.
pub(super) async fn ask(walker: &Walker<'_>, request: &Request, answered: &HttpExchange) {
    let (Some(to), Some(reply)) = (answered.to, answered.reply()) else {
        return;
    };
    let is_told = request
        .fields
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"));
    if is_told || !may_be_coded(reply) {
        return;
    }
    let mut request = request.clone();
    request
        .fields
        .push(("accept-encoding".to_owned(), OFFERED.to_owned()));
    let Some(waits) = session::waits(walker) else {
        return;
    };
    let asked = Asked::now(request.command(to, HttpVersion::One))
        .because("whether answers are compressed, and as their fields say");
    let mut seen = HttpExchange {
        url: request.url.to_string(),
        method: request.method.to_owned(),
        to: Some(to),
        offered: OFFERED.to_owned(),
        ..HttpExchange::default()
    };
    let mut opened = match open::open(walker, &request.url, HttpVersion::One, to).await {
        Ok(opened) => opened,
        Err(why) => {
            seen.outcome = HttpOutcome::NotConnected(why);
            walker.recorder.answer(asked, Seen::Http(seen));
            return;
        }
    };
    seen.phases.connect = span(opened.connect);
    seen.phases.handshake = span(opened.handshake);
    let mut body = Kept::up_to(BODY_MAX as usize);
    let mut done = exchange::exchange_whole(&mut opened.stream, &request, waits, &mut body).await;
    if let HttpOutcome::Replied(reply) = &mut done.outcome
        && reply.status == 200
        && !body.bytes.is_empty()
    {
        reply.body.decoding = Some(coding::look(reply, body.bytes));
    }
    session::write(walker, asked, seen, done);
}

/// Text of some length, or an answer that says itself that codings matter. A stream has no end to wait for.
fn may_be_coded(reply: &HttpReply) -> bool {
    let kind = reply.header("content-type").unwrap_or_default();
    let is_stream = kind.to_ascii_lowercase().starts_with("text/event-stream");
    let is_coded = CODED.iter().any(|begin| reply.body.head.starts_with(begin));
    let text = reply.is_text() && (is_coded || reply.body.received >= TEXT_MIN);
    reply.status == 200
        && reply.body.fault.is_empty()
        && !is_stream
        && (text
            || reply.varies_by("accept-encoding")
            || reply.header("content-encoding").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::coding::FIRST_FLIGHT;

    fn reply(kind: &str, received: u64, more: &[(&str, &str)]) -> HttpReply {
        let mut reply = HttpReply {
            status: 200,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            ..HttpReply::default()
        };
        for (name, value) in more {
            reply
                .headers
                .push(((*name).to_owned(), (*value).to_owned()));
        }
        reply.body.received = received;
        reply
    }

    #[test]
    fn only_what_may_be_coded_is_asked_for_again() {
        let long = FIRST_FLIGHT as u64;
        assert!(may_be_coded(&reply("text/html; charset=utf-8", long, &[])));
        assert!(may_be_coded(&reply("application/problem+json", long, &[])));
        assert!(may_be_coded(&reply(
            "image/png",
            9,
            &[("Vary", "Accept-Encoding")]
        )));
        assert!(may_be_coded(&reply("", 9, &[("Content-Encoding", "gzip")])));
        assert!(!may_be_coded(&reply("text/plain", 3, &[])));
        for begin in [[0x1f, 0x8b, 8, 0], [0x28, 0xb5, 0x2f, 0xfd]] {
            let mut short = reply("text/plain", 3, &[]);
            short.body.head = String::from_utf8_lossy(&begin).into_owned();
            assert!(may_be_coded(&short));
        }
        assert!(!may_be_coded(&reply("image/png", long, &[])));
        assert!(!may_be_coded(&reply("text/event-stream", long, &[])));
        let mut missing = reply("text/html", long, &[]);
        missing.status = 404;
        assert!(!may_be_coded(&missing));
    }
}
