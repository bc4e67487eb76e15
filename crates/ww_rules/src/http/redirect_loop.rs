//! `redirect-loop`: redirects lead back to where they began, or never end.

use super::url::absolute;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{HttpExchange, HttpReply, Step};

rule! {
    name: "redirect-loop",
    family: "http",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "Redirects lead in a circle, so that no browser ever sees a page",
    needs: [Endpoint],
    explains: [],
    page: "redirect_loop.md",
    sight: sight,
    say: say,
}

/// A walk follows no more redirects.
const FOLLOWED: u32 = 10;

/// One request of a chain.
pub(super) type Link<'w> = (&'w Step, &'w HttpExchange);

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let chain = chain(walk);
    let Some(&(last, exchange)) = chain.last() else {
        return;
    };
    let Some(location) = location(exchange) else {
        return;
    };
    let circle = back(&chain, exchange, location);
    if circle.is_none() && exchange.redirect < FOLLOWED {
        return;
    }
    let links = chain.iter().skip(circle.unwrap_or(0));
    let mut sighting = Sighting::new(Subject::Step(last.number), "loop").show(walk.at(
        last,
        format!("{} answers with Location: {location}", exchange.url),
    ));
    for &(step, link) in links.filter(|(step, _)| step.number != last.number) {
        sighting.subjects.push(Subject::Step(step.number));
        if let Some(location) = self::location(link) {
            sighting = sighting.show(walk.at(
                step,
                format!("{} answers with Location: {location}", link.url),
            ));
        }
    }
    sightings.add(sighting);
}

/// The requests of the chain in order, one for each redirect.
pub(super) fn chain<'w>(walk: &Walk<'w>) -> Vec<Link<'w>> {
    let mut chain: Vec<Link<'w>> = Vec::new();
    for (step, exchange) in walk.transcript.exchanges() {
        let next = chain.last().map_or(0, |(_, last)| last.redirect + 1);
        if !exchange.reused && exchange.redirect == next && exchange.reply().is_some() {
            chain.push((step, exchange));
        }
    }
    chain
}

/// Where an answer sends its client.
pub(super) fn location(exchange: &HttpExchange) -> Option<&str> {
    let reply: &HttpReply = exchange.reply()?;
    matches!(reply.status, 301 | 302 | 303 | 307 | 308)
        .then(|| reply.header("location"))
        .flatten()
}

/// The place in the chain to which the last redirect leads back. Where a cookie is set on the way, it counts only
/// when the walk had come by twice, with the cookie.
fn back(chain: &[Link<'_>], last: &HttpExchange, location: &str) -> Option<usize> {
    let to = absolute(&last.url, location)?;
    let visits = chain.iter().filter(|(_, link)| link.url == to).count();
    let at = chain.iter().position(|(_, link)| link.url == to)?;
    let cookie = chain.iter().skip(at).any(|(_, link)| {
        link.reply()
            .is_some_and(|reply| reply.header("set-cookie").is_some())
    });
    (!cookie || visits > 1).then_some(at)
}

fn say(walk: &Walk<'_>, _: &[Sighting]) -> Story {
    let chain = chain(walk);
    let host = &walk.target().host;
    let Some((&(_, last), location)) = chain
        .last()
        .and_then(|link| Some((link, location(link.1)?)))
    else {
        return Story::observed("", "");
    };
    let circle = back(&chain, last, location);
    let links = circle.map_or(chain.len(), |at| chain.len() - at);
    let to = absolute(&last.url, location).unwrap_or_default();
    let secure = |url: &str| url.starts_with("https://");
    let schemes = to == last.url
        || chain
            .iter()
            .skip(circle.unwrap_or(0))
            .any(|(_, link)| secure(&link.url) != secure(&last.url));
    let headline = match (circle, links) {
        (None, _) => {
            format!("{host} redirects without end: {FOLLOWED} redirects led to another one")
        }
        (Some(_), 1) => format!("{host} redirects {to} to itself"),
        (Some(_), links) => format!("{host} redirects in a circle of {links}, back to {to}"),
    };
    let story = Story::observed(
        headline,
        "a browser with no cookies of the site that is shown a page for the same URL",
    );
    let story = if schemes && circle.is_some() {
        story.advise("Where a load balancer ends TLS, the application sees http and redirects to https for ever: pass X-Forwarded-Proto (nginx: proxy_set_header X-Forwarded-Proto $scheme) and let the application trust it; with Cloudflare, choose SSL mode Full in place of Flexible")
    } else {
        story
    };
    story.advise("Look for two places that each redirect (proxy and application: http to https, with and without www, with and without the final slash) and leave it to one of them")
}
