//! The same cause at a live endpoint: after enough quiet, keep-alives are answered by nothing.

use crate::tcp::idle_timers;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_base::Span;
use ww_evidence::transcript::{IdleFate, IdleProbe};
use ww_finding::Severity;

/// Below this, ordinary pools and long requests are hit.
const SHORT: Span = Span::from_secs(300);

/// Devices on the way wait at least so long unless told otherwise; shorter defaults are those of servers.
const DEVICES: Span = Span::from_secs(200);

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, probe) in walk.transcript.idles() {
        if let (Some(to), Some((alive, dead))) = (probe.to, limits(probe)) {
            sightings.add(
                Sighting::new(Subject::Step(step.number), to.to_string()).show(walk.at(
                    step,
                    format!("alive after {alive} of quiet, no answer after {dead}"),
                )),
            );
        }
    }
}

/// The longest quiet that a connection survived, and the shortest after which it was forgotten.
fn limits(probe: &IdleProbe) -> Option<(Span, Span)> {
    let with = |fate| {
        probe
            .tries
            .iter()
            .filter(move |one| one.fate == fate)
            .map(|one| one.idle)
    };
    let dead = with(IdleFate::Silent).min()?;
    let alive = with(IdleFate::Alive).filter(|idle| *idle < dead).max()?;
    Some((alive, dead))
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let found = walk
        .transcript
        .idles()
        .filter(|(step, _)| {
            sightings
                .iter()
                .any(|one| one.subjects.contains(&Subject::Step(step.number)))
        })
        .find_map(|(_, probe)| Some((probe.to?, limits(probe)?)));
    let Some((to, (alive, dead))) = found else {
        return Story::observed("idle connections are forgotten", "one that is not");
    };
    let known = idle_timers::known(dead)
        .filter(|_| dead >= DEVICES)
        .map(|whose| format!("; that is {whose} unless set otherwise"))
        .unwrap_or_default();
    story(to, alive, dead, &known).severity(if dead <= SHORT {
        Severity::High
    } else {
        Severity::Medium
    })
}

fn story(to: SocketAddr, alive: Span, dead: Span, known: &str) -> Story {
    Story::observed(
        format!(
            "Something on the way to {to} forgets connections that are idle for more than {alive} and less than {dead}, in silence{known}"
        ),
        "a capture at the server: if the keep-alives arrive there and answers leave, the way back is broken instead",
    )
    .advise(format!(
        "Keep quiet connections alive: SO_KEEPALIVE with TCP_KEEPIDLE (sysctl net.ipv4.tcp_keepalive_time) below {alive}, or pings of the protocol (HTTP/2, WebSocket, database drivers)"
    ))
    .advise(format!("Or close idle connections first: pool idle timeout below {alive}"))
    .advise("Or let the device remember longer: nf_conntrack_tcp_timeout_established, firewall session timeout, AWS NLB TCP idle timeout (350 s unless set), Azure Load Balancer idle timeout (4 min) with TCP reset switched on")
}
