//! `half-open-connection`: one end goes on with a connection that the other does not know.

use super::hosts::{self, count};
use super::idle_timers;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{Reset, SideId, TcpFlow};
use ww_finding::Owner;

rule! {
    name: "half-open-connection",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "A host answers data with a reset because it does not know the connection: it restarted or forgot it",
    needs: [Tcp],
    explains: ["aborted-by-application", "request-unanswered"],
    page: "half_open_connection.md",
    detect: detect,
    tell: tell,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        let Some((by, reset)) = forgotten_by(flow) else {
            continue;
        };
        sightings.add(
            Sighting::new(subject, format!("{} {}", flow.endpoint(by).addr, by.word()))
                .lost(reset.after_data.unwrap_or(Span::ZERO))
                .show(view.at(
                    flow,
                    reset.mark,
                    format!(
                        "a reset without ACK flag, numbered as the {} expects: its sender has no such connection",
                        by.other().word()
                    ),
                )),
        );
    }
}

/// The side whose first sign of an end is a reset of a host that does not know the connection
/// (RFC 9293 section 3.5.2, group 1).
pub(super) fn forgotten_by(flow: &TcpFlow) -> Option<(SideId, Reset)> {
    [SideId::Server, SideId::Client].into_iter().find_map(|by| {
        let (own, peer) = (flow.side(by), flow.side(by.other()));
        let reset = *own.reset.as_deref()?;
        let first_end = !reset.after_own_fin
            && !reset.after_peer_fin
            && peer
                .reset
                .as_deref()
                .is_none_or(|other| other.mark > reset.mark);
        // Nobody forgets a connection on which he spoke a moment ago.
        let away = flow.idle_break.is_some()
            || peer
                .unacked_end
                .as_deref()
                .is_some_and(|end| end.repeats > 0);
        let lived = own.first_data.is_some() && peer.first_data.is_some();
        (first_end
            && lived
            && away
            && !reset.has_ack
            && reset.sequence_offset == 0
            && reset.frames_after == 0
            && hosts::foreign_reset(flow, by).is_none())
        .then_some((by, reset))
    })
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let flows = hosts::seen(view, sightings);
    let Some((first, (by, _))) = flows
        .first()
        .and_then(|flow| Some((flow, forgotten_by(flow)?)))
    else {
        return Story::observed("", "");
    };
    let host = first.endpoint(by).addr;
    let quiet = hosts::median(
        flows
            .iter()
            .filter_map(|flow| flow.idle_break.as_deref().map(|quiet| quiet.idle))
            .collect(),
    );
    let after = if quiet > Span::ZERO {
        format!(", found out after a quiet of {quiet}")
    } else {
        String::new()
    };
    let story = Story::observed(
        format!(
            "{host} no longer knew {} that the other side still used{after}: it restarted, or lost them without a word",
            count(flows.len(), "connection")
        ),
        format!("logs of {host} without a restart, crash or failover before that time"),
    )
    .owner(match by {
        SideId::Server => Owner::Server,
        SideId::Client => Owner::Client,
    });
    let story = match idle_timers::known(quiet) {
        Some(whose) => story.advise(format!(
            "The quiet is as long as {whose}: if such a device answers for the host, keep connections quiet for less than {quiet}"
        )),
        None => story,
    };
    story
        .advise(format!("Look at {host} for a restart, crash, failover or address takeover shortly before"))
        .advise("Let the clients notice dead connections before they use them: TCP keep-alive (SO_KEEPALIVE with TCP_KEEPIDLE of 30 to 60 s), validation of pooled connections, a retry for idempotent requests")
}
