//! `connection-refused`: a reset answers the SYN.

mod probed;

use super::hosts::{self, count};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_finding::{Owner, Severity, Support};

rule! {
    name: "connection-refused",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "Connection attempts are refused with a reset: nobody listens there, or a filter rejects",
    needs: [Tcp],
    explains: [],
    page: "connection_refused.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        let (Some(syn), Some((reset, _))) = (flow.handshake.syn, flow.handshake.refused) else {
            continue;
        };
        sightings.add(
            Sighting::new(subject, flow.server.to_string())
                .lost(reset.at - syn.first.at)
                .show(view.at(flow, reset, "the reset that answers the SYN")),
        );
    }
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let flows = hosts::seen(view, sightings);
    let Some(server) = flows.first().map(|flow| flow.server) else {
        return Story::observed("", "");
    };
    let foreign = flows
        .iter()
        .filter_map(|flow| flow.handshake.refused)
        .find_map(|(_, ttl)| {
            let usual = hosts::contradicting(view, server.addr, ttl)?;
            Some((ttl, usual))
        });
    let accepted = hosts::to(view, server)
        .filter(|flow| flow.handshake.complete())
        .count();
    let refused = count(flows.len(), "connection attempt");
    if let Some((ttl, usual)) = foreign {
        return Story::observed(
            format!(
                "{refused} to {server} refused by another device in the host's name: the resets have hop limit {ttl}, all other packets of {} have {usual}",
                server.addr
            ),
            format!("a capture on {} itself that shows it sending these resets", server.addr),
        )
        .support(Support::Corroborated)
        .owner(Owner::Middlebox)
        .advise(format!(
            "Look for the firewall that rejects port {} with a reset; its hop limit tells how many routers away it is",
            server.port
        ));
    }
    if accepted > 0 {
        return Story::observed(
            format!(
                "{server} refused {refused} and accepted {accepted}: the service restarts, or its queue is full and it answers with resets"
            ),
            "the service's log: no restart and no full listen queue at that time",
        )
        .severity(Severity::Medium)
        .advise("Compare the times of the resets with restarts and deployments of the service")
        .advise("If net.ipv4.tcp_abort_on_overflow is 1, a full accept queue refuses like this: raise the listen backlog and net.core.somaxconn");
    }
    Story::observed(
        format!(
            "{server} refused {}: nothing listens on port {}, or a filter rejects it",
            match flows.len() {
                1 => "the connection attempt".to_owned(),
                2 => "both connection attempts".to_owned(),
                _ => format!("all {refused}"),
            },
            server.port
        ),
        format!(
            "ss -ltn on the server that shows a listener on port {} and this address",
            server.port
        ),
    )
    .advise(format!(
        "On the server, see who listens: ss -ltnp 'sport = :{}'; start the service, or correct the client's port",
        server.port
    ))
    .advise("If it listens on 127.0.0.1 or [::1] only, bind it to the address that clients use")
    .advise("If it does listen, look for a firewall rule with a TCP reset (nft: reject with tcp reset)")
}
