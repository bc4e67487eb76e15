//! `one-address-broken`: some addresses of a name work, others do not.

use super::address_family_broken::broken_family;
use crate::rule::rule;
use crate::tcp::attempts::{Attempt, Failure, about_addresses, in_short, shows, tried};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_finding::{Owner, Severity};

rule! {
    name: "one-address-broken",
    family: "net",
    layer: Ip,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "Some addresses of a name fail while others work: clients fail by chance",
    needs: [Endpoint],
    explains: ["connection-refused", "host-unreachable", "icmp-rejected", "syn-unanswered"],
    page: "one_address_broken.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (attempt, failure) in broken(walk) {
        sightings.add(
            Sighting::new(Subject::Step(attempt.step.number), "")
                .lost(attempt.step.took)
                .show(walk.at(attempt.step, shows(&attempt, failure))),
        );
    }
}

/// Failures beside addresses that work, less those of a family that fails as a whole.
fn broken<'a>(walk: &Walk<'a>) -> Vec<(Attempt<'a>, Failure)> {
    if walk.open_addresses().is_empty() {
        return Vec::new();
    }
    let family = broken_family(walk);
    about_addresses(walk)
        .into_iter()
        .filter(|(attempt, _)| Some(attempt.to.is_ipv6()) != family)
        .collect()
}

fn say(walk: &Walk<'_>, _sightings: &[Sighting]) -> Story {
    let cases = broken(walk);
    let Some(&(first, failure)) = cases.first() else {
        return Story::observed("one address fails", "a connection that opens");
    };
    let host = &walk.target().host;
    let mut addresses: Vec<String> = Vec::new();
    for (attempt, failure) in &cases {
        let one = format!("{} ({})", attempt.to.ip(), in_short(*failure));
        if !addresses.contains(&one) {
            addresses.push(one);
        }
    }
    let number = addresses.len();
    let more = number.saturating_sub(4);
    addresses.truncate(4);
    let and_more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let all = tried(walk).len();
    let explicit = !matches!(failure, Failure::Silence | Failure::NoNeighbour);
    let what = if number == 1 {
        "does not work"
    } else {
        "do not work"
    };
    let consequence = if explicit {
        "clients that do not try the next address fail by chance"
    } else {
        "clients hang by chance, for as long as their connect timeout"
    };
    let story = Story::observed(
        format!(
            "{number} of {all} addresses of {host} {what}, {}{and_more}; {consequence}",
            addresses.join(", ")
        ),
        format!(
            "the same address from another network: if {} works there, the way from here is broken",
            first.to.ip()
        ),
    )
    .owner(match failure {
        Failure::Rejected(_) => Owner::Middlebox,
        Failure::Forbidden => Owner::Client,
        _ => Owner::Server,
    });
    let story = if explicit {
        story.severity(Severity::Medium)
    } else {
        story
    };
    story
        .advise(format!(
            "Take {} out of the name until it is mended; let health checks do it (Route 53, Consul, ExternalDNS)",
            first.to.ip()
        ))
        .advise(format!(
            "See what became of the machine or load balancer node with {}: nc -vz {} {}",
            first.to.ip(),
            first.to.ip(),
            first.to.port()
        ))
        .advise("In clients, set a connect timeout of a second or two and try the next address")
}
