//! `port-reuse-collision`: a new connection meets what is left of an old one on the same ports.

use super::hosts::{self, count};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use std::cell::LazyCell;
use std::collections::BTreeMap;
use ww_base::Span;
use ww_evidence::{PortReuse, TcpFlow};
use ww_finding::Support;

rule! {
    name: "port-reuse-collision",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Client,
    summary: "A client uses a port again while the server or a device between still holds the old connection",
    needs: [Tcp],
    explains: ["connection-refused", "half-open-connection", "handshake-retransmitted", "syn-unanswered"],
    page: "port_reuse_collision.md",
    detect: detect,
    tell: tell,
}

/// Two maximum segment lifetimes (RFC 9293): so long an old connection may be remembered.
const REMEMBERED: Span = Span::from_secs(240);

/// What the new connection met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    /// An ACK of the old connection.
    OldAck,
    /// Silence or a reset, while the service takes other connections.
    NoEntry,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let opened = LazyCell::new(|| opened(view));
    for (subject, flow) in view.flows() {
        let (Some(reuse), Some(syn)) = (flow.reuse.as_deref().copied(), flow.handshake.syn) else {
            continue;
        };
        let Some(met) = met(flow, reuse, &opened) else {
            continue;
        };
        let says = match met {
            Met::OldAck => {
                "the answer to the SYN acknowledges something else: it belongs to the old connection"
            }
            Met::NoEntry => "this SYN, from the port of a connection just before, is not accepted",
        };
        let mark = match met {
            Met::OldAck => flow.handshake.foreign_ack.unwrap_or(syn.first),
            Met::NoEntry => syn.first,
        };
        sightings.add(
            Sighting::new(subject, flow.server.to_string())
                .lost(lost(flow))
                .show(view.at(flow, mark, says))
                .show(view.frames(
                    reuse.last.frame(),
                    reuse.last.frame(),
                    format!("tcp.stream eq {}", reuse.stream),
                    format!(
                        "the last frame of the connection before, {} earlier{}",
                        syn.first.at - reuse.last.at,
                        if reuse.closed {
                            ""
                        } else {
                            ", not closed in this capture"
                        }
                    ),
                )),
        );
    }
}

/// Streams that opened, by number, and services that took connections.
fn opened<'a>(view: &View<'a>) -> BTreeMap<u32, &'a TcpFlow> {
    view.flows()
        .filter(|(_, flow)| flow.handshake.complete() || flow.exchanges.answered > 0)
        .map(|(_, flow)| (flow.stream, flow))
        .collect()
}

fn met<'a>(
    flow: &TcpFlow,
    reuse: PortReuse,
    opened: &LazyCell<BTreeMap<u32, &'a TcpFlow>, impl FnOnce() -> BTreeMap<u32, &'a TcpFlow>>,
) -> Option<Met> {
    let handshake = &flow.handshake;
    let syn = handshake.syn?;
    if syn.first.at - reuse.last.at > REMEMBERED {
        return None;
    }
    if handshake.foreign_ack.is_some() {
        return Some(Met::OldAck);
    }
    let shut_out = handshake.syn_ack.is_none() && (handshake.refused.is_some() || syn.count >= 2);
    let worked_before = || opened.contains_key(&reuse.stream);
    let others_get_in = || {
        opened
            .values()
            .any(|other| other.server == flow.server && other.first.at >= reuse.last.at)
    };
    (shut_out && worked_before() && others_get_in()).then_some(Met::NoEntry)
}

/// From the first SYN until the connection opened, or to its end.
fn lost(flow: &TcpFlow) -> Span {
    let handshake = &flow.handshake;
    let Some(syn) = handshake.syn else {
        return Span::ZERO;
    };
    let until = handshake.ack.unwrap_or(flow.last);
    (until.at - syn.first.at - flow.rtt.unwrap_or(Span::ZERO)).or_zero()
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let flows = hosts::seen(view, sightings);
    let Some(first) = flows.first() else {
        return Story::observed("", "");
    };
    let server = first.server;
    let soonest = flows
        .iter()
        .filter_map(|flow| Some(flow.handshake.syn?.first.at - flow.reuse.as_deref()?.last.at))
        .min()
        .unwrap_or(Span::ZERO);
    let foreign = flows
        .iter()
        .filter(|flow| flow.handshake.foreign_ack.is_some())
        .count();
    let story = Story::observed(
        format!(
            "{} from {} to {server} collided with an earlier connection on the same ports, at the earliest {soonest} after it",
            count(flows.len(), "connection"),
            first.client.addr
        ),
        "ss -tan on the server that shows no connection in TIME-WAIT, FIN-WAIT or ESTABLISHED for these ports",
    );
    let story = if foreign == 0 {
        story.support(Support::Heuristic)
    } else {
        story
    };
    story
        .advise("Let the client choose its ports itself (no bind() to a fixed source port), and keep connections open instead of opening new ones")
        .advise("Widen the client's or NAT gateway's port range (net.ipv4.ip_local_port_range; more addresses for source NAT), so that a port rests before it is used again")
        .advise("Do not close with a reset (SO_LINGER 0): when the reset is lost, the server keeps the old connection")
}
