//! `dns-refused`: a server does not want to answer.

use super::common::extended_error;
use super::servers::{Server, answer, is_completed, is_found, listed, named, resolvers};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_finding::{Owner, Severity};

rule! {
    name: "dns-refused",
    family: "dns",
    layer: Dns,
    class: Security,
    severity: High,
    owner: Configuration,
    summary: "A name server refuses to answer this host, or for this name (REFUSED)",
    needs: [Endpoint],
    explains: ["dns-slow"],
    page: "dns_refused.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    if is_completed(walk) {
        return;
    }
    for server in resolvers(walk) {
        for (step, lookup) in &server.lookups {
            let Some(said) = answer(lookup).filter(|said| said.rcode == "REFUSED") else {
                continue;
            };
            let recursion = if said.recursion_available {
                ""
            } else {
                ", it offers no recursion"
            };
            let why = said
                .extended_errors
                .first()
                .map_or_else(String::new, |error| {
                    format!(", {}", extended_error(error.code))
                });
            let says = format!(
                "{} refuses {} {}{recursion}{why}",
                named(server.at),
                lookup.kind,
                lookup.name
            );
            let group = if answers_others(&server, &lookup.kind) {
                lookup.kind.as_str()
            } else {
                WHOLE
            };
            sightings
                .add(Sighting::new(Subject::Step(step.number), group).show(walk.at(step, says)));
        }
    }
}

/// The group of servers that refuse whatever is asked; others are grouped by the type that they refuse.
const WHOLE: &str = "resolver";

/// It answers questions for another type than this one.
fn answers_others(server: &Server<'_>, kind: &str) -> bool {
    let mut others = server.lookups.iter().filter(|(_, one)| one.kind != kind);
    others.any(|(_, one)| {
        answer(one).is_some_and(|said| matches!(said.rcode.as_str(), "NOERROR" | "NXDOMAIN"))
    })
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let host = &walk.target().host;
    let told = resolvers(walk);
    let refuses: Vec<&Server<'_>> = told
        .iter()
        .filter(|server| {
            sightings.iter().any(|sighting| {
                let of_it = |step: u32| sighting.subjects.contains(&Subject::Step(step));
                server.lookups.iter().any(|(step, _)| of_it(step.number))
            })
        })
        .collect();
    let names: Vec<String> = refuses.iter().map(|server| named(server.at)).collect();
    let who = listed(&names);
    let is_are = if names.len() == 1 {
        "refuses"
    } else {
        "refuse"
    };
    let group = sightings.first().map_or(WHOLE, |one| one.group.as_str());
    if group != WHOLE {
        return of_kind(host, &format!("{who} {is_are}"), group);
    }
    let recursion = refuses
        .iter()
        .flat_map(|server| &server.lookups)
        .filter_map(|(_, lookup)| answer(lookup))
        .any(|said| said.recursion_available);
    let why = if recursion {
        "it looks names up for others, and not for this host or not this name"
    } else {
        "it offers this host no recursion"
    };
    let found = is_found(walk);
    let end = if found {
        "; another server answers"
    } else {
        ""
    };
    Story::observed(
        format!("{who} {is_are} to answer for {host}: {why}{end}"),
        "the server's log or access list that allows this host would rule out a policy",
    )
    .severity(if found { Severity::Medium } else { Severity::High })
    .advise("If this host may use the server, allow its network (BIND allow-query and allow-recursion, unbound access-control: NETWORK allow)")
    .advise("If the server only serves zones of its own, name a resolver in /etc/resolv.conf instead: an authoritative server refuses other names")
}

/// Questions for one type are refused, and others answered.
fn of_kind(host: &str, who_refuses: &str, kind: &str) -> Story {
    Story::observed(
        format!("{who_refuses} questions for {kind} records of {host}, and not for others"),
        format!("dig {host} {kind} that is answered, if only with no record"),
    )
    .severity(if kind == "HTTPS" { Severity::Low } else { Severity::Medium })
    .owner(Owner::Middlebox)
    .advise(format!("Find the filter that refuses the type, in the server or before it: a name without {kind} records must be answered with none (RFC 8906 section 3.1.2)"))
}
