//! `local-ports-cover-listeners`: a connection that the host opens may take a service's port.

use super::hosts::{Under, pair, under};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::SourceSpan;
use ww_finding::Support;
use ww_model::service::NamedValue;

rule! {
    name: "local-ports-cover-listeners",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "The range of local ports holds ports that services listen on: after a restart one of them may be taken",
    needs: [Hosts, Programs],
    explains: [],
    page: "local_ports_cover_listeners.md",
    check: check,
}

const RANGE: &str = "net.ipv4.ip_local_port_range";
const RESERVED: &str = "net.ipv4.ip_local_reserved_ports";

/// A service's name, its port, and where that is written.
type Listening<'a> = (&'a str, u16, SourceSpan);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut covered: BTreeMap<SourceSpan, (&NamedValue, Under<'_>, Vec<Listening<'_>>)> =
        BTreeMap::new();
    for party in &declared.chains().parties {
        let Some(under) = under(declared, party) else {
            continue;
        };
        let Some((value, (first, last))) = under
            .kernel
            .get(RANGE)
            .and_then(|value| Some((value, pair(value)?)))
        else {
            continue;
        };
        let listeners = party.program.iter().flat_map(|program| &program.listeners);
        for listener in listeners {
            let Some(port) = listener.port else {
                continue;
            };
            let is_inside = (first..=last).contains(&u64::from(port)) && !is_reserved(under, port);
            let (_, _, ports) = covered
                .entry(value.at)
                .or_insert_with(|| (value, under, Vec::new()));
            if is_inside && ports.iter().all(|(_, known, _)| *known != port) {
                ports.push((&party.name, port, listener.at));
            }
        }
    }
    for (value, under, ports) in covered.into_values() {
        if !ports.is_empty() {
            reports.add_all(ports.len() as u64, story(value, under, &ports));
        }
    }
}

/// Whether a port is kept out of the range.
fn is_reserved(under: Under<'_>, port: u16) -> bool {
    let reserved = under.kernel.get(RESERVED);
    reserved.is_some_and(|value| {
        value.value.split(',').any(|part| {
            let part = part.trim();
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let bounds = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
            bounds.is_some_and(|(first, last)| (first..=last).contains(&port))
        })
    })
}

fn story(value: &NamedValue, under: Under<'_>, ports: &[Listening<'_>]) -> Story {
    let host = under.name;
    let words: Vec<String> = ports
        .iter()
        .map(|(name, port, _)| format!("{port} of {name}"))
        .collect();
    let numbers: Vec<String> = ports.iter().map(|(_, port, _)| port.to_string()).collect();
    let story = Story::proved(
        format!(
            "{host} may take {} for a connection that it opens: the service then cannot start again (\"Address \
             already in use\")",
            words.join(", ")
        ),
        format!("services of {host} that are never restarted, or start before anything opens a connection"),
    )
    .support(Support::Declared)
    .show(at(value.at, format!("connections that {host} opens take ports of {}", value.value)));
    ports
        .iter()
        .fold(story, |story, (name, port, place)| {
            story.show(at(*place, format!("{name} listens on {port}")))
        })
        .advise(format!(
            "Keep these ports out: net.ipv4.ip_local_reserved_ports = {}",
            numbers.join(",")
        ))
        .advise("Or begin the range above all ports that services listen on, as the kernel's own does at 32768")
}
