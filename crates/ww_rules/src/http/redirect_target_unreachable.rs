//! `redirect-target-unreachable`: a redirect leads to where nobody answers.

use super::redirect_loop::{chain, location};
use super::url::{absolute, host_of};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{DnsVia, HttpExchange, HttpOutcome, Lookup, LookupOutcome, Step};
use ww_finding::Owner;

rule! {
    name: "redirect-target-unreachable",
    family: "http",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A redirect leads to a name that has no address, or to an address where nobody answers",
    needs: [Endpoint],
    explains: ["request-unanswered", "http-answer-broken"],
    page: "redirect_target_unreachable.md",
    sight: sight,
    say: say,
}

/// A redirect whose target was tried in vain.
struct Dead<'w> {
    /// The request that was redirected.
    from: &'w HttpExchange,
    step: &'w Step,
    /// Where it leads.
    to: String,
    /// What was tried there, with what came of it.
    tried: Vec<(&'w Step, String)>,
}

fn dead<'w>(walk: &Walk<'w>) -> Option<Dead<'w>> {
    let (step, from) = *chain(walk).last()?;
    let to = absolute(&from.url, location(from)?)?;
    let exchanges: Vec<(&Step, &HttpExchange)> = walk
        .transcript
        .exchanges()
        .filter(|(_, exchange)| exchange.redirect == from.redirect + 1)
        .collect();
    let tried: Vec<(&Step, String)> = if exchanges.is_empty() {
        let host = host_of(&to);
        let lookups = walk.transcript.lookups();
        lookups
            .filter(|(later, lookup)| {
                later.number > step.number && lookup.via == DnsVia::System && lookup.name == host
            })
            .filter_map(|(later, lookup)| Some((later, without_address(lookup)?)))
            .collect()
    } else if exchanges
        .iter()
        .any(|(_, exchange)| exchange.reply().is_some())
    {
        Vec::new()
    } else {
        let came = |&(later, exchange): &(&'w Step, &'w HttpExchange)| (later, came_of(exchange));
        exchanges.iter().map(came).collect()
    };
    (!tried.is_empty()).then_some(Dead {
        from,
        step,
        to,
        tried,
    })
}

/// Why a lookup gave no address; none where it did.
fn without_address(lookup: &Lookup) -> Option<String> {
    match &lookup.outcome {
        LookupOutcome::Answered(answer) if !answer.records.is_empty() => None,
        LookupOutcome::Answered(_) => Some("the name has no address".to_owned()),
        LookupOutcome::TimedOut => Some("the name is not resolved in time".to_owned()),
        LookupOutcome::Refused => Some("the name server refuses".to_owned()),
        LookupOutcome::Failed(why) => Some(format!("the name is not resolved: {why}")),
    }
}

/// What came of a request without an answer.
fn came_of(exchange: &HttpExchange) -> String {
    let to = exchange.to.map(|to| format!("{to}: ")).unwrap_or_default();
    match &exchange.outcome {
        HttpOutcome::NotConnected(why) | HttpOutcome::Broken(why) | HttpOutcome::Failed(why) => {
            why.clone()
        }
        HttpOutcome::Closed => format!("{to}closed without an answer"),
        HttpOutcome::Reset => format!("{to}a reset in place of an answer"),
        HttpOutcome::TimedOut => format!("{to}no answer in time"),
        HttpOutcome::NotHttp(_) => format!("{to}no HTTP is spoken there"),
        HttpOutcome::Replied(_) => String::new(),
    }
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let Some(dead) = dead(walk) else {
        return;
    };
    let mut sighting =
        Sighting::new(Subject::Step(dead.step.number), dead.to.clone()).show(walk.at(
            dead.step,
            format!("{} redirects to {}", dead.from.url, dead.to),
        ));
    for (step, came) in &dead.tried {
        sighting.subjects.push(Subject::Step(step.number));
        sighting = sighting.show(walk.at(step, came.clone()));
    }
    sightings.add(sighting);
}

fn say(walk: &Walk<'_>, _: &[Sighting]) -> Story {
    let Some(dead) = dead(walk) else {
        return Story::observed("", "");
    };
    let came = dead
        .tried
        .first()
        .map(|(_, came)| came.as_str())
        .unwrap_or_default();
    let host = &walk.target().host;
    Story::observed(
        format!("{host} redirects its clients to {}, which cannot be reached from here: {came}", dead.to),
        format!("an answer of {} to a client in the same network", dead.to),
    )
    .owner(Owner::Configuration)
    .advise("Look for the host and port in the settings that make the redirect: a server behind a proxy writes its own name or port unless it is told the client's (Host, X-Forwarded-Host, X-Forwarded-Proto; nginx: absolute_redirect off, port_in_redirect off)")
    .advise(format!("If {} is right, walk it as a target of its own: wirewise diagnose '{}'", dead.to, dead.to))
}
