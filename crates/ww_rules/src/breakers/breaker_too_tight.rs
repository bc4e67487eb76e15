//! `breaker-too-tight`: a bound of what is under way that ordinary load exceeds.

use super::guards::{self, Guard};
use crate::mend::set_number;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, Setting, Span};
use ww_finding::{Severity, Support};

rule! {
    name: "breaker-too-tight",
    family: "breakers",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A bound of connections or requests is below what ordinary load has under way: the rest is refused",
    needs: [Programs],
    explains: [],
    page: "breaker_too_tight.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for guard in guards::all(declared) {
        let Some(bound) = tightest(&guard) else {
            continue;
        };
        if !told.insert(bound.known.at) {
            continue;
        }
        match judge(&guard, &bound) {
            Verdict::Exceeded(load) => reports.add(of_load(declared, &guard, &bound, &load)),
            Verdict::Open(gap) => reports.gap(gap),
            Verdict::NotStated if bound.known.value <= 1 => reports.add(of_one(&guard, &bound)),
            Verdict::Fits | Verdict::NotStated => {}
        }
    }
}

/// A bound that is written.
struct Limit {
    known: Known<u64>,
    /// What it bounds.
    what: &'static str,
}

/// The lowest of the bounds that are written, requests and connections of one kind.
fn tightest(guard: &Guard<'_>) -> Option<Limit> {
    let breaker = &guard.side.breaker;
    let bounds: [(&Setting<u64>, &str); 3] = [
        (&breaker.connections, "connections at once"),
        (&breaker.requests, "requests at once"),
        (&breaker.pending, "requests that wait for a connection"),
    ];
    let written = bounds.into_iter().filter_map(|(setting, what)| {
        let known = each(setting).into_iter().next()?;
        (known.at.is_some() && known.value > 0).then_some(Limit { known, what })
    });
    written.min_by_key(|bound| bound.known.value)
}

/// What ordinary load has under way.
struct Load {
    per_second: Known<f64>,
    takes: Known<Span>,
    callers: u64,
    /// Requests under way at once, for each caller.
    each: f64,
    /// The same at a peak: three standard deviations above.
    peak: f64,
}

enum Verdict {
    /// More is under way than the bound allows.
    Exceeded(Load),
    /// It fits.
    Fits,
    /// It depends on something that is not known.
    Open(Gap),
    /// Nobody states the load.
    NotStated,
}

/// Little's law: as many requests are under way as come in while one takes.
fn judge(guard: &Guard<'_>, bound: &Limit) -> Verdict {
    // A bound of waiting requests is not one of requests under way.
    let Some(demand) = guard.demand.filter(|_| !bound.what.contains("wait")) else {
        return Verdict::NotStated;
    };
    let rate = each(&demand.per_second).into_iter().next();
    let takes = each(&demand.mean).into_iter().next();
    let (Some(per_second), Some(takes)) = (rate, takes) else {
        return Verdict::NotStated;
    };
    let Some(callers) = guard.callers.filter(|_| guard.is_only_caller) else {
        return Verdict::Open(Gap::new(
            format!(
                "which share of the requests to {} passes {} ({} each)",
                demand.name, guard.name, bound.known.value
            ),
            "who calls it, and in how many instances",
        ));
    };
    let seconds = takes.value.0 as f64 / 1e9;
    let all = per_second.value * seconds;
    let each = all / callers.max(1) as f64;
    let peak = each + 3.0 * each.sqrt();
    let load = Load {
        per_second,
        takes,
        callers,
        each,
        peak,
    };
    if peak > bound.known.value as f64 {
        Verdict::Exceeded(load)
    } else {
        Verdict::Fits
    }
}

fn of_load(declared: &Declared<'_>, guard: &Guard<'_>, bound: &Limit, load: &Load) -> Story {
    let (limit, what) = (bound.known.value, bound.what);
    let among = match load.callers {
        1 => String::new(),
        count => format!(" / {count} instances"),
    };
    let sum = format!(
        "{} requests/s × {}{among} = {:.0} at once",
        load.per_second.value,
        said(load.takes.value),
        load.each
    );
    let is_mean = load.each > limit as f64;
    let when = if is_mean {
        "more than it allows all the time"
    } else {
        "more than it allows in ordinary peaks"
    };
    let story = Story::proved(
        format!("{}: {limit} {what}, but {sum}, {:.0} at peaks: {when}", guard.name, load.peak),
        format!("a count of requests under way that stays below {limit}, or callers that take a refusal in their stride"),
    )
    .support(Support::Declared)
    .show(bound.known.show(guard.at, &format!("{limit} {what}, the rest is refused")))
    .show(load.per_second.show(guard.at, &format!("{} requests/s at the peak", load.per_second.value)))
    .show(load.takes.show(guard.at, &format!("each takes {}", said(load.takes.value))))
    .fix(set_number(declared, (&bound.known, guard.at), load.peak.ceil() as u64, format!("Allow at least {:.0}, and as many as the callee can really do at once", load.peak.ceil())));
    if is_mean {
        story
    } else {
        story.severity(Severity::Medium)
    }
}

fn of_one(guard: &Guard<'_>, bound: &Limit) -> Story {
    let (bounds, effect) = match bound.what {
        "requests that wait for a connection" => (
            "one request may wait for a connection",
            "of two that find no free one at the same moment, the second is refused",
        ),
        "requests at once" => ("one request at once", "a second one meanwhile is refused"),
        _ => (
            "one connection at once",
            "a second request meanwhile waits or is refused",
        ),
    };
    Story::proved(
        format!("{}: {bounds}: {effect}", guard.name),
        format!("requests by {} that never overlap", guard.name),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(bound.known.show(guard.at, bounds))
    .advise("Allow as many as the callee can do at once; state its load in wirewise.toml to have it worked out")
}
