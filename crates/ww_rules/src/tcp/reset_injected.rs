//! `reset-injected`: a reset that the host in whose name it comes did not send.

use super::hosts::{self, count};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_evidence::{Reset, SideId, TcpFlow};
use ww_finding::Support;

rule! {
    name: "reset-injected",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Middlebox,
    summary: "A device between resets connections in a host's name",
    needs: [Tcp],
    explains: ["aborted-by-application", "half-open-connection", "request-unanswered"],
    page: "reset_injected.md",
    detect: detect,
    tell: tell,
}

/// Later frames of the real host after which the reset cannot be its own.
const LIFE: u32 = 2;

/// Why a reset is not the host's own.
#[derive(Clone, Copy, Debug)]
struct Forgery {
    by: SideId,
    reset: Reset,
    /// The hop limit of the host's other packets, where it is clearly another.
    usual: Option<u8>,
}

impl Forgery {
    fn lives_on(&self) -> bool {
        self.reset.frames_after >= LIFE
    }
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        let Some(forgery) = forgery(flow) else {
            continue;
        };
        let host = flow.endpoint(forgery.by).addr;
        let hops = match forgery.usual {
            Some(usual) => format!(
                ", with hop limit {} where its packets have {usual}",
                forgery.reset.ttl
            ),
            None => String::new(),
        };
        let says = format!("a reset in the name of {host}{hops}");
        let mut sighting = Sighting::new(subject, flow.server.to_string()).show(view.at(
            flow,
            forgery.reset.mark,
            says,
        ));
        if let Some(later) = forgery.reset.first_after.filter(|_| forgery.lives_on()) {
            sighting = sighting.show(view.at(
                flow,
                later,
                format!("{host} goes on as if nothing had happened"),
            ));
        }
        sightings.add(sighting);
    }
}

/// The forged reset of an open connection, if there is one.
fn forgery(flow: &TcpFlow) -> Option<Forgery> {
    [SideId::Server, SideId::Client].into_iter().find_map(|by| {
        let reset = *flow.side(by).reset.as_deref()?;
        let opened = flow
            .handshake
            .ack
            .or(flow.sent_by_client.first_data)
            .is_some_and(|opened| opened < reset.mark)
            && flow.handshake.syn.is_none_or(|syn| syn.last < reset.mark);
        if !opened || reset.after_peer_fin || reset.after_own_fin {
            return None;
        }
        let forgery = Forgery {
            by,
            reset,
            usual: hosts::foreign_reset(flow, by).map(|(usual, _)| usual),
        };
        (forgery.usual.is_some() || forgery.lives_on()).then_some(forgery)
    })
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let cases: Vec<_> = hosts::seen(view, sightings)
        .into_iter()
        .filter_map(|flow| Some((flow, forgery(flow)?)))
        .collect();
    let Some((first, forgery)) = cases.first() else {
        return Story::observed("", "");
    };
    let named = first.endpoint(forgery.by).addr;
    let hops = match forgery.usual {
        Some(usual) => format!(
            " (hop limit {}, the host's own packets have {usual})",
            forgery.reset.ttl
        ),
        None => String::new(),
    };
    let goes_on = cases
        .iter()
        .filter(|(_, forgery)| forgery.lives_on())
        .count();
    let life = if goes_on > 0 {
        ", and the host itself went on sending"
    } else {
        ""
    };
    let support = match (forgery.usual.is_some(), goes_on > 0) {
        (true, true) => Support::Corroborated,
        (false, true) => Support::Observed,
        _ => Support::Heuristic,
    };
    Story::observed(
        format!(
            "{} to {} reset in the name of {named} by something else{hops}{life}",
            count(cases.len(), "connection"),
            first.server
        ),
        format!("a capture on {named} itself that shows it sending these resets"),
    )
    .support(support)
    .advise("Look for a device that resets connections: intrusion prevention, content filter, DPI, a load balancer or a firewall with a session limit; its log names the rule")
    .advise(format!(
        "Capture on {named} and on the client at once; the hop limit of the reset tells how far away its sender is"
    ))
    .advise("Until it is found: the content of the connection is what such devices look at; TLS, or another path, shows whether that is the trigger")
}
