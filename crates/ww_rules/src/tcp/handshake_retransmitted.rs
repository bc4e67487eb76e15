//! `handshake-retransmitted`: SYNs or SYN-ACKs had to be repeated.

mod probed;

use super::hosts::{self, count, median};
use super::syn_unanswered::answers;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{TcpFlow, Vantage};
use ww_finding::{Owner, Severity};

rule! {
    name: "handshake-retransmitted",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Network,
    summary: "SYNs or SYN-ACKs had to be repeated: each repetition costs a second and more",
    needs: [Tcp],
    explains: [],
    page: "handshake_retransmitted.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// What was repeated, and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repetition {
    /// SYNs, then the connection opened.
    SynThenOpen,
    /// SYN-ACKs, then the connection opened.
    SynAckThenOpen,
    /// SYN-ACKs, while the client goes on with SYNs: they do not reach it.
    SynAckInVain,
    /// SYN-ACKs, to a client that is never heard again.
    ClientGone,
    /// SYNs, to a service that answers other connections.
    NeverOpen,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        let Some(repetition) = repetition(flow) else {
            continue;
        };
        if repetition == Repetition::NeverOpen && !answers(view, subject) {
            continue;
        }
        let (first, last, says) = where_to_look(flow, repetition);
        sightings.add(
            Sighting::new(subject, flow.server.to_string())
                .lost(lost(flow))
                .show(view.in_flow(flow, first, last, says)),
        );
    }
}

fn repetition(flow: &TcpFlow) -> Option<Repetition> {
    let handshake = &flow.handshake;
    if handshake.refused.is_some() || handshake.foreign_ack.is_some() {
        return None;
    }
    let syns = handshake.syn.map_or(0, |syn| syn.count);
    let syn_acks = handshake.syn_ack.map_or(0, |syn_ack| syn_ack.count);
    let opened = handshake.ack.is_some();
    match (syns, syn_acks) {
        (_, 2..) if opened => Some(Repetition::SynAckThenOpen),
        (2.., 1) if opened => Some(Repetition::SynThenOpen),
        (2.., 1..) => Some(Repetition::SynAckInVain),
        (_, 2..) => Some(Repetition::ClientGone),
        (2.., 0) if flow.sent_by_server.frames == 0 => Some(Repetition::NeverOpen),
        _ => None,
    }
}

/// From the first SYN to the end of the handshake, or to the last attempt, less a round trip.
fn lost(flow: &TcpFlow) -> Span {
    let handshake = &flow.handshake;
    let Some(first) = handshake.syn.or(handshake.syn_ack).map(|one| one.first) else {
        return Span::ZERO;
    };
    let attempts = [handshake.syn, handshake.syn_ack];
    let last = attempts.iter().flatten().map(|one| one.last.at).max();
    match (handshake.ack, last) {
        (Some(ack), _) => ack.at - first.at - flow.rtt.unwrap_or(Span::ZERO),
        (None, Some(last)) => last - first.at,
        (None, None) => Span::ZERO,
    }
    .or_zero()
}

/// The frames of the repetition and what they show.
fn where_to_look(flow: &TcpFlow, repetition: Repetition) -> (u64, u64, String) {
    let (repeated, what) = match repetition {
        Repetition::SynThenOpen | Repetition::NeverOpen => (flow.handshake.syn, "SYN"),
        _ => (flow.handshake.syn_ack, "SYN-ACK"),
    };
    let Some(repeated) = repeated else {
        return (
            flow.first.frame(),
            flow.last.frame(),
            "the handshake".to_owned(),
        );
    };
    let end = match repetition {
        Repetition::SynThenOpen | Repetition::SynAckThenOpen => "then the connection opens",
        Repetition::SynAckInVain => "and the client goes on sending SYNs",
        Repetition::ClientGone => "and the client says nothing more",
        Repetition::NeverOpen => "and the connection never opens",
    };
    let says = if repeated.count > 1 {
        format!(
            "the {what} is sent {} times within {}, {end}",
            repeated.count,
            repeated.last.at - repeated.first.at
        )
    } else {
        format!("the {what}, sent once, {end}")
    };
    (repeated.first.frame(), repeated.last.frame(), says)
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let flows = hosts::seen(view, sightings);
    let Some(server) = flows.first().map(|flow| flow.server) else {
        return Story::observed("", "");
    };
    let with = |wanted: &[Repetition]| {
        flows
            .iter()
            .filter(|flow| repetition(flow).is_some_and(|one| wanted.contains(&one)))
            .count()
    };
    let in_vain = with(&[Repetition::SynAckInVain]);
    let opened = with(&[Repetition::SynThenOpen, Repetition::SynAckThenOpen]);
    let gone = with(&[Repetition::ClientGone]);
    if in_vain > 0 && in_vain >= opened {
        return never_back(server, in_vain);
    }
    if gone > 0 && gone >= opened {
        return client_gone(server, gone);
    }
    let all = hosts::to(view, server)
        .filter(|flow| flow.handshake.syn.is_some())
        .count();
    let wait = median(flows.iter().map(|flow| lost(flow)).collect());
    let which = if with(&[Repetition::SynAckThenOpen]) > 0 {
        "the SYN-ACK or the client's ACK was lost"
    } else if flows.iter().any(|flow| flow.vantage == Vantage::Server) {
        "the SYN reached the server, which did not answer it at once"
    } else {
        "the SYN or the SYN-ACK was lost beyond the capture point"
    };
    let story = Story::observed(
        format!(
            "{} to {server} of {all} had to repeat the handshake, which cost {wait} each time: {which}",
            count(flows.len(), "connection")
        ),
        "a capture at the other end: it shows which of the packets arrived",
    )
    .severity(severity(flows.len(), all));
    story
        .advise("Capture at both ends at once and see which packet does not arrive: tcp[tcpflags] & tcp-syn != 0")
        .advise("Look for loss on the path (interface errors and drops), and for firewalls with full connection tables (conntrack -S, nf_conntrack_count against nf_conntrack_max)")
        .advise("On the server, see whether its queues drop SYNs: nstat -az TcpExtListenDrops TcpExtTCPReqQFullDrop")
}

fn never_back(server: ww_evidence::Endpoint, times: usize) -> Story {
    Story::observed(
        format!(
            "The SYN-ACKs of {server} do not reach the client in {}: it goes on sending SYNs",
            count(times, "connection")
        ),
        "a capture at the client that shows the SYN-ACKs arriving",
    )
    .severity(Severity::High)
    .advise("Follow the way back from the server to the client: routes, and stateful firewalls that see only one direction (asymmetric routing)")
    .advise("Check outgoing filters on the server and its security group or network ACL for the client's ephemeral ports (1024 to 65535)")
}

fn client_gone(server: ww_evidence::Endpoint, times: usize) -> Story {
    Story::observed(
        format!(
            "{} to {server} stayed half open: the client sent one SYN and never answered the SYN-ACKs",
            count(times, "connection")
        ),
        "a capture at the client that shows its ACK leaving",
    )
    .severity(Severity::Low)
    .owner(Owner::Unknown)
    .advise("If the addresses are real clients, follow the way back to them; if not, somebody sends SYNs from addresses that are not theirs")
}

/// One repetition among hundreds of handshakes is ordinary loss.
fn severity(repeated: usize, all: usize) -> Severity {
    let share = repeated as f64 / all.max(1) as f64;
    if share < 0.01 {
        Severity::Info
    } else if repeated == 1 || share < 0.03 {
        Severity::Low
    } else {
        Severity::Medium
    }
}
