//! Requests: what is asked of every address, and what an answer makes one ask.

mod chunks;
mod clock;
mod coding;
mod compress;
mod events;
mod exchange;
mod keep;
mod open;
mod post;
mod quic;
mod reach;
mod redirect;
mod request;
mod session;
#[cfg(feature = "http3")]
mod three;
mod trial;
mod two;
mod url;
mod wire;

pub(crate) use post::{Carrier, Posting};
pub(crate) use quic::verify_record;
pub(crate) use reach::refusal;
pub(crate) use request::fits_a_line;
pub(crate) use trial::{SOURCE_PORT, Told, Trier};
pub(crate) use url::Url;

use crate::options::Depth;
use crate::walk::Walker;
use request::Request;
use session::Hop;
use std::net::SocketAddr;
use std::time::Duration;
use ww_evidence::transcript::{DnsVia, HttpExchange, Seen, Service, TlsHandshake, TlsOutcome};

/// Puts the target's request to each address to which a connection could be opened, and further questions to the
/// first one that answers.
pub(crate) async fn ask(walker: &Walker<'_>, open: &[SocketAddr]) {
    if !matches!(walker.target.service, Service::Http | Service::Https) {
        return;
    }
    let request = Request::of(walker);
    let mut answered: Option<HttpExchange> = None;
    let open = open.iter().filter(|&&to| !tls_fails(walker, to));
    for &to in open.clone() {
        let hop = Hop {
            to,
            number: 0,
            name: name_took(walker),
            why: String::new(),
        };
        let Some((exchange, kept)) = session::first(walker, &request, &hop).await else {
            return;
        };
        if exchange.reply().is_none() || answered.is_some() {
            continue;
        }
        answered = Some(exchange);
        if let Some(mut stream) = kept.filter(|_| walker.options.depth > Depth::Quick) {
            session::again(walker, &request, to, &mut stream).await;
        }
    }
    // One address is enough to see whether another version is answered as well.
    let first = answered.as_ref().and_then(|exchange| exchange.to);
    if let Some(to) = first.or_else(|| open.copied().next())
        && agrees_on_two(walker, to)
    {
        let hop = Hop {
            to,
            number: 0,
            name: name_took(walker),
            why: "the server chose h2 by ALPN".to_owned(),
        };
        let exchange = session::over_two(walker, &request, &hop).await;
        answered = answered.or(exchange);
    }
    if let Some(exchange) = answered {
        ask_further(walker, &request, &exchange).await;
    }
}

/// What the target's first answer makes one ask.
async fn ask_further(walker: &Walker<'_>, request: &Request, answered: &HttpExchange) {
    let (Some(to), Some(reply)) = (answered.to, answered.reply()) else {
        return;
    };
    let is_off = clock::is_off(walker, answered);
    redirect::follow(walker, to, reply.clone()).await;
    if walker.options.depth > Depth::Quick {
        compress::ask(walker, request, answered).await;
        if is_off {
            clock::look_again(walker, request, to).await;
        }
        quic::verify(walker, request, to, reply).await;
    }
    if walker.options.depth == Depth::Deep {
        keep::measure(walker, request, answered).await;
    }
}

/// Handshakes with this address were tried, and none was completed.
fn tls_fails(walker: &Walker<'_>, to: SocketAddr) -> bool {
    handshakes(walker, to, |all| {
        !all.is_empty() && all.iter().all(|seen| seen.outcome != TlsOutcome::Done)
    })
}

/// The server chose HTTP/2 where it was offered.
fn agrees_on_two(walker: &Walker<'_>, to: SocketAddr) -> bool {
    handshakes(walker, to, |all| all.iter().any(|seen| seen.alpn == "h2"))
}

fn handshakes(
    walker: &Walker<'_>,
    to: SocketAddr,
    judge: impl FnOnce(&[&TlsHandshake]) -> bool,
) -> bool {
    walker.recorder.look(|steps| {
        let all: Vec<&TlsHandshake> = steps
            .iter()
            .filter_map(|step| match &step.seen {
                Seen::Handshake(seen) if seen.to == Some(to) => Some(seen),
                _ => None,
            })
            .collect();
        judge(&all)
    })
}

/// How long the system took to resolve the target's name.
fn name_took(walker: &Walker<'_>) -> Duration {
    let took = walker.recorder.look(|steps| {
        steps
            .iter()
            .find(|step| {
                matches!(&step.seen, Seen::Lookup(lookup)
                    if lookup.via == DnsVia::System && lookup.name == walker.target.host)
            })
            .map_or(0, |step| step.took.0)
    });
    Duration::from_nanos(took.unsigned_abs())
}
