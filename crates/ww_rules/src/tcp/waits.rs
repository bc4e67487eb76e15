//! What rules about requests and answers share.

use crate::{Sighting, View};
use ww_base::Span;
use ww_evidence::{Orientation, Protocol, TcpFlow};

/// Encrypted messages shorter than this are no requests but upkeep: pings, window updates,
/// acknowledged settings, alerts (a TLS record adds some 22 bytes to each).
const UPKEEP_MAX: u64 = 48;

/// Messages of a protocol that is not known may be notices when they are this short.
pub(crate) const NOTICE_MAX: u64 = 64;

/// The client's data is not a request in the sense of the word: nobody has to answer it.
///
/// `answer` is the length of what came back first, 0 when nothing did.
pub(crate) fn is_chatter(protocol: Protocol, request: u64, answer: u32) -> bool {
    match protocol {
        Protocol::Http => false,
        Protocol::Upgraded | Protocol::Ssh => true,
        Protocol::Tls => request < UPKEEP_MAX,
        Protocol::Http2 => request < UPKEEP_MAX / 2,
        Protocol::Unknown => request < NOTICE_MAX && answer == 0,
    }
}

/// Which side asks is known: from the handshake, or because its request was read.
pub(crate) fn roles_known(flow: &TcpFlow) -> bool {
    flow.orientation != Orientation::Guessed
        || flow.exchanges.protocol == Protocol::Http
        || (flow.exchanges.protocol == Protocol::Tls && flow.server.port < 1024)
}

/// What the client says follows the server's last words so soon that it answers them.
pub(crate) fn at_once(flow: &TcpFlow, after_answer: Option<Span>) -> bool {
    let soon = flow.rtt.unwrap_or(Span::ZERO) + Span::from_millis(50);
    after_answer.is_some_and(|since| since <= soon)
}

/// From the capture point to the server and back.
pub(crate) fn way_to_server(flow: &TcpFlow) -> Span {
    flow.sent_by_client
        .ack_rtt
        .shortest()
        .or(flow.rtt)
        .unwrap_or(Span::ZERO)
}

/// The connections that the sightings of a group are about.
pub(crate) fn about_endpoint<'v>(view: &View<'v>, group: &[Sighting]) -> Vec<&'v TcpFlow> {
    group
        .iter()
        .filter_map(|sighting| view.flow(*sighting.subjects.first()?))
        .collect()
}

/// `1 answer`, `3 answers`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
