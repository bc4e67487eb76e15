//! `zero-timeout-expires-at-once`: a timeout of 0 where 0 is no time, not no bound.

use crate::declared::at;
use crate::mend::set_time;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_finding::Support;
use ww_model::service::{Call, Program};

rule! {
    name: "zero-timeout-expires-at-once",
    family: "traps",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A timeout of 0 was meant as no bound, but the product takes it for no time: every request fails",
    needs: [Programs],
    explains: [],
    page: "zero_timeout_expires_at_once.md",
    check: check,
}

/// What the fix sets in place of no bound.
const LONG: Span = Span::from_secs(3600);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for program in &declared.model.services.programs {
        // Others take 0 for no bound, and readers lower it so.
        if program.product.component != "nginx" {
            continue;
        }
        for call in &program.calls {
            for (zero, what) in zeros(call) {
                if told.insert(zero.at) {
                    reports.add(story(declared, program, call, &zero, what));
                }
            }
        }
    }
}

/// The timers of a call that are written as 0, with what they wait for.
fn zeros(call: &Call) -> Vec<(Known<Span>, &'static str)> {
    let timers = [
        (&call.side.connect, "the connection"),
        (&call.side.first_byte, "the answer"),
    ];
    let written = timers.into_iter().flat_map(|(setting, what)| {
        let known = each(setting).into_iter();
        known.map(move |known| (known, what))
    });
    written
        .filter(|(known, _)| known.at.is_some() && known.value == Span::ZERO)
        .collect()
}

fn story(
    declared: &Declared<'_>,
    program: &Program,
    call: &Call,
    zero: &Known<Span>,
    what: &str,
) -> Story {
    let name = &program.name;
    Story::proved(
        format!("{name} waits 0 s for {what} of {}: the timer runs out at once, and requests end with 504", call.name),
        format!("an answer of {} that {name} passes on", call.name),
    )
    .support(Support::Declared)
    .show(at(zero.at.unwrap_or(call.at), "0 is no time here, not no bound"))
    .fix(set_time(declared, (zero, call.at), LONG, "Write the longest time that is to be waited, as 1h"))
    .advise("Or leave the line out: the default is 60 s")
}
