//! The same cause at a live endpoint: nothing came back in the time given.

use crate::tcp::attempts::{
    Controls, Failure, controls, failures, local_state, path, shows, verb, whom,
};
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::{IpAddr, SocketAddr};
use ww_evidence::transcript::Step;
use ww_finding::{Exhibit, Owner};

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (attempt, failure) in failures(walk) {
        if failure == Failure::Silence {
            let mut sighting = Sighting::new(
                Subject::Step(attempt.step.number),
                attempt.to.port().to_string(),
            )
            .lost(attempt.step.took)
            .show(walk.at(attempt.step, shows(&attempt, failure)));
            sighting.exhibits.extend(around(walk, attempt.to));
            sightings.add(sighting);
        }
    }
}

/// What else was seen of an address that does not answer.
fn around(walk: &Walk<'_>, to: SocketAddr) -> Vec<Exhibit> {
    let table = full_table(walk, to)
        .map(|(step, count, most)| walk.at(step, format!("{count} of {most} tracked connections")));
    let other = controls(walk, to.ip())
        .answered
        .first()
        .map(|other| walk.at(other.step, format!("{} answers", other.to)));
    let router = last_router(walk, to).map(|(step, hop, router)| {
        walk.at(
            step,
            format!("hop {hop} ({router}) is the last that answers on the way"),
        )
    });
    [table, other, router].into_iter().flatten().collect()
}

/// The last router on the way that answers, with its hop.
fn last_router<'a>(walk: &Walk<'a>, to: SocketAddr) -> Option<(&'a Step, u8, IpAddr)> {
    let (step, path) = path(walk, to)?;
    let last = path
        .hops
        .iter()
        .rfind(|hop| hop.from.is_some() && !hop.reached)?;
    Some((step, last.ttl, last.from?))
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let silent: Vec<SocketAddr> = failures(walk)
        .into_iter()
        .filter(|(attempt, _)| {
            sightings
                .iter()
                .any(|one| one.subjects.contains(&Subject::Step(attempt.step.number)))
        })
        .map(|(attempt, _)| attempt.to)
        .collect();
    // The hosts of a service have ports of their own.
    let port = silent.first().map_or(walk.target().port, SocketAddr::port);
    let never = format!(
        "{} never {} on port {port}",
        whom(walk, &silent),
        verb(&silent, "answers", "answer"),
    );
    let Some(&first) = silent.first() else {
        return Story::observed(never, "a connection that opens");
    };
    let refuter = "a capture at the server: if the SYNs arrive and SYN-ACKs leave, the way back is broken instead";
    if let Some((_, count, most)) = full_table(walk, first) {
        return Story::observed(
            format!("{never}: this host's own connection table is full ({count} of {most}), and it drops what is new"),
            "sysctl net.netfilter.nf_conntrack_count well below nf_conntrack_max while connections fail",
        )
        .owner(Owner::Client)
        .advise("Raise net.netfilter.nf_conntrack_max, or lower nf_conntrack_tcp_timeout_established; conntrack -S counts the drops");
    }
    let Controls { answered, tried } = controls(walk, first.ip());
    let mut story = match answered.first() {
        Some(other) => Story::observed(
            format!(
                "{never}, though {} answers on port {}: a filter drops port {port} in silence",
                first.ip(),
                other.to.port()
            ),
            refuter,
        )
        .advise(format!(
            "Allow port {port} in the firewalls between, the cloud security group or the server's own packet filter"
        )),
        None => Story::observed(
            format!(
                "{never}{}: the host is down, unreachable, or a filter drops everything",
                match tried {
                    0 => String::new(),
                    1 => ", nor does another port of the host".to_owned(),
                    _ => format!(", nor do {tried} other ports of the host"),
                }
            ),
            refuter,
        )
        .advise(format!(
            "Check that {} is the right address, is up, and that both ways are routed",
            first.ip()
        ))
        .advise("Check firewalls and security groups on the path for a rule that drops without answering"),
    };
    if let Some((_, _, router)) = last_router(walk, first) {
        story = story.advise(format!(
            "Begin to look at {router} and at what comes after it"
        ));
    }
    story.advise(
        "Where dropping is intended, reject instead (nft: reject with tcp reset), so that clients fail at once",
    )
}

/// The step and the figures of a connection table of this host that is full.
fn full_table<'a>(walk: &Walk<'a>, to: SocketAddr) -> Option<(&'a Step, u64, u64)> {
    let (step, state) = local_state(walk, to)?;
    let (count, most) = state.conntrack?;
    // The table is walked and emptied all the time: nearly full is full.
    (most > 0 && count >= most - most / 50).then_some((step, count, most))
}
