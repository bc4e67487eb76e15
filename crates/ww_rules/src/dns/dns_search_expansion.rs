//! `dns-search-expansion`: names were tried with search suffixes before the real one.

mod probed;

use super::common::{AAAA, NAME_ERROR, NO_ERROR, at, counted, some_of, told_about, transactions};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_base::{Order, Span};
use ww_evidence::DnsTransaction;
use ww_finding::Severity;

rule! {
    name: "dns-search-expansion",
    family: "dns",
    layer: Dns,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Names are tried with search suffixes first; every lookup costs several questions that fail",
    needs: [Dns],
    explains: ["dns-name-error-burst"],
    page: "dns_search_expansion.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// Beyond this a failed name and a found one have nothing to do with one another.
const TOGETHER: Span = Span::from_secs(10);

/// Names that must have been tried with a suffix each, where there is but one suffix.
const NAMES: usize = 3;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let mut by_client: BTreeMap<IpAddr, Vec<Expansion<'_>>> = BTreeMap::new();
    for expansion in expansions(view) {
        by_client
            .entry(expansion.found.client.addr)
            .or_default()
            .push(expansion);
    }
    for (client, expansions) in by_client {
        let names: BTreeSet<&str> = expansions
            .iter()
            .map(|one| one.found.name.as_str())
            .collect();
        for expansion in &expansions {
            if expansion.suffixes() >= 2 || names.len() >= NAMES {
                sightings.add(expansion.sighting(view, client));
            }
        }
    }
}

/// A name that was found, and what was tried before.
struct Expansion<'a> {
    found: &'a DnsTransaction,
    tried: Vec<(Subject, &'a DnsTransaction)>,
}

impl Expansion<'_> {
    fn suffixes(&self) -> usize {
        let names: BTreeSet<&str> = self
            .tried
            .iter()
            .map(|(_, tried)| tried.name.as_str())
            .collect();
        names.len()
    }

    fn sighting(&self, view: &View<'_>, client: IpAddr) -> Sighting {
        let found = self.found;
        let began = self
            .tried
            .iter()
            .map(|(_, tried)| tried.query.at)
            .min()
            .unwrap_or(found.query.at);
        let mut sighting = Sighting::new(Subject::Capture, client.to_string())
            .count(self.tried.len() as u64)
            .lost(found.query.at - began);
        sighting.subjects = self.tried.iter().map(|&(subject, _)| subject).collect();
        for (nth, (_, tried)) in self.tried.iter().enumerate() {
            let says = format!("{} {} tried, does not exist", tried.kind_name(), tried.name);
            sighting = sighting.show(at(view, tried, tried.query, says));
            if nth == 0 {
                let says = format!("{} asked as it is, and found", found.name);
                sighting = sighting.show(at(view, found, found.query, says));
            }
        }
        sighting
    }
}

/// Every name that was found after longer ones, which begin with it, were not.
fn expansions<'a>(view: &View<'a>) -> Vec<Expansion<'a>> {
    let mut failed: BTreeMap<(IpAddr, &str, Subject), &DnsTransaction> = BTreeMap::new();
    let mut expansions = Vec::new();
    for (subject, asked) in transactions(view) {
        let client = asked.client.addr;
        if fails(asked) {
            failed.insert((client, &asked.name, subject), asked);
        } else if finds(asked) {
            let tried = before(&failed, asked);
            for (subject, tried) in &tried {
                failed.remove(&(client, tried.name.as_str(), *subject));
            }
            if !tried.is_empty() {
                expansions.push(Expansion {
                    found: asked,
                    tried,
                });
            }
        }
    }
    expansions
}

/// The failed names of the same client that are `found` with something behind it, a short while ago.
fn before<'a>(
    failed: &BTreeMap<(IpAddr, &str, Subject), &'a DnsTransaction>,
    found: &DnsTransaction,
) -> Vec<(Subject, &'a DnsTransaction)> {
    let client = found.client.addr;
    let stem = format!("{}.", found.name);
    let mut tried: Vec<(Subject, &DnsTransaction)> = failed
        .range((client, stem.as_str(), Subject::Tcp(0))..)
        .take_while(|((of, name, _), _)| *of == client && name.starts_with(&stem))
        .map(|(&(_, _, subject), &tried)| (subject, tried))
        .filter(|(_, tried)| {
            let ended = tried.answer.map_or(tried.query.at, |answer| answer.at);
            ended <= found.query.at && found.query.at - tried.query.at <= TOGETHER
        })
        .collect();
    tried.put_in_order_by_key(|(_, tried)| tried.query);
    tried
}

/// No such name, or nothing of the type asked for.
fn fails(asked: &DnsTransaction) -> bool {
    match asked.rcode() {
        Some(NAME_ERROR) => true,
        Some(NO_ERROR) => asked.records == 0,
        _ => false,
    }
}

/// Found: with a record, or as a name that exists without an IPv6 address.
fn finds(asked: &DnsTransaction) -> bool {
    asked.rcode() == Some(NO_ERROR) && asked.records > 0 && asked.name.contains('.')
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let tried: Vec<&DnsTransaction> = told_about(view, group).into_values().collect();
    let client = group.first().map_or("", |sighting| sighting.group.as_str());
    let address: Option<IpAddr> = client.parse().ok();
    let all = transactions(view)
        .filter(|(_, asked)| Some(asked.client.addr) == address)
        .count();
    let both = tried.iter().any(|asked| asked.kind == AAAA);
    let lost: Span = group.iter().map(|sighting| sighting.lost).sum();
    let lookups = counted(group.len(), "name", "names");
    let headline = format!(
        "{client} tried {lookups} with search suffixes first: {} of its {all} questions could only fail, {lost} lost ({})",
        tried.len(),
        some_of(tried.iter().map(|asked| asked.name.as_str())),
    );
    let wasteful = tried.len() >= 20 && tried.len() * 2 >= all;
    let severity = if lost >= Span::from_secs(1) || wasteful {
        Severity::Medium
    } else {
        Severity::Low
    };
    let story = Story::observed(
        headline,
        "the client's /etc/resolv.conf without a search line, or with ndots no greater than the dots in these names, would rule this out",
    )
    .severity(severity)
    .advise("Write such names with a final dot (`api.example.com.`): they are then asked as they are")
    .advise("Lower ndots: `options ndots:1` in /etc/resolv.conf; in Kubernetes dnsConfig: {options: [{name: ndots, value: \"1\"}]} in the pod, where names of services are written in full");
    if both {
        return story.advise("Each failing name is asked twice, for A and AAAA: a local cache (NodeLocal DNSCache, systemd-resolved) takes most of that off the servers");
    }
    story
}
