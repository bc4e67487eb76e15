//! `conntrack-forgets-idle-connections`: a host forgets connections that are only quiet.

use super::hosts::{called, hosts, passes};
use crate::load::keeps_none;
use crate::mend::set_time;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::Span;
use ww_chain::{Chains, Hop};
use ww_finding::{Severity, Support};
use ww_model::service::Host;

rule! {
    name: "conntrack-forgets-idle-connections",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "Connection tracking forgets idle connections before TCP keep-alive would show that they live",
    needs: [Hosts],
    explains: [],
    page: "conntrack_forgets_idle_connections.md",
    check: check,
}

/// What RFC 5382, REQ-5, wants of a translator at least.
const LEAST: Span = Span::from_secs(2 * 3600 + 4 * 60);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for (host, under) in hosts(declared) {
        let forgets = each(&under.kernel.tracked_idle).into_iter().next();
        let Some(forgets) = forgets.filter(|known| known.at.is_some() && known.value < LEAST)
        else {
            continue;
        };
        let probes = each(&under.kernel.probe_after).into_iter().next();
        let Some(probes) = probes.filter(|probes| probes.value >= forgets.value) else {
            continue;
        };
        let kept = kept(chains, host, forgets.value);
        reports.add(story(
            declared,
            (host, under.at),
            (&forgets, &probes),
            chains,
            &kept,
        ));
    }
}

/// Calls through the host whose pools keep idle connections longer than it remembers them.
fn kept<'c, 'm>(
    chains: &'c Chains<'m>,
    host: &Host,
    forgets: Span,
) -> Vec<(&'c Hop<'m>, Option<Known<Span>>)> {
    let mut found: Vec<(&Hop<'_>, Option<Known<Span>>)> = Vec::new();
    for hop in &chains.hops {
        let passes = chains.caller(hop).is_some_and(|party| passes(host, party));
        let side = &hop.call.side;
        let is_new = found.iter().all(|(known, _)| known.call.at != hop.call.at);
        if !passes || !is_new || keeps_none(side) {
            continue;
        }
        let times = each(&side.keepalive_idle);
        let all_longer = times.iter().all(|known| known.value >= forgets);
        let probes = each(&side.probe_after);
        let is_probed = probes
            .iter()
            .any(|known| known.value > Span::ZERO && known.value < forgets);
        match times.into_iter().next() {
            Some(known) if all_longer && !is_probed => found.push((hop, Some(known))),
            None if side.keepalive_idle.is_off()
                && side.reuses.value() == Some(&true)
                && !is_probed =>
            {
                found.push((hop, None));
            }
            _ => {}
        }
    }
    found
}

fn story(
    declared: &Declared<'_>,
    (host, otherwise): (&Host, ww_base::SourceSpan),
    (forgets, probes): (&Known<Span>, &Known<Span>),
    chains: &Chains<'_>,
    kept: &[(&Hop<'_>, Option<Known<Span>>)],
) -> Story {
    let name = called(host);
    let (short, long) = (said(forgets.value), said(probes.value));
    let pools = match kept.first() {
        Some((hop, _)) => {
            let caller = chains.caller(hop).map_or("", |party| &party.name);
            format!(
                ", and {caller} keeps connections to {} longer",
                hop.call.name
            )
        }
        None => String::new(),
    };
    let story = Story::proved(
        format!(
            "TCP keep-alive begins after {long} of silence, but connection tracking of {name} forgets a quiet \
             connection after {short}{pools}: behind NAT or a stateful filter it is then dead without a word"
        ),
        format!("no NAT and no rule on connection state on {name}: `nft list ruleset` and `iptables-save` show none"),
    )
    .support(Support::Declared)
    .show(forgets.show(otherwise, &format!("a connection without traffic is forgotten after {short}")))
    .show(probes.show(otherwise, &format!("TCP keep-alive begins after {long}")));
    let story = kept.iter().fold(story, |story, (hop, known)| {
        let caller = chains.caller(hop).map_or("", |party| &party.name);
        story.show(match known {
            Some(known) => known.show(
                hop.call.at,
                &format!("{caller} keeps idle connections for {}", said(known.value)),
            ),
            None => crate::declared::at(
                hop.call.at,
                format!("{caller} keeps idle connections for ever"),
            ),
        })
    });
    let before = Span(forgets.value.0 / 2 / 1_000_000_000 * 1_000_000_000);
    let story = story
        .fix(set_time(
            declared,
            (forgets, otherwise),
            Span::from_secs(86_400),
            "Remember them longer: 86400 s; RFC 5382 wants two hours and four minutes at least",
        ))
        .advise(format!(
            "Or let probes begin earlier: net.ipv4.tcp_keepalive_time = {}, for programs that turn keep-alive on",
            before.0 / 1_000_000_000
        ));
    if kept.is_empty() {
        story
    } else {
        story.severity(Severity::Medium)
    }
}
