//! `certificate-weak`: a key or a signature that clients refuse.

use super::shown::{self, Shown, called, place, quoted};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use ww_evidence::transcript::Certificate;

rule! {
    name: "certificate-weak",
    family: "tls",
    layer: Tls,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "A certificate has a key that is too small, or a signature with SHA-1 or MD5; current clients refuse it",
    needs: [Endpoint],
    explains: [],
    page: "certificate_weak.md",
    sight: sight,
    say: say,
}

/// The first weak certificate of those that clients check, and what is weak about it.
fn weak<'a>(one: &Shown<'a>) -> Option<(&'a Certificate, String)> {
    one.path()
        .find_map(|certificate| Some((certificate, weakness(certificate)?)))
}

fn weakness(certificate: &Certificate) -> Option<String> {
    let key = &certificate.key;
    let small = match key.algorithm.as_str() {
        "RSA" => (1..2048).contains(&key.bits),
        "EC" => (1..256).contains(&key.bits),
        "DSA" => true,
        _ => false,
    };
    if small {
        return Some(format!(
            "a key of {} bits only ({})",
            key.bits, key.algorithm
        ));
    }
    let signature = certificate.signature.to_ascii_lowercase();
    // What a certificate says of itself proves nothing, so its signature does not matter.
    let matters = certificate.subject != certificate.issuer;
    ["sha1", "md5", "md2"]
        .iter()
        .any(|digest| signature.contains(digest))
        .then(|| format!("a signature with {}", certificate.signature))
        .filter(|_| matters)
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for one in shown::shown(walk) {
        if let Some((certificate, what)) = weak(&one) {
            sightings.add(one.sighting(
                walk,
                shown::key(certificate),
                format!(
                    "{} shows {} with {what}",
                    one.to,
                    quoted(&certificate.subject)
                ),
            ));
        }
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let some = shown::those(walk, sightings);
    let Some((one, (certificate, what))) = some.first().and_then(|one| Some((one, weak(one)?)))
    else {
        return Story::observed("", "");
    };
    Story::observed(
        format!(
            "The {} of {}{} has {what}: current clients refuse it, such as OpenSSL 3 as Debian and Ubuntu build it, and rustls",
            called(one, certificate),
            walk.target().host,
            place(walk, &some),
        ),
        "openssl x509 -noout -text of the certificate that shows another key and signature",
    )
    .advise("Make a new key (EC P-256, or RSA with 2048 bits or more) and have a certificate issued for it with SHA-256")
}
