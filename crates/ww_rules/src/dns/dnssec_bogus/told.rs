//! The reason in words, and what mends it.

use ww_base::Moment;
use ww_evidence::transcript::{ChainReason, ChainReasonKind as Kind, SecurityVerdict, Validation};

/// The zones on the way, and where it ends: `. → test → expired.test does not hold`.
pub(super) fn chain(validation: &Validation) -> String {
    let mut zones: Vec<&str> = validation
        .links
        .iter()
        .filter(|link| link.verdict == SecurityVerdict::Secure)
        .map(|link| link.zone.as_str())
        .collect();
    let ends = validation.reason.as_ref().map(|reason| {
        let zone = reason.zone.as_str();
        if zones.last() != Some(&zone) {
            zones.push(zone);
        }
        format!(
            "ends at {}, extended error {}",
            records(reason),
            reason.kind.extended_error()
        )
    });
    format!(
        "the chain of {} {}: {}, {}",
        validation.name,
        validation.kind,
        zones.join(" → "),
        ends.unwrap_or_default()
    )
}

/// The records that a reason is about.
fn records(reason: &ChainReason) -> String {
    format!("{} {}", reason.owner, reason.record)
}

/// What does not hold, as part of a sentence.
pub(super) fn reason(reason: &ChainReason, now: Moment) -> String {
    let records = records(reason);
    let key = reason
        .key_tag
        .map_or_else(|| "a key".to_owned(), |tag| format!("key {tag}"));
    let days = |from: Moment, to: Moment| crate::tls::days(to - from);
    match reason.kind {
        Kind::SignatureExpired => match reason.expires {
            Some(end) => format!(
                "the signature of {records} expired {} ago, on {}",
                days(end, now),
                end.date()
            ),
            None => format!("the signature of {records} has expired"),
        },
        Kind::SignatureNotYetValid => match reason.begins {
            Some(begin) => format!(
                "the signature of {records} begins in {}, on {}",
                days(now, begin),
                begin.date()
            ),
            None => format!("the signature of {records} begins later"),
        },
        Kind::SignatureEndsBeforeItBegins => {
            format!("the signature of {records} ends before it begins")
        }
        Kind::SignatureInvalid => {
            format!("the signature of {records} by {key} does not fit the records")
        }
        Kind::SignatureMissing => format!("{records} has no signature"),
        Kind::SigningKeyMissing => {
            format!("{records} is signed by {key}, which the zone does not have")
        }
        Kind::SignerIsNotZone => format!("{records} is signed by another zone"),
        Kind::KeysMissing => "its parent names a key of it (DS), and it has none".to_owned(),
        Kind::KeyNotAtParent => {
            format!("its parent names {key} (DS), and none of its keys is that one")
        }
        Kind::KeysNotSigned => {
            format!("{key}, which its parent names (DS), does not sign its keys")
        }
        Kind::KeyWithoutZoneFlag => format!("{key} may not sign records: its zone flag is not set"),
        Kind::KeyRevoked => format!("{key}, which signs {records}, is revoked"),
        Kind::DenialMissing if reason.record == "DS" => format!(
            "nothing proves that {} is not signed (NSEC, NSEC3)",
            reason.owner
        ),
        Kind::DenialMissing => {
            format!("nothing proves that {records} does not exist (NSEC, NSEC3)")
        }
        Kind::UnsupportedAlgorithm => {
            format!(
                "{records} is signed with algorithm {} alone",
                reason.algorithm
            )
        }
        Kind::UnsignedDelegation
        | Kind::OptOut
        | Kind::UnsupportedDigest
        | Kind::TooManyIterations
        | Kind::NoAnchor
        | Kind::NoAnswer
        | Kind::TooMuchWork => format!("{records} cannot be checked"),
    }
}

/// What mends it.
pub(super) fn advice(reason: &ChainReason) -> Vec<String> {
    let zone = &reason.zone;
    let clock =
        "Compare this host's clock, and the resolver's, with another: date -u; chronyc tracking";
    match reason.kind {
        Kind::SignatureExpired | Kind::SignatureNotYetValid if zone == "." => {
            vec![clock.to_owned()]
        }
        Kind::SignatureExpired => vec![
            format!(
                "Sign {zone} again and see why that stopped: rndc sign {zone} and rndc dnssec -status {zone} (BIND), pdnsutil rectify-zone {zone} (PowerDNS), knotc zone-sign {zone} (Knot)"
            ),
            format!(
                "Where the signer is well, a secondary serves an old zone: compare dig SOA {zone} at each of its name servers"
            ),
        ],
        Kind::SignatureNotYetValid => vec![
            format!(
                "The signer's clock is ahead, or the zone was signed for later: see chronyc tracking there, and sign {zone} again"
            ),
            clock.to_owned(),
        ],
        Kind::KeyNotAtParent | Kind::KeysMissing | Kind::KeysNotSigned => vec![
            format!(
                "Let the parent name the key that signs, through the registrar: dig {zone} DNSKEY | dnssec-dsfromkey -f - {zone} prints the DS record; or bring the old key back until the parent has changed and its DS record has left all caches"
            ),
            format!(
                "Where {zone} shall not be signed, the parent's DS record goes first, and the signatures a TTL later"
            ),
        ],
        Kind::DenialMissing => vec![format!(
            "Sign {zone} as a whole, with a server that adds NSEC or NSEC3 records to its answers; a secondary that does not know DNSSEC leaves them out"
        )],
        Kind::KeyWithoutZoneFlag | Kind::KeyRevoked => vec![format!(
            "Sign {zone} with a key whose flags are 256 or 257, and let the parent name that one"
        )],
        _ => vec![
            format!(
                "Sign {zone} again as a whole: what is changed after signing has no signature that fits (rndc sign {zone}, pdnsutil rectify-zone {zone}, knotc zone-sign {zone})"
            ),
            format!(
                "Ask each of its name servers: dig {} {} +dnssec +norecurse; one alone that differs is a secondary with a broken copy",
                reason.owner, reason.record
            ),
        ],
    }
}
