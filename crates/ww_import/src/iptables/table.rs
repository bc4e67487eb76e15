//! Tables while they are read: chains by name, jumps by name; and the rule set made of them.

use super::scope::Unknowns;
use super::translate::ChainNames;
use crate::missing;
use crate::text::Problems;
use std::collections::{BTreeMap, VecDeque};
use ww_base::{Locus, ProblemKind, SourceSpan, Sourced};
use ww_model::filter::{
    Action, Base, Chain, ChainId, ChainKind, Family, Hook, Rule, Ruleset, Step, Unknown, UnknownId,
    UnknownReason, Verdict,
};

/// A table of one family.
pub(super) struct Table {
    /// The family.
    pub(super) family: Family,
    /// `filter`, `nat`, ….
    pub(super) name: String,
    /// Where it begins.
    pub(super) at: SourceSpan,
    /// Its chains, in order of appearance.
    pub(super) chains: Vec<OpenChain>,
    /// The names that jumps point at.
    pub(super) names: Names,
    /// Where reading broke off, when rules of the table may be missing.
    pub(super) cut: Option<SourceSpan>,
    index: BTreeMap<String, usize>,
}

/// A chain that rules may still be added to.
pub(super) struct OpenChain {
    /// Its name.
    pub(super) name: String,
    /// Where it is declared.
    pub(super) at: SourceSpan,
    /// How it is attached.
    pub(super) base: Option<Base>,
    /// Its rules.
    pub(super) rules: VecDeque<Rule>,
}

/// Names of chains by number, in order of first use.
#[derive(Default)]
pub(super) struct Names {
    list: Vec<String>,
    index: BTreeMap<String, u32>,
}

impl ChainNames for Names {
    fn number(&mut self, name: &str) -> ChainId {
        if let Some(number) = self.index.get(name) {
            return ChainId(*number);
        }
        let number = self.list.len() as u32;
        self.list.push(name.to_owned());
        self.index.insert(name.to_owned(), number);
        ChainId(number)
    }
}

impl Table {
    /// An empty table.
    pub(super) fn new(family: Family, name: &str, at: SourceSpan) -> Table {
        Table {
            family,
            name: name.to_owned(),
            at,
            chains: Vec::new(),
            names: Names::default(),
            cut: None,
            index: BTreeMap::new(),
        }
    }

    /// The chain of this name: there already, built in, or nothing.
    pub(super) fn chain(&mut self, name: &str, at: SourceSpan) -> Option<&mut OpenChain> {
        if !self.index.contains_key(name) {
            attachment(&self.name, name)?;
            self.declare(name, at);
        }
        let place = *self.index.get(name)?;
        self.chains.get_mut(place)
    }

    /// Makes the chain, or empties it when it is there.
    pub(super) fn declare(&mut self, name: &str, at: SourceSpan) {
        let base = attachment(&self.name, name).map(|(hook, priority, kind)| Base {
            family: self.family,
            hook,
            priority,
            kind,
            policy: Sourced {
                value: Verdict::Accept,
                at: Locus::Assumed {
                    by: "Linux: a built-in chain accepts until its policy is set".to_owned(),
                },
            },
        });
        let chain = OpenChain {
            name: name.to_owned(),
            at,
            base,
            rules: VecDeque::new(),
        };
        let place = self.index.get(name).copied();
        if let Some(there) = place.and_then(|place| self.chains.get_mut(place)) {
            *there = chain;
        } else {
            self.index.insert(name.to_owned(), self.chains.len());
            self.chains.push(chain);
        }
    }

    /// Gives the chain another name; jumps to it follow.
    pub(super) fn rename(&mut self, old: &str, new: &str) {
        let Some(place) = self.index.remove(old) else {
            return;
        };
        self.index.insert(new.to_owned(), place);
        if let Some(chain) = self.chains.get_mut(place) {
            new.clone_into(&mut chain.name);
        }
        if let Some(number) = self.names.index.remove(old) {
            self.names.index.insert(new.to_owned(), number);
            if let Some(name) = self.names.list.get_mut(number as usize) {
                new.clone_into(name);
            }
        }
    }

    /// Takes the chain away, or all chains that are not built in.
    pub(super) fn delete(&mut self, name: Option<&str>) {
        self.chains
            .retain(|chain| chain.base.is_some() || name.is_some_and(|name| name != chain.name));
        self.index = self
            .chains
            .iter()
            .enumerate()
            .map(|(place, chain)| (chain.name.clone(), place))
            .collect();
    }
}

/// Whether the kernel has a table of this name.
pub(super) fn is_table(name: &str) -> bool {
    matches!(name, "raw" | "mangle" | "nat" | "filter" | "security")
}

/// Where a built-in chain is attached, its priority and its kind.
fn attachment(table: &str, chain: &str) -> Option<(Hook, i32, ChainKind)> {
    let hook = match chain {
        "PREROUTING" => Hook::Prerouting,
        "INPUT" => Hook::Input,
        "FORWARD" => Hook::Forward,
        "OUTPUT" => Hook::Output,
        "POSTROUTING" => Hook::Postrouting,
        _ => return None,
    };
    let (priority, kind) = match (table, hook) {
        ("raw", Hook::Prerouting | Hook::Output) => (-300, ChainKind::Filter),
        ("mangle", Hook::Output) => (-150, ChainKind::Route),
        ("mangle", _) => (-150, ChainKind::Filter),
        ("nat", Hook::Prerouting | Hook::Output) => (-100, ChainKind::Nat),
        ("nat", Hook::Input | Hook::Postrouting) => (100, ChainKind::Nat),
        ("filter", Hook::Input | Hook::Forward | Hook::Output) => (0, ChainKind::Filter),
        ("security", Hook::Input | Hook::Forward | Hook::Output) => (50, ChainKind::Filter),
        _ => return None,
    };
    Some((hook, priority, kind))
}

/// The rule set of all tables: jumps point at chains, loops are broken.
pub(super) fn ruleset(
    tables: Vec<Table>,
    mut unknowns: Unknowns,
    problems: &mut Problems,
) -> Ruleset {
    let mut chains: Vec<Chain> = Vec::new();
    for table in tables {
        let first = chains.len();
        let cut = table.cut.or(problems.broke_off_at());
        let mut closed = close(table, first as u32, &mut unknowns.list, problems);
        if let Some(at) = cut {
            missing::end_of_chains(&mut closed, at, &mut unknowns.list);
        }
        break_loops(&mut closed, first as u32, &mut unknowns.list, problems);
        chains.append(&mut closed);
    }
    Ruleset {
        chains,
        unknowns: unknowns.list,
    }
}

/// The chains of one table, whose first has the number `first`, with jumps that point at them.
fn close(
    table: Table,
    first: u32,
    unknowns: &mut Vec<Unknown>,
    problems: &mut Problems,
) -> Vec<Chain> {
    let number_of = |name: &String| {
        let place = table.index.get(name);
        place.map(|place| ChainId(first + *place as u32))
    };
    let numbers: Vec<Option<ChainId>> = table.names.list.iter().map(number_of).collect();
    let mut missing: BTreeMap<u32, UnknownId> = BTreeMap::new();
    let mut resolve = |number: ChainId, at: SourceSpan| -> Result<ChainId, UnknownId> {
        if let Some(Some(id)) = numbers.get(number.0 as usize) {
            return Ok(*id);
        }
        let id = *missing.entry(number.0).or_insert_with(|| {
            let name = table.names.list.get(number.0 as usize);
            let name = name.map_or("", String::as_str);
            let text = format!("-j {name}");
            let message = format!(
                "`{name}` is neither a chain of table {} nor a known target",
                table.name
            );
            problems.add(at, ProblemKind::Undefined, message);
            unknown(unknowns, at, text)
        });
        Err(id)
    };
    let mut chains = Vec::with_capacity(table.chains.len());
    for chain in table.chains {
        let mut rules = Vec::from(chain.rules);
        for rule in &mut rules {
            for step in &mut rule.steps {
                resolve_step(step, rule.at, &mut resolve);
            }
        }
        chains.push(Chain {
            table: table.name.clone(),
            name: chain.name,
            at: chain.at,
            base: chain.base,
            rules,
        });
    }
    chains
}

fn resolve_step(
    step: &mut Step,
    at: SourceSpan,
    resolve: &mut impl FnMut(ChainId, SourceSpan) -> Result<ChainId, UnknownId>,
) {
    let Some(target) = called(step) else {
        return;
    };
    match resolve(*target, at) {
        Ok(id) => *target = id,
        Err(unknown) => *step = Step::Do(Action::Unknown(unknown)),
    }
}

/// The chain that a step goes to.
fn called(step: &mut Step) -> Option<&mut ChainId> {
    match step {
        Step::Do(Action::Verdict(Verdict::Jump(id) | Verdict::Goto(id))) => Some(id),
        _ => None,
    }
}

fn unknown(unknowns: &mut Vec<Unknown>, at: SourceSpan, text: String) -> UnknownId {
    let id = UnknownId(unknowns.len() as u32);
    unknowns.push(Unknown {
        at,
        text,
        reason: UnknownReason::NotUnderstood,
    });
    id
}

/// A jump: the places of its rule and step, and of the chain it goes to.
type Jump = (usize, usize, usize);

/// Replaces every jump that closes a loop, which the kernel refuses to load.
fn break_loops(
    chains: &mut [Chain],
    first: u32,
    unknowns: &mut Vec<Unknown>,
    problems: &mut Problems,
) {
    let jumps: Vec<Vec<Jump>> = chains
        .iter_mut()
        .map(|chain| jumps_of(chain, first))
        .collect();
    for (place, (rule, step, _)) in closing_jumps(&jumps) {
        let Some(chain) = chains.get_mut(place) else {
            continue;
        };
        let name = chain.name.clone();
        let Some(rule) = chain.rules.get_mut(rule) else {
            continue;
        };
        let message = format!("this jump closes a loop back to a chain on the way to `{name}`");
        problems.add(rule.at, ProblemKind::Malformed, message);
        if let Some(step) = rule.steps.get_mut(step) {
            let id = unknown(unknowns, rule.at, "a jump that closes a loop".to_owned());
            *step = Step::Do(Action::Unknown(id));
        }
    }
}

fn jumps_of(chain: &mut Chain, first: u32) -> Vec<Jump> {
    let mut jumps = Vec::new();
    for (place, rule) in chain.rules.iter_mut().enumerate() {
        for (step_place, step) in rule.steps.iter_mut().enumerate() {
            if let Some(target) = called(step) {
                jumps.push((place, step_place, target.0.saturating_sub(first) as usize));
            }
        }
    }
    jumps
}

/// The jumps that lead back to a chain which is on the way to them.
fn closing_jumps(jumps: &[Vec<Jump>]) -> Vec<(usize, Jump)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        OnTheWay,
        Done,
    }
    let mut seen = vec![Seen::No; jumps.len()];
    let mut closing = Vec::new();
    for start in 0..jumps.len() {
        let mut way: Vec<(usize, usize)> = Vec::new();
        let mut enter = (seen.get(start) == Some(&Seen::No)).then_some(start);
        loop {
            if let Some(chain) = enter.take() {
                if let Some(state) = seen.get_mut(chain) {
                    *state = Seen::OnTheWay;
                }
                way.push((chain, 0));
            }
            let Some((chain, next)) = way.last_mut() else {
                break;
            };
            let Some(jump) = jumps.get(*chain).and_then(|all| all.get(*next)) else {
                if let Some(state) = seen.get_mut(*chain) {
                    *state = Seen::Done;
                }
                way.pop();
                continue;
            };
            *next += 1;
            match seen.get(jump.2) {
                Some(Seen::No) => enter = Some(jump.2),
                Some(Seen::OnTheWay) => closing.push((*chain, *jump)),
                _ => {}
            }
        }
    }
    closing
}
