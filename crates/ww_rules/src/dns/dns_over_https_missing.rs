//! `dns-over-https-missing`: a web server answers where a name server was named.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{HttpReply, Service, Step};
use ww_finding::Owner;

rule! {
    name: "dns-over-https-missing",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "The URL of a name server over HTTPS is answered by a web server that knows nothing of DNS",
    needs: [Endpoint],
    explains: [],
    page: "dns_over_https_missing.md",
    sight: sight,
    say: say,
}

/// RFC 8484 section 6.
const MEDIA_TYPE: &str = "application/dns-message";

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, reply) in replies(walk) {
        if let Some(what) = what(reply) {
            let says = format!("the question in a POST is answered {what}");
            sightings
                .add(Sighting::new(Subject::Step(step.number), what).show(walk.at(step, says)));
        }
    }
}

/// Answers to questions that were put over HTTPS.
fn replies<'a>(walk: &Walk<'a>) -> impl Iterator<Item = (&'a Step, &'a HttpReply)> {
    let is_resolver = walk.target().service == Service::DnsOverHttps;
    let exchanges = walk.transcript.exchanges().filter(move |_| is_resolver);
    exchanges.filter_map(|(step, exchange)| Some((step, exchange.reply()?)))
}

/// How an answer differs from a message; none where it is one, or where the server says that it failed.
fn what(reply: &HttpReply) -> Option<String> {
    let kind = reply.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match reply.status {
        429 | 500.. => None,
        200 if reply.body.cut => Some("with more bytes than a message of the DNS has".to_owned()),
        200 if kind.eq_ignore_ascii_case(MEDIA_TYPE) => None,
        200 if kind.is_empty() => Some("without a content type".to_owned()),
        200 => Some(format!("with {kind}")),
        status => Some(format!("with status {status}")),
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told = replies(walk).find(|(step, _)| {
        sightings
            .iter()
            .any(|one| one.subjects.contains(&Subject::Step(step.number)))
    });
    let Some((reply, what)) = told.and_then(|(_, reply)| Some((reply, what(reply)?))) else {
        return Story::observed("", "");
    };
    let target = walk.target();
    let story = Story::observed(
        format!(
            "{} port {} answers questions at {} {what}, not with {MEDIA_TYPE}",
            target.host, target.port, target.path
        ),
        format!(
            "dig @{} -p {} +https={} . NS that prints an answer",
            target.host, target.port, target.path
        ),
    );
    match (reply.status, reply.header("location")) {
        (301 | 302 | 303 | 307 | 308, Some(location)) => story.advise(format!(
            "It redirects to {location}: name that URL; stub resolvers do not follow redirects"
        )),
        (401 | 403 | 407, _) => story
            .owner(Owner::Server)
            .advise("It does not serve everybody: see which networks or credentials it wants"),
        (405 | 415, _) => story
            .owner(Owner::Server)
            .advise("It refuses POST, which every server of DNS over HTTPS must take (RFC 8484 section 4.1): see the proxy in front of it"),
        _ => story.advise(format!(
            "Correct the path: most servers have /dns-query (unbound http-endpoint, BIND http {{ endpoints }}); a proxy in front must pass {} on to the name server",
            target.path
        )),
    }
}
