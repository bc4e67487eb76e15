//! `hsts-ignored`: `Strict-Transport-Security` is sent in a way that browsers ignore.

use super::hsts::{self, Policy, can_have, policy, upgrade};
use super::redirect_loop::chain;
use super::url::host_of;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{HttpExchange, HttpReply};
use ww_finding::Severity;

rule! {
    name: "hsts-ignored",
    family: "http",
    layer: Http,
    class: Security,
    severity: Low,
    owner: Configuration,
    summary: "Strict-Transport-Security is sent, and browsers ignore it: it comes over http only, or cannot be read",
    needs: [Endpoint],
    explains: ["hsts-missing"],
    page: "hsts_ignored.md",
    sight: sight,
    say: say,
}

/// The least time that the lists of browsers take, in seconds (hstspreload.org).
const PRELOAD_MIN: u64 = 31_536_000;

/// Why a field is of no effect.
enum Fault {
    /// It does not follow the grammar.
    Unreadable(String),
    /// It came over http, and https, to which http redirects, sends none.
    WrongSide,
    /// It came over http, and https was not seen.
    ClearOnly,
    /// The first of two fields takes back what the second says.
    SecondOnly,
    /// It asks for a place on lists that refuse it.
    Preload(&'static str),
}

impl Fault {
    /// The same for all answers that have it.
    fn group(&self) -> &'static str {
        match self {
            Fault::Unreadable(_) => "unreadable",
            Fault::WrongSide => "wrong side",
            Fault::ClearOnly => "clear text",
            Fault::SecondOnly => "second",
            Fault::Preload(_) => "preload",
        }
    }
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        let (Some(reply), false) = (exchange.reply(), exchange.reused) else {
            continue;
        };
        let Some(fault) = fault(walk, exchange, reply) else {
            continue;
        };
        let values: Vec<&str> = reply.all(hsts::FIELD).collect();
        let mut sighting = Sighting::new(Subject::Step(step.number), fault.group()).show(walk.at(
            step,
            format!(
                "{} answers with Strict-Transport-Security: {}",
                exchange.url,
                values.join(" and again ")
            ),
        ));
        if let (Fault::WrongSide, Some((_, (to, other)))) = (&fault, upgrade(&chain(walk))) {
            sighting.subjects.push(Subject::Step(to.number));
            sighting = sighting.show(walk.at(to, format!("{} answers without it", other.url)));
        }
        sightings.add(sighting);
    }
}

fn fault(walk: &Walk<'_>, exchange: &HttpExchange, reply: &HttpReply) -> Option<Fault> {
    let policy = policy(reply).filter(|_| can_have(host_of(&exchange.url)))?;
    if exchange.url.starts_with("http://") {
        return in_clear(walk, exchange);
    }
    match policy {
        Err(why) => Some(Fault::Unreadable(why)),
        Ok(Policy { max_age: 0, .. }) => reply
            .all(hsts::FIELD)
            .skip(1)
            .filter_map(|value| Policy::read(value).ok())
            .any(|other| other.max_age > 0)
            .then_some(Fault::SecondOnly),
        Ok(policy) if policy.preload && policy.max_age < PRELOAD_MIN => {
            Some(Fault::Preload("max-age is less than 31536000 s, a year"))
        }
        Ok(policy) if policy.preload && !policy.subdomains => {
            Some(Fault::Preload("includeSubDomains is missing"))
        }
        Ok(_) => None,
    }
}

/// What is wrong where it comes over http: nothing as long as https says it too.
fn in_clear(walk: &Walk<'_>, exchange: &HttpExchange) -> Option<Fault> {
    let chain = chain(walk);
    match upgrade(&chain) {
        Some(((_, from), (_, to))) if from.url == exchange.url => {
            let silent = to.reply().is_some_and(|reply| policy(reply).is_none());
            silent.then_some(Fault::WrongSide)
        }
        Some(_) => None,
        // Whoever stands before this server may speak https to its clients.
        None => (exchange.redirect == 0).then_some(Fault::ClearOnly),
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told = sightings.first().and_then(|sighting| {
        let subject = *sighting.subjects.first()?;
        let (_, exchange) = walk
            .transcript
            .exchanges()
            .find(|(step, _)| Subject::Step(step.number) == subject)?;
        Some((exchange, fault(walk, exchange, exchange.reply()?)?))
    });
    let Some((exchange, fault)) = told else {
        return Story::observed("", "");
    };
    let host = host_of(&exchange.url);
    let refuter = format!("{host} with this policy in chrome://net-internals/#hsts after a visit");
    let story = |headline: String| Story::observed(headline, refuter.clone());
    match fault {
        Fault::Unreadable(why) => story(format!(
            "Browsers ignore the Strict-Transport-Security of {host}: {why}"
        ))
        .advise("Write it as Strict-Transport-Security: max-age=31536000; includeSubDomains: directives are divided by semicolons, each stands once, and max-age is a number of seconds"),
        Fault::WrongSide => story(format!(
            "{host} sends Strict-Transport-Security over http, where browsers ignore it, and not over https"
        ))
        .advise("Move the line from the server of port 80 to that of port 443, and leave the redirect as it is"),
        Fault::ClearOnly => story(format!(
            "{host} sends Strict-Transport-Security over http, where browsers ignore it"
        ))
        .severity(Severity::Info)
        .advise("If a proxy before this server speaks https to clients, see that the field passes it: curl -sI https://… | grep -i strict; else serve https first"),
        Fault::SecondOnly => story(format!(
            "{host} sends Strict-Transport-Security twice, and browsers heed the first, whose max-age=0 takes the policy back"
        ))
        .advise("Set the field in one place, proxy or application: nginx adds its add_header to what the application sent (proxy_hide_header Strict-Transport-Security takes that away)"),
        Fault::Preload(why) => story(format!(
            "{host} asks to be built into browsers (preload), and their lists refuse it: {why}"
        ))
        .severity(Severity::Info)
        .advise("Meet what hstspreload.org asks for (max-age of a year, includeSubDomains, a redirect to https of the same host), or leave preload out: who is on the list does not come off for months"),
    }
}
