//! `dns-name-not-found`: the name does not exist, as far as anybody says.

use super::servers::{
    Place, Server, addresses, alias, all, answer, is_found, listed, named, resolvers, same,
    servers, service_hosts,
};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{Answer, DnsVia, LookupOutcome, Step};
use ww_finding::{Owner, Severity};

rule! {
    name: "dns-name-not-found",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The name does not exist (NXDOMAIN), or the alias that it is leads to one that does not",
    needs: [Endpoint],
    explains: [],
    page: "dns_name_not_found.md",
    sight: sight,
    say: say,
}

/// What C libraries say when a name, or an address for it, does not exist.
const UNKNOWN: [&str; 2] = ["Name or service not known", "Name does not resolve"];

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    hosts(walk, sightings);
    if is_found(walk) {
        return;
    }
    let asked = resolvers(walk);
    for server in &asked {
        for (step, lookup) in &server.lookups {
            if lookup.checking_disabled
                || answer(lookup).is_none_or(|said| said.rcode != "NXDOMAIN")
            {
                continue;
            }
            let says = format!(
                "{} says that {} does not exist (asked for {})",
                named(server.at),
                missing(lookup.name.as_str(), answer(lookup)),
                lookup.kind
            );
            sightings.add(Sighting::new(Subject::Step(step.number), "").show(walk.at(step, says)));
        }
    }
    if asked.iter().any(|server| !server.is_silent()) {
        return;
    }
    for (step, lookup) in all(walk) {
        if let (DnsVia::System, LookupOutcome::Failed(why)) = (&lookup.via, &lookup.outcome)
            && UNKNOWN.iter().any(|known| why.contains(known))
        {
            sightings.add(
                Sighting::new(Subject::Step(step.number), "")
                    .show(walk.at(step, format!("the system's resolver says: {why}"))),
            );
        }
    }
}

/// Hosts to which a service leads, and that do not exist.
fn hosts(walk: &Walk<'_>, sightings: &mut Sightings) {
    for host in service_hosts(walk).iter().filter(|host| !host.is_found()) {
        for (step, lookup) in &host.lookups {
            let Some(at) = answer(lookup)
                .filter(|said| said.rcode == "NXDOMAIN")
                .and_then(|_| Place::of(&lookup.via))
            else {
                continue;
            };
            let says = format!("{} says that {} does not exist", named(at), host.name);
            sightings.add(
                Sighting::new(Subject::Step(step.number), host.name).show(walk.at(step, says)),
            );
        }
    }
}

/// What is to be said of such a host.
fn say_of_host(walk: &Walk<'_>, name: &str) -> Story {
    let service = &walk.target().host;
    Story::observed(
        format!("the service {service} leads to {name}, which does not exist"),
        format!("dig {name} that prints an address"),
    )
    .severity(if is_found(walk) {
        Severity::Medium
    } else {
        Severity::High
    })
    .advise(format!("Take {name} out of the SRV records of {service}, or create its address record: clients try it in its turn and must go on to the next"))
}

/// The name, or the one at the end of its aliases.
fn missing<'a>(name: &'a str, said: Option<&'a Answer>) -> &'a str {
    said.and_then(alias).unwrap_or(name)
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    if let Some(group) = sightings.first().map(|one| one.group.as_str())
        && !group.is_empty()
    {
        return say_of_host(walk, group);
    }
    let host = walk.target().host.as_str();
    let servers = servers(walk);
    let negative = servers
        .iter()
        .filter(|server| !server.is_own)
        .flat_map(|server| &server.lookups)
        .filter_map(|(_, lookup)| answer(lookup))
        .find(|said| said.rcode == "NXDOMAIN");
    let own = servers
        .iter()
        .filter(|server| server.is_own)
        .find_map(has_it);
    let missing = missing(host, negative);
    let zone = negative.and_then(|said| said.authority.iter().find(|record| record.kind == "SOA"));
    let kept = zone.and_then(|soa| {
        let minimum: u32 = soa.data.rsplit(' ').next()?.parse().ok()?;
        Some(minimum.min(soa.ttl))
    });
    let refuter =
        format!("dig {missing} that prints an address, at the name's own servers or elsewhere");
    if let Some((at, step, says)) = own {
        let wait = kept.map_or_else(String::new, |seconds| {
            format!(", for up to {seconds} s more")
        });
        return Story::observed(
            format!("{missing} exists at {at}, one of its own name servers, and the resolvers still say that it does not: they remember an older answer{wait}"),
            refuter,
        )
        .severity(Severity::High)
        .owner(Owner::Server)
        .show(walk.at(step, says))
        .advise(format!("Wait, or flush the name at the resolvers (unbound-control flush {missing}, rndc flushname {missing}, resolvectl flush-caches)"))
        .advise("A shorter minimum in the zone's SOA record lets resolvers forget sooner (RFC 2308)");
    }
    if let Some(denied) = denied_above(walk).filter(|_| missing == host) {
        return say_of_denial(walk, &denied, refuter);
    }
    let headline = if missing == host {
        format!(
            "{host} does not exist{}",
            said_by(sightings, zone.map(|soa| soa.name.as_str()))
        )
    } else {
        format!("{host} is an alias of {missing}, which does not exist")
    };
    let mut story = Story::observed(headline, refuter);
    let tried: Vec<String> = expansions(walk);
    if !tried.is_empty() {
        story.headline.push_str("; nor does ");
        story.headline.push_str(&listed(&tried));
    }
    let story = if missing == host {
        story.advise(format!(
            "Look for a typing error in {host}; if the name is right, create the record in its zone"
        ))
    } else {
        story.advise(format!("Remove the CNAME record, or create {missing} again: whoever registers that name may speak for {host}"))
    };
    match kept {
        Some(seconds) if seconds > 0 => story.advise(format!(
            "Resolvers may remember that it does not exist for {seconds} s after it was made"
        )),
        _ => story,
    }
}

/// A name above the target that a resolver denies as well.
struct Denied<'a> {
    at: Place<'a>,
    name: &'a str,
    step: &'a Step,
}

/// The name furthest above the target of those that are denied, where no denial names a zone that says so; none where
/// one does, or a name above is known.
fn denied_above<'a>(walk: &Walk<'a>) -> Option<Denied<'a>> {
    let host = walk.target().host.as_str();
    let names_zone = |said: &Answer| said.authority.iter().any(|record| record.kind == "SOA");
    let mut highest = None;
    for (step, lookup) in all(walk).filter(|(_, lookup)| lookup.expanded_by.is_empty()) {
        let (Some(at), Some(said)) = (Place::of(&lookup.via), answer(lookup)) else {
            continue;
        };
        if said.rcode != "NXDOMAIN" || names_zone(said) {
            return None;
        }
        if lookup.kind == "SOA" && !same(&lookup.name, host) {
            let name = lookup.name.as_str();
            highest = Some(Denied { at, name, step });
        }
    }
    highest
}

/// What is to be said of a resolver that denies the names above as well.
fn say_of_denial(walk: &Walk<'_>, denied: &Denied<'_>, refuter: String) -> Story {
    let host = walk.target().host.as_str();
    let (at, above) = (named(denied.at), denied.name);
    Story::observed(
        format!("{at} says that {host} does not exist, nor {above}, and names no zone that says so: the answer is its own, as filters and servers of a few names give"),
        refuter,
    )
    .show(walk.at(denied.step, format!("{at} says that {above} does not exist either")))
    .advise(format!("Ask whoever runs {at} whether it answers only for listed names (a DNS firewall, a response policy zone, a split view), and have {host} listed if this host shall reach it"))
    .advise(format!("Ask another resolver: wirewise diagnose {host} --dns-server ADDRESS; if it knows the name, {at} withholds it"))
    .advise(format!("Look for a typing error in {host}"))
}

fn said_by(sightings: &[Sighting], zone: Option<&str>) -> String {
    match (zone, sightings.len()) {
        (Some("."), _) => ": there is no such top-level domain".to_owned(),
        (Some(zone), _) => format!(" in the zone {zone}"),
        (None, _) => String::new(),
    }
}

/// The names of the search list that do not exist either.
fn expansions(walk: &Walk<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (_, lookup) in all(walk) {
        let told = answer(lookup).is_some_and(|said| addresses(said).next().is_none());
        if !lookup.expanded_by.is_empty() && told && !names.contains(&lookup.name) {
            names.push(lookup.name.clone());
        }
    }
    names
}

/// One of the zone's own servers that has an address for the name.
fn has_it<'a>(server: &Server<'a>) -> Option<(String, &'a Step, String)> {
    let (step, said) = ["A", "AAAA"].iter().find_map(|kind| server.answer(kind))?;
    let address = addresses(said).next()?;
    let at = named(server.at);
    Some((
        at.clone(),
        step,
        format!("{at} answers with {}", address.data),
    ))
}
