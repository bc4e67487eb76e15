//! `answer-buffered-stream`: server-sent events go through a proxy that collects answers.

use crate::declared::at;
use crate::operand::{Answer, Known, ask};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::service::Protocol;

rule! {
    name: "answer-buffered-stream",
    family: "streams",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Server-sent events go through a proxy that collects answers: they come late and all at once",
    needs: [Calls],
    explains: [],
    page: "answer_buffered_stream.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in &chains.hops {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        let events = callee.program.and_then(|program| program.event_stream);
        let Some(events) = events.filter(|_| may_carry(hop, caller)) else {
            continue;
        };
        let has_own_way = chains
            .hops_from(hop.caller)
            .any(|other| other.callee == hop.callee && passes_on(other));
        if has_own_way {
            continue;
        }
        let what = format!(
            "whether {} collects answers of {}",
            caller.name, callee.name
        );
        match ask(&hop.call.side.buffers_answers, &what, |buffers| *buffers) {
            Answer::Yes(buffers) => {
                if told.insert((hop.caller, events)) {
                    reports.add(story(hop, (caller, callee), &buffers, events));
                }
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// Whether events may go this way: by nginx, over HTTP. nginx passes on what comes once a connection
/// was upgraded.
fn may_carry(hop: &Hop<'_>, caller: &Party<'_>) -> bool {
    let is_nginx = matches!(caller.component(), "nginx" | "ingress-nginx");
    is_nginx && hop.call.protocol == Protocol::Http
}

/// Whether answers on this way are passed on at once.
fn passes_on(hop: &Hop<'_>) -> bool {
    let buffers = &hop.call.side.buffers_answers;
    hop.call.protocol == Protocol::Http && (buffers.is_off() || buffers.value() == Some(&false))
}

fn story(
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    buffers: &Known<bool>,
    events: SourceSpan,
) -> Story {
    let (proxy, server) = (&caller.name, &callee.name);
    let place = hop.call.matches.as_ref().map_or(hop.call.at, |it| it.at);
    Story::proved(
        format!(
            "{server} sends events as they happen, {proxy} collects answers before it passes them on: \
             clients get events late and many at once"
        ),
        format!("a capture between a client and {proxy} in which each event comes in a packet of its own"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(buffers.show(place, &format!("{proxy} collects answers until a buffer is full or they end")))
    .show(at(events, "answers of this type are streams of events"))
    .advise(format!(
        "Let {server} ask for it: `X-Accel-Buffering: no` in the head of these answers"
    ))
    .advise("Or write `proxy_buffering off;` in a location for the path of the events")
}
