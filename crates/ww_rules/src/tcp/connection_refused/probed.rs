//! The same cause at a live endpoint: a reset, and no ICMP error that tells of a filter.

use crate::tcp::attempts::{Failure, controls, failures, shows, verb, whom};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (attempt, failure) in failures(walk) {
        if failure == Failure::Reset {
            sightings.add(
                Sighting::new(
                    Subject::Step(attempt.step.number),
                    attempt.to.port().to_string(),
                )
                .show(walk.at(attempt.step, shows(&attempt, failure))),
            );
        }
    }
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let refused: Vec<_> = failures(walk)
        .into_iter()
        .filter(|(attempt, failure)| {
            *failure == Failure::Reset
                && sightings
                    .iter()
                    .any(|one| one.subjects.contains(&Subject::Step(attempt.step.number)))
        })
        .map(|(attempt, _)| attempt.to)
        .collect();
    // The hosts of a service have ports of their own.
    let port = refused.first().map_or(walk.target().port, SocketAddr::port);
    let open = refused.iter().find_map(|to| {
        let controls = controls(walk, to.ip());
        controls
            .answered
            .into_iter()
            .find(|one| one.connect.icmp.is_none() && !one.connect.errno.starts_with("ECONN"))
    });
    let while_others = open.map_or_else(String::new, |one| {
        format!(", while port {} of the host is open", one.to.port())
    });
    Story::observed(
        format!(
            "{} {} connections to port {port}{while_others}: nothing listens there, or a filter answers with resets",
            whom(walk, &refused),
            verb(&refused, "refuses", "refuse"),
        ),
        format!("ss -ltn on the server that shows a listener on port {port} and this address"),
    )
    .advise(format!(
        "On the server, see who listens: ss -ltnp 'sport = :{port}'; start the service, or correct the port"
    ))
    .advise("If it listens on 127.0.0.1 or [::1] only, bind it to the address that clients use")
    .advise("If it does listen, look for a firewall rule with a TCP reset (nft: reject with tcp reset)")
}
