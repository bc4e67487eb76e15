//! `resolver-outlasts-request`: a name server that is silent costs more time than a request has.

use super::resolvers::{self, Asked};
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use std::net::IpAddr;
use ww_base::{SourceSpan, Span};
use ww_chain::{Chains, Hop, PartyId};
use ww_finding::Support;

rule! {
    name: "resolver-outlasts-request",
    family: "names",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "While the first name server is silent, each lookup takes longer than callers wait for the answer",
    needs: [Calls],
    explains: [],
    page: "resolver_outlasts_request.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(SourceSpan, Option<SourceSpan>)> = BTreeSet::new();
    for asked in resolvers::all(declared.model, chains) {
        // A single server that is silent fails everything whatever the times are.
        let Some(waits) = each(&asked.resolver.timeout)
            .pop()
            .filter(|_| asked.resolver.servers.len() > 1)
        else {
            continue;
        };
        for (index, _) in &asked.parties {
            let id = PartyId(*index);
            let mut lookups = chains.hops_from(id).filter(|hop| is_looked_up(hop));
            let Some(lookup) = lookups.next() else {
                continue;
            };
            for (patience, hop) in callers(chains, id) {
                let key = (asked.place, patience.at);
                if patience.value <= waits.value && told.insert(key) {
                    reports.add(story(chains, (hop, lookup), (&patience, &waits), &asked));
                }
            }
        }
    }
}

/// Whether the name of a target is looked up with the system's resolver.
fn is_looked_up(hop: &Hop<'_>) -> bool {
    let host = hop.target.host.as_str();
    let is_name = !host.is_empty() && host.parse::<IpAddr>().is_err() && host != "localhost";
    is_name && !host.contains(['/', '@', '$', '{'])
}

/// Those who call a program and wait for its answer a time that somebody chose.
fn callers<'a, 'm>(chains: &'a Chains<'m>, callee: PartyId) -> Vec<(Known<Span>, &'a Hop<'m>)> {
    let hops = chains
        .hops_to(callee)
        .filter(|hop| hop.call.protocol.is_http());
    let waits = hops.filter_map(|hop| {
        let side = &hop.call.side;
        let bounds = [&side.total, &side.first_byte].into_iter().flat_map(each);
        let shortest = bounds.min_by_key(|known| known.value)?;
        shortest.at.is_some().then_some((shortest, hop))
    });
    waits.collect()
}

fn story<'m>(
    chains: &Chains<'m>,
    (outer, lookup): (&Hop<'m>, &Hop<'m>),
    (patience, waits): (&Known<Span>, &Known<Span>),
    asked: &Asked<'_, 'm>,
) -> Story {
    let name = |hop: &Hop<'m>| {
        chains
            .caller(hop)
            .map_or(String::new(), |party| party.name.clone())
    };
    let (client, middle) = (name(outer), name(lookup));
    let (short, long) = (said(patience.value), said(waits.value));
    let host = &lookup.target.host;
    Story::proved(
        format!(
            "While the first name server is silent, {middle} waits {long} for it whenever it looks {host} \
             up, but {client} gives {middle} up after {short}: requests fail although another server would \
             answer"
        ),
        format!("{middle} keeps addresses or connections, so that requests need no lookup"),
    )
    .support(Support::Declared)
    .show(waits.show(asked.place, &format!("each name server is waited for {long}")))
    .show(patience.show(
        outer.call.at,
        &format!("{client} waits {short} for {middle}"),
    ))
    .advise("Give silent servers up sooner: `options timeout:1 attempts:2`, or `rotate` so that not every lookup meets the same one first")
}
