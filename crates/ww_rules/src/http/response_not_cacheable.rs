//! `response-not-cacheable`: header fields contradict each other, so that shared caches keep nothing.

use super::caching::{has, lifetime};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{HttpExchange, HttpReply};

rule! {
    name: "response-not-cacheable",
    family: "http",
    layer: Http,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "A file that is meant to be cached by proxies and CDNs is not: its header fields contradict each other",
    needs: [Endpoint],
    explains: [],
    page: "response_not_cacheable.md",
    sight: sight,
    say: say,
}

/// Ends of paths that name files which are the same for everyone.
const STATIC: [&str; 18] = [
    ".js", ".mjs", ".css", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg", ".ico",
    ".woff", ".woff2", ".ttf", ".mp4", ".webm", ".wasm", ".map",
];

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        if exchange.reused {
            continue;
        }
        let Some((reply, contradiction)) = contradiction(exchange) else {
            continue;
        };
        let control: Vec<&str> = reply.all("cache-control").collect();
        sightings.add(
            Sighting::new(Subject::Step(step.number), exchange.url.clone()).show(walk.at(
                step,
                format!(
                    "{} has Cache-Control: {}; {contradiction}",
                    exchange.url,
                    control.join(", ")
                ),
            )),
        );
    }
}

/// What keeps a shared cache from storing what it is told to store (RFC 9111 section 3).
fn contradiction(exchange: &HttpExchange) -> Option<(&HttpReply, String)> {
    let reply = exchange.reply()?;
    if exchange.method != "GET" || reply.status != 200 || !is_static(&exchange.url) {
        return None;
    }
    let wanted = lifetime(reply)?;
    let why = if has(reply, "no-store") {
        format!("no-store forbids what {wanted} asks for")
    } else if has(reply, "private") && wanted != "max-age" {
        format!("private forbids to proxies what {wanted} asks of them")
    } else if reply
        .all("vary")
        .flat_map(|value| value.split(','))
        .any(|field| field.trim() == "*")
    {
        "Vary: * lets no stored answer be used again".to_owned()
    } else if reply.header("set-cookie").is_some() && !has(reply, "private") {
        "Set-Cookie keeps nginx, Varnish and most CDNs from storing it".to_owned()
    } else {
        return None;
    };
    Some((reply, why))
}

fn is_static(url: &str) -> bool {
    let path = url
        .split('?')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    STATIC.iter().any(|end| path.ends_with(end))
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told = sightings.first().and_then(|sighting| {
        let subject = *sighting.subjects.first()?;
        walk.transcript
            .exchanges()
            .find(|(step, _)| Subject::Step(step.number) == subject)
    });
    let Some((exchange, why)) =
        told.and_then(|(_, exchange)| Some((exchange, contradiction(exchange)?.1)))
    else {
        return Story::observed("", "");
    };
    Story::observed(
        format!("proxies and CDNs do not keep {}, though it asks for that: {why}", exchange.url),
        "a second request through the same cache that is answered with an Age field",
    )
    .advise("Set the fields of static files in one place, proxy or application, and without cookies: Cache-Control: public, max-age=31536000, immutable for names that change with their content")
}
