//! The same cause at a live endpoint: the error that ended an attempt to connect.

use crate::tcp::attempts::{
    Attempt, Failure, at_whom, attempts, controls, failures, icmp_words, shows,
};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_evidence::transcript::IcmpReport;
use ww_finding::Owner;

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (attempt, icmp) in rejected(walk) {
        sightings.add(
            Sighting::new(
                Subject::Step(attempt.step.number),
                format!("{} {}", icmp.from, icmp_words(icmp)),
            )
            .lost(attempt.step.took)
            .show(walk.at(attempt.step, shows(&attempt, Failure::Rejected(icmp)))),
        );
    }
}

fn rejected<'a>(walk: &Walk<'a>) -> Vec<(Attempt<'a>, IcmpReport)> {
    failures(walk)
        .into_iter()
        .filter_map(|(attempt, failure)| match failure {
            Failure::Rejected(icmp) => Some((attempt, icmp)),
            _ => None,
        })
        .collect()
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let cases: Vec<_> = rejected(walk)
        .into_iter()
        .filter(|(attempt, _)| {
            sightings
                .iter()
                .any(|one| one.subjects.contains(&Subject::Step(attempt.step.number)))
        })
        .collect();
    let Some(&(first, icmp)) = cases.first() else {
        return Story::observed("an ICMP error ended a connection attempt", "one that opens");
    };
    let addresses: Vec<SocketAddr> = cases.iter().map(|(attempt, _)| attempt.to).collect();
    let (port, words, from) = (walk.target().port, icmp_words(icmp), icmp.from);
    let whom = at_whom(walk, &addresses);
    let refuter = format!("the filter rules of {from}: none of them rejects port {port}");
    if icmp.is_time_exceeded() {
        return Story::observed(
            format!("Packets to {whom} go in a circle or too far: {from} says \"{words}\""),
            format!("a traceroute to {} that reaches it", first.to.ip()),
        )
        .owner(Owner::Network)
        .advise(format!(
            "Follow the routes from {from} on: two routers send packets for {} to each other (traceroute -n {})",
            first.to.ip(),
            first.to.ip()
        ));
    }
    let other = controls(walk, first.to.ip())
        .answered
        .first()
        .map(|other| format!(", while its port {} answers", other.to.port()))
        .unwrap_or_default();
    let own = attempts(walk)
        .filter_map(|attempt| attempt.connect.from)
        .any(|own| own.ip() == from);
    let (who, owner) = if from == first.to.ip() {
        (
            format!("{from} itself rejects connections to port {port}"),
            Owner::Server,
        )
    } else if own {
        (
            format!("This host itself rejects connections to {whom}"),
            Owner::Client,
        )
    } else {
        (
            format!("{from}, a device on the way, rejects connections to {whom}"),
            Owner::Middlebox,
        )
    };
    Story::observed(format!("{who}: \"{words}\"{other}"), refuter)
        .owner(owner)
        .advise(format!(
            "On {from}, find the filter rule that rejects port {port} (nft list ruleset, iptables-save) and decide whether it should"
        ))
}
