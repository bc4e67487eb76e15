//! `idle-connection-reset`: the server gives up quiet connections that the client still wants.

mod probed;

use super::hosts::{self, count, median};
use super::idle_timers;
use crate::rule::rule;
use crate::{IdleEnd, Sighting, Sightings, Story, View};
use std::collections::BTreeMap;
use ww_base::Span;
use ww_evidence::{Close, CloseKind, Endpoint, Mark, SideId, TcpFlow};
use ww_finding::{Exhibit, Owner, Severity, Support};

rule! {
    name: "idle-connection-reset",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "The server ends idle connections while clients still send requests on them",
    needs: [Tcp],
    explains: ["aborted-by-application", "half-open-connection", "request-unanswered"],
    page: "idle_connection_reset.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// A shorter quiet is no idle timeout.
const IDLE_MIN: Span = Span::from_secs(1);

/// Spread of idle times, relative to their median, within which one timer made them.
const SPREAD: f64 = 0.05;

/// What the server's close did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    /// A request was on its way when the connection was closed.
    Crossed,
    /// A request was sent although the FIN had been acknowledged before.
    UsedAfterClose,
    /// Nothing was on its way, but the close was a reset.
    Reset,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let timers = reset_timers(view);
    for (subject, flow) in view.flows() {
        let Some((close, harm)) = harm(flow) else {
            continue;
        };
        if harm == Harm::Reset && !timers.get(&flow.server).is_some_and(|idle| is_timer(idle)) {
            continue;
        }
        let mut sighting = Sighting::new(subject, flow.server.to_string());
        sighting.exhibits = exhibits(view, flow, close, harm);
        sightings.add(sighting);
    }
}

/// The server's close after quiet, and what it did; none when it harmed nobody.
fn harm(flow: &TcpFlow) -> Option<(Close, Harm)> {
    let close = flow.close?;
    let reset = flow.sent_by_server.reset.as_deref();
    if close.by != SideId::Server
        || close.idle < IDLE_MIN
        || hosts::foreign_reset(flow, SideId::Server).is_some()
    {
        return None;
    }
    let harm = match (close.kind, close.crossed, close.crossed_reset) {
        (CloseKind::Fin, Some(_), Some(_)) if close.announced => Harm::UsedAfterClose,
        (CloseKind::Fin, Some(_), Some(_)) => Harm::Crossed,
        (CloseKind::Fin, _, _) => return None,
        (CloseKind::Reset, crossed, _) => {
            let reset = reset?;
            if !reset.has_ack || reset.after_peer_fin || reset.frames_after >= 2 {
                return None;
            }
            match crossed {
                Some(_) => Harm::Crossed,
                None if flow.exchanges.unanswered.is_some() => return None,
                None => Harm::Reset,
            }
        }
    };
    Some((close, harm))
}

/// The quiet before resets, by service.
fn reset_timers(view: &View<'_>) -> BTreeMap<Endpoint, Vec<Span>> {
    let mut timers: BTreeMap<Endpoint, Vec<Span>> = BTreeMap::new();
    for flow in &view.capture.tcp {
        if let Some((close, _)) = harm(flow).filter(|(close, _)| close.kind == CloseKind::Reset) {
            timers.entry(flow.server).or_default().push(close.idle);
        }
    }
    timers
}

/// These times were made by one timer: they are alike, or as long as a known default.
fn is_timer(idle: &[Span]) -> bool {
    let middle = median(idle.to_vec());
    let alike = idle
        .iter()
        .all(|one| (one.as_secs() - middle.as_secs()).abs() <= SPREAD * middle.as_secs());
    alike && (idle.len() >= 2 || idle_timers::known(middle).is_some())
}

fn exhibits(view: &View<'_>, flow: &TcpFlow, close: Close, harm: Harm) -> Vec<Exhibit> {
    let at = |mark: Mark, says: String| view.at(flow, mark, says);
    let kind = match close.kind {
        CloseKind::Fin => "FIN",
        CloseKind::Reset => "reset",
    };
    let closed = at(
        close.mark,
        format!("the server's {kind}, {} after the last data", close.idle),
    );
    let (Some(crossed), Some(reset)) = (close.crossed, close.crossed_reset) else {
        return vec![closed];
    };
    let request = match harm {
        Harm::UsedAfterClose => "the request is sent although the FIN has been acknowledged",
        _ => "the request that crosses it",
    };
    let mut exhibits = vec![closed, at(crossed, request.to_owned())];
    if reset != close.mark {
        exhibits.push(at(reset, "the reset that answers the request".to_owned()));
    }
    exhibits
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let cases: Vec<_> = hosts::seen(view, sightings)
        .into_iter()
        .filter_map(|flow| Some((flow, harm(flow)?)))
        .collect();
    let Some(server) = cases.first().map(|(flow, _)| flow.server) else {
        return Story::observed("", "");
    };
    let number = |wanted| {
        cases
            .iter()
            .filter(|(_, (_, harm))| *harm == wanted)
            .count()
    };
    let (crossed, late) = (number(Harm::Crossed), number(Harm::UsedAfterClose));
    let closes: Vec<Span> = hosts::to(view, server)
        .filter_map(|flow| flow.close)
        .filter(|close| close.by == SideId::Server && close.idle >= IDLE_MIN)
        .map(|close| close.idle)
        .collect();
    let idle = median(cases.iter().map(|(_, (close, _))| close.idle).collect());
    let known = idle_timers::known(idle)
        .map(|whose| format!("; {idle} is {whose} unless set otherwise"))
        .unwrap_or_default();
    let what = match (crossed, late) {
        (0, 0) => format!(
            "resets connections after {idle} of quiet, {} so far; a request sent at that moment fails",
            count(closes.len(), "time")
        ),
        (0, late) => format!(
            "had closed the connection after {idle} of quiet when the client used it again, in {}",
            count(late, "case")
        ),
        (crossed, _) => format!(
            "closes connections after {idle} of quiet; {} of {} failed a request that was on its way",
            crossed + late,
            count(closes.len().max(crossed + late), "such close")
        ),
    };
    let story = Story::observed(
        format!("{server} {what}{known}"),
        "a keep-alive timeout of the server that is longer than the client's, and no device between that closes in its name",
    )
    .ended_idle(IdleEnd {
        server,
        idle,
        guess: known,
    });
    let story = match (crossed, late) {
        (0, 0) => story.severity(Severity::Medium).support(Support::Heuristic),
        (0, _) => story.owner(Owner::Client),
        _ => story,
    };
    story
        .advise(format!(
            "Let the client end idle connections first: its idle timeout well below {idle} (for example HikariCP maxLifetime, Go IdleConnTimeout, Apache HttpClient evictIdleConnections, nginx upstream keepalive_timeout)"
        ))
        .advise("Or let the server wait longer than every client and load balancer before it: nginx keepalive_timeout, Node.js server.keepAliveTimeout and headersTimeout, Apache KeepAliveTimeout, gunicorn --keep-alive; behind an AWS ALB more than its 60 s")
        .advise("Let the client send idempotent requests again, once, when a reused connection is reset before any answer")
}
