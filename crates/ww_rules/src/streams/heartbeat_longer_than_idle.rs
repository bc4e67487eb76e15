//! `heartbeat-longer-than-idle`: pings of a stream come after a proxy has ended it for its silence.

use crate::mend::set_time;
use crate::operand::{Answer, Known, ask_two, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_chain::{Hop, Party};
use ww_finding::Support;

rule! {
    name: "heartbeat-longer-than-idle",
    family: "streams",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A server pings its streams less often than a proxy on the way ends silent ones",
    needs: [Calls],
    explains: [],
    page: "heartbeat_longer_than_idle.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    let streams = chains.hops.iter();
    for hop in streams.filter(|hop| hop.call.streams.value() == Some(&true)) {
        let (Some(caller), Some(callee), Some(listener)) =
            (chains.caller(hop), chains.callee(hop), hop.listener)
        else {
            continue;
        };
        let answer = ask_two(
            (
                &listener.side.heartbeat,
                &format!("how often {} pings its streams", callee.name),
            ),
            (
                &hop.call.side.stream_idle,
                &format!("when {} ends silent streams", caller.name),
            ),
            |pings, idle| *idle > Span::ZERO && *pings >= *idle,
        );
        if let Answer::Yes((pings, idle)) = answer
            && told.insert((idle.at, hop.call.at))
        {
            reports.add(story(declared, hop, (caller, callee), (&pings, &idle)));
        }
    }
}

fn story(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    (pings, idle): (&Known<Span>, &Known<Span>),
) -> Story {
    let (proxy, server) = (&caller.name, &callee.name);
    let (every, silence) = (said(pings.value), said(idle.value));
    let longer = Span::from_secs(pings.value.0 / 1_000_000_000 * 2 + 5);
    let shorter = Span::from_secs((idle.value.0 / 2 / 1_000_000_000).max(1));
    let place = callee.at().unwrap_or(hop.call.at);
    Story::proved(
        format!(
            "{server} pings its streams every {every}, {proxy} ends those that are silent for {silence}: \
             quiet streams are cut off before the first ping"
        ),
        format!("clients of these streams that send something more often than every {silence}"),
    )
    .support(Support::Declared)
    .show(idle.show(hop.call.at, &format!("{proxy} ends a stream after {silence} without a byte")))
    .show(pings.show(place, &format!("{server} sends a ping every {every}")))
    .fix(set_time(
        declared,
        (idle, hop.call.at),
        longer,
        format!("Let {proxy} bear two pings that do not come: {}", said(longer)),
    ))
    .fix(set_time(
        declared,
        (pings, place),
        shorter,
        format!("Or let {server} ping more often: every {}", said(shorter)),
    ))
}
