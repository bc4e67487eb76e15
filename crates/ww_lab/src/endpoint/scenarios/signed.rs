//! Names in signed zones, whole and broken, behind resolvers that validate and one that does not.

use super::names::fine;
use crate::endpoint::servers::Validator;
use crate::endpoint::{Scenario, Servers, Site};
use crate::error::LabError;
use crate::signed::{Fault, Signed, Zone};

/// The anchor of the lab's root.
const ANCHORED: &[&str] = &["--trust-anchor", "@/zones/anchor.key"];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy(
        "signed",
        "a signed zone, and a resolver that validates (unbound)",
        "http://www.good.test/",
        |site| served(site, Zone::signed("good"), Validator::Unbound),
    )
    .with(ANCHORED),
    Scenario::healthy(
        "signed-behind-bind",
        "a signed zone with NSEC3, and a resolver that validates (BIND)",
        "http://www.good.test/",
        |site| {
            served(
                site,
                Zone::signed("good").proving(Signed::Digests),
                Validator::Bind,
            )
        },
    )
    .with(ANCHORED),
    Scenario::healthy(
        "signed-for-two-days",
        "signatures that are made anew all the time and live for two days",
        "http://www.good.test/",
        |site| {
            served(
                site,
                Zone::signed("good").hours(-24, 24),
                Validator::Unbound,
            )
        },
    )
    .with(ANCHORED),
    Scenario::healthy(
        "signed-below-another-root",
        "a resolver below a root of its own, which is not known here",
        "http://www.good.test/",
        |site| served(site, Zone::signed("good"), Validator::Unbound),
    ),
    Scenario::healthy(
        "not-signed",
        "a zone that is not signed below one that is",
        "http://www.plain.test/",
        |site| {
            served(
                site,
                Zone::signed("plain").proving(Signed::Not),
                Validator::Unbound,
            )
        },
    )
    .with(ANCHORED),
    Scenario::faulty(
        "signatures-expired",
        "the zone's signatures have expired",
        "http://www.expired.test/",
        "dnssec-bogus",
        |site| {
            served(
                site,
                Zone::signed("expired").hours(-30 * 24, -3 * 24),
                Validator::Unbound,
            )
        },
    )
    .with(ANCHORED),
    Scenario::faulty(
        "key-not-at-parent",
        "the parent's DS record has another digest",
        "http://www.digest.test/",
        "dnssec-bogus",
        |site| {
            served(
                site,
                Zone::signed("digest").but(Fault::WrongDigest),
                Validator::Unbound,
            )
        },
    )
    .with(ANCHORED),
    Scenario::faulty(
        "signature-corrupt",
        "the signature of the address is another one, behind BIND",
        "http://www.corrupt.test/",
        "dnssec-bogus",
        |site| {
            served(
                site,
                Zone::signed("corrupt").but(Fault::SignatureCorrupt("A")),
                Validator::Bind,
            )
        },
    )
    .with(ANCHORED),
    Scenario::faulty(
        "signatures-expired-unnoticed",
        "the zone's signatures have expired, and the resolver does not validate",
        "http://www.expired.test/",
        "dnssec-bogus",
        |site| {
            served(
                site,
                Zone::signed("expired").hours(-30 * 24, -3 * 24),
                Validator::Nobody,
            )
        },
    )
    .with(ANCHORED),
    Scenario::faulty(
        "signatures-expiring",
        "the zone's signatures end in twenty hours",
        "http://www.expiring.test/",
        "dnssec-signature-expiring",
        |site| {
            served(
                site,
                Zone::signed("expiring").hours(-29 * 24, 20),
                Validator::Unbound,
            )
        },
    )
    .with(ANCHORED),
];

/// A web server whose name is in this zone.
fn served(site: &Site, zone: Zone<'_>, by: Validator) -> Result<Servers, LabError> {
    Servers::default()
        .signed_names(site, &[zone], by)?
        .scripted(site, "[::]:80", fine)
}
