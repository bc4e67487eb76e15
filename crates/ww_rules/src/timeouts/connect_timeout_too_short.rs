//! `connect-timeout-too-short`: one lost SYN is an error, as nobody waits for its repetition.

use crate::mend::set_time;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_base::{Order, SourceSpan, Span};
use ww_chain::{Chains, Hop};
use ww_finding::Support;
use ww_model::service::{Call, Protocol, RetryOn, UnitKind};

rule! {
    name: "connect-timeout-too-short",
    family: "timeouts",
    layer: Tcp,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A connection is given up before a lost SYN is repeated, and nobody tries again",
    needs: [Calls],
    explains: [],
    page: "connect_timeout_too_short.md",
    check: check,
}

/// A SYN that got no answer is sent again after this (RFC 6298, section 2; Linux `TCP_TIMEOUT_INIT`).
const REPEATED_AFTER: Span = Span::from_secs(1);

/// What the fix sets: one lost SYN is survived, with a second for the answer.
const ENOUGH: Span = Span::from_secs(2);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    // A program says it once for all its calls as a rule, so that one finding stands for all.
    let mut short: BTreeMap<usize, Vec<(Known<Span>, &Hop<'_>)>> = BTreeMap::new();
    for hop in chains.hops.iter().filter(|hop| leaves_host(chains, hop)) {
        let mut times = each(&hop.call.side.connect).into_iter();
        let known = times.find(|known| {
            known.at.is_some() && known.value > Span::ZERO && known.value < REPEATED_AFTER
        });
        if let Some(known) = known.filter(|_| !tries_again(hop.call)) {
            short.entry(hop.caller.0).or_default().push((known, hop));
        }
    }
    for places in short.into_values() {
        if let Some((known, hop)) = places.first() {
            let at: BTreeSet<Option<SourceSpan>> =
                places.iter().map(|(known, _)| known.at).collect();
            let story = story(declared, chains, hop, known, &places);
            reports.add_all(at.len() as u64, story);
        }
    }
}

/// Whether packets to the target can be lost: nothing is lost on the way to the own host, nor between
/// containers of one compose project.
fn leaves_host<'m>(chains: &Chains<'m>, hop: &Hop<'m>) -> bool {
    let host = hop.target.host.as_str();
    let is_own = host.is_empty()
        || host == "localhost"
        || host.starts_with(['/', '@'])
        || host.starts_with("unix:")
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let in_project = |party: Option<&ww_chain::Party<'_>>| {
        party.is_some_and(|party| {
            party
                .units
                .iter()
                .any(|unit| unit.kind == UnitKind::Compose)
        })
    };
    let is_beside = in_project(chains.caller(hop)) && in_project(chains.callee(hop));
    !is_own && !is_beside && hop.call.protocol != Protocol::Udp
}

/// Whether a connection that does not come up is tried again, or may be.
fn tries_again(call: &Call) -> bool {
    let retry = &call.side.retry;
    let attempts = each(&retry.attempts);
    let once = !attempts.is_empty() && attempts.iter().all(|known| known.value <= 1);
    let on_connect = retry.on.value().is_none_or(|on| {
        on.iter().any(|on| {
            matches!(
                on,
                RetryOn::Connect | RetryOn::Timeout | RetryOn::Reset | RetryOn::ServerError
            ) || *on == RetryOn::Status(503)
        })
    });
    !(once || retry.attempts.is_off()) && on_connect
}

fn story<'m>(
    declared: &Declared<'_>,
    chains: &Chains<'m>,
    hop: &Hop<'m>,
    known: &Known<Span>,
    places: &[(Known<Span>, &Hop<'m>)],
) -> Story {
    const SHOWN: usize = 5;
    let client = chains.caller(hop).map_or("", |party| &party.name);
    let time = said(known.value);
    let mut names: Vec<&str> = places
        .iter()
        .map(|(_, hop)| hop.call.name.as_str())
        .collect();
    names.put_in_order();
    names.dedup();
    let others = match names.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let mut story = Story::proved(
        format!(
            "{client} gives a connection to {}{others} up after {time}: a lost SYN is repeated after \
             1 s only, so that one lost packet is one failed request",
            hop.call.name
        ),
        format!(
            "a caller of {client} that repeats such requests, or a capture of years without a \
             retransmitted SYN to {}",
            hop.call.name
        ),
    )
    .support(Support::Declared);
    let mut shown = BTreeSet::new();
    for (known, hop) in places {
        if shown.len() < SHOWN && shown.insert(known.at) {
            let says = format!(
                "{} is given {} to connect",
                hop.call.name,
                said(known.value)
            );
            story = story.show(known.show(hop.call.at, &says));
        }
    }
    story
        .fix(set_time(
            declared,
            (known, hop.call.at),
            ENOUGH,
            format!("Wait for one repetition: {}", said(ENOUGH)),
        ))
        .advise("Or try again where a connection does not come up: nothing was sent, so that any request may be")
}
