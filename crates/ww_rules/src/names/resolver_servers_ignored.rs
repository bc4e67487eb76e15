//! `resolver-servers-ignored`: more name servers, or more domains, than the resolver takes.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::{Locus, SourceSpan, Sourced};
use ww_finding::Support;
use ww_model::service::Host;

rule! {
    name: "resolver-servers-ignored",
    family: "names",
    layer: Dns,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "resolv.conf names more than three name servers: the resolver never asks those behind them",
    needs: [Hosts],
    explains: [],
    page: "resolver_servers_ignored.md",
    check: check,
}

/// The name servers that resolvers take (resolv.conf(5), `MAXNS`; musl has the same number).
const MOST: usize = 3;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for host in &declared.model.services.hosts {
        let servers = host.resolver.iter().flat_map(|resolver| &resolver.servers);
        let ignored: Vec<&Sourced<String>> = servers.skip(MOST).collect();
        if !ignored.is_empty() {
            reports.add(story(host, &ignored));
        }
    }
}

fn story(host: &Host, ignored: &[&Sourced<String>]) -> Story {
    let names: Vec<&str> = ignored.iter().map(|server| server.value.as_str()).collect();
    let story = Story::proved(
        format!(
            "{} names {} servers, of which the resolver takes three: {} {} never asked, also when none \
             of the others answers",
            host.path,
            MOST + ignored.len(),
            names.join(", "),
            if names.len() == 1 { "is" } else { "are" },
        ),
        "a program beside it that reads the file itself and asks more servers",
    )
    .support(Support::Declared);
    ignored
        .iter()
        .filter_map(|server| place(server))
        .fold(story, |story, place| story.show(at(place, "never asked")))
        .advise("Name three that fail independently, or a local resolver that knows them all")
}

fn place(server: &Sourced<String>) -> Option<SourceSpan> {
    match server.at {
        Locus::Text(at) => Some(at),
        _ => None,
    }
}
