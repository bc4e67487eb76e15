//! `receive-window-limited`: the receiver's window, not the network, sets the rate.

use super::losses::{Losses, at_sender, bit_rate, directions};
use super::waits::about_endpoint;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::{Gap, Span};
use ww_evidence::{Bulk, SideId, TcpFlow};
use ww_finding::Owner;

rule! {
    name: "receive-window-limited",
    family: "tcp",
    layer: Tcp,
    class: Performance,
    severity: Medium,
    owner: Server,
    summary: "The receiver's window is too small for the round trip and sets the rate",
    needs: [TcpHandshake],
    explains: [],
    page: "receive_window_limited.md",
    detect: detect,
    tell: tell,
}

/// A transfer shorter than this is not judged.
const SPAN_MIN: Span = Span::from_millis(500);

/// Below this round trip the window is rarely what limits.
const RTT_MIN: Span = Span::from_millis(2);

/// Near the sender: share of the busy time with a full window.
const LIMITED_SHARE: f64 = 0.3;

/// Rate times round trip over window: near 1 when one window passes per round trip.
const FILL_AT_RECEIVER: std::ops::RangeInclusive<f64> = 0.8..=1.3;

/// Near the sender the full window itself is seen; the rate need only agree.
const FILL_AT_SENDER: std::ops::RangeInclusive<f64> = 0.5..=1.3;

/// Share of segments lost above which loss sets the rate.
const LOSS_SHARE: f64 = 0.005;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        for (side, sent) in directions(flow) {
            let Some(bulk) = &sent.bulk else { continue };
            let span = bulk.last.at - bulk.first.at;
            if span < SPAN_MIN {
                continue;
            }
            if bulk.window_max == 0 {
                sightings.gap(Gap::new(
                    format!(
                        "the window scale of {} is not known: its handshake is not in the capture",
                        flow.endpoint(side.other())
                    ),
                    "a capture that was started before the connection",
                ));
                continue;
            }
            if limit(flow, side, bulk).is_none() {
                continue;
            }
            let says = format!(
                "one window of at most {} bytes per round trip of {}",
                bulk.window_max,
                flow.rtt.unwrap_or(Span::ZERO)
            );
            sightings.add(
                Sighting::new(subject, key(flow, side.other()))
                    .lost(if at_sender(flow, side) {
                        bulk.window_limited
                    } else {
                        span
                    })
                    .show(view.in_flow(flow, bulk.first.frame(), bulk.last.frame(), says)),
            );
        }
    }
}

/// The rate of a transfer, bytes per second, when the receiver's window sets it.
fn limit(flow: &TcpFlow, side: SideId, bulk: &Bulk) -> Option<f64> {
    let rtt = flow.rtt.filter(|rtt| *rtt >= RTT_MIN)?;
    if Losses::of(flow, side).share() >= LOSS_SHARE {
        return None;
    }
    let near_sender = at_sender(flow, side);
    let bins = if near_sender {
        &bulk.acknowledged
    } else {
        &bulk.arrivals
    };
    let rate = bins.mean()?;
    let fill = rate * rtt.as_secs() / f64::from(bulk.window_max);
    if !near_sender {
        return FILL_AT_RECEIVER.contains(&fill).then_some(rate);
    }
    let limited = bulk.window_limited.as_secs() >= LIMITED_SHARE * bulk.busy.as_secs();
    (limited && FILL_AT_SENDER.contains(&fill)).then_some(rate)
}

fn key(flow: &TcpFlow, receiver: SideId) -> String {
    match receiver {
        SideId::Client => format!("{}, a client of {}", flow.client.addr, flow.server),
        SideId::Server => flow.server.to_string(),
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let who = group
        .first()
        .map(|sighting| sighting.group.clone())
        .unwrap_or_default();
    let receiver = if who.contains(", a client of ") {
        SideId::Client
    } else {
        SideId::Server
    };
    let sender = receiver.other();
    let slowest = about_endpoint(view, group)
        .into_iter()
        .filter_map(|flow| {
            let bulk = flow.side(sender).bulk.as_ref()?;
            Some((flow, bulk.window_max, limit(flow, sender, bulk)?))
        })
        .min_by(|a, b| a.2.total_cmp(&b.2));
    let Some((flow, window, rate)) = slowest else {
        return Story::observed(format!("The window of {who} limits transfers"), "");
    };
    let rtt = flow.rtt.unwrap_or(Span::ZERO);
    let unscaled = [SideId::Client, SideId::Server].into_iter().any(|side| {
        flow.side(side)
            .options
            .is_some_and(|options| options.window_scale.is_none())
    });
    let scaling = if unscaled {
        "; window scaling was not agreed in the handshake, so 65535 bytes are the most there can be"
    } else {
        ""
    };
    // 100 Mbit/s are 12.5 million bytes per second.
    let needed = (12.5e6 * rtt.as_secs() / 1e3).ceil();
    let story = Story::observed(
        format!(
            "The receive window of {who} limits transfers to {}: {window} bytes per round trip of {rtt}; 100 Mbit/s would need {needed:.0} kB{scaling}",
            bit_rate(rate),
        ),
        "a larger window that leaves the rate as it is",
    )
    .owner(match receiver {
        SideId::Client => Owner::Client,
        SideId::Server => Owner::Server,
    })
    .advise("Let the receiving host size the buffer itself: remove SO_RCVBUF from the application, and raise the third value of net.ipv4.tcp_rmem (with net.ipv4.tcp_moderate_rcvbuf=1)");
    if unscaled {
        story.advise("Turn window scaling on at both ends (net.ipv4.tcp_window_scaling=1), and find the middlebox that removes the option if both offer it")
    } else {
        story
    }
}
