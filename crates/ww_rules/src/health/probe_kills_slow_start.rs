//! `probe-kills-slow-start`: a container is killed before it has had the time to start.

use super::probes::{of, word};
use crate::declared::at;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Span;
use ww_chain::Party;
use ww_finding::{Severity, Support};
use ww_model::service::{Probe, ProbeKind, Unit};

rule! {
    name: "probe-kills-slow-start",
    family: "health",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A container is killed while it still starts: it never gets ready, or only when it is lucky",
    needs: [Workloads],
    explains: [],
    page: "probe_kills_slow_start.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for party in &declared.chains().parties {
        for unit in &party.units {
            let Some((probe, deadline)) = killer(unit) else {
                continue;
            };
            let Some(start) = start(party, unit) else {
                continue;
            };
            if deadline.all < start.span() && told.insert(probe.at) {
                reports.add(story(unit, probe, &deadline, &start));
            }
        }
    }
}

/// When a container that never answers is killed, counted from its start.
struct Deadline {
    delay: Span,
    period: Span,
    failures: u64,
    all: Span,
}

impl Deadline {
    fn of(probe: &Probe) -> Option<Deadline> {
        let delay = *probe.initial_delay.value()?;
        let (period, failures) = (*probe.period.value()?, *probe.failures.value()?);
        let waited = period.0.checked_mul(i64::try_from(failures).ok()?)?;
        Some(Deadline {
            delay,
            period,
            failures,
            all: Span(delay.0.checked_add(waited)?),
        })
    }

    /// `10 s + 3 × 10 s = 40 s`.
    fn said(&self) -> String {
        let tries = format!("{} × {}", self.failures, said(self.period));
        let sum = said(self.all);
        if self.delay == Span::ZERO {
            format!("{tries} = {sum}")
        } else {
            format!("{} + {tries} = {sum}", said(self.delay))
        }
    }
}

/// The probe that kills a container which does not start: the startup probe, as liveness waits for
/// it, or liveness.
fn killer(unit: &Unit) -> Option<(&Probe, Deadline)> {
    let probe = of(unit, ProbeKind::Startup).or_else(|| of(unit, ProbeKind::Liveness))?;
    Some((probe, Deadline::of(probe)?))
}

/// How long a start takes, and who says so.
enum Start {
    /// The team states it.
    Stated(Known<Span>),
    /// Readiness is not even asked before.
    NotAsked(Known<Span>),
}

impl Start {
    fn span(&self) -> Span {
        match self {
            Start::Stated(known) | Start::NotAsked(known) => known.value,
        }
    }
}

fn start(party: &Party<'_>, unit: &Unit) -> Option<Start> {
    let stated = party.demand.map(|demand| each(&demand.start));
    if let Some(stated) = stated.and_then(|all| all.into_iter().next()) {
        return Some(Start::Stated(stated));
    }
    let ready = of(unit, ProbeKind::Readiness)?;
    let delay = each(&ready.initial_delay).into_iter().next()?;
    Some(Start::NotAsked(delay))
}

fn story(unit: &Unit, probe: &Probe, deadline: &Deadline, start: &Start) -> Story {
    let (name, killer) = (&unit.name, word(probe.kind));
    let needs = said(start.span());
    let why = match start {
        Start::Stated(_) => format!("but takes {needs} to start"),
        Start::NotAsked(_) => format!("but readiness is not asked before {needs}"),
    };
    let story = Story::proved(
        format!(
            "{name} is killed by its {killer} after {}, {why}: it starts again and again",
            deadline.said()
        ),
        format!(
            "a start of {name} that answers its {killer} within {} on a busy node",
            said(deadline.all)
        ),
    )
    .support(Support::Declared)
    .show(at(
        probe.at,
        format!("no answer for {} kills it", deadline.said()),
    ));
    let story = match start {
        Start::Stated(known) => story.show(known.show(probe.at, &format!("a start takes {needs}"))),
        Start::NotAsked(known) => story.severity(Severity::Medium).show(known.show(
            probe.at,
            &format!("readiness is asked after {needs}, so long a start may take"),
        )),
    };
    let seconds = (start.span().0 / 1_000_000_000).max(1);
    let wanted = seconds.saturating_mul(2).saturating_add(9) / 10;
    story.advise(format!(
        "Give the start a probe of its own: startupProbe with periodSeconds: 10 and failureThreshold: {wanted}; liveness waits for it"
    ))
}
