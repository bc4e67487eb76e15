//! `statement-outlives-request`: the database works on for requests whose callers are gone.

use super::patience::patience;
use crate::declared::at;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Locus, Setting, SourceSpan, Span};
use ww_chain::{Chains, Hop};
use ww_finding::{Exhibit, Severity, Support};
use ww_model::service::{Call, Protocol};

rule! {
    name: "statement-outlives-request",
    family: "timeouts",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Statements of a database may run for longer than any caller waits for the request that they belong to",
    needs: [Calls],
    explains: [],
    page: "statement_outlives_request.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| is_sql(hop)) {
        let Some(statement) = hop.listener.map(|listener| &listener.side.statement) else {
            continue;
        };
        let place = hop.listener.map_or(hop.call.at, |listener| listener.at);
        let Some((waits, outer)) = most_patient(chains, hop) else {
            continue;
        };
        if is_bounded_here(hop.call) || !is_configured(chains, hop) {
            continue;
        }
        if let Some((runs, shown, severity)) = longer(statement, waits.value, place)
            && told.insert((hop.callee, waits.at))
        {
            let story = story(chains, (outer, hop), &waits, &runs, shown);
            reports.add(story.severity(severity));
        }
    }
}

/// Whether statements are sent.
fn is_sql(hop: &Hop<'_>) -> bool {
    matches!(hop.call.protocol, Protocol::Postgres | Protocol::Mysql)
}

/// Whether a file of the database is among those given: what nobody has configured is not a decision,
/// and sessions may set what the server does not.
fn is_configured(chains: &Chains<'_>, hop: &Hop<'_>) -> bool {
    let callee = hop.callee.and_then(|id| chains.parties.get(id.0));
    callee.is_some_and(|party| {
        let path = party.program.map(|program| program.path.as_str());
        let mut units = party.units.iter();
        matches!(party.component(), "postgres" | "mysql" | "mariadb")
            && path.is_some_and(|path| units.all(|unit| unit.path != path))
    })
}

/// Whether the calling side ends statements itself.
fn is_bounded_here(call: &Call) -> bool {
    [
        &call.side.total,
        &call.side.first_byte,
        &call.side.stream_idle,
    ]
    .iter()
    .any(|setting| setting.value().is_some())
}

/// Of those who call the program and for whose requests it asks the database, the one that waits
/// longest; none when it is not known for all how long they wait.
fn most_patient<'a, 'm>(
    chains: &'a Chains<'m>,
    hop: &Hop<'m>,
) -> Option<(Known<Span>, &'a Hop<'m>)> {
    let callers = chains
        .hops_to(hop.caller)
        .filter(|outer| outer.call.protocol.is_http());
    let waits: Option<Vec<_>> = callers
        .map(|outer| Some((patience(outer.call)?, outer)))
        .collect();
    waits?.into_iter().max_by_key(|(waits, _)| waits.value)
}

/// How long statements run in words, where that is longer than a time, with what shows it.
fn longer(
    statement: &Setting<Span>,
    waits: Span,
    place: SourceSpan,
) -> Option<(String, Exhibit, Severity)> {
    match statement {
        Setting::Off(Locus::Text(span)) => Some((
            "without a bound".to_owned(),
            at(*span, "statements are never cut off"),
            Severity::Medium,
        )),
        Setting::Off(Locus::Assumed { by }) => Some((
            "without a bound".to_owned(),
            at(
                place,
                format!("statements are never cut off, by default: {by}"),
            ),
            Severity::Low,
        )),
        _ => {
            let known = each(statement).pop()?;
            let time = said(known.value);
            let is_longer = known.at.is_some() && known.value > waits;
            is_longer.then(|| {
                let shown = known.show(place, &format!("statements are cut off after {time}"));
                (format!("up to {time}"), shown, Severity::Medium)
            })
        }
    }
}

fn story<'m>(
    chains: &Chains<'m>,
    (outer, inner): (&Hop<'m>, &Hop<'m>),
    waits: &Known<Span>,
    runs: &str,
    shown: Exhibit,
) -> Story {
    let name = |party: Option<&ww_chain::Party<'m>>| {
        party.map_or_else(String::new, |party| party.name.clone())
    };
    let (client, middle) = (name(chains.caller(outer)), name(chains.caller(inner)));
    let base = name(chains.callee(inner));
    let short = said(waits.value);
    Story::proved(
        format!(
            "{base} lets statements run {runs}, but {client} gives {middle} up after {short}: what a \
             request began goes on for nobody, and its repetition begins it again"
        ),
        format!("sessions of {middle} that set a bound themselves (SET statement_timeout, max_execution_time)"),
    )
    .support(Support::Declared)
    .show(shown)
    .show(waits.show(
        outer.call.at,
        &format!("{client} waits {short} for {middle}"),
    ))
    .advise(format!(
        "Bound the statements of this program's user below {short}: `ALTER ROLE … SET statement_timeout = …`; \
         leave migrations and reports to a user of their own"
    ))
}
