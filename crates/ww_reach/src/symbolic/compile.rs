//! What a compilation keeps.

use super::change::Change;
use super::layout::Universe;
use super::path::State;
use super::{Fate, Function};
use crate::walk::plan::Plan;
use crate::walk::{By, Device, Outcome};
use std::collections::BTreeMap;
use ww_model::filter::{ChainId, Hook, Ruleset};
use ww_packetset::{Map, NONE, Terminal, TooLarge};

/// Where on the path a condition is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Context {
    pub(super) hook: Hook,
    /// Where the packet goes: `Input`, `Forward` or `Output`.
    pub(super) route: Hook,
    /// Connection tracking has seen the packet.
    pub(super) tracked: bool,
}

/// What a chain makes of a packet; where it makes nothing of it, the next rule has its turn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// The next rule has its turn, with a changed packet.
    Next(Change),
    /// The caller of the chain has its turn.
    Return(Change),
    /// The base chain lets it pass.
    Accept(By, Change),
    /// It ends here.
    Final(Outcome, By),
}

/// Values by small numbers, counted from 1, each value once.
#[derive(Debug)]
pub(super) struct Table<T> {
    values: Vec<T>,
    numbers: BTreeMap<T, Terminal>,
}

impl<T: Ord + Clone> Table<T> {
    fn new() -> Table<T> {
        Table {
            values: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }

    pub(super) fn number(&mut self, value: T) -> Terminal {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        self.values.push(value.clone());
        let number = self.values.len() as Terminal;
        self.numbers.insert(value, number);
        number
    }

    pub(super) fn get(&self, number: Terminal) -> Option<&T> {
        self.values.get((number as usize).checked_sub(1)?)
    }
}

/// A part of a chain as a map to [`End`]s.
#[derive(Clone, Debug)]
pub(super) struct Fragment {
    pub(super) map: Map,
    /// The decisions of the map that are [`End::Next`].
    pub(super) carries: Vec<Terminal>,
}

impl Fragment {
    pub(super) fn plain(map: Map) -> Fragment {
        Fragment {
            map,
            carries: Vec::new(),
        }
    }
}

/// Makes a function of one rule set.
pub(super) struct Compiler<'u, 'a> {
    pub(super) universe: &'u mut Universe<'a>,
    pub(super) ruleset: &'a Ruleset,
    /// The rule set's place among those of the universe.
    pub(super) number: usize,
    pub(super) device: Option<&'u Device>,
    pub(super) plan: Plan<'a>,
    pub(super) ends: Table<End>,
    pub(super) fates: Table<Fate>,
    /// Chains that are done.
    pub(super) chains: BTreeMap<(ChainId, Context), Fragment>,
    /// Chains that are being done, outermost first.
    pub(super) active: Vec<ChainId>,
    /// What comes from a place of the path on.
    pub(super) tails: BTreeMap<State, Map>,
    /// Rules that are taken not to be there.
    pub(super) without: Vec<By>,
}

impl<'u, 'a> Compiler<'u, 'a> {
    /// A compiler of one of the universe's rule sets, counted from 0.
    pub(super) fn new(
        universe: &'u mut Universe<'a>,
        number: usize,
        device: Option<&'u Device>,
    ) -> Option<Compiler<'u, 'a>> {
        let ruleset = universe.rulesets.get(number).copied()?;
        Some(Compiler {
            universe,
            ruleset,
            number,
            device,
            plan: Plan::new(ruleset),
            ends: Table::new(),
            fates: Table::new(),
            chains: BTreeMap::new(),
            active: Vec::new(),
            tails: BTreeMap::new(),
            without: Vec::new(),
        })
    }
}

impl Universe<'_> {
    /// The function of one of the rule sets, counted from 0. `route` says whether packets are for
    /// the device ([`Hook::Input`]), sent by it ([`Hook::Output`]), or pass through (any other).
    /// `device` tells what is known of it besides its rules; its interfaces should be among the
    /// names of the universe.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn compile(
        &mut self,
        number: usize,
        device: Option<&Device>,
        route: Hook,
    ) -> Result<Function, TooLarge> {
        self.compile_without(number, device, route, &[])
    }

    /// The same, as if some of the rules were not there.
    pub(super) fn compile_without(
        &mut self,
        number: usize,
        device: Option<&Device>,
        route: Hook,
        without: &[By],
    ) -> Result<Function, TooLarge> {
        let Some(mut compiler) = Compiler::new(self, number, device) else {
            let map = self.space.constant(NONE)?;
            return Ok(Function {
                map,
                fates: Vec::new(),
            });
        };
        compiler.without = without.to_vec();
        let route = match route {
            Hook::Input | Hook::Output => route,
            _ => Hook::Forward,
        };
        let map = compiler.tail(State::start(route))?;
        let fates = compiler.fates.values;
        let map = self.at_the_beginning(map)?;
        Ok(Function { map, fates })
    }
}
