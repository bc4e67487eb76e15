//! `certificate-name-mismatch`: the certificate is for other names.

use super::shown::{self, Shown, place, quoted};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Walk};
use ww_evidence::transcript::TrustVerdict;

rule! {
    name: "certificate-name-mismatch",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The server shows a certificate for other names than the one that was asked for",
    needs: [Endpoint],
    explains: ["certificate-untrusted"],
    page: "certificate_name_mismatch.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for one in shown::shown(walk) {
        if !one.handshake.name_matches {
            sightings.add(one.sighting(
                walk,
                shown::key(one.own),
                format!(
                    "{} shows {}{}",
                    one.place(),
                    quoted(&one.own.subject),
                    names(&one)
                ),
            ));
        }
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let some = shown::those(walk, sightings);
    let Some(one) = some.first() else {
        return Story::observed("", "");
    };
    let host = &walk.target().host;
    let trust = match one.handshake.trust {
        TrustVerdict::SelfSigned => "; it is self-signed as well",
        TrustVerdict::UnknownRoot(_) => "; its root is not trusted here either",
        _ => "",
    };
    let story = Story::observed(
        format!(
            "{host}{} shows a certificate that is not for it{}: clients refuse it{trust}",
            place(walk, &some),
            names(one),
        ),
        format!(
            "openssl s_client -servername {host} that shows {host} among the certificate's names"
        ),
    );
    let story = match default_of(&one.own.subject) {
        Some(product) => story.advise(format!(
            "{} is what {product} shows for names that it has no certificate for: give it one for {host}, and see that its secret or file is there",
            quoted(&one.own.subject)
        )),
        None => story.advise(format!(
            "If {host} is right, have the certificate issued with it among the subject alternative names, or see that the server chooses by SNI: nginx server_name, ingress tls.hosts, HAProxy crt-list"
        )),
    };
    let story = if covered_by_a_wildcard_above(host, &one.own.names) {
        story.advise("A wildcard stands for exactly one label: *.example covers a.example, neither example nor a.b.example")
    } else if walk.target().is_address() {
        story.advise("An address must be there as an iPAddress; better use the name that the certificate has")
    } else {
        story
    };
    let story = story.advise("If another name is right, use it in the client");
    shown::weighed(walk, story, one)
}

/// The names of a certificate, as the end of a sentence.
fn names(one: &Shown<'_>) -> String {
    let names = &one.own.names;
    if names.is_empty() {
        return " (it has no subject alternative name, and the common name does not count)"
            .to_owned();
    }
    let listed: Vec<String> = names.iter().take(3).map(|name| quoted(name)).collect();
    let more = match names.len().saturating_sub(3) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(" (it is for {}{more})", listed.join(", "))
}

/// Products whose built-in certificate has this subject: ingress-nginx, Traefik.
fn default_of(subject: &str) -> Option<&'static str> {
    if subject.contains("Kubernetes Ingress Controller Fake Certificate") {
        Some("ingress-nginx")
    } else if subject.contains("TRAEFIK DEFAULT CERT") {
        Some("Traefik")
    } else {
        None
    }
}

fn covered_by_a_wildcard_above(host: &str, names: &[String]) -> bool {
    names
        .iter()
        .filter_map(|name| name.strip_prefix("*."))
        .any(|parent| {
            host.eq_ignore_ascii_case(parent)
                || host
                    .to_ascii_lowercase()
                    .ends_with(&format!(".{}", parent.to_ascii_lowercase()))
        })
}
