//! The rule set that commands leave behind.

use super::ast::{
    ChainSpec, Change, Command, Element, Expr, ExprKind, Family, Place, Rule, SetSpec, TableName,
    Word,
};
use crate::text::Problems;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use ww_base::{ProblemKind, SourceSpan};

/// Tables with their chains and sets.
#[derive(Debug, Default)]
pub(super) struct State<'a> {
    pub(super) tables: BTreeMap<TableName<'a>, Table<'a>>,
    created: u32,
    /// Steps that may still be spent on searches inside chains and sets.
    work_left: u64,
}

/// A table.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    pub(super) dormant: bool,
    pub(super) chains: BTreeMap<Word<'a>, Chain<'a>>,
    pub(super) sets: BTreeMap<Word<'a>, SetSpec<'a>>,
}

/// A chain.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) at: SourceSpan,
    /// Rank by time of creation.
    pub(super) created: u32,
    pub(super) spec: ChainSpec<'a>,
    pub(super) rules: VecDeque<Rule<'a>>,
}

/// Comparisons and moves that searches in one rule set may take together.
const MOST_WORK: u64 = 200_000_000;

/// Carries the commands out, one after the other. What is deleted or emptied may have been there
/// before this text, and is gone afterwards in any case.
pub(super) fn apply<'a>(commands: Vec<Command<'a>>, problems: &mut Problems) -> State<'a> {
    let mut state = State {
        work_left: MOST_WORK,
        ..State::default()
    };
    for command in commands {
        if let Err((kind, message)) = state.change(command.at, command.change) {
            problems.add(command.at, kind, message);
        }
    }
    state
}

type Done = Result<(), (ProblemKind, String)>;

fn missing<T>(what: &str, name: &str) -> Result<T, (ProblemKind, String)> {
    Err((
        ProblemKind::Undefined,
        format!("there is no {what} `{name}`"),
    ))
}

impl<'a> State<'a> {
    fn change(&mut self, at: SourceSpan, change: Change<'a>) -> Done {
        match change {
            Change::FlushRuleset(family) => {
                self.tables
                    .retain(|name, _| family.is_some_and(|family| name.family != family));
                Ok(())
            }
            Change::Table { table, dormant } => {
                self.tables.entry(table).or_default().dormant |= dormant;
                Ok(())
            }
            Change::DeleteTable(table) => {
                self.tables.remove(&table);
                Ok(())
            }
            Change::FlushTable(table) => {
                if let Ok(table) = self.table(&table) {
                    let chains = table.chains.values_mut();
                    chains.for_each(|chain| chain.rules.clear());
                }
                Ok(())
            }
            Change::Chain { table, name, spec } => {
                self.add_chain(at, table, name, spec);
                Ok(())
            }
            Change::DeleteChain(table, name) => {
                if let Ok(table) = self.table(&table) {
                    table.chains.remove(&name);
                }
                Ok(())
            }
            Change::FlushChain(table, name) => {
                if let Ok(chain) = self.chain(&table, &name) {
                    chain.rules.clear();
                }
                Ok(())
            }
            Change::RenameChain(table, old, new) => {
                let chains = &mut self.table(&table)?.chains;
                match chains.remove(&old) {
                    Some(chain) => {
                        chains.insert(new, chain);
                        Ok(())
                    }
                    None => missing("chain", &old),
                }
            }
            Change::Rule {
                table,
                chain,
                place,
                rule,
            } => self.add_rule(&table, &chain, place, rule),
            Change::DeleteRule(table, chain, handle) => {
                let index = self.index_of(&table, &chain, handle)?;
                self.chain(&table, &chain)?.rules.remove(index);
                Ok(())
            }
            Change::Set { table, name, spec } => {
                self.add_set(table, name, spec);
                Ok(())
            }
            Change::DeleteSet(table, name) => {
                if let Ok(table) = self.table(&table) {
                    table.sets.remove(&name);
                }
                Ok(())
            }
            Change::Elements(table, name, elements) => {
                self.set(&table, &name)?.elements.extend(elements);
                Ok(())
            }
            Change::DeleteElements(table, name, gone) => self.delete_elements(&table, &name, &gone),
            Change::FlushSet(table, name) => {
                if let Ok(set) = self.set(&table, &name) {
                    set.elements.clear();
                }
                Ok(())
            }
        }
    }

    fn table(&mut self, name: &TableName<'a>) -> Result<&mut Table<'a>, (ProblemKind, String)> {
        match self.tables.get_mut(name) {
            Some(table) => Ok(table),
            None => missing("table", &format!("{} {}", name.family.name(), name.name)),
        }
    }

    fn chain(
        &mut self,
        table: &TableName<'a>,
        name: &str,
    ) -> Result<&mut Chain<'a>, (ProblemKind, String)> {
        match self.table(table)?.chains.get_mut(name) {
            Some(chain) => Ok(chain),
            None => missing("chain", name),
        }
    }

    fn set(
        &mut self,
        table: &TableName<'a>,
        name: &str,
    ) -> Result<&mut SetSpec<'a>, (ProblemKind, String)> {
        match self.table(table)?.sets.get_mut(name) {
            Some(set) => Ok(set),
            None => missing("set", name),
        }
    }

    /// Adds a chain, to a table that is there or was before this text.
    fn add_chain(
        &mut self,
        at: SourceSpan,
        table: TableName<'a>,
        name: Word<'a>,
        spec: ChainSpec<'a>,
    ) {
        self.created += 1;
        let created = self.created;
        let chain = self
            .tables
            .entry(table)
            .or_default()
            .chains
            .entry(name)
            .or_insert_with(|| Chain {
                at,
                created,
                spec: ChainSpec::default(),
                rules: VecDeque::new(),
            });
        if spec.hook.is_some() {
            chain.spec.hook = spec.hook;
        }
        if spec.policy.is_some() {
            chain.spec.policy = spec.policy;
        }
    }

    fn add_set(&mut self, table: TableName<'a>, name: Word<'a>, spec: SetSpec<'a>) {
        let set = self
            .tables
            .entry(table)
            .or_default()
            .sets
            .entry(name)
            .or_default();
        set.timeout |= spec.timeout;
        set.gated |= spec.gated;
        set.elements.extend(spec.elements);
    }

    fn add_rule(
        &mut self,
        table: &TableName<'a>,
        chain: &Word<'a>,
        place: Place,
        rule: Rule<'a>,
    ) -> Done {
        let index = match place {
            Place::Last => usize::MAX,
            Place::First => 0,
            Place::BeforeIndex(index) => index,
            Place::AfterIndex(index) => index.saturating_add(1),
            Place::BeforeHandle(handle) | Place::Instead(handle) => {
                self.index_of(table, chain, handle)?
            }
            Place::AfterHandle(handle) => self.index_of(table, chain, handle)? + 1,
        };
        let length = self.chain(table, chain)?.rules.len();
        let index = index.min(length);
        self.spend(index.min(length - index))?;
        let rules = &mut self.chain(table, chain)?.rules;
        match (place, rules.get_mut(index)) {
            (Place::Instead(_), Some(old)) => *old = rule,
            _ => rules.insert(index, rule),
        }
        Ok(())
    }

    /// Where the rule with this handle stands.
    fn index_of(
        &mut self,
        table: &TableName<'a>,
        chain: &str,
        handle: u64,
    ) -> Result<usize, (ProblemKind, String)> {
        let length = self.chain(table, chain)?.rules.len();
        self.spend(length)?;
        let rules = &self.chain(table, chain)?.rules;
        match rules.iter().position(|rule| rule.handle == Some(handle)) {
            Some(index) => Ok(index),
            None => missing("rule with the handle", &handle.to_string()),
        }
    }

    fn spend(&mut self, steps: usize) -> Done {
        match self.work_left.checked_sub(steps as u64) {
            Some(left) => {
                self.work_left = left;
                Ok(())
            }
            None => Err((
                ProblemKind::TooLarge,
                "too many changes in the middle of long chains and sets".to_owned(),
            )),
        }
    }

    /// Removes elements that are written the same; what is not found may be written otherwise, and
    /// then the set is no longer known.
    fn delete_elements(&mut self, table: &TableName<'a>, name: &str, gone: &[Element<'a>]) -> Done {
        let length = self.set(table, name)?.elements.len();
        let affordable = self.spend(length);
        let set = self.set(table, name)?;
        if affordable.is_err() {
            set.gated = true;
            return affordable;
        }
        let mut wanted: BTreeSet<String> =
            gone.iter().map(|element| written(&element.key)).collect();
        set.elements
            .retain(|element| !wanted.remove(&written(&element.key)));
        if wanted.is_empty() {
            return Ok(());
        }
        set.gated = true;
        Err((
            ProblemKind::Undefined,
            format!("set `{name}` has no such element, as it is written here"),
        ))
    }
}

/// An expression in one spelling.
fn written(expr: &Expr<'_>) -> String {
    let joined = |list: &[Expr<'_>]| list.iter().map(written).collect::<Vec<_>>().join(" . ");
    match &expr.kind {
        ExprKind::Word(word) => word.to_string(),
        ExprKind::Range(first, last) => format!("{}-{}", written(first), written(last)),
        ExprKind::Prefix(address, length) => format!("{}/{length}", written(address)),
        ExprKind::Concat(parts) => joined(parts),
        ExprKind::Everything => "*".to_owned(),
        other => format!("{other:?}"),
    }
}

impl Family {
    /// Whether chains of this family see routed IP packets.
    pub(super) fn is_of_packets(self) -> bool {
        !matches!(self, Family::Arp | Family::Bridge)
    }
}
