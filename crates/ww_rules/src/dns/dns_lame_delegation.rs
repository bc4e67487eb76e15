//! `dns-lame-delegation`: a server that a zone is delegated to does not serve it.

use super::servers::{Server, answer, dig, is_found, listed, named, servers};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Gap;
use ww_evidence::transcript::{Answer, Lookup, Step};
use ww_finding::{Owner, Severity};

rule! {
    name: "dns-lame-delegation",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: Low,
    owner: Server,
    summary: "A name server to which a zone is delegated refuses it, fails for it, or answers without authority",
    needs: [Endpoint],
    explains: [],
    page: "dns_lame_delegation.md",
    sight: sight,
    say: say,
}

/// How a server fails a zone that is delegated to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lame {
    /// It says so by its response code.
    Says,
    /// It answers as a resolver does: from what it was told by others.
    Cached,
    /// It refers to other servers, or has nothing.
    Elsewhere,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let own = own(walk);
    let lame = |(_, _, _, said): &&Told<'_>| lame(said);
    // Where nobody answers with authority, and everybody like a resolver, it is not they who answer.
    let is_intercepted =
        !own.is_empty() && own.iter().all(|told| lame(&told) == Some(Lame::Cached));
    if is_intercepted {
        sightings.gap(Gap::new(
            "whether the zone's servers serve it: all answers come without authority, as those of a resolver do that answers in their place",
            "the same questions from a network where nobody redirects port 53",
        ));
        return;
    }
    for (server, step, lookup, said) in own {
        if said.is_about_form() {
            sightings.gap(Gap::new(
                format!(
                    "whether {} serves the zone {}: it answers {}, which tells of the question's form",
                    named(server.at),
                    lookup.name,
                    said.rcode
                ),
                format!("{} {} SOA +norecurse +noedns", dig(&named(server.at)), lookup.name),
            ));
            continue;
        }
        let Some(lame) = self::lame(said) else {
            continue;
        };
        let what = match lame {
            Lame::Says => said.rcode.clone(),
            Lame::Cached => "an answer from its cache (no AA)".to_owned(),
            Lame::Elsewhere if said.records.is_empty() => "nothing of its own (no AA)".to_owned(),
            Lame::Elsewhere => "an answer without authority (no AA)".to_owned(),
        };
        let says = format!(
            "{} {} asked at {}: {what}",
            lookup.kind,
            lookup.name,
            named(server.at)
        );
        let mut sighting = Sighting::new(Subject::Step(step.number), "").show(walk.at(step, says));
        // Whatever else it says of the zone has the same cause.
        let others = server.lookups.iter().map(|(step, _)| step.number);
        sighting.subjects.extend(others.map(Subject::Step));
        sightings.add(sighting);
    }
}

/// One of the zone's own servers, and what it says of the zone.
type Told<'a> = (Server<'a>, &'a Step, &'a Lookup, &'a Answer);

fn own<'a>(walk: &Walk<'a>) -> Vec<Told<'a>> {
    let own = servers(walk).into_iter().filter(|server| server.is_own);
    own.filter_map(|server| {
        let told = || {
            let of_zone = server.asked("SOA");
            of_zone
                .filter_map(|(step, lookup)| Some((step, lookup, answer(lookup)?)))
                .filter(|(_, _, said)| !said.truncated)
        };
        let (step, lookup, said) = told()
            .find(|(_, _, said)| !said.is_about_form())
            .or_else(|| told().next())?;
        Some((server, step, lookup, said))
    })
    .collect()
}

fn lame(said: &Answer) -> Option<Lame> {
    match said.rcode.as_str() {
        "NOERROR" if said.authoritative => None,
        "NOERROR" if said.recursion_available && !said.records.is_empty() => Some(Lame::Cached),
        "NOERROR" => Some(Lame::Elsewhere),
        _ if said.is_about_form() => None,
        _ => Some(Lame::Says),
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let host = &walk.target().host;
    let own = own(walk);
    let zone = own.first().map_or("", |(_, _, lookup, _)| &lookup.name);
    let lame: Vec<&Told<'_>> = own
        .iter()
        .filter(|(_, step, _, _)| {
            sightings
                .iter()
                .any(|one| one.subjects.first() == Some(&Subject::Step(step.number)))
        })
        .collect();
    let names: Vec<String> = lame.iter().map(|(server, ..)| named(server.at)).collect();
    let first = names.first().map_or("", String::as_str);
    let is_all = lame.len() == own.len();
    let what = match lame.first().map(|(_, _, _, said)| (self::lame(said), said)) {
        Some((Some(Lame::Says), said)) => format!("the answer is {}", said.rcode),
        Some((Some(Lame::Cached), _)) => "the answer comes from a cache".to_owned(),
        _ => "the answer has no authority".to_owned(),
    };
    let of = if is_all {
        ", and no other server serves it"
    } else {
        "; resolvers that ask it first must ask another one"
    };
    let severity = match (is_all, is_found(walk)) {
        (true, false) => Severity::High,
        (true, true) => Severity::Medium,
        (false, _) => Severity::Low,
    };
    Story::observed(
        format!(
            "{} {} not serve the zone {zone} of {host}, which is delegated to {}: {what}{of}",
            listed(&names),
            if names.len() == 1 { "does" } else { "do" },
            if names.len() == 1 { "it" } else { "them" },
        ),
        format!("{} {zone} SOA +norecurse that shows the flag aa", dig(first)),
    )
    .severity(severity)
    .owner(Owner::Server)
    .advise(format!("On that server, serve the zone {zone}: a zone statement that is missing, a file that does not load (named-checkzone, nsd-checkzone), or a secondary whose copy has expired since transfers fail"))
    .advise("If it shall not serve the zone any more, take it out of the zone's NS records and of the parent's delegation, at the registrar")
}
