//! `certificate-expiring`: the time to renew a certificate is nearly over.

use super::shown::{self, Shown, called, days, place};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use ww_base::Span;
use ww_evidence::transcript::Certificate;
use ww_finding::Severity;

rule! {
    name: "certificate-expiring",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A certificate ends soon, later than its renewal is due",
    needs: [Endpoint],
    explains: [],
    page: "certificate_expiring.md",
    sight: sight,
    say: say,
}

const DAY: Span = Span::from_secs(86_400);

/// Certificates that live longer are renewed weeks before they end.
const LONG_LIVED: Span = Span::from_secs(60 * 86_400);

/// The certificate that ends first, when that is soon: its renewal is overdue.
fn ending<'a>(one: &Shown<'a>) -> Option<&'a Certificate> {
    let certificate = one.path().min_by_key(|certificate| certificate.not_after)?;
    let left = certificate.not_after - one.at;
    let lifetime = certificate.not_after - certificate.not_before;
    let soon = if lifetime > LONG_LIVED {
        DAY.times(14)
    } else {
        Span(lifetime.0 / 3).min(DAY.times(7))
    };
    (Span::ZERO <= left && left < soon).then_some(certificate)
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    shown::sight_dates(walk, sightings, ending);
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let some = shown::those(walk, sightings);
    let Some((one, certificate)) = some.first().and_then(|one| Some((one, ending(one)?))) else {
        return Story::observed("", "");
    };
    let left = certificate.not_after - one.at;
    let lifetime = certificate.not_after - certificate.not_before;
    let elsewhere = shown::shown(walk)
        .iter()
        .find(|other| ending(other).is_none() && other.is_good())
        .map(|other| {
            format!(
                "; {} shows one that is valid until {}",
                other.to.ip(),
                other.own.not_after.date()
            )
        });
    Story::observed(
        format!(
            "The {} of {}{} ends in {}, on {}, after a life of {}{}",
            called(one, certificate),
            walk.target().host,
            place(walk, &some),
            days(left),
            certificate.not_after.date(),
            days(lifetime),
            elsewhere.unwrap_or_default()
        ),
        "the renewal's own schedule, if it is due later than usual on purpose",
    )
    .severity(if left < DAY.times(3).min(Span(lifetime.0 / 6)) {
        Severity::Medium
    } else {
        Severity::Low
    })
    .advise("See whether renewal works before it is too late: certbot renew --dry-run; kubectl describe certificate (cert-manager); the log of the ACME client")
    .advise("If it was renewed already, reload whoever shows it: nginx -s reload, or a restart of what reads the file once")
}
