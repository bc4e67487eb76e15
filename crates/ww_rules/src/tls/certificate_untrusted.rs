//! `certificate-untrusted`: the certificates lead to no root that is trusted here.

use super::certificate_chain_incomplete::missing;
use super::shown::{self, Shown, place, quoted};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use ww_evidence::transcript::TrustVerdict;

rule! {
    name: "certificate-untrusted",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The server's certificate leads to no root that is trusted here: self-signed, private, or badly signed",
    needs: [Endpoint],
    explains: [],
    page: "certificate_untrusted.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let all = shown::shown(walk);
    for one in &all {
        if missing(one, &all).is_some() {
            continue;
        }
        if let Some(why) = why(one) {
            sightings.add(one.sighting(
                walk,
                why.clone(),
                format!(
                    "{} shows {}, issued by {}",
                    one.place(),
                    quoted(&one.own.subject),
                    quoted(&one.own.issuer)
                ),
            ));
        }
    }
}

/// Why it is not trusted, as the end of a sentence.
fn why(one: &Shown<'_>) -> Option<String> {
    match &one.handshake.trust {
        TrustVerdict::SelfSigned => Some("it is self-signed".to_owned()),
        TrustVerdict::UnknownRoot(name) if one.path().count() <= 1 => Some(format!(
            "its issuer {} is no root that this host knows, and the server sends no certificate of it",
            quoted(name)
        )),
        TrustVerdict::UnknownRoot(name) => Some(format!(
            "it leads to {}, which is no root that this host knows",
            quoted(name)
        )),
        TrustVerdict::Broken(why) => Some(why.clone()),
        TrustVerdict::Trusted | TrustVerdict::Unknown | TrustVerdict::Incomplete(_) => None,
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let some = shown::those(walk, sightings);
    let Some((one, why)) = some.first().and_then(|one| Some((one, why(one)?))) else {
        return Story::observed("", "");
    };
    let host = &walk.target().host;
    let story = Story::observed(
        format!(
            "The certificate of {host}{} is not trusted: {why}{}",
            place(walk, &some),
            shown::others(walk)
        ),
        "the same question with --cacert and the root that clients have",
    );
    let story = match &one.handshake.trust {
        TrustVerdict::Broken(_) => story
            .advise("Compare the chain file with what the authority issued: each certificate must be signed by the next one, and the root must be the current one")
            .advise("If the authority was made anew under the same name, hand out its new root, or sign with the old key"),
        TrustVerdict::SelfSigned => story
            .advise("Have it issued by an authority that clients trust (ACME, or the authority of the house)")
            .advise("If it is meant to be private, give it to the clients as a root: --cacert, SSL_CERT_FILE, update-ca-certificates, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE, Java's cacerts"),
        _ => story
            .advise("If the root is a private one, install it where clients look: update-ca-certificates, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE, Java's cacerts; try it with --cacert")
            .advise("If it is not a root but was itself issued, the server must send its certificate along")
            .advise("If nobody here knows that issuer, a device on the way replaces certificates: ask from another network and compare the fingerprints"),
    };
    shown::weighed(walk, story, one)
}
