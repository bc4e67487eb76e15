//! `hash-moves-all-keys`: when one server goes, nearly all requests go to another one than before.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Picking, Program};

rule! {
    name: "hash-moves-all-keys",
    family: "balancing",
    layer: App,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Requests are spread by a hash that gives nearly all of them another server when one goes",
    needs: [Programs],
    explains: [],
    page: "hash_moves_all_keys.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    let programs = declared.model.services.programs.iter();
    for program in programs.filter(|program| program.product.component == "haproxy") {
        for call in &program.calls {
            let servers = call.to.iter().filter(|target| !target.is_backup).count();
            let is_plain = call.picking.value() == Some(&Picking::Hash);
            if is_plain && servers > 2 && told.insert(call.at) {
                reports.add(story(program, call, servers));
            }
        }
    }
}

fn story(program: &Program, call: &Call, servers: usize) -> Story {
    let (proxy, group) = (&program.name, &call.name);
    let method = call.picking.span().unwrap_or(call.at);
    let left = servers.saturating_sub(1);
    Story::proved(
        format!(
            "{proxy} spreads requests to {group} by a hash over the servers that are up: when one of \
             {servers} goes down or comes back, about {left} in {servers} go to another server than before"
        ),
        format!("servers of {group} that keep nothing between requests: no cache, no sessions"),
    )
    .support(Support::Declared)
    .severity(Severity::Low)
    .show(at(method, "equal requests go to the same server"))
    .show(at(call.at, "no `hash-type consistent` is set for it"))
    .advise("Let only the requests of that server move, 1 in the number of servers: `hash-type consistent`")
}
