//! `probe-timeout-too-short`: a probe runs a command that needs about as long to start as it has.

use super::probes::word;
use crate::many::{Groups, SHOWN, listed};
use crate::mend::set_times;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::Span;
use ww_finding::{Severity, Support};
use ww_model::service::{Probe, ProbeKind, Unit, UnitKind};

rule! {
    name: "probe-timeout-too-short",
    family: "health",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A probe runs a command whose runtime alone needs about a second to start, and has no more",
    needs: [Workloads],
    explains: [],
    page: "probe_timeout_too_short.md",
    check: check,
}

/// What a command that starts a whole runtime has to have at least.
const LEAST: Span = Span::from_secs(2);

/// What its makers give it.
const USUAL: Span = Span::from_secs(10);

/// Commands that start a runtime, and which.
const COMMANDS: [(&str, &str); 12] = [
    ("rabbitmq-diagnostics", "an Erlang node"),
    ("rabbitmqctl", "an Erlang node"),
    ("kafka-topics", "a JVM"),
    ("kafka-topics.sh", "a JVM"),
    ("kafka-broker-api-versions", "a JVM"),
    ("kafka-broker-api-versions.sh", "a JVM"),
    ("kafka-consumer-groups.sh", "a JVM"),
    ("nodetool", "a JVM"),
    ("zkCli.sh", "a JVM"),
    ("cqlsh", "a Python interpreter with its driver"),
    ("mongosh", "Node.js"),
    ("elasticsearch-node", "a JVM"),
];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut groups: Groups<(&str, ProbeKind), Case<'_>> = Groups::new();
    let units = declared.model.services.units.iter();
    for unit in units.filter(|unit| unit.kind == UnitKind::Container) {
        for probe in &unit.probes {
            let Some((command, runtime)) = started(probe) else {
                continue;
            };
            let timeout = each(&probe.timeout).into_iter().next();
            if let Some(timeout) = timeout.filter(|known| known.value < LEAST) {
                let case = Case {
                    unit,
                    probe,
                    command,
                    runtime,
                    timeout,
                };
                groups.add((command, probe.kind), case);
            }
        }
    }
    for cases in groups.into_groups() {
        if let Some(story) = story(declared, &cases) {
            reports.add_all(cases.len() as u64, story);
        }
    }
}

struct Case<'m> {
    unit: &'m Unit,
    probe: &'m Probe,
    command: &'static str,
    runtime: &'static str,
    timeout: Known<Span>,
}

/// The command of a probe that starts a runtime.
fn started(probe: &Probe) -> Option<(&'static str, &'static str)> {
    let words = probe
        .command
        .iter()
        .flat_map(|word| word.split([' ', '\n', ';', '(', '&', '|']));
    let mut names = words.map(|word| word.rsplit('/').next().unwrap_or(word));
    names.find_map(|name| COMMANDS.iter().find(|(known, _)| *known == name).copied())
}

fn story(declared: &Declared<'_>, cases: &[Case<'_>]) -> Option<Story> {
    let first = cases.first()?;
    let names = listed(cases.iter().map(|case| case.unit.name.as_str()));
    let has = said(first.timeout.value);
    let kind = first.probe.kind;
    let effect = match kind {
        ProbeKind::Liveness | ProbeKind::Startup => "a busy node is enough to have it killed",
        ProbeKind::Readiness | ProbeKind::Health => "a busy node is enough to have it taken out",
    };
    let story = Story::proved(
        format!(
            "The {} of {names} runs {}, which starts {}, and has {has} for it: {effect}",
            word(kind),
            first.command,
            first.runtime
        ),
        format!(
            "{} that answers within {has} on a node whose processors are all busy",
            first.command
        ),
    )
    .support(Support::Declared);
    let story = cases.iter().take(SHOWN).fold(story, |story, case| {
        story.show(
            case.timeout
                .show(case.probe.at, &format!("{} has {has}", case.command)),
        )
    });
    let story = story.fix(set_times(
        declared,
        cases.iter().map(|case| (&case.timeout, case.probe.at)),
        USUAL,
        format!("Give it {}, and a period that is longer", said(USUAL)),
    ));
    Some(match kind {
        ProbeKind::Readiness => story.severity(Severity::Low),
        _ => story,
    })
}
