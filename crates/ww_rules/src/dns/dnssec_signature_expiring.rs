//! `dnssec-signature-expiring`: signatures should have been renewed by now.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::{Moment, Span};
use ww_evidence::transcript::{SignatureLife, Step};
use ww_finding::Severity;

rule! {
    name: "dnssec-signature-expiring",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A DNSSEC signature ends soon, later than signers renew them",
    needs: [Endpoint],
    explains: [],
    page: "dnssec_signature_expiring.md",
    sight: sight,
    say: say,
}

/// Signers renew with more time left, whatever the life: ods-enforcerd with 3 days of 14, BIND with 5 of 14 or
/// 7.5 of 30, Knot with 7 of 14.
const AT_MOST: Span = Span::from_secs(2 * 86_400);

/// How much of its life a signature that is renewed has left at least; those that are made for each answer have
/// half.
const SHARE: i64 = 10;

/// Time that is left, when that is less than signers leave. What a cache holds was fetched before.
fn left(life: &SignatureLife, at: Moment) -> Option<Span> {
    let left = life.expires - at;
    let whole = life.expires - life.begins;
    let bound = Span(whole.0 / SHARE).min(AT_MOST);
    (Span::ZERO <= left && left + life.cached_for < bound).then_some(left)
}

/// The signature of each zone that ends first, among those that end too soon.
fn ending<'a>(walk: &Walk<'a>) -> Vec<(&'a Step, &'a SignatureLife, Span)> {
    let mut ending: Vec<(&Step, &SignatureLife, Span)> = Vec::new();
    for (step, validation) in walk.transcript.validations() {
        let at = walk.transcript.head.began + step.began + step.took;
        for life in &validation.signatures {
            let Some(left) = left(life, at) else { continue };
            match ending
                .iter_mut()
                .find(|(_, known, _)| known.zone == life.zone)
            {
                Some(known) if left < known.2 => *known = (step, life, left),
                Some(_) => {}
                None => ending.push((step, life, left)),
            }
        }
    }
    ending
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, life, _) in ending(walk) {
        let says = format!(
            "the signature of {} {} by {}, from {} to {}",
            life.owner,
            life.record,
            life.zone,
            life.begins.date(),
            life.expires.date()
        );
        sightings.add(
            Sighting::new(Subject::Step(step.number), life.zone.clone()).show(walk.at(step, says)),
        );
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let group = sightings
        .first()
        .map_or("", |sighting| sighting.group.as_str());
    let all = ending(walk);
    let Some((_, life, left)) = all.iter().find(|(_, life, _)| life.zone == group) else {
        return Story::observed("", "");
    };
    let zone = &life.zone;
    let whole = life.expires - life.begins;
    Story::observed(
        format!(
            "The DNSSEC signature of {} {} ends in {}, on {}, after a life of {}",
            life.owner,
            life.record,
            crate::tls::days(*left),
            life.expires.date(),
            crate::tls::days(whole)
        ),
        "the signer's own schedule, if it renews as late as this on purpose",
    )
    .severity(if left.times(40) < whole.min(AT_MOST.times(10)) {
        Severity::Medium
    } else {
        Severity::Low
    })
    .advise(format!("See whether {zone} is still signed: rndc dnssec -status {zone} (BIND), pdnsutil show-zone {zone} (PowerDNS), keymgr {zone} list (Knot), the log of the signer"))
    .advise(format!("Where the signer is well, a secondary serves an old zone: compare dig SOA {zone} at each of its name servers"))
}
