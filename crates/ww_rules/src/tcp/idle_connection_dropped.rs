//! `idle-connection-dropped`: something between forgot a quiet connection.

mod probed;

use super::hosts::{self, count};
use super::idle_timers;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{IdleBreak, IdleOutcome, SideId, TcpFlow};
use ww_finding::{Owner, Support};

rule! {
    name: "idle-connection-dropped",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Middlebox,
    summary: "A NAT, firewall or load balancer forgot idle connections: what is sent next is lost or reset",
    needs: [Tcp],
    explains: ["aborted-by-application", "half-open-connection", "idle-connection-reset", "packet-loss", "path-mtu-black-hole", "request-unanswered", "reset-injected", "retransmission-timeout-stall", "slow-application", "spurious-retransmission"],
    page: "idle_connection_dropped.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// A shorter quiet is no idle timeout.
const IDLE_MIN: Span = Span::from_secs(2);

/// Repetitions without answer after which data counts as lost for good.
const REPEATS: u32 = 2;

/// Segments at least this long may be too long for the path instead.
const LARGE: u32 = 1200;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        let Some(quiet) = forgotten(flow) else {
            continue;
        };
        let (waited, last, says) = match quiet.outcome {
            IdleOutcome::Silence { repeats, waited } => (
                waited,
                flow.side(quiet.by)
                    .unacked_end
                    .as_deref()
                    .map_or(quiet.resumed.frame(), |end| {
                        end.last_sent.frame().max(quiet.resumed.frame())
                    }),
                format!(
                    "after {} of quiet the {} speaks and repeats it {repeats} times; no packet comes back",
                    quiet.idle,
                    quiet.by.word()
                ),
            ),
            IdleOutcome::Reset { mark, ttl, .. } => (
                mark.at - quiet.resumed.at,
                mark.frame(),
                format!(
                    "after {} of quiet the {} speaks and is reset by a packet with hop limit {ttl}, which is not the {}'s",
                    quiet.idle,
                    quiet.by.word(),
                    quiet.by.other().word()
                ),
            ),
        };
        sightings.add(
            Sighting::new(subject, flow.server.to_string())
                .lost(waited)
                .show(view.in_flow(flow, quiet.resumed.frame(), last, says))
                .show(view.at(flow, quiet.before, "the last frame before the quiet")),
        );
    }
}

/// The quiet after which something other than the peer ended the connection.
fn forgotten(flow: &TcpFlow) -> Option<IdleBreak> {
    let quiet = *flow.idle_break.as_deref()?;
    if quiet.idle < IDLE_MIN {
        return None;
    }
    let [client, server] = [&flow.sent_by_client, &flow.sent_by_server];
    let worked = client.ack_advances > 0 && server.ack_advances > 0;
    let closed = client.fin.is_some_and(|fin| fin < quiet.resumed)
        || server.fin.is_some_and(|fin| fin < quiet.resumed);
    if !worked || closed {
        return None;
    }
    let dropped = match quiet.outcome {
        IdleOutcome::Silence { repeats, .. } => {
            repeats >= REPEATS
                && flow
                    .side(quiet.by)
                    .unacked_end
                    .as_deref()
                    .is_none_or(|end| end.length < LARGE)
        }
        IdleOutcome::Reset { .. } => hosts::foreign_reset(flow, quiet.by.other()).is_some(),
    };
    dropped.then_some(quiet)
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let cases: Vec<(&TcpFlow, IdleBreak)> = hosts::seen(view, sightings)
        .into_iter()
        .filter_map(|flow| Some((flow, forgotten(flow)?)))
        .collect();
    let Some(&(first, quiet)) = cases.first() else {
        return Story::observed("", "");
    };
    let shortest = cases
        .iter()
        .map(|(_, quiet)| quiet.idle)
        .min()
        .unwrap_or(quiet.idle);
    let between = format!("{} and {}", first.client.addr, first.server);
    let survived = hosts::to(view, first.server)
        .filter(|flow| flow.idle_break.is_none() && flow.exchanges.unanswered.is_none())
        .map(|flow| flow.longest_idle)
        .filter(|idle| *idle < shortest && *idle >= Span::from_secs(1))
        .max()
        .map(|idle| format!(", while {idle} did no harm"))
        .unwrap_or_default();
    let known = idle_timers::known(shortest)
        .map(|whose| format!("; {shortest} is {whose} unless set otherwise"))
        .unwrap_or_default();
    let resets = cases
        .iter()
        .any(|(_, quiet)| matches!(quiet.outcome, IdleOutcome::Reset { .. }));
    let fate = if resets {
        "reset in the peer's name"
    } else {
        "dropped in silence"
    };
    let alive = resets || peer_lives(view, first, quiet);
    let story = Story::observed(
        format!(
            "{} between {between} found dead after a quiet of {shortest}{survived}{known}: what was sent next was {fate}",
            count(cases.len(), "connection")
        ),
        "a capture at the other end: if the data arrives there and an answer leaves, the way back is broken instead",
    );
    let story = if alive {
        story
    } else {
        story.owner(Owner::Unknown).support(Support::Heuristic)
    };
    story
        .advise(format!(
            "Keep quiet connections alive: SO_KEEPALIVE with TCP_KEEPIDLE (sysctl net.ipv4.tcp_keepalive_time) below {shortest}, or pings of the protocol (HTTP/2, WebSocket, database drivers)"
        ))
        .advise(format!("Or close idle connections first: pool idle timeout below {shortest}"))
        .advise("Or let the device remember longer: nf_conntrack_tcp_timeout_established, firewall session timeout, AWS NLB TCP idle timeout (350 s unless set), Azure Load Balancer idle timeout (4 min) with TCP reset switched on")
}

/// The silent side was heard on another connection after this one went dead.
fn peer_lives(view: &View<'_>, dead: &TcpFlow, quiet: IdleBreak) -> bool {
    let peer = dead.endpoint(quiet.by.other()).addr;
    view.capture.tcp.iter().any(|flow| {
        [SideId::Client, SideId::Server].into_iter().any(|side| {
            flow.endpoint(side).addr == peer
                && flow
                    .side(side)
                    .last_data
                    .is_some_and(|last| last.at > quiet.resumed.at)
        })
    })
}
