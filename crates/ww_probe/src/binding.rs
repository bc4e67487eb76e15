//! Endpoints that HTTPS records name: each is tried as a client that goes by the record tries it (RFC 9460 section 3).

use crate::dns::Endpoint;
use crate::recorder::Asked;
use crate::tls::{Alternatives, together};
use crate::walk::Walker;
use crate::{Depth, http};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use ww_base::Gap;
use ww_evidence::transcript::{
    BindingOutcome, BindingProbe, Seen, Service, Step, TlsHandshake, TlsOutcome,
};

/// Protocols that are spoken over TLS over TCP.
const OVER_TCP: [&str; 2] = ["h2", "http/1.1"];

/// Tries each endpoint, apart from what the walk knows of the target's own addresses.
pub(crate) async fn try_each(walker: &Walker<'_>, endpoints: &[Endpoint], own: &[SocketAddr]) {
    let service = walker.target.service;
    let is_web = matches!(service, Service::Https | Service::Wss);
    if endpoints.is_empty() || !is_web || walker.options.depth == Depth::Quick {
        return;
    }
    let alternatives = Alternatives::new(walker);
    for endpoint in endpoints {
        let places = places(walker, endpoint, own);
        let offered = offered(endpoint, service);
        let open = places.iter().filter(|place| {
            let is_known = |steps: &[Step]| nothing_new(steps, place.to, &offered);
            let is_own = own.contains(&place.to);
            !(offered.is_empty() || is_own && walker.recorder.look(is_known))
        });
        // Side by side: one that is dead keeps nobody waiting for the others.
        together(open.map(|place| attempt(walker, &alternatives, endpoint, place, &offered))).await;
        let speaks_h3 = endpoint.protocols.iter().any(|protocol| protocol == "h3");
        if let Some(first) = places.first().filter(|place| !place.hint)
            && speaks_h3
            && service == Service::Https
        {
            http::verify_record(walker, first.to, &endpoint.record).await;
        }
    }
}

/// Where an endpoint is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    to: SocketAddr,
    /// Its name does not have the address.
    hint: bool,
}

/// One address of each family that the name has, and one of each that only the record has.
fn places(walker: &Walker<'_>, endpoint: &Endpoint, own: &[SocketAddr]) -> Vec<Place> {
    let mut places = Vec::new();
    // Where the target has no address, nothing tells where it may be but in this host's own networks.
    let from = own
        .first()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), SocketAddr::ip);
    for (addresses, hint) in [(&endpoint.addresses, false), (&endpoint.hints, true)] {
        for is_v4 in [true, false] {
            let mut of_family = addresses.iter().filter(|one| one.is_ipv4() == is_v4);
            // What the target has too is best known.
            let known = of_family
                .clone()
                .find(|&&one| own.iter().any(|own| own.ip() == one));
            let Some(&address) = known.or_else(|| of_family.next()) else {
                continue;
            };
            match http::refusal(from, address) {
                Some(why) => walker.recorder.gap(Gap::new(
                    format!(
                        "{}: it leads to {}, and {why}",
                        endpoint.record, endpoint.name
                    ),
                    "that address, given as the target",
                )),
                None => places.push(Place {
                    to: SocketAddr::new(address, endpoint.port),
                    hint,
                }),
            }
        }
    }
    places
}

/// What a client offers by ALPN over TCP. A WebSocket is asked for in HTTP/1.1.
fn offered(endpoint: &Endpoint, service: Service) -> Vec<&'static str> {
    OVER_TCP
        .into_iter()
        .filter(|&known| known == "http/1.1" || service == Service::Https)
        .filter(|known| endpoint.protocols.iter().any(|one| one == known))
        .collect()
}

/// The walk's own steps at this address tell already what would come of the offer, or why nothing would.
fn nothing_new(steps: &[Step], to: SocketAddr, offered: &[&str]) -> bool {
    let handshakes = || {
        steps.iter().filter_map(|step| match &step.seen {
            Seen::Handshake(one) if one.to == Some(to) && !one.quic => Some(one),
            _ => None,
        })
    };
    let is_agreed = |one: &TlsHandshake| {
        let promised = |protocol| offered.contains(&protocol);
        one.outcome == TlsOutcome::Done && (!promised("h2") || one.alpn == "h2")
    };
    let is_dead = handshakes().all(|one| one.outcome != TlsOutcome::Done);
    is_dead || handshakes().any(is_agreed)
}

async fn attempt(
    walker: &Walker<'_>,
    alternatives: &Alternatives<'_, '_>,
    endpoint: &Endpoint,
    place: &Place,
    offered: &[&str],
) {
    let asked = Asked::now(alternatives.command(place.to, offered))
        .because(format!("{}: what is there?", endpoint.record));
    let outcome = match alternatives.shake(place.to, offered).await {
        None => return,
        Some(Ok(handshake)) => BindingOutcome::Shaken(Box::new(handshake)),
        Some(Err(connect)) => BindingOutcome::NotOpen(connect),
    };
    let seen = BindingProbe {
        record: endpoint.record.clone(),
        name: endpoint.name.clone(),
        to: Some(place.to),
        hint: place.hint,
        offered: offered.iter().map(|&one| one.to_owned()).collect(),
        no_default_alpn: endpoint.no_default_alpn,
        outcome,
    };
    walker.recorder.answer(asked, Seen::Binding(seen));
}
