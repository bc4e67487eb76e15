//! `one-failure-ejects`: a single slow or failed answer takes a server out for everybody.

use super::ejection_takes_all;
use super::guards::{self, Guard};
use crate::many::{Groups, SHOWN, listed};
use crate::mend::set_number;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{SourceSpan, Span};
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::service::Call;

rule! {
    name: "one-failure-ejects",
    family: "breakers",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "One slow or failed answer takes a server out for all requests: a few of them, and nobody is left",
    needs: [Programs],
    explains: [],
    page: "one_failure_ejects.md",
    check: check,
}

/// A bound of an answer that ordinary requests meet now and then.
const SHORT: Span = Span::from_secs(10);

/// A bound of an answer that many meet.
const VERY_SHORT: Span = Span::from_secs(5);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    by_requests(declared, reports);
    let mut told = BTreeSet::new();
    for guard in guards::all(declared) {
        let outlier = &guard.side.outlier;
        let one = each(&outlier.consecutive).into_iter().next();
        let Some(one) = one.filter(|known| known.value == 1 && known.at.is_some()) else {
            continue;
        };
        let is_only = guard.targets.is_some_and(|(count, _)| count < 2);
        let is_worse = ejection_takes_all::judge(&guard).is_some();
        if !is_only && !is_worse && told.insert(outlier.at) {
            reports.add(of_outlier(declared, &guard, &one));
        }
    }
}

/// What a proxy has learnt from one request that was too slow.
struct Case<'m> {
    call: &'m Call,
    /// The servers that one failure takes out, with their places.
    fails: Vec<(SourceSpan, Known<u64>)>,
    /// How many servers there are.
    serving: usize,
    waits: Known<Span>,
    /// A time that requests honestly take, and that is longer.
    takes: Option<(Known<Span>, bool)>,
}

/// Proxies that count failed requests, timeouts among them.
fn by_requests(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for party in &chains.parties {
        let calls = party.program.iter().flat_map(|program| &program.calls);
        let mut groups: Groups<(Option<SourceSpan>, bool), Case<'_>> = Groups::new();
        for call in calls {
            let hops = chains.hops.iter();
            let hops: Vec<&Hop<'_>> = hops.filter(|hop| std::ptr::eq(hop.call, call)).collect();
            let callees: Vec<&Party<'_>> =
                hops.iter().filter_map(|hop| chains.callee(hop)).collect();
            if let Some(case) = case(call, &callees) {
                groups.add((case.waits.at, case.takes.is_some()), case);
            }
        }
        for cases in groups.into_groups() {
            if let Some(story) = of_requests(party, &cases) {
                reports.add_all(cases.len() as u64, story);
            }
        }
    }
}

fn case<'m>(call: &'m Call, callees: &[&Party<'m>]) -> Option<Case<'m>> {
    let serving: BTreeSet<SourceSpan> = call
        .to
        .iter()
        .filter(|target| !target.is_backup)
        .map(|target| target.at)
        .collect();
    let by_target = call.passive.by_target.iter();
    let by_target = by_target.filter(|it| serving.contains(&it.at));
    let fails = by_target.filter_map(|it| {
        let one = each(&it.max_fails).into_iter().next()?;
        (one.value == 1).then_some((it.at, one))
    });
    let fails: Vec<_> = fails.collect();
    let serving = serving.len();
    let waits = each(&call.side.first_byte).into_iter().next()?;
    if serving < 2 || fails.is_empty() {
        return None;
    }
    let demands = callees.iter().filter_map(|party| party.demand);
    let longer = demands.into_iter().find_map(|demand| {
        let times = [(&demand.p99, true), (&demand.longest, false)];
        times.into_iter().find_map(|(time, is_often)| {
            let known = each(time).into_iter().next()?;
            (known.value > waits.value).then_some((known, is_often))
        })
    });
    let is_short = waits.at.is_some() && waits.value <= SHORT;
    (longer.is_some() || is_short).then_some(Case {
        call,
        fails,
        serving,
        waits,
        takes: longer,
    })
}

fn of_requests(party: &Party<'_>, cases: &[Case<'_>]) -> Option<Story> {
    let first = cases.first()?;
    let name = &party.name;
    let groups = listed(cases.iter().map(|case| case.call.name.as_str()));
    let waits = said(first.waits.value);
    let out = each(&first.call.passive.fail_timeout).into_iter().next();
    let out = out.map_or_else(String::new, |known| format!(" for {}", said(known.value)));
    let count = first.serving;
    let takes_all = first.fails.len() == count;
    let (slow, there) = if takes_all {
        (format!("all {count} one after the other"), "")
    } else {
        ("such a server".to_owned(), " to it")
    };
    let consequence = if takes_all {
        format!("once all {count} are out, all requests fail at once")
    } else {
        format!(
            "{} of {count} go so, and the others get their requests",
            first.fails.len()
        )
    };
    let takes = match &first.takes {
        Some((known, true)) => format!(", and one of 100 takes longer than {}", said(known.value)),
        Some((known, false)) => format!(", and an honest one may take {}", said(known.value)),
        None => String::new(),
    };
    let mut story = Story::proved(
        format!(
            "{name} takes a server of {groups} out{out} after one answer that does not begin within {waits}{takes}: \
             {consequence}"
        ),
        format!("answers slower than {waits} from {slow}, and {name} still passes on other requests{there}"),
    )
    .support(Support::Declared);
    for case in cases.iter().take(SHOWN) {
        if let Some((place, one)) = case.fails.first() {
            story = story.show(one.show(*place, "one failure takes a server out"));
        }
        story = story.show(case.waits.show(
            case.call.at,
            &format!("an answer that takes {waits} is a failure"),
        ));
        if let Some((known, is_often)) = &case.takes {
            let time = said(known.value);
            let says = if *is_often {
                format!("one of 100 requests takes longer than {time}")
            } else {
                format!("a request may honestly take {time}")
            };
            story = story.show(known.show(case.call.at, &says));
        }
    }
    let severity = match &first.takes {
        _ if !takes_all => Severity::Low,
        Some((_, true)) => Severity::High,
        Some((_, false)) => Severity::Medium,
        None if first.waits.value <= VERY_SHORT => Severity::Medium,
        None => Severity::Low,
    };
    Some(story.severity(severity).advise(
        "Let a server fail more often before it is taken out (max_fails=3 or more), or wait longer for answers",
    ))
}

fn of_outlier(declared: &Declared<'_>, guard: &Guard<'_>, one: &Known<u64>) -> Story {
    let outlier = &guard.side.outlier;
    let time = each(&outlier.ejection).into_iter().next();
    let time = time.map_or_else(String::new, |known| format!(" for {}", said(known.value)));
    let story = Story::proved(
        format!(
            "{}: one failed answer leaves a server out{time}, whatever else it answers",
            guard.name
        ),
        "servers whose every 5xx is a failure of the server itself, not of one request",
    )
    .support(Support::Declared)
    .show(one.show(guard.at, "one failure leaves a server out"))
    .fix(set_number(
        declared,
        (one, guard.at),
        5,
        "Ask for several failures in a row: 5, as the default is",
    ));
    let share = each(&outlier.max_percent).into_iter().next();
    if share.is_some_and(|share| share.value < 50) {
        story.severity(Severity::Low)
    } else {
        story
    }
}
