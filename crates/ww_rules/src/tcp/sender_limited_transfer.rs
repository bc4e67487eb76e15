//! `sender-limited-transfer`: the sending application is slower than the network.

use super::losses::{Losses, bit_rate, direction_key, directions, path};
use super::waits::about_endpoint;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{Bulk, Protocol, SideId, SymptomKind, TcpFlow};
use ww_finding::Support;

rule! {
    name: "sender-limited-transfer",
    family: "tcp",
    layer: App,
    class: Performance,
    severity: Low,
    owner: Application,
    summary: "The sending application produces data more slowly than the network would carry it",
    needs: [Tcp],
    explains: ["queueing-delay"],
    page: "sender_limited_transfer.md",
    detect: detect,
    tell: tell,
}

/// A transfer shorter than this is not judged.
const SPAN_MIN: Span = Span::from_secs(1);

/// Pauses of one transfer below which it may be chance.
const PAUSES_MIN: u32 = 5;

/// Segments between two pauses, on average, below which it is messages and not a transfer.
const SEGMENTS_MIN: u64 = 3;

/// Share of segments lost above which loss sets the rate.
const LOSS_SHARE: f64 = 0.005;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        for (side, sent) in directions(flow) {
            let Some(bulk) = &sent.bulk else { continue };
            if !starved(flow, side, bulk) {
                continue;
            }
            let mut sighting = Sighting::new(subject, direction_key(flow, side))
                .count(u64::from(bulk.pauses))
                .lost(bulk.paused);
            if let Some(pauses) = flow.symptom(SymptomKind::SenderPause, side) {
                sighting = sighting.show(view.in_flow(
                    flow,
                    pauses.worst_frame,
                    pauses.worst_frame,
                    format!(
                        "the first data after {} in which everything was acknowledged, the window open, and nothing sent",
                        pauses.worst
                    ),
                ));
            }
            sightings.add(sighting);
        }
    }
}

/// Most of the time nothing was on its way although it might have been.
fn starved(flow: &TcpFlow, side: SideId, bulk: &Bulk) -> bool {
    let sent = flow.side(side);
    let span = bulk.last.at - bulk.first.at;
    let talk = matches!(flow.exchanges.protocol, Protocol::Upgraded | Protocol::Ssh)
        || sent.data_segments < SEGMENTS_MIN * u64::from(bulk.pauses + 1);
    let closed = flow.lost(SymptomKind::ZeroWindow, side.other());
    span >= SPAN_MIN
        && bulk.pauses >= PAUSES_MIN
        && bulk.paused.times(2) >= span
        && !talk
        && closed.times(5) < bulk.paused
        && Losses::of(flow, side).share() < LOSS_SHARE
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let flows = about_endpoint(view, group);
    let side = group.first().map_or(SideId::Server, |sighting| {
        super::losses::side_of_key(&sighting.group)
    });
    let between = flows
        .first()
        .map(|flow| path(flow, side))
        .unwrap_or_default();
    let (mut paused, mut span, mut bytes, mut pauses) = (Span::ZERO, Span::ZERO, 0, 0);
    for flow in &flows {
        let sent = flow.side(side);
        let Some(bulk) = &sent.bulk else { continue };
        paused += bulk.paused;
        pauses += bulk.pauses;
        if let (Some(first), Some(last)) = (sent.first_data, sent.last_data) {
            span += last.at - first.at;
            bytes += sent.bytes;
        }
    }
    let seconds = span.as_secs().max(1e-3);
    Story::observed(
        format!(
            "Transfers from {between} run at {} because the sending application pauses: {pauses} times, {:.0} % of the time, with everything acknowledged and the window open",
            bit_rate(bytes as f64 / seconds),
            100.0 * paused.as_secs() / seconds,
        ),
        "an application that writes without pause (its socket's send queue, Send-Q of ss -ti, never empty)",
    )
    .support(Support::Observed)
    .advise("If it should be faster: find what the sender waits for between its writes (disk, database, a slow source behind a proxy, a rate limit such as nginx limit_rate); profile it, not the network")
    .advise("If it is paced on purpose (live streams, video, rate limits): nothing is wrong")
}
