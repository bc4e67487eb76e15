//! `nagle-delayed-ack`: small writes wait for acknowledgements that are delayed.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{SideId, SymptomKind};

rule! {
    name: "nagle-delayed-ack",
    family: "tcp",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Application,
    summary: "Small writes wait for delayed acknowledgements (Nagle's algorithm)",
    needs: [Tcp],
    explains: ["sender-limited-transfer", "slow-application"],
    page: "nagle_delayed_ack.md",
    detect: detect,
    tell: tell,
}

/// Waits of one side below which it may be chance.
const WAITS_MIN: u32 = 3;

/// The waits must follow at least this share of a side's data segments.
const SHARE_MIN: f64 = 0.1;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if view.trust.clock_unsteady {
        return;
    }
    for (subject, flow) in view.flows() {
        for side in [SideId::Client, SideId::Server] {
            let Some(waits) = flow.symptom(SymptomKind::DelayedAckWait, side) else {
                continue;
            };
            let segments = flow.side(side).data_segments;
            let enough =
                waits.count >= WAITS_MIN && f64::from(waits.count) >= SHARE_MIN * segments as f64;
            if !enough {
                continue;
            }
            let says = format!(
                "this segment left the moment the other side's delayed ACK arrived, {} late",
                waits.worst
            );
            sightings.add(
                Sighting::new(subject, key(&flow.server.to_string(), side))
                    .count(u64::from(waits.count))
                    .lost(waits.lost)
                    .show(view.in_flow(flow, waits.worst_frame, waits.worst_frame, says)),
            );
        }
    }
}

fn key(server: &str, side: SideId) -> String {
    match side {
        SideId::Client => format!("clients of {server}"),
        SideId::Server => server.to_owned(),
    }
}

fn tell(_: &View<'_>, group: &[Sighting]) -> Story {
    let count: u64 = group.iter().map(|sighting| sighting.count).sum();
    let lost: Span = group.iter().map(|sighting| sighting.lost).sum();
    let each = Span(lost.0 / i64::try_from(count.max(1)).unwrap_or(i64::MAX));
    let who = group
        .first()
        .map(|sighting| sighting.group.clone())
        .unwrap_or_default();
    let timer = match each.as_millis() {
        ms if ms < 100.0 => "about 40 ms: Linux",
        ms if ms < 300.0 => "about 200 ms: Windows, macOS and others",
        _ => "long, but within the 500 ms of RFC 1122",
    };
    Story::observed(
        format!(
            "Small writes of {who} wait {each} each for the other side's delayed ACK ({timer}), {count} times: Nagle's algorithm holds back the second half of a message"
        ),
        "the same waits with TCP_NODELAY set, or an application that makes the second part only then",
    )
    .advise("Write each message with one call (buffer it, writev, or MSG_MORE/TCP_CORK until it is complete)")
    .advise("Or set TCP_NODELAY on the sending socket (Go and most HTTP libraries do; C, Java and older RPC libraries often do not)")
}
