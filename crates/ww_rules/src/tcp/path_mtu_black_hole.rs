//! `path-mtu-black-hole`: full-size packets vanish, small ones pass.

mod probed;

use super::losses::{between, concerned, direction_key, directions};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{IcmpMeaning, SideId, SymptomKind, TcpFlow, Vantage};
use ww_finding::{Exhibit, Support};

rule! {
    name: "path-mtu-black-hole",
    family: "tcp",
    layer: Ip,
    class: Connectivity,
    severity: High,
    owner: Network,
    summary: "Full-size packets vanish on the way while small ones pass: the path MTU is smaller and nobody says so",
    needs: [Tcp],
    explains: [
        "aborted-by-application",
        "packet-loss",
        "request-unanswered",
        "retransmission-timeout-stall",
        "slow-application",
        "spurious-retransmission",
    ],
    page: "path_mtu_black_hole.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// Segments from this size on may exceed a tunnel's MTU; 1200 bytes pass nearly every path.
const FULL_SIZE: u32 = 1200;

/// A segment shorter than the maximum by more than its options may take is not of full size.
const HEADROOM: u32 = 40;

/// How long a full-size segment must be missed.
const MISSED_MIN: Span = Span::from_millis(900);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        for (side, _) in directions(flow) {
            let exhibit =
                sent_in_vain(view, flow, side).or_else(|| never_arrived(view, flow, side));
            if let Some((exhibit, lost)) = exhibit {
                sightings.add(
                    Sighting::new(subject, direction_key(flow, side))
                        .lost(lost)
                        .show(exhibit),
                );
            }
        }
    }
}

/// Near the sender: its full-size segment is repeated and never acknowledged, while the peer is
/// alive and smaller ones were acknowledged.
fn sent_in_vain(view: &View<'_>, flow: &TcpFlow, side: SideId) -> Option<(Exhibit, Span)> {
    let sent = flow.side(side);
    let peer = flow.side(side.other());
    let end = sent.unacked_end.as_deref()?;
    let full = end.length >= FULL_SIZE && end.length > sent.largest_acknowledged;
    let alive = peer.frames > 0 && flow.handshake.syn_ack.is_some();
    if !full || !alive || end.repeats < 2 || end.last_sent.at - end.first_sent.at < MISSED_MIN {
        return None;
    }
    // A peer that fell silent altogether tells nothing about sizes.
    if !end.peer_heard_after && sent.largest_acknowledged == 0 && !heard_small(flow, side) {
        return None;
    }
    let says = format!(
        "segment of {} bytes, sent {} times and never acknowledged; the largest that was acknowledged has {} bytes",
        end.length,
        end.repeats + 1,
        sent.largest_acknowledged,
    );
    Some((
        view.in_flow(flow, end.first_sent.frame(), end.last_sent.frame(), says),
        end.last_sent.at - end.first_sent.at,
    ))
}

/// The other side answered a smaller segment in this connection.
fn heard_small(flow: &TcpFlow, side: SideId) -> bool {
    flow.side(side.other()).ack_advances > 0
}

/// Near the receiver: the peer's sequence numbers jumped by full-size segments of which none ever
/// came.
fn never_arrived(view: &View<'_>, flow: &TcpFlow, side: SideId) -> Option<(Exhibit, Span)> {
    let sent = flow.side(side);
    let hole = sent.unfilled_hole.as_deref()?;
    let peer = flow.side(side.other());
    let mss = peer.options?.mss.map(u32::from)?;
    let since_asked = peer
        .last_data
        .map_or(Span::ZERO, |asked| hole.revealed.at - asked.at);
    let waited = since_asked.max(view.capture.last - hole.revealed.at);
    let full = hole.bytes >= FULL_SIZE && hole.unacknowledged && mss >= FULL_SIZE;
    let none_came = sent.largest_segment.saturating_add(HEADROOM) < mss;
    let no_loss_else = flow.count(SymptomKind::LossBefore, side) == 0;
    if !full || !none_came || !no_loss_else || waited < MISSED_MIN || view.trust.incomplete() {
        return None;
    }
    let says = format!(
        "its sequence number shows that {} bytes were sent before it; none of their segments of up to {mss} bytes arrived",
        hole.bytes
    );
    Some((view.at(flow, hole.revealed, says), waited))
}

/// Near the server: the head of a request arrived, the body that has to follow did not, and the
/// client is silent.
fn body_never_came(view: &View<'_>, flow: &TcpFlow, side: SideId) -> Option<(Exhibit, Span)> {
    let unanswered = flow.exchanges.unanswered.as_ref()?;
    let small = flow.side(side).largest_segment < FULL_SIZE;
    let near_server = flow.vantage == Vantage::Server;
    if side != SideId::Client
        || !unanswered.awaits_body
        || !small
        || !near_server
        || unanswered.waited < MISSED_MIN
    {
        return None;
    }
    let says = "the head of a request with a body; no byte of the body ever arrived".to_owned();
    Some((view.at(flow, unanswered.request, says), unanswered.waited))
}

/// The strongest way in which a connection of the group shows it.
fn support(view: &View<'_>, group: &[Sighting], told: bool) -> Support {
    let inferred =
        concerned(view, group).all(|(flow, side)| body_never_came(view, flow, side).is_some());
    match (told, inferred) {
        (true, _) => Support::Corroborated,
        (false, true) => Support::Heuristic,
        (false, false) => Support::Observed,
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let between = between(view, group);
    let mut passed = 0;
    let mut told = None;
    for (flow, side) in concerned(view, group) {
        let sent = flow.side(side);
        passed = passed.max(sent.largest_acknowledged);
        told = told.or_else(|| {
            view.capture.icmp.iter().find(|error| {
                error.meaning == IcmpMeaning::TooBig && error.stream == Some(flow.stream)
            })
        });
    }
    let known = match told {
        Some(error) => format!(
            " although {} says by ICMP that they are too big{}: the sender does not heed it",
            error.from,
            error
                .mtu
                .map(|mtu| format!(" (MTU {mtu})"))
                .unwrap_or_default()
        ),
        None if passed >= 100 => {
            format!(" without a word; up to {passed} bytes of payload pass")
        }
        None => " without a word; small packets pass".to_owned(),
    };
    Story::observed(
        format!("Full-size packets from {between} vanish{known}"),
        "a ping of full size with the Don't Fragment bit (ping -M do -s 1472) that passes the same path",
    )
    .support(support(view, group, told.is_some()))
    .advise("Let ICMP \"fragmentation needed\" (type 3 code 4) and ICMPv6 \"packet too big\" (type 2) pass every firewall on the path")
    .advise("Clamp the MSS where the tunnel begins: nft add rule … tcp flags syn tcp option maxseg size set rt mtu (iptables: -j TCPMSS --clamp-mss-to-pmtu), or lower the interface's MTU")
    .advise("As a net below it: net.ipv4.tcp_mtu_probing=1 on the senders")
}
