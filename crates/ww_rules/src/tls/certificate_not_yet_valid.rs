//! `certificate-not-yet-valid`: a certificate that clients check begins later.

use super::shown::{self, Shown, called, days, place};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use ww_evidence::transcript::Certificate;

rule! {
    name: "certificate-not-yet-valid",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The server's certificate, or an intermediate one that it needs, is not valid yet, or the clock here is slow",
    needs: [Endpoint],
    explains: [],
    page: "certificate_not_yet_valid.md",
    sight: sight,
    say: say,
}

fn early<'a>(one: &Shown<'a>) -> Option<&'a Certificate> {
    one.path()
        .find(|certificate| one.at < certificate.not_before)
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for one in shown::shown(walk) {
        if let Some(certificate) = early(&one) {
            sightings.add(one.sighting(
                walk,
                shown::key(certificate),
                format!(
                    "{} shows {}, valid from {} to {}; here it is {}",
                    one.place(),
                    shown::quoted(&certificate.subject),
                    certificate.not_before.date(),
                    certificate.not_after.date(),
                    one.at.date()
                ),
            ));
        }
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let some = shown::those(walk, sightings);
    let Some((one, certificate)) = some.first().and_then(|one| Some((one, early(one)?))) else {
        return Story::observed("", "");
    };
    let story = Story::observed(
        format!(
            "The {} of {}{} is valid in {} only, from {}{}{}",
            called(one, certificate),
            walk.target().host,
            place(walk, &some),
            days(certificate.not_before - one.at),
            certificate.not_before.date(),
            shown::others(walk),
            shown::by_other_clock(walk, one, certificate)
        ),
        "date -u on this host, if its clock is behind",
    )
    .advise("First compare this host's clock with another one: date -u; timedatectl. A clock that is behind makes fresh certificates look like this")
    .advise("If the clock is right, show the previous certificate until then, or have it issued with an earlier beginning");
    shown::weighed(walk, story, one)
}
