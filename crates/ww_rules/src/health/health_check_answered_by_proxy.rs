//! `health-check-answered-by-proxy`: a check asks for a path that the proxy answers itself.

use super::probes::word;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::Party;
use ww_finding::{Severity, Support};
use ww_model::service::{CheckKind, Probe, ProbeKind, Program};

rule! {
    name: "health-check-answered-by-proxy",
    family: "health",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A health check asks for a path that the proxy answers itself: it succeeds whatever is behind it",
    needs: [Programs],
    explains: [],
    page: "health_check_answered_by_proxy.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for party in &chains.parties {
        let Some(program) = party.program.filter(|program| passes_on(program)) else {
            continue;
        };
        let probes = party.units.iter().flat_map(|unit| &unit.probes);
        // That a proxy which answers is alive is what liveness has to ask.
        let probes =
            probes.filter(|it| matches!(it.kind, ProbeKind::Readiness | ProbeKind::Health));
        for probe in probes {
            let Some((path, answer)) = asked(probe).and_then(|path| answered(program, path)) else {
                continue;
            };
            if told.insert(probe.at) {
                let by = format!("the {} of {}", word(probe.kind), party.name);
                reports.add(story(party, (&by, probe.at), path, answer));
            }
        }
    }
    for hop in &chains.hops {
        let Some(party) = chains.callee(hop) else {
            continue;
        };
        let Some(program) = party.program.filter(|program| passes_on(program)) else {
            continue;
        };
        for check in &hop.call.checks {
            let CheckKind::Http { path, .. } = &check.kind else {
                continue;
            };
            let Some((path, answer)) = answered(program, path) else {
                continue;
            };
            if check.elsewhere.is_none() && told.insert(check.at) {
                let caller = chains
                    .caller(hop)
                    .map_or("its caller", |caller| &caller.name);
                let by = format!("the check of {} by {caller}", party.name);
                // Here it decides where requests go.
                reports.add(story(party, (&by, check.at), path, answer).severity(Severity::Medium));
            }
        }
    }
}

/// Whether it passes requests on to others.
fn passes_on(program: &Program) -> bool {
    program
        .calls
        .iter()
        .any(|call| call.protocol.is_http() || !call.to.is_empty())
}

/// The path that a probe asks for: of the request, or of the address that its command names.
fn asked(probe: &Probe) -> Option<&str> {
    if let Some(CheckKind::Http { path, .. }) = &probe.check {
        return Some(path);
    }
    let words = probe
        .command
        .iter()
        .flat_map(|word| word.split_whitespace());
    words
        .map(|word| word.trim_matches(['"', '\'']))
        .find_map(own_path)
}

/// The path of an address of the container itself.
fn own_path(word: &str) -> Option<&str> {
    let rest = word
        .strip_prefix("http://")
        .or_else(|| word.strip_prefix("https://"))
        .unwrap_or(word);
    let (host, _) = rest.split_once('/')?;
    let name = host.split(':').next()?;
    let is_own = matches!(name, "localhost" | "127.0.0.1" | "0.0.0.0");
    let path = is_own.then(|| rest.get(host.len()..)).flatten()?;
    path.split(['?', '#']).next()
}

/// The answer that a program has for a path, without asking anybody.
fn answered<'p>(program: &'p Program, path: &'p str) -> Option<(&'p str, SourceSpan)> {
    let listeners = program.listeners.iter();
    let mut answers = listeners.flat_map(|listener| &listener.own_answers);
    answers.find_map(|(own, at)| (own.as_str() == path && path != "/").then_some((path, *at)))
}

fn story(
    party: &Party<'_>,
    (by, asks): (&str, SourceSpan),
    path: &str,
    answer: SourceSpan,
) -> Story {
    let name = &party.name;
    let head = by
        .strip_prefix("the ")
        .map_or_else(|| by.to_owned(), |rest| format!("The {rest}"));
    Story::proved(
        format!("{head} asks for {path}, which {name} answers itself: it succeeds whatever is behind {name}"),
        format!("a request for {path} that {name} passes on"),
    )
    .support(Support::Declared)
    .show(at(asks, format!("asks {name} for {path}")))
    .show(at(answer, format!("{name} answers {path} itself")))
    .advise("Ask for a path that is passed on, if the check is to say that requests can be served; or let another check watch what is behind")
}
