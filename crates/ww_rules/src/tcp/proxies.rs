//! Clients beside which a proxy answers for servers: a VPN application, a filter, a proxy that nobody configured.
//!
//! Whatever its servers are, they all seem to be the same near host: one way of answering a SYN, a round trip that the way
//! to so many networks hardly has, and one hop limit, which no system that is so near begins with. (Where a proxy has the
//! hop limit of one, as the gateway's may, servers that are all alike and near look the same: nothing is said.) What such
//! a host acknowledges, a server need not have.

use crate::shared::{host, is_public};
use crate::{Story, View};
use rustc_hash::{FxHashMap, FxHashSet};
use std::net::IpAddr;
use ww_base::Span;
use ww_evidence::{SynOptions, TcpFlow};
use ww_finding::{Owner, Severity, Support};

/// Servers that are enough to see it by.
const SERVERS_MIN: usize = 4;

/// Networks, as [`network`] tells them apart, in which these are at least.
const NETWORKS_MIN: usize = 3;

/// Servers in several networks are not all as near as this.
const NEAR: Span = Span::from_millis(20);

/// Routers on the way to what is so near.
const HOPS_NEAR: u8 = 20;

/// Hop limits that systems begin with.
const BEGINNINGS: [u8; 3] = [64, 128, 255];

/// The clients, as numbers.
#[derive(Debug)]
pub(crate) struct Proxied(FxHashSet<u128>);

/// What such a client was answered with.
struct Answered {
    sign: (u8, SynOptions),
    /// All answers had it.
    is_one_host: bool,
    /// Those that answered at once.
    servers: FxHashSet<u128>,
    networks: FxHashSet<u128>,
}

/// A proxy beside the client of this connection answers for its server.
pub(super) fn answers_for(view: &View<'_>, flow: &TcpFlow) -> bool {
    let proxied = view.shared.proxied.get_or_init(|| collect(view));
    sign(flow).is_some() && proxied.0.contains(&host(flow.client.addr))
}

/// The group of all servers of a client that a proxy answers for.
pub(super) fn group(flow: &TcpFlow) -> String {
    format!("{GROUP}{}", flow.client.addr)
}

/// The client of such a group.
pub(super) fn client_of(group: &str) -> Option<&str> {
    group.strip_prefix(GROUP)
}

/// What is to be said of such a group: what the proxy took, no server need have had.
pub(super) fn story(headline: String, refuter: &str, severity: Severity) -> Story {
    Story::observed(headline, refuter)
        .severity(severity)
        .support(Support::Heuristic)
        .owner(Owner::Middlebox)
        .advise("Look at the proxy first: all servers of this client have one hop limit and one way of answering a SYN, as if they were one host: a VPN application, a filter or a transparent proxy beside the client")
        .advise("Capture beyond the proxy: on the uplink of this host, not on the interface of its VPN or filter")
}

/// What groups begin with.
const GROUP: &str = "proxy of ";

fn collect(view: &View<'_>) -> Proxied {
    let mut clients: FxHashMap<u128, Answered> = FxHashMap::default();
    for (_, flow) in view.flows() {
        let Some(sign) = sign(flow) else { continue };
        let client = clients.entry(host(flow.client.addr));
        let client = client.or_insert_with(|| Answered {
            sign,
            is_one_host: true,
            servers: FxHashSet::default(),
            networks: FxHashSet::default(),
        });
        client.is_one_host &= client.sign == sign;
        if flow.rtt.is_some_and(|took| took < NEAR) {
            client.servers.insert(host(flow.server.addr));
            client.networks.insert(network(flow.server.addr));
        }
    }
    clients.retain(|_, client| {
        let many = client.servers.len() >= SERVERS_MIN && client.networks.len() >= NETWORKS_MIN;
        client.is_one_host && many
    });
    Proxied(clients.into_keys().collect())
}

/// What a host of the world's is answered for with: a hop limit that no such host has, and how the SYN is answered.
fn sign(flow: &TcpFlow) -> Option<(u8, SynOptions)> {
    let ttl = flow.sent_by_server.ttl.constant(1)?;
    let options = flow.sent_by_server.options?;
    (is_made_up(ttl) && is_public(flow.server.addr)).then_some((ttl, options))
}

/// No system begins with a hop limit from which a few routers leave so much.
fn is_made_up(hop_limit: u8) -> bool {
    let hops = |from: u8| {
        from.checked_sub(hop_limit)
            .is_some_and(|hops| hops <= HOPS_NEAR)
    };
    !BEGINNINGS.into_iter().any(hops)
}

/// The first half of an IPv4 address, the first quarter of an IPv6 address.
fn network(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(_) => host(addr) >> 16,
        IpAddr::V6(_) => host(addr) >> 96,
    }
}
