//! `dns-tcp-blocked`: an answer is too long for UDP, and TCP does not work.

use super::servers::{Place, answer, control, dig, is_found, listed, named, servers};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Order;
use ww_evidence::transcript::{DnsVia, LookupOutcome};
use ww_finding::{Owner, Severity};

rule! {
    name: "dns-tcp-blocked",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Middlebox,
    summary: "A name server cuts its answer short over UDP and cannot be asked over TCP",
    needs: [Endpoint],
    explains: ["dns-unanswered", "dns-no-address"],
    page: "dns_tcp_blocked.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for server in servers(walk) {
        for kind in server.kinds() {
            let cut = server
                .asked(kind)
                .find(|(_, lookup)| answer(lookup).is_some_and(|said| said.truncated));
            let over_tcp = server
                .asked(kind)
                .find(|(_, lookup)| matches!(lookup.via, DnsVia::Tcp(_)));
            let (Some((cut, _)), Some((step, lookup))) = (cut, over_tcp) else {
                continue;
            };
            let (group, what) = match &lookup.outcome {
                LookupOutcome::Answered(_) => continue,
                LookupOutcome::TimedOut => {
                    ("silent", format!("nothing came over TCP in {}", step.took))
                }
                LookupOutcome::Refused => ("closed", "the TCP port is closed".to_owned()),
                LookupOutcome::Failed(why) => ("failed", format!("over TCP: {why}")),
            };
            let mut sighting = Sighting::new(Subject::Step(step.number), group).lost(step.took);
            sighting.subjects.push(Subject::Step(cut.number));
            sighting = sighting
                .show(walk.at(
                    step,
                    format!(
                        "{} {} asked at {}: {what}",
                        lookup.kind,
                        lookup.name,
                        named(server.at)
                    ),
                ))
                .show(walk.at(cut, "the answer over UDP is cut short (TC)"));
            if let Some(control) = control(walk, server.at, kind) {
                let says = format!("{} answers in full", control.name);
                sighting = sighting.show(walk.at(control.step, says));
            }
            sightings.add(sighting);
        }
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let host = &walk.target().host;
    let group = sightings
        .first()
        .map_or("", |sighting| sighting.group.as_str());
    let cut: Vec<(Place<'_>, &str)> = sightings
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .filter_map(|&subject| {
            let lookup = super::servers::lookup(walk.step(subject)?)?;
            Some((Place::of(&lookup.via)?, lookup.kind.as_str()))
        })
        .collect();
    let mut names: Vec<String> = cut.iter().map(|&(at, _)| named(at)).collect();
    names.put_in_order();
    names.dedup();
    let who = listed(&names);
    let control = cut.iter().find_map(|&(at, kind)| control(walk, at, kind));
    let past = control.map_or_else(String::new, |control| control.tells(group == "silent"));
    let (what, owner) = match group {
        "closed" => ("its TCP port is closed", Owner::Server),
        "silent" => ("TCP to its port is silent", Owner::Middlebox),
        _ => ("it does not answer over TCP", Owner::Server),
    };
    Story::observed(
        format!("{who} cuts the answer for {host} short over UDP, and {what}: programs get a part of it or nothing{past}"),
        format!("{} {host} +tcp that is answered", dig(names.first().map_or("", String::as_str))),
    )
    .severity(if is_found(walk) { Severity::Medium } else { Severity::High })
    .owner(owner)
    .advise("Open TCP port 53 to the name server: DNS needs it as it needs UDP (RFC 7766)")
    .advise("Publish fewer or shorter records under the name, so that the answer fits into 1232 bytes")
}
