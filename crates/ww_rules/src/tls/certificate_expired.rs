//! `certificate-expired`: a certificate that clients check is out of date.

use super::shown::{self, Shown, called, days, place};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use ww_evidence::transcript::Certificate;

rule! {
    name: "certificate-expired",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The server's certificate, or an intermediate one that it needs, has expired",
    needs: [Endpoint],
    explains: [],
    page: "certificate_expired.md",
    sight: sight,
    say: say,
}

fn expired<'a>(one: &Shown<'a>) -> Option<&'a Certificate> {
    one.path()
        .find(|certificate| certificate.not_after < one.at)
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    shown::sight_dates(walk, sightings, expired);
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let some = shown::those(walk, sightings);
    let Some((one, certificate)) = some.first().and_then(|one| Some((one, expired(one)?))) else {
        return Story::observed("", "");
    };
    let host = &walk.target().host;
    let story = Story::observed(
        format!(
            "The {} of {host}{} expired {} ago, on {}{}{}",
            called(one, certificate),
            place(walk, &some),
            days(one.at - certificate.not_after),
            certificate.not_after.date(),
            shown::others(walk),
            shown::by_other_clock(walk, one, certificate)
        ),
        "date -u on this host, if its clock is ahead",
    );
    let story = if certificate == one.own {
        story.advise("Renew it, then reload whoever shows it: a renewed file on disk changes nothing until nginx -s reload, or a restart of what reads it once")
    } else {
        story.advise("Replace the intermediate in the chain file by the current one of the authority, and reload the server")
    };
    shown::weighed(walk, story, one)
        .advise("See why the renewal did not happen: certbot renew --dry-run; kubectl describe certificate (cert-manager); the log of the ACME client")
}
