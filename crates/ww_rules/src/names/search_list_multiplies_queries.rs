//! `search-list-multiplies-queries`: each lookup of an outer name asks for many that do not exist first.

use super::resolvers::{self, Asked};
use crate::declared::at;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::SourceSpan;
use ww_chain::Hop;
use ww_finding::{Severity, Support};
use ww_model::Model;

rule! {
    name: "search-list-multiplies-queries",
    family: "names",
    layer: Dns,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Names outside have fewer dots than ndots: every lookup tries each search domain first",
    needs: [Calls],
    explains: [],
    page: "search_list_multiplies_queries.md",
    check: check,
}

/// From so many domains on that are tried in vain, a lookup asks several times what it needs.
const MANY: usize = 2;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    // One cause for all containers: what a cluster gives to every pod.
    let mut by_cause: BTreeMap<Option<SourceSpan>, Vec<Case<'_, '_>>> = BTreeMap::new();
    for asked in resolvers::all(declared.model, chains) {
        let Some(ndots) = each(&asked.resolver.ndots).pop() else {
            continue;
        };
        for (index, party) in &asked.parties {
            let hops = chains.hops_from(ww_chain::PartyId(*index));
            let outside = hops.filter(|hop| is_tried(declared.model, hop, &asked, ndots.value));
            if let Some(hop) = outside.min_by_key(|hop| hop.target.at) {
                by_cause.entry(ndots.at).or_default().push(Case {
                    caller: party.name.clone(),
                    hop,
                    ndots: ndots.clone(),
                    place: asked.place,
                    domains: asked.resolver.search.len(),
                });
            }
        }
    }
    for cases in by_cause.values() {
        if let Some(first) = cases.first() {
            reports.add_all(cases.len() as u64, story(first, cases));
        }
    }
}

/// A program that looks up a name outside.
struct Case<'c, 'm> {
    caller: String,
    hop: &'c Hop<'m>,
    ndots: Known<u64>,
    place: SourceSpan,
    domains: usize,
}

/// Whether search domains are tried before the name itself.
fn is_tried(model: &Model, hop: &Hop<'_>, asked: &Asked<'_, '_>, ndots: u64) -> bool {
    let host = hop.target.host.as_str();
    let dots = host.matches('.').count() as u64;
    let is_service = model.cluster.services.iter().any(|service| {
        let name = &service.name;
        host.split('.')
            .take(2)
            .eq([name.name.as_str(), name.namespace.as_str()])
    });
    let is_searched = asked.resolver.search.iter().any(|domain| {
        let (name, domain) = (host, domain.value.as_str());
        name.ends_with(domain)
    });
    let others = asked.resolver.search.len() >= MANY;
    resolvers::is_outside(hop) && dots < ndots && others && !is_service && !is_searched
}

fn story(first: &Case<'_, '_>, cases: &[Case<'_, '_>]) -> Story {
    const SHOWN: usize = 4;
    let host = &first.hop.target.host;
    let ndots = first.ndots.value;
    let queries = 2 * (first.domains + 1);
    let others = match cases.len() {
        1 => String::new(),
        count => format!(", as {} more programs do", count - 1),
    };
    let story = Story::proved(
        format!(
            "{} looks {host} up{others}: it has fewer than {ndots} dots, so that {} search domains are \
             tried first, A and AAAA: {queries} queries in place of 2",
            first.caller, first.domains
        ),
        format!("a capture in which the first query for {host} is for that very name"),
    )
    .support(Support::Declared)
    .show(first.ndots.show(
        first.place,
        &format!("names with fewer than {ndots} dots are tried in {} domains first", first.domains),
    ));
    let story = cases.iter().take(SHOWN).fold(story, |story, case| {
        let says = format!("{} calls {}", case.caller, case.hop.target.host);
        story.show(at(case.hop.target.at, says))
    });
    let story = story
        .advise(format!("Write such names with a dot at the end (`{host}.`), where the program takes that"))
        .advise("Or let names with a dot be tried as they are: `dnsConfig: options: [{name: ndots, value: \"1\"}]`, and call Services by their whole names");
    if first.ndots.at.is_some() {
        story
    } else {
        story.severity(Severity::Info)
    }
}
