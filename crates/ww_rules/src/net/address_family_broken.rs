//! `address-family-broken`: one family of addresses works, the other does not.

use crate::rule::rule;
use crate::tcp::attempts::{
    Attempt, Failure, about_addresses, failures, gives_up, in_short, shows, tried,
};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_base::{Gap, Span};
use ww_finding::{Owner, Severity};

rule! {
    name: "address-family-broken",
    family: "net",
    layer: Ip,
    class: Connectivity,
    severity: Medium,
    owner: Server,
    summary: "All addresses of one family fail while those of the other work: IPv6 is published and broken, or IPv4",
    needs: [Endpoint],
    explains: ["connection-refused", "host-unreachable", "icmp-rejected", "syn-unanswered"],
    page: "address_family_broken.md",
    sight: sight,
    say: say,
}

/// After this time a client that follows RFC 8305 (section 5, section 8) tries the next address.
const CONNECTION_ATTEMPT_DELAY: Span = Span::from_millis(250);

/// The family of addresses that fails as a whole while the other works: whether it is IPv6.
pub(crate) fn broken_family(walk: &Walk<'_>) -> Option<bool> {
    let open = walk.open_addresses();
    let is_ipv6 = !open.first()?.is_ipv6();
    let works = open.iter().any(|to| to.is_ipv6() == is_ipv6);
    let fails = about_addresses(walk)
        .iter()
        .any(|(attempt, _)| attempt.to.is_ipv6() == is_ipv6);
    (fails && !works).then_some(is_ipv6)
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let no_route = failures(walk)
        .into_iter()
        .find(|(attempt, failure)| *failure == Failure::NoRoute && attempt.to.is_ipv6());
    if let Some((attempt, _)) = no_route
        && !walk.open_addresses().is_empty()
    {
        sightings.gap(Gap::new(
            format!("whether {} works: this host has no route to it", attempt.to),
            "a walk from a host with IPv6",
        ));
    }
    for (attempt, failure) in broken(walk) {
        sightings.add(
            Sighting::new(Subject::Step(attempt.step.number), "")
                .lost(attempt.step.took)
                .show(walk.at(attempt.step, shows(&attempt, failure))),
        );
    }
}

fn broken<'a>(walk: &Walk<'a>) -> Vec<(Attempt<'a>, Failure)> {
    let Some(is_ipv6) = broken_family(walk) else {
        return Vec::new();
    };
    about_addresses(walk)
        .into_iter()
        .filter(|(attempt, _)| attempt.to.is_ipv6() == is_ipv6)
        .collect()
}

fn say(walk: &Walk<'_>, _sightings: &[Sighting]) -> Story {
    let cases = broken(walk);
    let Some(&(first, failure)) = cases.first() else {
        return Story::observed("one family of addresses fails", "a connection that opens");
    };
    let [family, other] = if first.to.is_ipv6() {
        ["IPv6", "IPv4"]
    } else {
        ["IPv4", "IPv6"]
    };
    let host = &walk.target().host;
    let mut fates: Vec<String> = cases
        .iter()
        .map(|(attempt, failure)| format!("{}: {}", attempt.to.ip(), in_short(*failure)))
        .collect();
    fates.dedup();
    let more = fates.len().saturating_sub(3);
    fates.truncate(3);
    let and_more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let story = Story::observed(
        format!(
            "{host} does not work over {family}, only over {other} ({}{and_more}){}",
            fates.join("; "),
            cost(walk, &first)
        ),
        format!("the same over {family} from another network: if it works there, the way from here is broken, not the server"),
    )
    .severity(severity(&first, failure))
    .owner(owner(failure));
    advise(story, &first, failure, family)
}

/// What a client pays for each connection, if it tries this family first.
fn cost(walk: &Walk<'_>, first: &Attempt<'_>) -> String {
    let preferred: Option<SocketAddr> = tried(walk).first().copied();
    if preferred.map(|to| to.is_ipv6()) != Some(first.to.is_ipv6()) {
        return String::new();
    }
    let happy = first.step.took.min(CONNECTION_ATTEMPT_DELAY);
    if first.step.took < CONNECTION_ATTEMPT_DELAY {
        return format!(
            ": a client that falls back loses {happy} with each connection, one that does not fails"
        );
    }
    let in_turn = match gives_up(&walk.transcript.head.syn_repeats) {
        Some(span)
            if first.connect.outcome == ww_evidence::transcript::ConnectOutcome::TimedOut =>
        {
            format!("up to {span}")
        }
        _ => format!("{}", first.step.took),
    };
    format!(
        ": with each connection a client that tries both families side by side (RFC 8305) loses {happy}, one that tries them in turn {in_turn}"
    )
}

fn severity(first: &Attempt<'_>, failure: Failure) -> Severity {
    match (first.to.ip().is_loopback(), failure) {
        // A service of this host alone is often bound to one of the two; clients fall back at once.
        (true, Failure::Reset) => Severity::Info,
        // What has no IPv6 cannot fall back.
        _ if first.to.is_ipv4() => Severity::High,
        _ => Severity::Medium,
    }
}

fn owner(failure: Failure) -> Owner {
    match failure {
        Failure::Reset => Owner::Server,
        Failure::Rejected(_) => Owner::Middlebox,
        Failure::Forbidden => Owner::Client,
        _ => Owner::Network,
    }
}

fn advise(story: Story, first: &Attempt<'_>, failure: Failure, family: &str) -> Story {
    let (port, any) = (
        first.to.port(),
        if first.to.is_ipv6() {
            "[::]"
        } else {
            "0.0.0.0"
        },
    );
    let record = if first.to.is_ipv6() { "AAAA" } else { "A" };
    let story = match failure {
        Failure::Reset => story.advise(format!(
            "Let the service listen on {any}:{port} too: ss -ltn on the server shows where it listens"
        )),
        Failure::Rejected(icmp) => story.advise(format!(
            "On {}, allow port {port} over {family}: filters for both families are two sets of rules",
            icmp.from
        )),
        _ => story.advise(format!(
            "Check the way over {family}: routes, firewalls and security groups have rules of their own for it"
        )),
    };
    story.advise(format!(
        "Until it works, take the {record} records of the name away"
    ))
}
