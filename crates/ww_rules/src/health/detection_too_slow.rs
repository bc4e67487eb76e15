//! `detection-too-slow`: checks find a dead server later than the team wants it to be found.

use super::probes::{of, word};
use crate::mend::set_times;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Setting, SourceSpan, Span};
use ww_chain::Party;
use ww_finding::{Fix, Support};
use ww_model::service::ProbeKind;

rule! {
    name: "detection-too-slow",
    family: "health",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Checks take longer to find a dead server than the team states that it may stay unnoticed",
    needs: [Programs],
    explains: [],
    page: "detection_too_slow.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for (index, party) in chains.parties.iter().enumerate() {
        let wanted = party.demand.map(|demand| each(&demand.detect));
        let Some(wanted) = wanted.and_then(|all| all.into_iter().next()) else {
            continue;
        };
        let hops = chains.hops_to(ww_chain::PartyId(index));
        let of_callers = hops.flat_map(|hop| {
            let caller = chains
                .caller(hop)
                .map_or("its caller", |caller| &caller.name);
            hop.call.checks.iter().filter_map(move |check| {
                let by = format!("the check by {caller}");
                Watch::of(by, check.at, (&check.interval, &check.timeout, &check.fall))
            })
        });
        let of_units = party.units.iter().filter_map(|unit| {
            let probe = of(unit, ProbeKind::Readiness)?;
            let by = format!("its {}", word(probe.kind));
            Watch::of(
                by,
                probe.at,
                (&probe.period, &probe.timeout, &probe.failures),
            )
        });
        for watch in of_callers.chain(of_units) {
            if watch.all > wanted.value && told.insert(watch.at) {
                reports.add(story(declared, party, &watch, &wanted));
            }
        }
    }
}

/// Something that finds out whether a server works, and how long it takes at most.
struct Watch {
    by: String,
    at: SourceSpan,
    interval: Known<Span>,
    timeout: Known<Span>,
    failures: Known<u64>,
    all: Span,
}

impl Watch {
    /// A server dies just after a check: as many intervals pass as failures count, and the last check
    /// takes until its timeout.
    fn of(
        by: String,
        at: SourceSpan,
        (interval, timeout, failures): (&Setting<Span>, &Setting<Span>, &Setting<u64>),
    ) -> Option<Watch> {
        let interval = each(interval).into_iter().next()?;
        let timeout = each(timeout).into_iter().next()?;
        let failures = each(failures).into_iter().next()?;
        let count = i64::try_from(failures.value).ok()?;
        let all = Span(
            interval
                .value
                .0
                .checked_mul(count)?
                .checked_add(timeout.value.0)?,
        );
        Some(Watch {
            by,
            at,
            interval,
            timeout,
            failures,
            all,
        })
    }
}

fn story(declared: &Declared<'_>, party: &Party<'_>, watch: &Watch, wanted: &Known<Span>) -> Story {
    let name = &party.name;
    let (every, within, count) = (
        said(watch.interval.value),
        said(watch.timeout.value),
        watch.failures.value,
    );
    let fitting = Span(
        (wanted.value.0
            / i64::try_from(count.saturating_add(1)).unwrap_or(i64::MAX)
            / 1_000_000_000)
            .max(1)
            * 1_000_000_000,
    );
    Story::proved(
        format!(
            "An instance of {name} that hangs is found by {} after up to {count} × {every} + {within} = {}, and {} is wanted",
            watch.by,
            said(watch.all),
            said(wanted.value)
        ),
        format!("an instance of {name} that was stopped (kill -STOP) and got no request after {}", said(wanted.value)),
    )
    .support(Support::Declared)
    .show(watch.interval.show(watch.at, &format!("a check every {every}")))
    .show(watch.failures.show(watch.at, &format!("{count} failures count")))
    .show(watch.timeout.show(watch.at, &format!("a check that gets no answer takes {within}")))
    .show(wanted.show(watch.at, &format!("a dead instance may stay unnoticed for {}", said(wanted.value))))
    .fix(sooner(declared, watch, fitting))
}

/// Checks at this distance, none of which lasts longer.
fn sooner(declared: &Declared<'_>, watch: &Watch, fitting: Span) -> Fix {
    let long = [&watch.interval, &watch.timeout].into_iter();
    let long = long.filter(|known| known.value > fitting);
    set_times(
        declared,
        long.map(|known| (known, watch.at)),
        fitting,
        format!("Check every {}, with a timeout of no more", said(fitting)),
    )
}
