//! `handshake-options-stripped`: something between takes options out of SYNs or SYN-ACKs.

mod offers;

use super::hosts::{self, count};
use crate::roster::Offer;
use crate::rule::rule;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, View};
use offers::{Missing, SERVICES_MANY};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_evidence::{Endpoint, SideId};
use ww_finding::{Severity, Support};

pub(crate) use offers::Offers;

rule! {
    name: "handshake-options-stripped",
    family: "tcp",
    layer: Tcp,
    class: Performance,
    severity: Medium,
    owner: Middlebox,
    summary: "TCP options that a host offers elsewhere are missing on some connections: something strips them",
    needs: [Tcp],
    explains: ["receive-window-limited"],
    page: "handshake_options_stripped.md",
    detect: detect,
    tell: tell,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let offers = offers(view);
    let flows = || {
        let missing = offers.missing().iter();
        missing.filter_map(|&missing| Some((missing, view.flow(missing.subject)?)))
    };
    let mut servers: BTreeMap<IpAddr, BTreeSet<Endpoint>> = BTreeMap::new();
    for (_, flow) in flows().filter(|(missing, _)| missing.side == SideId::Client) {
        let servers = servers.entry(flow.client.addr).or_default();
        servers.insert(flow.server);
    }
    let by_client = |client| {
        let servers = servers.get(&client);
        servers.is_some_and(|servers| servers.len() >= SERVICES_MANY)
    };
    for (missing, flow) in flows() {
        let (repeated, what) = match missing.side {
            SideId::Client => (flow.handshake.syn, "SYN"),
            SideId::Server => (flow.handshake.syn_ack, "SYN-ACK"),
        };
        let Some(segment) = repeated else { continue };
        let group = match missing.side {
            SideId::Client if by_client(flow.client.addr) => flow.client.addr.to_string(),
            side => format!("{} {}", flow.server, side.word()),
        };
        sightings.add(Sighting::new(missing.subject, group).show(view.at(
            flow,
            segment.first,
            format!("this {what} has no {}", missing.names().join(", no ")),
        )));
    }
}

fn offers<'v>(view: &'v View<'_>) -> &'v Offers {
    view.shared.offers.get_or_init(|| Offers::of(view))
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let flows = hosts::seen(view, sightings);
    let subjects = sightings.iter().flat_map(|sighting| &sighting.subjects);
    let all: Vec<Missing> = subjects
        .filter_map(|&subject| offers(view).missing_on(subject))
        .collect();
    let (Some(flow), Some(missing)) = (flows.first(), Missing::common(&all)) else {
        return Story::observed("", "");
    };
    let addr = flow.endpoint(missing.side).addr;
    let elsewhere = offers(view)
        .elsewhere(view, missing)
        .map_or_else(|| "elsewhere".to_owned(), |service| format!("on {service}"));
    let services = some(flows.iter().map(|flow| flow.server), "services");
    let what = match missing.side {
        SideId::Client => format!("SYNs of {addr} to {services}"),
        SideId::Server => format!("SYN-ACKs of {services}"),
    };
    let narrow = missing.options.has(Offer::WINDOW_SCALING);
    let window = if narrow {
        ": the window cannot exceed 64 KiB"
    } else {
        ""
    };
    Story::observed(
        format!(
            "{what} come without {} in {}, while the same host offers them {elsewhere}{window}",
            missing.names().join(", "),
            count(flows.len(), "connection")
        ),
        format!("a capture on {addr} itself that shows it sending them without these options, or another machine behind that port"),
    )
    .support(Support::Corroborated)
    .severity(if narrow || missing.options.has(Offer::SACK) {
        Severity::Medium
    } else {
        Severity::Low
    })
    .advise("Find the device that rewrites handshakes: TCP normalisation, SYN proxy, WAN optimiser or \"TCP MSS/option\" policy on a firewall (Cisco ASA: tcp-map with tcp-options … allow)")
    .advise("Compare both ends: tshark -Y tcp.flags.syn==1 -T fields -e ip.src -e tcp.options.wscale.shift -e tcp.options.sack_perm")
    .advise("On the host, check that nothing is switched off: sysctl net.ipv4.tcp_window_scaling net.ipv4.tcp_sack net.ipv4.tcp_timestamps; SYN cookies leave options out as well (nstat -az TcpExtSyncookiesSent)")
}
