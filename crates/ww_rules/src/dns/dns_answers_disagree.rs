//! `dns-answers-disagree`: whether the name has an address depends on who is asked.

use super::servers::{
    Server, addresses, all, answer, is_found, listed, named, resolvers, servers, setup,
};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::collections::BTreeSet;
use ww_evidence::transcript::{Answer, DnsVia, LookupOutcome, Step};
use ww_finding::{Owner, Severity};

rule! {
    name: "dns-answers-disagree",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "One name server finds the name and another does not, or the zone's own servers hold different versions",
    needs: [Endpoint],
    explains: ["dns-name-not-found", "dns-no-address"],
    page: "dns_answers_disagree.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let servers = servers(walk);
    for is_own in [false, true] {
        let side: Vec<&Server<'_>> = servers
            .iter()
            .filter(|server| server.is_own == is_own)
            .collect();
        let mut found_apart = false;
        for kind in ["A", "AAAA"] {
            found_apart |= presence(walk, &side, kind, is_own, sightings);
        }
        if is_own && !found_apart {
            serials(walk, &side, sightings);
        }
        if !is_own && !found_apart {
            system(walk, &side, sightings);
        }
    }
}

/// One finds an address and another says that there is none. Different addresses are no disagreement:
/// views and networks of caches give them on purpose.
fn presence(
    walk: &Walk<'_>,
    side: &[&Server<'_>],
    kind: &str,
    is_own: bool,
    sightings: &mut Sightings,
) -> bool {
    let told: Vec<(&Server<'_>, &Step, &Answer, bool)> = side
        .iter()
        .filter_map(|server| {
            let (step, said) = server.answer(kind)?;
            Some((*server, step, said, server.finds(kind)?))
        })
        .collect();
    let finds: BTreeSet<bool> = told.iter().map(|(_, _, _, finds)| *finds).collect();
    if finds.len() < 2 {
        return false;
    }
    let group = match (is_own, kind) {
        (true, _) => "own",
        (false, kind) => kind,
    };
    for (server, step, said, finds) in told {
        let what = match (finds, said.rcode.as_str()) {
            (true, _) => addresses(said)
                .next()
                .map_or_else(String::new, |record| record.data.clone()),
            (false, "NXDOMAIN") => "no such name (NXDOMAIN)".to_owned(),
            (false, _) => "no record of this type".to_owned(),
        };
        let says = format!("{} answers {kind} with {what}", named(server.at));
        let mut sighting =
            Sighting::new(Subject::Step(step.number), group).show(walk.at(step, says));
        if is_own && !finds {
            // A resolver that asked this one found nothing either.
            sighting.subjects.extend(negative(walk));
        }
        sightings.add(sighting);
    }
    true
}

/// What resolvers say that find no address.
fn negative(walk: &Walk<'_>) -> Vec<Subject> {
    let asked = resolvers(walk);
    let lookups = asked.iter().flat_map(|server| &server.lookups);
    lookups
        .filter(|(_, lookup)| {
            answer(lookup).is_some_and(|said| {
                matches!(said.rcode.as_str(), "NOERROR" | "NXDOMAIN")
                    && addresses(said).next().is_none()
            })
        })
        .map(|(step, _)| Subject::Step(step.number))
        .collect()
}

/// The system's resolver finds nothing, and every name server that it is set up to ask does.
fn system(walk: &Walk<'_>, side: &[&Server<'_>], sightings: &mut Sightings) {
    let mut by_system = all(walk).filter(|(_, lookup)| lookup.via == DnsVia::System);
    let Some((step, LookupOutcome::Failed(why))) = by_system
        .next()
        .map(|(step, lookup)| (step, &lookup.outcome))
    else {
        return;
    };
    // A server that fails for one type makes C libraries fail for both.
    let all_tell = side.iter().all(|server| {
        ["A", "AAAA"]
            .iter()
            .all(|kind| server.asked(kind).next().is_none() || server.finds(kind).is_some())
    });
    let finds = side.iter().find_map(|server| {
        let (step, said) = ["A", "AAAA"].iter().find_map(|kind| {
            server
                .answer(kind)
                .filter(|_| server.finds(kind) == Some(true))
        })?;
        Some((
            step,
            format!(
                "{} answers with {}",
                named(server.at),
                addresses(said).next()?.data
            ),
        ))
    });
    if let (true, Some((found, says))) = (all_tell, finds) {
        sightings.add(
            Sighting::new(Subject::Step(step.number), "system")
                .show(walk.at(step, format!("the system's resolver says: {why}")))
                .show(walk.at(found, says)),
        );
    }
}

/// The zone's own servers tell of different versions of it.
fn serials(walk: &Walk<'_>, side: &[&Server<'_>], sightings: &mut Sightings) {
    let told: Vec<(&Server<'_>, &Step, u32)> = side
        .iter()
        .filter_map(|server| {
            let (step, said) = server.answer("SOA")?;
            Some((*server, step, serial(said)?))
        })
        .collect();
    let versions: BTreeSet<u32> = told.iter().map(|(_, _, serial)| *serial).collect();
    if versions.len() < 2 {
        return;
    }
    for (server, step, serial) in told {
        let says = format!("{} has serial {serial}", named(server.at));
        sightings
            .add(Sighting::new(Subject::Step(step.number), "serial").show(walk.at(step, says)));
    }
}

fn serial(said: &Answer) -> Option<u32> {
    let soa = said.records.iter().find(|record| record.kind == "SOA")?;
    soa.data.split(' ').nth(2)?.parse().ok()
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let host = &walk.target().host;
    let group = sightings
        .first()
        .map_or("", |sighting| sighting.group.as_str());
    let servers = servers(walk);
    if group == "system" {
        return of_system(walk);
    }
    let is_own = matches!(group, "own" | "serial");
    let side: Vec<&Server<'_>> = servers
        .iter()
        .filter(|server| server.is_own == is_own)
        .collect();
    if group == "serial" {
        let versions: Vec<String> = side
            .iter()
            .filter_map(|server| {
                Some(format!(
                    "{} at {}",
                    serial(server.answer("SOA")?.1)?,
                    named(server.at)
                ))
            })
            .collect();
        return Story::observed(
            format!("the name servers of {host}'s zone hold different versions of it: serial {}", listed(&versions)),
            "the same serial everywhere a few minutes later: a transfer was on its way",
        )
        .severity(Severity::Low)
        .owner(Owner::Server)
        .advise("On the server with the lower serial, look why the transfer fails: NOTIFY, allow-transfer, TSIG keys, TCP port 53 (rndc retransfer, nsd-control transfer)");
    }
    let kinds: &[&str] = if group == "own" {
        &["A", "AAAA"]
    } else {
        &[group]
    };
    let names = |finds: bool| -> Vec<String> {
        side.iter()
            .filter(|server| kinds.iter().any(|kind| server.finds(kind) == Some(finds)))
            .filter(|server| finds || !kinds.iter().any(|kind| server.finds(kind) == Some(true)))
            .map(|server| named(server.at))
            .collect()
    };
    let (with, without) = (names(true), names(false));
    let no_name = side
        .iter()
        .flat_map(|server| &server.lookups)
        .any(|(_, lookup)| {
            !lookup.checking_disabled && answer(lookup).is_some_and(|said| said.rcode == "NXDOMAIN")
        });
    let does_not = match (no_name, group) {
        (true, _) => "says that it does not exist".to_owned(),
        (false, "own") => "knows no address".to_owned(),
        (false, kind) => format!("knows no {kind} record"),
    };
    if is_own {
        return Story::observed(
            format!("the name servers of {host}'s zone disagree: {} answers with an address, {} {does_not}; which one a resolver asks is chance", listed(&with), listed(&without)),
            "the same answer everywhere a few minutes later: a transfer was on its way",
        )
        .severity(if is_found(walk) {
            Severity::Medium
        } else {
            Severity::High
        })
        .owner(Owner::Server)
        .advise("Compare the SOA serial numbers; on the server that is behind, look why the transfer fails (NOTIFY, allow-transfer, TSIG keys, TCP port 53)");
    }
    let only_ipv6 = group == "AAAA" && !no_name;
    let headline = format!(
        "whether {host} is found depends on the resolver: {} answers with an address, {} {does_not}",
        listed(&with),
        listed(&without)
    );
    if only_ipv6 {
        return Story::observed(
            format!("{} gives {host} an IPv6 address, {} does not; the IPv4 address is given by all", listed(&with), listed(&without)),
            "the same answer from all",
        )
        .severity(Severity::Info)
        .advise("If one of them makes IPv6 addresses for NAT64 (DNS64) or leaves them out on purpose, use that one alone on this host");
    }
    Story::observed(
        headline,
        "the same answer from all after the TTL of the negative answer has passed: one of them remembered an old one",
    )
    .advise("List only resolvers that know the same names in /etc/resolv.conf: programs ask the next one only when the first is silent. Do not mix one of the company, the VPN or the cluster with a public one")
    .advise(format!("If the name was made a moment ago, flush it where it is missing (unbound-control flush {host}, rndc flushname {host})"))
}

fn of_system(walk: &Walk<'_>) -> Story {
    let host = &walk.target().host;
    let sources = setup(walk)
        .map(|setup| setup.sources.as_slice())
        .unwrap_or_default();
    let story = Story::observed(
        format!("programs on this host cannot resolve {host}, though its name servers answer with an address"),
        format!("getent ahosts {host} that prints an address"),
    )
    .severity(Severity::High);
    if !sources.is_empty()
        && !sources
            .iter()
            .any(|source| matches!(source.as_str(), "dns" | "resolve"))
    {
        return story.advise(format!(
            "Add dns to the line `hosts: {}` of /etc/nsswitch.conf: without it no name server is asked",
            sources.join(" ")
        ));
    }
    story
        .advise("Look at what stands before dns in the line `hosts:` of /etc/nsswitch.conf: mdns4_minimal [NOTFOUND=return] ends the search for names under .local, a module that is not installed fails")
        .advise("With systemd-resolved, ask it: resolvectl query NAME; its own servers and search domains count then, not those of /etc/resolv.conf")
}
