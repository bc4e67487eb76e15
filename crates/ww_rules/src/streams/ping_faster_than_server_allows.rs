//! `ping-faster-than-server-allows`: a client's pings are taken for an attack.

use crate::mend::set_time;
use crate::operand::{Answer, Known, ask_two, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::service::Protocol;

rule! {
    name: "ping-faster-than-server-allows",
    family: "streams",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A client of gRPC pings more often than the server puts up with: its connections are closed",
    needs: [Calls],
    explains: [],
    page: "ping_faster_than_server_allows.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| pings(declared, hop)) {
        let (Some(caller), Some(callee), Some(listener)) =
            (chains.caller(hop), chains.callee(hop), hop.listener)
        else {
            continue;
        };
        let answer = ask_two(
            (
                &hop.call.side.probe_after,
                &format!("how often {} pings", caller.name),
            ),
            (
                &listener.side.least_ping_interval,
                &format!("how often {} lets clients ping", callee.name),
            ),
            |every, least| *every > Span::ZERO && *every < *least,
        );
        if let Answer::Yes((every, least)) = answer
            && told.insert((every.at, callee.name.clone()))
        {
            reports.add(story(declared, hop, (caller, callee), (&every, &least)));
        }
    }
}

/// Whether the probes of a call are pings of HTTP/2, and not those of TCP, which a server does not
/// see.
fn pings(declared: &Declared<'_>, hop: &Hop<'_>) -> bool {
    let speaks = matches!(hop.call.protocol, Protocol::Grpc | Protocol::Http2);
    let written = hop.call.side.probe_after.span();
    let text = written
        .and_then(|span| declared.text(span))
        .unwrap_or_default();
    speaks && !text.contains("keepalive_time") && !text.contains("tcp")
}

fn story(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    (every, least): (&Known<Span>, &Known<Span>),
) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let (often, seldom) = (said(every.value), said(least.value));
    let place = callee.at().unwrap_or(hop.call.at);
    Story::proved(
        format!(
            "{client} pings {server} after {often} of silence, {server} puts up with one ping in {seldom}: \
             it closes the connection with `too_many_pings`, and streams on it fail"
        ),
        format!("no stream between {client} and {server} that is silent for longer than {often}"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(every.show(hop.call.at, &format!("a ping after {often} of silence")))
    .show(least.show(place, &format!("pings that come within {seldom} count against the client")))
    .fix(set_time(
        declared,
        (least, place),
        every.value,
        format!("Let {server} put up with them: `MinTime` of its enforcement policy {often} or less"),
    ))
    .fix(set_time(
        declared,
        (every, hop.call.at),
        least.value,
        format!("Or let {client} ping less often: after {seldom}"),
    ))
}
