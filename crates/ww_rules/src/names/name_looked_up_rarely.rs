//! `name-looked-up-rarely`: a proxy looks a name up again, but long after its addresses have changed.

use super::moving::{Moves, moves};
use crate::declared::at;
use crate::operand::{Answer, Known, ask, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_chain::{Chains, Hop};
use ww_finding::{Severity, Support};

rule! {
    name: "name-looked-up-rarely",
    family: "names",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A proxy looks a name up again only minutes after the addresses behind it may have changed",
    needs: [Calls],
    explains: [],
    page: "name_looked_up_rarely.md",
    check: check,
}

/// Those who change the addresses of names let answers live no longer: load balancers of AWS a
/// minute, CoreDNS half a minute for names of the cluster.
const ORDINARY: Span = Span::from_secs(60);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in &chains.hops {
        if hop.target.resolves_again.value() != Some(&true) {
            continue;
        }
        let Some(moves) = moves(chains, hop) else {
            continue;
        };
        let host = hop.target.host.as_str();
        let what = format!("how often {host} is looked up");
        match ask(&hop.call.side.lookup_every, &what, |every| {
            *every > ORDINARY
        }) {
            Answer::Yes(every) if told.insert((hop.caller, host)) => {
                reports.add(story(chains, hop, &moves, &every));
            }
            Answer::Open(gap) => reports.gap(gap),
            _ => {}
        }
    }
}

fn story(chains: &Chains<'_>, hop: &Hop<'_>, moves: &Moves, every: &Known<Span>) -> Story {
    let caller = chains.caller(hop);
    let client = caller.map_or("", |party| &party.name);
    let component = caller.map_or("", |party| party.component());
    let host = &hop.target.host;
    let time = said(every.value);
    let is_probed = !hop.call.checks.is_empty();
    let consequence = if is_probed {
        "new addresses get nothing for so long, while probes take the old ones out one by one"
    } else {
        "for so long it calls addresses where nobody is any more"
    };
    let severity = if is_probed {
        Severity::Low
    } else {
        moves.severity
    };
    let story = Story::proved(
        format!(
            "{client} looks {host} up only every {time}, but {}: {consequence}",
            moves.why
        ),
        format!(
            "addresses of {host} that go on to answer for {time} after DNS has stopped giving them"
        ),
    )
    .support(Support::Declared)
    .severity(severity)
    .show(every.show(hop.call.at, &format!("names are looked up every {time}")))
    .show(at(hop.target.at, format!("{host} is called")));
    let story = moves
        .shown
        .iter()
        .fold(story, |story, shown| story.show(shown.clone()));
    story.advise(match component {
        "envoy" => {
            "Leave `dns_refresh_rate` out (Envoy asks every 5 s), or let DNS decide: `respect_dns_ttl: true`"
        }
        "nginx" => "Leave `valid` out, so that the TTL of the answer holds, or write `valid=10s`",
        _ => "Look the name up at least as often as the TTL of its answer says",
    })
}
