//! Whether sessions are resumed: at the address that made them, and at its neighbours.

use super::handshake::{self, Offer, Sessions};
use super::handshakes::{LATE, command};
use crate::recorder::Asked;
use crate::tcp;
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::Instant;
use ww_evidence::transcript::{Seen, TlsOutcome};

/// Offers each address the session of the one before, and the first one its own.
pub(super) async fn probe(walker: &Walker<'_>, open: &[SocketAddr], alpn: &[&str]) {
    let Some(&first) = open.first() else { return };
    let Ok(sessions) = Sessions::new(walker.options) else {
        return;
    };
    let offer = Offer {
        host: &walker.target.host,
        alpn,
        sessions: Some(&sessions),
    };
    let mut from = None;
    for to in std::iter::once(first).chain(open.iter().copied()) {
        if !offered(walker, to, &offer, from).await {
            return;
        }
        from = Some(to);
    }
}

/// One handshake with the session of `from`; whether it was completed.
async fn offered(
    walker: &Walker<'_>,
    to: SocketAddr,
    offer: &Offer<'_>,
    from: Option<SocketAddr>,
) -> bool {
    let Some(patience) = walker.patience() else {
        return false;
    };
    let (_, Some(stream)) = tcp::connect(to, patience).await else {
        return false;
    };
    let asked = Asked::now(format!("{} -reconnect", command(walker, to, offer)));
    let began = Instant::now();
    let mut tried = handshake::shake(walker.options, stream, to, offer, patience).await;
    let took = began.elapsed();
    if let Some(mut stream) = tried.stream {
        let while_waiting = LATE.max(took * 4).min(patience);
        handshake::linger(&mut tried.seen, &mut stream, while_waiting).await;
        handshake::end(stream).await;
    }
    let done = tried.seen.outcome == TlsOutcome::Done;
    if let Some(from) = from {
        tried.seen.session_from = Some(from);
        tried.seen.certificates.clear();
        let why = if from == to {
            "whether the server resumes its own sessions".to_owned()
        } else {
            format!("whether a session of {from} is resumed here")
        };
        walker
            .recorder
            .answer_after(asked.because(why), took, Seen::Handshake(tried.seen));
    }
    done
}
