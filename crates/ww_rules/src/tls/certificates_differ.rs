//! `certificates-differ`: the addresses of one name show different certificates, and all are good.

use super::shown::{self, Shown, days, place, quoted};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Span;
use ww_finding::Severity;

rule! {
    name: "certificates-differ",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: Info,
    owner: Configuration,
    summary: "The addresses of one name show different certificates, perhaps because a renewal did not reach all",
    needs: [Endpoint],
    explains: [],
    page: "certificates_differ.md",
    sight: sight,
    say: say,
}

/// A renewal may take this long to reach every machine.
const ROLLOUT: Span = Span::from_secs(3 * 86_400);

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let all = shown::shown(walk);
    // A bad certificate at one address is told by the rule that says what is bad about it.
    if all.iter().any(|one| !one.is_good()) {
        return;
    }
    let mut kinds: Vec<&Shown<'_>> = Vec::new();
    for one in &all {
        if !kinds.iter().any(|known| same(known, one)) {
            kinds.push(one);
        }
    }
    if kinds.len() < 2 {
        return;
    }
    let mut sighting = Sighting::new(Subject::Capture, "");
    for one in kinds {
        sighting.subjects.push(Subject::Step(one.step.number));
        sighting = sighting.show(walk.at(
            one.step,
            format!(
                "{} shows {} with serial number {}, valid from {} to {}",
                one.place(),
                quoted(&one.own.subject),
                one.own.serial,
                one.own.not_before.date(),
                one.own.not_after.date()
            ),
        ));
    }
    sightings.add(sighting);
}

fn same(one: &Shown<'_>, other: &Shown<'_>) -> bool {
    if one.own.fingerprint.is_empty() || other.own.fingerprint.is_empty() {
        shown::key(one.own) == shown::key(other.own)
    } else {
        one.own.fingerprint == other.own.fingerprint
    }
}

/// An address that still shows the old certificate, long after another got the new one.
fn left_behind<'s, 'a>(all: &'s [Shown<'a>]) -> Option<(&'s Shown<'a>, &'s Shown<'a>)> {
    let newest = all.iter().max_by_key(|one| one.own.not_before)?;
    let behind = all.iter().find(|one| {
        let (old, new) = (one.own, newest.own);
        let left = old.not_after - one.at;
        let lifetime = old.not_after - old.not_before;
        old.issuer == new.issuer
            && old.names == new.names
            && old.key.algorithm == new.key.algorithm
            && new.not_before - old.not_before > ROLLOUT
            && newest.at - new.not_before > ROLLOUT
            && left.0 < lifetime.0 / 3
            && old.not_after < new.not_after
    })?;
    Some((behind, newest))
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let all = shown::shown(walk);
    let host = &walk.target().host;
    let refuter =
        "the same certificates at each address a little later, when a renewal is just under way";
    if let Some((behind, newest)) = left_behind(&all) {
        let some: Vec<Shown<'_>> = all
            .iter()
            .filter(|one| same(one, behind))
            .copied()
            .collect();
        return Story::observed(
            format!(
                "The renewed certificate of {host} has not reached every address: {} has it since {}, the one{} ends on {}",
                newest.to.ip(),
                newest.own.not_before.date(),
                place(walk, &some),
                behind.own.not_after.date()
            ),
            refuter,
        )
        .severity(Severity::Low)
        .advise("Reload or redeploy what serves these addresses, and see how the renewed files get there")
        .advise(format!(
            "There are {} left",
            days(behind.own.not_after - behind.at)
        ));
    }
    let over_quic = all.iter().any(|one| one.handshake.quic);
    let kinds = sightings
        .first()
        .map_or(0, |sighting| sighting.subjects.len().saturating_sub(1));
    Story::observed(
        if over_quic {
            format!("Handshakes with {host} over TCP and QUIC show {kinds} different certificates; all are valid for it")
        } else {
            format!(
                "The {} addresses of {host} show {kinds} different certificates; all are valid for it",
                all.len()
            )
        },
        refuter,
    )
    .advise("If every machine should show the same one, compare how each gets its files; several providers or machines with certificates of their own are normal")
}
