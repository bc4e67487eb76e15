//! `certificate-chain-incomplete`: an intermediate certificate is not sent.

use super::shown::{self, Shown, place, quoted};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use ww_evidence::transcript::TrustVerdict;

rule! {
    name: "certificate-chain-incomplete",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The server does not send an intermediate certificate, so that many clients find no way to a root",
    needs: [Endpoint],
    explains: [],
    page: "certificate_chain_incomplete.md",
    sight: sight,
    say: say,
}

/// The issuer whose certificate is missing: the server's own says where to fetch it, or another address sends it.
pub(super) fn missing<'a>(one: &Shown<'a>, all: &[Shown<'a>]) -> Option<&'a str> {
    match &one.handshake.trust {
        TrustVerdict::Incomplete(issuer) => Some(issuer),
        TrustVerdict::UnknownRoot(issuer) => all
            .iter()
            .filter(|other| other.to != one.to)
            .flat_map(|other| &other.handshake.certificates)
            .any(|sent| sent.subject == *issuer && sent.authority && sent.issuer != sent.subject)
            .then_some(issuer),
        _ => None,
    }
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let all = shown::shown(walk);
    for one in &all {
        if let Some(issuer) = missing(one, &all) {
            let sent = match one.handshake.certificates.len() {
                1 => "its own certificate alone".to_owned(),
                count => format!("{count} certificates"),
            };
            sightings.add(one.sighting(
                walk,
                issuer,
                format!(
                    "{} sends {sent}, and not that of the issuer {}",
                    one.to,
                    quoted(issuer)
                ),
            ));
        }
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let all = shown::shown(walk);
    let some = shown::those(walk, sightings);
    let Some((one, issuer)) = some
        .first()
        .and_then(|one| Some((one, missing(one, &all)?)))
    else {
        return Story::observed("", "");
    };
    let host = &walk.target().host;
    let story = Story::observed(
        format!(
            "{host}{} does not send the intermediate certificate {}: browsers often fetch or know it, curl, Java, Go and Python refuse the connection",
            place(walk, &some),
            quoted(issuer)
        ),
        format!("openssl s_client -connect {} -servername {host} -showcerts that shows it", one.to),
    )
    .advise("Serve the full chain, own certificate first: nginx ssl_certificate with fullchain.pem, HAProxy crt, Apache SSLCertificateFile, the tls.crt of a Kubernetes secret");
    let story = match one.own.issuer_urls.first() {
        Some(url) => story.advise(format!("The missing certificate is to be had at {} (DER; openssl x509 -inform DER makes it PEM)", quoted(url))),
        None => story,
    };
    shown::weighed(walk, story, one)
}
