//! `zero-window-stall`: a receiver stops reading, and the sender has to stop.

use super::waits::{about_endpoint, counted};
use crate::roster::Trait;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{SideId, SymptomKind, TcpFlow};
use ww_finding::Owner;

rule! {
    name: "zero-window-stall",
    family: "tcp",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Application,
    summary: "A receiver's application stops reading: its window closes and the sender must wait",
    needs: [Tcp],
    explains: [
        "receive-window-limited",
        "request-unanswered",
        "retransmission-timeout-stall",
        "sender-limited-transfer",
        "slow-application",
        "spurious-retransmission",
    ],
    page: "zero_window_stall.md",
    detect: detect,
    tell: tell,
}

/// Time with a closed window, per connection, from which on it matters.
const CLOSED_MIN: Span = Span::from_millis(100);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows_that_are(Trait::Troubled) {
        for side in [SideId::Client, SideId::Server] {
            let Some(closed) = flow.symptom(SymptomKind::ZeroWindow, side) else {
                continue;
            };
            let probes = flow.count(SymptomKind::WindowProbe, side);
            let wanted = probes > 0 || flow.side(side.other()).bulk.is_some();
            if closed.lost < CLOSED_MIN || !wanted {
                continue;
            }
            let mut sighting = Sighting::new(subject, key(flow, side))
                .count(u64::from(closed.count))
                .lost(closed.lost)
                .show(view.in_flow(
                    flow,
                    closed.worst_frame,
                    closed.worst_frame,
                    format!("the {} closes its window for {}", side.word(), closed.worst),
                ));
            if let Some(probe) = flow.symptom(SymptomKind::WindowProbe, side) {
                let (first, last) = (
                    probe.frames.first().copied().unwrap_or(probe.last_frame),
                    probe.last_frame,
                );
                sighting = sighting.show(view.in_flow(
                    flow,
                    first,
                    last,
                    "the sender probes: it has more to send",
                ));
            }
            sightings.add(sighting);
        }
    }
}

fn key(flow: &TcpFlow, side: SideId) -> String {
    match side {
        SideId::Client => format!("{}, a client of {}", flow.client.addr, flow.server),
        SideId::Server => flow.server.to_string(),
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let flows = about_endpoint(view, group);
    let who = group
        .first()
        .map(|sighting| sighting.group.clone())
        .unwrap_or_default();
    let side = if who.contains(", a client of ") {
        SideId::Client
    } else {
        SideId::Server
    };
    let total: Span = group.iter().map(|sighting| sighting.lost).sum();
    let times: u64 = group.iter().map(|sighting| sighting.count).sum();
    let largest = flows
        .iter()
        .map(|flow| flow.side(side).window_max)
        .max()
        .unwrap_or(0);
    let dead = flows
        .iter()
        .filter(|flow| flow.side(side).window_zero_at_end)
        .count();
    let end = match dead {
        0 => String::new(),
        1 => "; one connection ended that way".to_owned(),
        n => format!("; {n} connections ended that way"),
    };
    let window = match largest {
        0 => "its window".to_owned(),
        bytes => format!("its window (up to {bytes} bytes)"),
    };
    Story::observed(
        format!(
            "{who} stopped reading: {window} was closed {} for {total} in all while the sender had more to send{end}",
            counted(times, "time"),
        ),
        "a receiver that was reading all the time (its receive queue, Recv-Q of ss -tin, empty): then the host, not the application, withheld the window",
    )
    .owner(match side {
        SideId::Client => Owner::Client,
        SideId::Server => Owner::Server,
    })
    .advise(format!(
        "Find what keeps the {}'s application from reading its socket: a slow disk or terminal, a full queue behind it, a blocked thread, garbage collection (ss -tinm there shows Recv-Q)",
        side.word()
    ))
    .advise("A larger receive buffer only delays the stall; it helps against short pauses of the reader (net.ipv4.tcp_rmem, SO_RCVBUF)")
}
