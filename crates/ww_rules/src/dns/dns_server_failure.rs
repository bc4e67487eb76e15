//! `dns-server-failure`: a server said that it cannot or will not answer.

mod probed;

use super::common::{
    FORMAT_ERROR, NOT_IMPLEMENTED, PTR, REFUSED, SERVER_FAILURE, TRANSFERS, at, counted,
    extended_error, some_of, told_about,
};
use super::lookup::{Lookup, lookups};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use std::collections::BTreeMap;
use ww_base::Span;
use ww_evidence::{DnsTransaction, Endpoint};
use ww_finding::{Owner, Severity};

rule! {
    name: "dns-server-failure",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "A DNS server answered that it could not (SERVFAIL) or would not (REFUSED) find the name",
    needs: [Dns],
    explains: ["dns-slow"],
    page: "dns_server_failure.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for lookup in lookups(view) {
        for ((server, rcode), failures) in failures(lookup) {
            let settled = lookup.settled().is_some();
            let group = format!(
                "{server} {rcode} {}",
                if settled { "settled" } else { "failed" }
            );
            let mut sighting = Sighting::new(crate::Subject::Capture, group)
                .count(failures.len() as u64)
                .lost(lost(lookup, &failures));
            sighting.subjects = failures
                .iter()
                .filter_map(|&nth| Some(lookup.attempts.get(nth)?.0))
                .collect();
            for (_, asked) in failures.iter().filter_map(|&nth| lookup.attempts.get(nth)) {
                let Some(answer) = asked.answer else { continue };
                let says = format!(
                    "{} for {} {}{}",
                    word(rcode),
                    asked.kind_name(),
                    asked.name,
                    reason(asked)
                );
                sighting = sighting.show(at(view, asked, answer, says));
            }
            sightings.add(sighting);
        }
    }
}

/// The attempts of a lookup that failed, by server and RCODE.
fn failures(lookup: &Lookup<'_>) -> BTreeMap<(Endpoint, u16), Vec<usize>> {
    let mut failures: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (nth, (_, asked)) in lookup.attempts.iter().enumerate() {
        if let Some(rcode @ (FORMAT_ERROR | SERVER_FAILURE | NOT_IMPLEMENTED | REFUSED)) =
            asked.rcode()
        {
            failures.entry((asked.server, rcode)).or_default().push(nth);
        }
    }
    failures
}

/// From each failing question to the next attempt, or at least to its answer.
fn lost(lookup: &Lookup<'_>, failures: &[usize]) -> Span {
    failures
        .iter()
        .map(|&nth| {
            let asked = lookup.attempts.get(nth).map(|(_, asked)| *asked);
            let answered = asked.and_then(DnsTransaction::waited).unwrap_or_default();
            match lookup.attempts.get(nth + 1) {
                Some((_, next)) => asked.map_or(Span::ZERO, |asked| {
                    (next.query.at - asked.query.at).or_zero()
                }),
                None => answered,
            }
        })
        .sum()
}

fn word(rcode: u16) -> &'static str {
    match rcode {
        FORMAT_ERROR => "FORMERR",
        SERVER_FAILURE => "SERVFAIL",
        NOT_IMPLEMENTED => "NOTIMP",
        _ => "REFUSED",
    }
}

/// The reason that the server gave, in the words of RFC 8914.
fn reason(asked: &DnsTransaction) -> String {
    let Some(code) = asked.extended_error else {
        return String::new();
    };
    format!(", {}", extended_error(code))
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let told: Vec<&DnsTransaction> = told_about(view, group).into_values().collect();
    let Some(first) = told.first() else {
        return Story::observed("a DNS server failed", "");
    };
    let (server, rcode) = (first.server, first.rcode().unwrap_or(SERVER_FAILURE));
    let settled = group
        .iter()
        .all(|sighting| sighting.group.ends_with("settled"));
    let names = some_of(told.iter().map(|asked| asked.name.as_str()));
    let why = told
        .iter()
        .map(|asked| reason(asked))
        .find(|reason| !reason.is_empty())
        .unwrap_or_default();
    let no_recursion = rcode == REFUSED && told.iter().all(|asked| !asked.recursion_available);
    let end = match (settled, no_recursion) {
        (true, _) => "; a later attempt succeeded",
        (false, true) => "; it offers this client no recursion",
        (false, false) => "",
    };
    let what = match rcode {
        SERVER_FAILURE => "could not resolve",
        REFUSED => "refuses to answer for",
        FORMAT_ERROR => "could not read the question for",
        _ => "does not implement the question for",
    };
    let times = counted(told.len(), "answer", "answers");
    let headline = format!(
        "{server} {what} {names} ({times} {}{why}){end}",
        word(rcode)
    );
    let story = Story::observed(headline, refuter(rcode)).severity(severity(
        &told,
        rcode,
        settled,
        group.len(),
    ));
    advise(story, rcode, first)
}

fn refuter(rcode: u16) -> &'static str {
    match rcode {
        SERVER_FAILURE => {
            "the same question put to another resolver that fails as well puts the fault on the name's own servers or signatures, not on this resolver"
        }
        REFUSED => {
            "the server's log or access list that allows this client would rule out a policy"
        }
        _ => {
            "a repetition of the question without EDNS that succeeds shows that only the extension is not understood"
        }
    }
}

fn severity(told: &[&DnsTransaction], rcode: u16, settled: bool, lookups: usize) -> Severity {
    let all = |kinds: &[u16]| told.iter().all(|asked| kinds.contains(&asked.kind));
    match rcode {
        _ if all(&TRANSFERS) => Severity::Info,
        FORMAT_ERROR | NOT_IMPLEMENTED if settled => Severity::Info,
        _ if settled || all(&[PTR]) => Severity::Low,
        _ if lookups < 2 => Severity::Medium,
        _ => Severity::High,
    }
}

fn advise(story: Story, rcode: u16, first: &DnsTransaction) -> Story {
    let (name, kind, server) = (&first.name, first.kind_name(), first.server);
    match rcode {
        SERVER_FAILURE if matches!(first.extended_error, Some(6..=12)) => story
            .advise(format!("The signatures do not hold: delv {name} {kind} names the broken link; the zone's owner must sign again or mend the DS record at the parent"))
            .advise("Until then a negative trust anchor for the zone on the resolver (unbound domain-insecure, rndc nta) brings it back"),
        SERVER_FAILURE => story
            .advise(format!("Ask once without validation: dig @{} {name} {kind} +cd; an answer means broken DNSSEC, another SERVFAIL means that the name's own servers cannot be reached", server.addr))
            .advise(format!("Follow the delegation with dig +trace {name} and ask each name server directly")),
        REFUSED => story
            .owner(Owner::Configuration)
            .advise(format!("If the client may use this server, allow its network (BIND allow-query and allow-recursion, unbound access-control: {} allow)", first.client.addr))
            .advise("If the server only serves zones of its own, point the client to a resolver: an authoritative server refuses other names"),
        _ => story.advise("Update the server, or switch EDNS off for it alone (BIND: server ADDRESS { edns no; })"),
    }
}
