//! `hsts-missing`: http redirects to https, and nothing tells browsers to begin there next time.

use super::hsts::{self, can_have, is_preloaded, policy, upgrade};
use super::redirect_loop::{Link, chain};
use super::url::host_of;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::HttpReply;
use ww_finding::Severity;

rule! {
    name: "hsts-missing",
    family: "http",
    layer: Http,
    class: Security,
    severity: Info,
    owner: Configuration,
    summary: "http redirects to https without Strict-Transport-Security, so that every visit may begin in clear text",
    needs: [Endpoint],
    explains: [],
    page: "hsts_missing.md",
    sight: sight,
    say: say,
}

/// The redirect to https, and the answer there without the field.
fn seen<'w>(walk: &Walk<'w>) -> Option<(Link<'w>, Link<'w>)> {
    let chain = chain(walk);
    let (from, to) = upgrade(&chain)?;
    let reply = to.1.reply()?;
    let host = host_of(&to.1.url);
    // Pages that report an error are often made by another part, which sets no fields.
    let is_told = reply.status < 400 && policy(reply).is_none();
    (is_told && can_have(host) && !is_preloaded(host)).then_some((from, to))
}

/// The name of a cookie that would be sent over http too.
fn open_cookie(reply: &HttpReply) -> Option<&str> {
    reply.all("set-cookie").find_map(|value| {
        let mut attributes = value.split(';').map(str::trim);
        let (name, _) = attributes.next()?.split_once('=')?;
        let secure = attributes.any(|attribute| attribute.eq_ignore_ascii_case("secure"));
        (!secure).then(|| name.trim())
    })
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let Some(((from, redirect), (to, answer))) = seen(walk) else {
        return;
    };
    let cookie = answer.reply().and_then(open_cookie);
    let cookie = cookie.map_or(String::new(), |name| {
        format!(", and sets the cookie {name} without Secure")
    });
    let mut sighting = Sighting::new(Subject::Step(to.number), hsts::FIELD)
        .show(walk.at(
            to,
            format!(
                "{} answers without Strict-Transport-Security{cookie}",
                answer.url
            ),
        ))
        .show(walk.at(from, format!("{} redirects to it", redirect.url)));
    sighting.subjects.push(Subject::Step(from.number));
    sightings.add(sighting);
}

fn say(walk: &Walk<'_>, _: &[Sighting]) -> Story {
    let Some((_, (_, answer))) = seen(walk) else {
        return Story::observed("", "");
    };
    let host = host_of(&answer.url);
    let cookie = answer.reply().and_then(open_cookie);
    let headline = match cookie {
        Some(name) => format!(
            "Who types {host} begins in clear text at every visit, and the cookie {name} goes along: https sends no Strict-Transport-Security, and the cookie is not Secure"
        ),
        None => format!(
            "Who types {host} begins in clear text at every visit: http redirects to https, which sends no Strict-Transport-Security"
        ),
    };
    let severity = if cookie.is_some() {
        Severity::Low
    } else {
        Severity::Info
    };
    let story = Story::observed(
        headline,
        format!("{host} on the HSTS preload list of browsers, or the field in an answer over https"),
    )
    .severity(severity)
    .advise("Once every page works over https, send Strict-Transport-Security: max-age=31536000 there (nginx: add_header … always, so that errors carry it too), with a small max-age for the first days: what browsers have taken cannot be called back from those who do not come again");
    match cookie {
        Some(_) => story.advise(
            "Set cookies with Secure; browsers then keep them from http whatever else is missing",
        ),
        None => story,
    }
}
