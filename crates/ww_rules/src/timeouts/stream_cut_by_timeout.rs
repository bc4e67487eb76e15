//! `stream-cut-by-timeout`: a timer made for requests ends long streams.

use crate::declared::at;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::streams::tunnel_timeout_missing::lacks_tunnel;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{SourceSpan, Span};
use ww_chain::Party;
use ww_finding::{Severity, Support};
use ww_model::service::Call;

rule! {
    name: "stream-cut-by-timeout",
    family: "timeouts",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A timer made for requests ends WebSocket connections and other long streams",
    needs: [Calls],
    explains: [],
    page: "stream_cut_by_timeout.md",
    check: check,
}

/// Streams that are silent for longer than this are looked after by their applications as a rule.
const LONG_SILENCE: Span = Span::from_secs(900);

/// Streams that may last so long are not cut off in the middle of their work.
const LONG_STREAM: Span = Span::from_secs(3600);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    let judged_elsewhere = judged_elsewhere(declared);
    for party in &declared.chains().parties {
        let calls = party.program.iter().flat_map(|program| &program.calls);
        for call in calls.filter(|call| call.streams.value() == Some(&true)) {
            if !told.insert(call.at) {
                continue;
            }
            let shortest = |values: Vec<Known<Span>>, bound: Span| {
                let short = values.iter().all(|known| known.value < bound);
                values.into_iter().next().filter(|_| short)
            };
            let idle = shortest(each(&call.side.stream_idle), LONG_SILENCE);
            if let Some(total) = shortest(each(&call.side.total), LONG_STREAM) {
                reports.add(of_total(party, call, &total));
            } else if let Some(idle) = idle
                .filter(|_| !judged_elsewhere.contains(&call.at))
                .filter(|idle| !pings_in_time(call, idle.value))
            {
                reports.add(of_silence(party, call, &idle));
            }
        }
    }
}

/// Calls whose silence other rules judge: the server's pings are known (`heartbeat-longer-than-idle`),
/// or it is a time for requests that bounds it (`tunnel-timeout-missing`).
fn judged_elsewhere(declared: &Declared<'_>) -> BTreeSet<SourceSpan> {
    let mut calls = BTreeSet::new();
    for hop in &declared.chains().hops {
        let pings = hop.listener.map(|listener| &listener.side.heartbeat);
        let is_known = pings.is_some_and(|pings| pings.value().is_some());
        if is_known || lacks_tunnel(declared, hop.call) {
            calls.insert(hop.call.at);
        }
    }
    calls
}

/// Whether it is the path of Socket.IO, whose server pings after 25 s of silence unless told otherwise
/// (Socket.IO 4, server options, `pingInterval`), and silence is allowed for longer.
fn pings_in_time(call: &Call, idle: Span) -> bool {
    let path = call.matches.as_ref().map_or("", |path| &path.text);
    path.contains("socket.io") && idle >= Span::from_secs(30)
}

fn of_total(party: &Party<'_>, call: &Call, total: &Known<Span>) -> Story {
    let time = said(total.value);
    stream(
        call,
        Story::proved(
            format!(
                "{} ends every stream to {} after {time}, whatever it carries",
                party.name, call.name
            ),
            format!("a capture in which such a stream lasts longer than {time}"),
        )
        .support(Support::Declared)
        .show(total.show(call.at, &format!("an answer has to end within {time}"))),
    )
    .advise("Switch that timer off for this route only, and bound the silence instead")
}

fn of_silence(party: &Party<'_>, call: &Call, idle: &Known<Span>) -> Story {
    let time = said(idle.value);
    stream(
        call,
        Story::proved(
            format!(
                "{} ends streams to {} that are silent for {time}",
                party.name, call.name
            ),
            format!("both ends send something, as a ping, more often than every {time}"),
        )
        .support(Support::Declared)
        .severity(Severity::Low)
        .show(idle.show(call.at, &format!("a stream without data ends after {time}"))),
    )
    .advise(format!(
        "Send pings more often than every {time}, or let this route wait longer"
    ))
}

/// Shows what tells that these are streams.
fn stream(call: &Call, story: Story) -> Story {
    match call.streams.span() {
        Some(span) => story.show(at(span, "requests of this route become long streams")),
        None => story,
    }
}
