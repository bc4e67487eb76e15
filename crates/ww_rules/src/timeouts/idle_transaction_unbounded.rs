//! `idle-transaction-unbounded`: a transaction that nobody goes on with keeps its locks.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Locus, Setting, SourceSpan};
use ww_chain::{Chains, Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::service::Protocol;

rule! {
    name: "idle-transaction-unbounded",
    family: "timeouts",
    layer: App,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "PostgreSQL ends no transaction that does nothing: its locks stay, and tables cannot be cleaned",
    needs: [Calls],
    explains: [],
    page: "idle_transaction_unbounded.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in chains
        .hops
        .iter()
        .filter(|hop| hop.call.protocol == Protocol::Postgres)
    {
        let Some((base, place)) = chains.callee(hop).zip(unbounded(chains, hop)) else {
            continue;
        };
        if told.insert(hop.callee) {
            reports.add(story(chains, hop, base, &place));
        }
    }
}

/// What says that nothing ends such transactions, where the database is configured by files that were
/// given, and the caller ends none either.
fn unbounded(chains: &Chains<'_>, hop: &Hop<'_>) -> Option<(SourceSpan, String, bool)> {
    let base = chains
        .callee(hop)
        .filter(|base| base.component() == "postgres")?;
    let path = base.program.map(|program| program.path.as_str())?;
    if base.units.iter().any(|unit| unit.path == path) {
        return None;
    }
    let caller = chains.caller(hop).and_then(|party| party.program)?;
    let is_ended_before = caller
        .listeners
        .iter()
        .any(|listener| listener.side.idle_in_transaction.value().is_some());
    let listener = hop.listener.filter(|_| !is_ended_before)?;
    match &listener.side.idle_in_transaction {
        Setting::Off(Locus::Text(span)) => Some((*span, "it is switched off".to_owned(), true)),
        Setting::Off(Locus::Assumed { by }) => Some((
            listener.at,
            format!("nothing ends them, by default: {by}"),
            false,
        )),
        _ => None,
    }
}

fn story<'m>(
    chains: &Chains<'m>,
    hop: &Hop<'m>,
    base: &Party<'m>,
    (place, says, is_written): &(SourceSpan, String, bool),
) -> Story {
    let client = chains.caller(hop).map_or("", |party| &party.name);
    let name = &base.name;
    let story = Story::proved(
        format!(
            "{name} never ends a transaction that does nothing: when {client} hangs or forgets one, its \
             locks stay, others wait for them, and vacuum cleans nothing"
        ),
        format!("sessions or roles of {client} that set idle_in_transaction_session_timeout themselves"),
    )
    .support(Support::Declared)
    .show(at(*place, says))
    .show(at(hop.target.at, format!("{client} uses {name}")))
    .advise("End them: `idle_in_transaction_session_timeout = 60s`, longer than the application ever thinks within a transaction");
    if *is_written {
        story.severity(Severity::Medium)
    } else {
        story
    }
}
