//! `first-without-limit`: requests go to the first server that has room, and each has for all of them.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Picking, Program};

rule! {
    name: "first-without-limit",
    family: "balancing",
    layer: App,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "The first server with room gets every request, and none has a bound: the others do nothing",
    needs: [Programs],
    explains: [],
    page: "first_without_limit.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for program in &declared.model.services.programs {
        for call in &program.calls {
            let is_first = call.picking.value() == Some(&Picking::First);
            let servers = call.to.iter().filter(|target| !target.is_backup).count();
            let has_no_bound = call.side.pool_per_target.is_off();
            if is_first && servers > 1 && has_no_bound && told.insert(call.at) {
                reports.add(story(program, call, servers));
            }
        }
    }
}

fn story(program: &Program, call: &Call, servers: usize) -> Story {
    let (proxy, group) = (&program.name, &call.name);
    let method = call.picking.span().unwrap_or(call.at);
    let first = call.to.first().map_or(call.at, |target| target.at);
    Story::proved(
        format!(
            "{proxy} sends every request to the first of {group}'s {servers} servers: it goes on to the \
             next where one is full, and none has a bound"
        ),
        format!("requests at other servers of {group} while the first one is up"),
    )
    .support(Support::Declared)
    .severity(Severity::Low)
    .show(at(method, "the first server with a free place is taken"))
    .show(at(first, "this one always has one: no `maxconn`"))
    .advise("Give each server the connections that it can bear: `maxconn`")
    .advise("Or mark the others as `backup` where they are only to stand by")
}
