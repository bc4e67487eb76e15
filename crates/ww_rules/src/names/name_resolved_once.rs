//! `name-resolved-once`: a proxy looks a name up when it starts only, and its addresses change.

use super::moving::{Moves, moves};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::{Order, SourceSpan};
use ww_chain::{Chains, Hop};
use ww_finding::Support;

rule! {
    name: "name-resolved-once",
    family: "names",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A proxy looks a name up only when it starts, while the addresses behind it change",
    needs: [Calls],
    explains: [],
    page: "name_resolved_once.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut found: BTreeMap<(usize, &str), Vec<&Hop<'_>>> = BTreeMap::new();
    for hop in &chains.hops {
        if hop.target.resolves_again.value() == Some(&false) {
            let key = (hop.caller.0, hop.target.host.as_str());
            found.entry(key).or_default().push(hop);
        }
    }
    for hops in found.values() {
        let Some(hop) = hops.first() else {
            continue;
        };
        if let Some(moves) = moves(chains, hop) {
            reports.add(story(declared, chains, hops, &moves));
        }
    }
}

fn story(declared: &Declared<'_>, chains: &Chains<'_>, hops: &[&Hop<'_>], moves: &Moves) -> Story {
    let hop = hops.first();
    let caller = hop.and_then(|hop| chains.caller(hop));
    let client = caller.map_or("", |party| &party.name);
    let component = caller.map_or("", |party| party.component());
    let host = hop.map_or("", |hop| &hop.target.host);
    let story = Story::proved(
        format!(
            "{client} looks {host} up when it starts and never again, but {}: requests go on to the old \
             addresses until it is reloaded",
            moves.why
        ),
        format!("a name {host} whose addresses stay the same, or a reload of {client} whenever they change"),
    )
    .support(Support::Declared)
    .severity(moves.severity);
    let mut places: Vec<SourceSpan> = hops.iter().map(|hop| hop.target.at).collect();
    places.put_in_order();
    places.dedup();
    let story = places.iter().take(3).fold(story, |story, place| {
        story.show(at(*place, format!("{host} is looked up at the start only")))
    });
    let story = moves
        .shown
        .iter()
        .fold(story, |story, shown| story.show(shown.clone()));
    let place = places.first().and_then(|place| declared.text(*place));
    let is_group = place.is_some_and(|text| text.trim_start().starts_with("server"));
    story.advise(remedy(component, is_group))
}

/// What lets a product look a name up again.
fn remedy(component: &str, is_group: bool) -> &'static str {
    match component {
        "haproxy" => {
            "Let HAProxy look it up again: a `resolvers` section, and `resolvers NAME init-addr last,libc,none` \
             behind the server (`server-template` for several addresses)"
        }
        _ if is_group => {
            "Write `resolve` behind the server, with `zone` in the upstream and a `resolver` (nginx 1.27.3 \
             or newer)"
        }
        _ => {
            "Put the name into a variable and name a DNS server: `resolver ADDRESS valid=10s; set $target NAME; \
             proxy_pass http://$target;`"
        }
    }
}
