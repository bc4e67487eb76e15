//! TLS: what is offered, what is accepted, whose certificates are shown.

mod alternative;
mod ask;
mod certificate;
mod explain;
mod groups;
mod handshake;
mod handshakes;
mod hello;
mod hellos;
mod introduced;
#[cfg(feature = "http3")]
mod quic;
mod reply;
mod resumption;
mod secured;
mod survey;
mod together;
mod trust;
mod witness;

pub(crate) use alternative::Alternatives;
pub use certificate::read_certificates;
pub(crate) use hello::Hello;
pub(crate) use hellos::probe_clear_text_port;
pub(crate) use introduced::{Introduced, introduce};
#[cfg(feature = "http3")]
pub(crate) use quic::{Sighted, sighted};
pub(crate) use secured::{
    Unsecured, connect as connect_secured, connect_from as connect_secured_from,
};

use crate::options::Depth;
use crate::walk::Walker;
use std::net::SocketAddr;
pub(crate) use together::{Pending, together};
use ww_evidence::transcript::{GreetingOutcome, HttpOutcome, PeerReply, Seen, Step, TlsSurvey};

/// Asks each address to which a connection could be opened.
pub(crate) async fn probe_each(walker: &Walker<'_>, open: &[SocketAddr]) {
    if !walker.target.service.is_tls() {
        return;
    }
    handshakes::probe_each(walker, open).await;
    if walker.options.depth > Depth::Quick {
        together(open.iter().map(|&to| hellos::probe(walker, to))).await;
    }
}

/// Asks for the certificates of those addresses whose protocol begins in clear text and offered TLS. To be called after
/// its greeting was heard.
pub(crate) async fn probe_each_behind_clear_text(walker: &Walker<'_>, open: &[SocketAddr]) {
    if walker.target.service.is_tls() {
        return;
    }
    let offering: Vec<SocketAddr> = open
        .iter()
        .copied()
        .filter(|&to| walker.recorder.look(|steps| offers(steps, to)))
        .collect();
    handshakes::probe_each(walker, &offering).await;
}

/// A greeting said that TLS is offered.
fn offers(steps: &[Step], address: SocketAddr) -> bool {
    steps.iter().any(|step| {
        matches!(&step.seen, Seen::Greeting(greeting)
            if greeting.to == Some(address) && greeting.offers_tls == Some(true))
    })
}

/// Everything that one address accepts, and nothing else.
pub(crate) async fn survey_all(walker: &Walker<'_>, to: SocketAddr) -> TlsSurvey {
    survey::everything(&hellos::Prober::new(walker, to)).await
}

/// Clear text was tried at this address, and nothing but failures and "bad request" came back.
pub(crate) fn is_doubtful(steps: &[Step], address: SocketAddr) -> bool {
    let mut tried = false;
    for step in steps {
        let failed = match &step.seen {
            Seen::Http(http) if http.to == Some(address) => match &http.outcome {
                HttpOutcome::Replied(reply) => reply.status == 400,
                HttpOutcome::NotConnected(_) => continue,
                _ => true,
            },
            Seen::Grpc(call) if call.to == Some(address) => call.reply != PeerReply::Fine,
            Seen::Greeting(greeting) if greeting.to == Some(address) => !matches!(
                greeting.outcome,
                GreetingOutcome::Fine | GreetingOutcome::Denied(_)
            ),
            _ => continue,
        };
        if !failed {
            return false;
        }
        tried = true;
    }
    tried
}
