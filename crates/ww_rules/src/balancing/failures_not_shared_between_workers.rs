//! `failures-not-shared-between-workers`: each worker process learns for itself that a server fails.

use super::connection_limit_per_worker::{bound, zone_name};
use super::workers;
use crate::declared::at;
use crate::operand::{Answer, Known, ask_two, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::Span;
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Picking, Program};

rule! {
    name: "failures-not-shared-between-workers",
    family: "balancing",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "Worker processes do not share what they learn of servers: each has to meet a failure itself",
    needs: [Programs],
    explains: [],
    page: "failures_not_shared_between_workers.md",
    check: check,
}

/// How many groups of one program are shown.
const MOST_SHOWN: usize = 3;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for program in &declared.model.services.programs {
        let groups: Vec<Learning<'_>> = workers::alone(program)
            .into_iter()
            .filter(|call| bound(call).is_none())
            .filter_map(learning)
            .collect();
        if groups.is_empty() {
            continue;
        }
        match workers::several(program) {
            Answer::Yes(count) => {
                let cases = groups.len() as u64;
                reports.add_all(cases, story(program, &groups, &count));
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// A group whose servers are taken out after failures.
struct Learning<'m> {
    call: &'m Call,
    fails: Known<u64>,
    window: Known<Span>,
}

fn learning(call: &Call) -> Option<Learning<'_>> {
    let answer = ask_two(
        (&call.passive.max_fails, ""),
        (&call.passive.fail_timeout, ""),
        |fails, window| *fails > 0 && *window > Span::ZERO,
    );
    match answer {
        Answer::Yes((fails, window)) => Some(Learning {
            call,
            fails,
            window,
        }),
        _ => None,
    }
}

fn story(program: &Program, groups: &[Learning<'_>], workers: &Known<u64>) -> Story {
    let proxy = &program.name;
    let names: Vec<&str> = groups
        .iter()
        .map(|group| group.call.name.as_str())
        .collect();
    let (first, rest) = names.split_first().unwrap_or((&"", &[]));
    let of = match rest.len() {
        0 => (*first).to_owned(),
        more => format!("{first} and {more} more groups"),
    };
    let (fails, window) = groups.first().map_or((0, Span::ZERO), |group| {
        (group.fails.value, group.window.value)
    });
    let count = workers.value;
    let all = fails.saturating_mul(count);
    let mut story = Story::proved(
        format!(
            "Each of {proxy}'s {count} workers learns alone that a server of {of} fails: {fails} × \
             {count} = {all} requests have to meet it before all leave it out, and again every {}",
            said(window)
        ),
        format!("a server of {first} that never fails"),
    )
    .support(Support::Declared)
    .severity(Severity::Low);
    for group in groups.iter().take(MOST_SHOWN) {
        let mut by_target = group.call.passive.by_target.iter();
        let strictest = by_target.find(|it| it.max_fails.value() == Some(&group.fails.value));
        let place = strictest.map_or(group.call.at, |it| it.at);
        let (fails, window) = (group.fails.value, said(group.window.value));
        story = story.show(group.fails.show(
            place,
            &format!(
                "a worker leaves this server out for {window} once {fails} of its own requests failed"
            ),
        ));
        if let (Some(Picking::LeastRequests), Some(method)) =
            (group.call.picking.value(), group.call.picking.span())
        {
            story = story.show(at(method, "and a worker counts its own connections only"));
        }
    }
    story
        .show(workers.show(program.at, &format!("{count} workers")))
        .advise(format!(
            "Let the workers share what they learn: `zone {} 64k;` in the upstream block",
            zone_name(first)
        ))
}
