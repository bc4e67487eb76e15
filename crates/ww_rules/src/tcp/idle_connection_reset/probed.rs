//! The same cause at a live endpoint: idle connections end with a reset, not in order.

use crate::tcp::idle_timers;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_base::Span;
use ww_evidence::transcript::{IdleFate, IdleProbe};
use ww_finding::{Owner, Severity};

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, probe) in walk.transcript.idles() {
        if let (Some(to), Some(idle)) = (probe.to, shortest_reset(probe)) {
            sightings.add(
                Sighting::new(Subject::Step(step.number), to.to_string())
                    .show(walk.at(step, format!("reset after {idle} of quiet"))),
            );
        }
    }
}

/// The shortest quiet after which a reset came.
fn shortest_reset(probe: &IdleProbe) -> Option<Span> {
    probe
        .tries
        .iter()
        .filter(|one| one.fate == IdleFate::Reset)
        .map(|one| one.idle)
        .min()
}

/// The longest quiet that did no harm, shorter than that.
fn survived(probe: &IdleProbe, reset: Span) -> Option<Span> {
    probe
        .tries
        .iter()
        .filter(|one| one.fate == IdleFate::Alive && one.idle < reset)
        .map(|one| one.idle)
        .max()
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
        .find_map(|(_, probe)| {
            let idle = shortest_reset(probe)?;
            Some((probe.to?, idle, survived(probe, idle)))
        });
    let Some((to, idle, survived)) = found else {
        return Story::observed("idle connections are reset", "one that is not");
    };
    story(to, idle, survived)
}

fn story(to: SocketAddr, idle: Span, survived: Option<Span>) -> Story {
    let harmless = survived
        .map(|survived| format!(", while {survived} did no harm"))
        .unwrap_or_default();
    let known = idle_timers::known(idle)
        .map(|whose| format!("; {idle} is {whose} unless set otherwise"))
        .unwrap_or_default();
    Story::observed(
        format!(
            "Connections to {to} are reset after {idle} of quiet, by the server or in its name{harmless}; a request sent at that moment fails{known}"
        ),
        "a longer quiet after which a connection still works, or ends in order",
    )
    .severity(Severity::Medium)
    .owner(Owner::Unknown)
    .advise(format!(
        "Let the client end idle connections first: its idle timeout well below {idle} (for example HikariCP maxLifetime, Go IdleConnTimeout, Apache HttpClient evictIdleConnections, nginx upstream keepalive_timeout)"
    ))
    .advise("Or let the server, the NAT or the load balancer between wait longer than every client")
    .advise("Let the client send idempotent requests again, once, when a reused connection is reset before any answer")
}
