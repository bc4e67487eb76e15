//! Tables into chains of conditions and actions.

mod chain;
mod condition;
mod mangle;
mod map;
mod nat;
mod operand;
mod rule;
mod value;

use super::ast::{Expr, Family, StatementKind, TableName};
use super::state::{State, Table};
use crate::text::Problems;
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Limits, ProblemKind, SourceId, SourceSpan};
use ww_model::filter::{ChainId, Ruleset, Step, Unknown, UnknownId, UnknownReason};

/// Lowers a rule set. `texts` are quoted where something is unknown.
pub(super) fn lower<'e, 'a>(
    state: &'e State<'a>,
    definitions: &'e [Expr<'a>],
    texts: &BTreeMap<SourceId, &[u8]>,
    limits: &Limits,
    problems: &mut Problems,
) -> Ruleset {
    let mut ruleset = Ruleset::default();
    let order = chain::in_order(state);
    let mut ids: BTreeMap<&TableName<'a>, BTreeMap<&str, ChainId>> = BTreeMap::new();
    for (number, chain) in order.iter().enumerate() {
        ids.entry(chain.table_name)
            .or_default()
            .insert(chain.name, ChainId(number as u32));
    }
    let mut entries_left = u64::from(limits.set_entries) * EXPANSION;
    let nothing = BTreeMap::new();
    let updated: BTreeMap<_, _> = state
        .tables
        .iter()
        .map(|(name, table)| (name, updated_sets(table)))
        .collect();
    let none = BTreeSet::new();
    for chain in &order {
        let mut lowering = Lowering {
            definitions,
            texts,
            table: chain.table,
            family: chain.table_name.family,
            updated: updated.get(chain.table_name).unwrap_or(&none),
            chains: ids.get(chain.table_name).unwrap_or(&nothing),
            entries_left: &mut entries_left,
            unknowns: &mut ruleset.unknowns,
            problems,
            known: condition::Known::of(chain.table_name.family),
            steps: Vec::new(),
            split: None,
        };
        let lowered = lowering.chain(chain);
        ruleset.chains.push(lowered);
    }
    chain::tell_of_other_families(state, problems);
    ruleset
}

/// How many times the elements of all sets may be written out in conditions.
const EXPANSION: u64 = 4;

/// What lowering the rules of one table needs.
struct Lowering<'e, 'a, 'p> {
    definitions: &'e [Expr<'a>],
    texts: &'p BTreeMap<SourceId, &'p [u8]>,
    table: &'e Table<'a>,
    family: Family,
    /// Sets that rules change.
    updated: &'p BTreeSet<&'e str>,
    chains: &'p BTreeMap<&'e str, ChainId>,
    entries_left: &'p mut u64,
    unknowns: &'p mut Vec<Unknown>,
    problems: &'p mut Problems,
    /// What the rule being lowered has asked so far.
    known: condition::Known,
    /// Its steps so far.
    steps: Vec<Step>,
    /// Where it becomes several rules.
    split: Option<mangle::Split>,
}

impl Lowering<'_, '_, '_> {
    fn is_updated(&self, set: &str) -> bool {
        self.updated.contains(set)
    }

    /// Takes one from the elements that may still be written out; told once when none is left.
    fn spend_entry(&mut self, at: SourceSpan) -> bool {
        match *self.entries_left {
            0 => false,
            1 => {
                *self.entries_left = 0;
                let message = "the elements of all sets in use are too many to write out";
                self.problems
                    .add(at, ProblemKind::TooLarge, message.to_owned());
                false
            }
            _ => {
                *self.entries_left -= 1;
                true
            }
        }
    }

    /// Something that cannot be told.
    fn unknown(&mut self, reason: UnknownReason, at: SourceSpan) -> UnknownId {
        let id = UnknownId(self.unknowns.len() as u32);
        self.unknowns.push(Unknown {
            at,
            text: self.quote(at),
            reason,
        });
        id
    }

    /// The words at a place, on one line and not too long.
    fn quote(&self, at: SourceSpan) -> String {
        const LONGEST: usize = 120;
        let bytes = self
            .texts
            .get(&at.source)
            .and_then(|text| {
                text.get(at.start as usize..(at.end as usize).min(at.start as usize + 4 * LONGEST))
            })
            .unwrap_or_default();
        let text = String::from_utf8_lossy(bytes);
        let words: Vec<&str> = text.split_whitespace().collect();
        let line = words.join(" ");
        if line.chars().count() <= LONGEST {
            return line;
        }
        line.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}

/// The sets that rules of a table change.
fn updated_sets<'e>(table: &'e Table<'_>) -> BTreeSet<&'e str> {
    table
        .chains
        .values()
        .flat_map(|chain| &chain.rules)
        .flat_map(|rule| &rule.statements)
        .filter_map(|statement| match &statement.kind {
            StatementKind::Update { set, .. } => Some(&**set),
            _ => None,
        })
        .collect()
}
