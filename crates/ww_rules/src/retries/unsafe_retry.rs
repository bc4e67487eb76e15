//! `unsafe-retry`: requests that may have been carried out are sent again, POST among them.

use super::ways::{self, Way};
use crate::declared::at;
use crate::operand::{Answer, Known, ask, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_finding::Support;
use ww_model::service::{Methods, RetryOn, Target, Unit, UnitKind};

rule! {
    name: "unsafe-retry",
    family: "retries",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "Requests of every method are tried again after failures that do not tell whether they were carried out",
    needs: [Programs],
    explains: [],
    page: "unsafe_retry.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    let ways = ways::all(declared);
    let fitting = ways
        .iter()
        .filter(|way| way.protocol.is_http() && !way.is_idempotent && !decides_by_method(way));
    for way in fitting {
        // Only what somebody wrote is reported: a product's own conditions are its makers' choice.
        let Some(written) = way.side.retry.on.span() else {
            continue;
        };
        if way.side.retry.methods.value() != Some(&Methods::All) {
            continue;
        }
        let risky: Vec<String> = way
            .side
            .retry
            .on
            .value()
            .into_iter()
            .flatten()
            .copied()
            .filter_map(risk)
            .collect();
        if risky.is_empty() {
            continue;
        }
        let what = format!("how often {} tries", way.name);
        match ask(&way.side.retry.attempts, &what, |attempts| *attempts > 1) {
            Answer::Yes(attempts) if told.insert(written) => {
                reports.add(story(way, &attempts, &risky));
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {
                let several = several(declared, way);
                if let Some(several) = several.filter(|_| told.insert(written)) {
                    reports.add(of_addresses(way, &several, &risky));
                }
            }
            Answer::Yes(_) => {}
        }
    }
}

/// A name that stands for several addresses, each of which is tried.
struct Several<'m> {
    target: &'m Target,
    replicas: Known<u64>,
    unit: &'m Unit,
}

/// The only target of a way, where its name stands for the addresses of several instances: those of a
/// compose service, or of the pods behind a Service without an address of its own.
fn several<'m>(declared: &Declared<'m>, way: &Way<'m>) -> Option<Several<'m>> {
    if way.side.retry.tries_each_address.value() != Some(&true) {
        return None;
    }
    let chains = declared.chains();
    let mut hops = chains.hops.iter();
    let hop = hops.find(|hop| std::ptr::eq(&raw const hop.call.side, way.side))?;
    let is_headless = hop
        .service
        .is_some_and(|service| service.headless_at.is_some());
    let mut units = chains.callee(hop)?.units.iter().copied();
    let unit = units.find(|unit| is_headless || unit.kind == UnitKind::Compose)?;
    let replicas = each(&unit.scaling.replicas).into_iter().next()?;
    let is_written = replicas.at.is_some() && replicas.value > 1;
    let each_has_one = is_headless || !unit.scaling.may_share_address;
    (is_written && each_has_one).then_some(Several {
        target: hop.target,
        replicas,
        unit,
    })
}

/// Whether the method is part of what decides that a request comes this way.
fn decides_by_method(way: &Way<'_>) -> bool {
    let text = way.matches.map_or("", |it| it.text.as_str());
    text.to_ascii_lowercase().contains("method") || text.contains("GET")
}

/// A failure after which the request may have been carried out. 503 and 429 refuse it; a failed
/// connection and `REFUSED_STREAM` never carried it; of gRPC's codes UNAVAILABLE (14) refuses.
fn risk(on: RetryOn) -> Option<String> {
    match on {
        RetryOn::Reset => Some("a connection that breaks before the answer".to_owned()),
        RetryOn::Timeout => Some("a timeout".to_owned()),
        RetryOn::ServerError => Some("any 5xx".to_owned()),
        RetryOn::Status(status @ (500 | 502 | 504)) => Some(status.to_string()),
        RetryOn::Grpc(4) => Some("DEADLINE_EXCEEDED".to_owned()),
        RetryOn::Grpc(13) => Some("INTERNAL".to_owned()),
        RetryOn::Connect | RetryOn::Refused | RetryOn::Status(_) | RetryOn::Grpc(_) => None,
    }
}

fn of_addresses(way: &Way<'_>, several: &Several<'_>, risky: &[String]) -> Story {
    let (host, count) = (&several.target.host, several.replicas.value);
    let again = format!("is sent again to another of the {count} addresses of {host}");
    let story = unsafe_way(way, &again, &risky.join(", "));
    let story = story.show(at(
        several.target.at,
        format!("each address that {host} has is a server of its own"),
    ));
    let says = format!("{count} instances of {}", several.unit.name);
    advised(story.show(several.replicas.show(several.unit.at, &says)))
}

fn story(way: &Way<'_>, attempts: &Known<u64>, risky: &[String]) -> Story {
    let tries = attempts.value;
    let again = format!("is sent up to {tries} times");
    let story = unsafe_way(way, &again, &risky.join(", "));
    advised(story.show(attempts.show(way.at, &format!("up to {tries} tries"))))
}

/// The beginning of a finding: what happens, and the line that makes it happen.
fn unsafe_way(way: &Way<'_>, again: &str, risky: &str) -> Story {
    let story = Story::proved(
        format!(
            "{}: a POST {again} after {risky}, and each may have been carried out",
            way.name
        ),
        "every request of this route is idempotent, or carries a key by which the server drops a second one",
    )
    .support(Support::Declared);
    match way.side.retry.on.span() {
        Some(span) => story.show(at(
            span,
            format!("tries again after {risky}, whatever the method"),
        )),
        None => story,
    }
}

fn advised(story: Story) -> Story {
    story
        .advise("Retry only what was surely not begun (failed connections, refused streams, 503), or only requests that read")
        .advise("Or let every request carry an idempotency key that the server remembers, and state so in wirewise.toml")
}
