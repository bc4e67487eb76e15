//! `dns-stale-address`: a connection to an address that the name does not have any more.

mod probed;

use super::common::{NO_ERROR, at, some_of};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use rustc_hash::FxHashMap;
use std::net::IpAddr;
use ww_base::{Moment, Span};
use ww_evidence::{DnsTransaction, Mark, TcpFlow};
use ww_finding::{Severity, Support};

rule! {
    name: "dns-stale-address",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Client,
    summary: "A client connects to an address that the name had earlier, although it was told of a newer one",
    needs: [Dns, Tcp],
    explains: ["connection-refused", "syn-unanswered"],
    page: "dns_stale_address.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// A client may act upon an answer a moment after a newer one has come.
const LEEWAY: Span = Span::from_secs(1);

/// Connections to the old address, and none to the new one, that make it more than a remark.
const UNHEEDED: usize = 3;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let told = Told::by_all(view);
    for (subject, flow) in view.flows() {
        if flow.handshake.syn.is_none() {
            continue;
        }
        let Some((old, new)) = told.outdated(flow.client.addr, flow.server.addr, flow.first.at)
        else {
            continue;
        };
        let (Some(answer), Some(newer)) = (old.answer, new.answer) else {
            continue;
        };
        let failed = flow.handshake.syn_ack.is_none();
        let fate = match failed {
            true => "failed",
            false if uses(view, flow.client.addr, new) => "worked",
            false => "unheeded",
        };
        let group = format!("{} {} {fate}", flow.client.addr, old.name);
        sightings.add(
            Sighting::new(subject, group)
                .lost(if failed { flow.duration() } else { Span::ZERO })
                .show(view.at(flow, flow.first, connects(flow, answer, old)))
                .show(at(
                    view,
                    new,
                    newer,
                    format!("the newer answer: {} is at {}", new.name, addresses(new)),
                ))
                .show(at(
                    view,
                    old,
                    answer,
                    format!("the older answer, good for {} s", old.ttl.unwrap_or(0)),
                )),
        );
    }
}

/// The client connects to where the newer answer leads as well.
fn uses(view: &View<'_>, client: IpAddr, new: &DnsTransaction) -> bool {
    view.capture
        .tcp
        .iter()
        .any(|flow| flow.client.addr == client && new.addresses.contains(&flow.server.addr))
}

fn connects(flow: &TcpFlow, answer: Mark, old: &DnsTransaction) -> String {
    format!(
        "connects to {}, {} after {} was said to be there",
        flow.server,
        flow.first.at - answer.at,
        old.name
    )
}

fn addresses(answered: &DnsTransaction) -> String {
    let texts: Vec<String> = answered.addresses.iter().map(IpAddr::to_string).collect();
    some_of(texts.iter().map(String::as_str))
}

/// What clients were told, answer by answer.
struct Told<'a> {
    /// Answers with addresses, in order of time, by client, name and type.
    answers: FxHashMap<(IpAddr, &'a str, u16), Vec<&'a DnsTransaction>>,
    /// Under which names a client was told of an address.
    names: FxHashMap<(IpAddr, IpAddr), Vec<(&'a str, u16)>>,
}

impl<'a> Told<'a> {
    fn by_all(view: &View<'a>) -> Told<'a> {
        let mut told = Told {
            answers: FxHashMap::default(),
            names: FxHashMap::default(),
        };
        for asked in &view.capture.dns.transactions {
            if asked.rcode() != Some(NO_ERROR) || asked.addresses.is_empty() {
                continue;
            }
            let client = asked.client.addr;
            told.answers
                .entry((client, &asked.name, asked.kind))
                .or_default()
                .push(asked);
            for &address in &asked.addresses {
                let names = told.names.entry((client, address)).or_default();
                if !names.contains(&(&asked.name, asked.kind)) {
                    names.push((&asked.name, asked.kind));
                }
            }
        }
        for answers in told.answers.values_mut() {
            answers.sort_by_key(|asked| asked.answer);
        }
        told
    }

    /// The answer that gave the address and the one that replaced it, if at that time the client
    /// had no reason left to use the address: under every name that ever led to it, the answer has
    /// expired and a newer one leads elsewhere.
    fn outdated(
        &self,
        client: IpAddr,
        address: IpAddr,
        now: Moment,
    ) -> Option<(&'a DnsTransaction, &'a DnsTransaction)> {
        let names = self.names.get(&(client, address))?;
        let mut found = None;
        for &(name, kind) in names {
            let answers = self.answers.get(&(client, name, kind))?;
            let known =
                |asked: &&&DnsTransaction| asked.answer.is_some_and(|answer| answer.at <= now);
            let Some(old) = answers
                .iter()
                .filter(known)
                .rfind(|asked| asked.addresses.contains(&address))
            else {
                // Only told later: what led there now is not in the capture.
                return None;
            };
            let newer = answers
                .iter()
                .filter(known)
                .rev()
                .take_while(|asked| !asked.addresses.contains(&address))
                .last()?;
            if !expired(old, now) || now - newer.answer?.at < LEEWAY || rotates(answers, address) {
                return None;
            }
            found = Some((*old, *newer));
        }
        found
    }
}

fn expired(old: &DnsTransaction, now: Moment) -> bool {
    let (Some(answer), Some(ttl)) = (old.answer, old.ttl) else {
        return false;
    };
    now - answer.at > Span::from_secs(i64::from(ttl)) + LEEWAY
}

/// The address comes and goes in the answers: a name with many addresses that are told in turn.
fn rotates(answers: &[&DnsTransaction], address: IpAddr) -> bool {
    let mut changes = 0;
    let mut before = None;
    for asked in answers {
        let there = asked.addresses.contains(&address);
        changes += u32::from(before.is_some_and(|before| before != there));
        before = Some(there);
    }
    changes > 2 || (changes == 2 && before == Some(true))
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let key = group.first().map_or("", |sighting| sighting.group.as_str());
    let mut words = key.split(' ');
    let (client, name, fate) = (
        words.next().unwrap_or(""),
        words.next().unwrap_or(""),
        words.next(),
    );
    let targets: Vec<String> = group
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .filter_map(|&subject: &Subject| Some(view.flow(subject)?.server.to_string()))
        .collect();
    let target = some_of(targets.iter().map(String::as_str));
    let times = super::common::counted(group.len(), "connection", "connections");
    let end = match fate {
        Some("failed") => "and failed",
        Some("unheeded") => "where it is still served, and none to the newer one",
        _ => "where it is still served",
    };
    let story = Story::observed(
        format!("{client} made {times} to {target}, an address that {name} no longer has, {end}"),
        format!("a configuration in which the client uses {target} by address, or under a name it resolved before the capture began, would rule this out"),
    )
    .advise("Let the program resolve the name again for new connections: Java networkaddress.cache.ttl=30, nginx `resolver … valid=30s` with the upstream in a variable or `server NAME resolve`, HAProxy `resolvers` with server-template")
    .advise("When an address is taken out of a name, keep serving it for at least the old TTL and longer; lower the TTL well before a move");
    match fate {
        Some("failed") => story,
        // Not one program keeping an answer longer than another: nobody uses the newer one.
        Some("unheeded") if group.len() >= UNHEEDED => story.severity(Severity::Low),
        _ => story.severity(Severity::Info).support(Support::Heuristic),
    }
}
