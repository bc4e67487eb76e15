//! Base chains after one another, from hook to hook.

use super::Fate;
use super::change::{Becomes, Change};
use super::compile::{Compiler, Context, End, Table};
use super::device::routed;
use super::layout::{Universe, Version};
use crate::walk::plan::path;
use crate::walk::{By, Outcome};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use ww_base::Order;
use ww_model::Ranges;
use ww_model::filter::{AddressKind, ChainKind, Hook};
use ww_model::packet::CtState;
use ww_packetset::{Map, NONE, Set, Terminal, TooLarge};

/// How much an acceptance says about the packet's fate: whether it was given where filters stand for
/// packets of this kind, and whether by a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Weight {
    at_main_hook: bool,
    by_rule: bool,
}

/// A place on the path between two base chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    /// Which hook of the path.
    hook: usize,
    /// How many base chains of the hook are done.
    station: usize,
    route: Hook,
    /// Where the packet will go once it is routed.
    next_route: Hook,
    /// By which class of interfaces it will leave then, if not by its own.
    next_oif: Option<u128>,
    /// A translation was chosen at this hook.
    translated: bool,
}

impl State {
    /// Before the first chain.
    pub(super) fn start(route: Hook) -> State {
        State {
            hook: 0,
            station: 0,
            route,
            next_route: route,
            next_oif: None,
            translated: false,
        }
    }

    fn next_station(self) -> State {
        State {
            station: self.station + 1,
            ..self
        }
    }

    fn next_hook(self, hook: Hook) -> State {
        let route = if hook == Hook::Prerouting {
            self.next_route
        } else {
            self.route
        };
        State {
            hook: self.hook + 1,
            station: 0,
            route,
            next_route: route,
            next_oif: None,
            translated: false,
        }
    }
}

/// The fates of packets from a place of the path on.
#[derive(Clone)]
pub(super) struct Tail {
    pub(super) map: Map,
    /// The numbers of the fates that the map's decisions stand for; none where decisions are numbers
    /// of fates themselves. So a chain becomes a tail without being made anew.
    fates: Option<Rc<BTreeMap<Terminal, Terminal>>>,
}

impl Tail {
    /// The map's decisions, where they are known.
    pub(super) fn decisions(&self) -> Option<Vec<Terminal>> {
        self.fates
            .as_ref()
            .map(|fates| fates.keys().copied().collect())
    }

    /// The number of the fate that a decision stands for.
    pub(super) fn fate(&self, decision: Terminal) -> Terminal {
        match &self.fates {
            Some(fates) => fates.get(&decision).copied().unwrap_or(NONE),
            None => decision,
        }
    }
}

impl From<Map> for Tail {
    fn from(map: Map) -> Tail {
        Tail { map, fates: None }
    }
}

impl Compiler<'_, '_> {
    /// The fates of packets from a place of the path on.
    pub(super) fn tail(&mut self, state: State) -> Result<Tail, TooLarge> {
        if let Some(done) = self.tails.get(&state) {
            return Ok(done.clone());
        }
        let tail = self.tail_anew(state)?;
        self.tails.insert(state, tail.clone());
        Ok(tail)
    }

    /// The same with the numbers of fates as decisions.
    fn settled(&mut self, tail: &Tail) -> Result<Map, TooLarge> {
        match tail.fates {
            Some(_) => self
                .universe
                .space
                .relabel(tail.map, |decision| tail.fate(decision)),
            None => Ok(tail.map),
        }
    }

    fn tail_anew(&mut self, state: State) -> Result<Tail, TooLarge> {
        let Some(hook) = path(state.route).get(state.hook).copied() else {
            let passed = self.universe.fates.number(Fate {
                outcome: Outcome::Accept,
                by: By::Nothing,
                trail: Vec::new(),
                change: Change::default(),
                weight: Weight::default(),
            });
            return self.universe.space.constant(passed).map(Tail::from);
        };
        let is_v6 = self.universe.version == Version::V6;
        let Some(station) = self.plan.at(hook, is_v6).get(state.station).copied() else {
            let next = self.tail(state.next_hook(hook))?;
            return match state.next_oif {
                Some(class) => {
                    let next = self.settled(&next)?;
                    self.leaving_by(next, class).map(Tail::from)
                }
                None => Ok(next),
            };
        };
        let translates = station.base.kind == ChainKind::Nat;
        if translates && (state.translated || !station.tracked) {
            return self.tail(state.next_station());
        }
        let context = Context {
            hook,
            route: state.route,
            tracked: station.tracked,
        };
        let chain = self.base_chain(station.id, station.base.policy.value, context)?;
        let weight = Weight {
            at_main_hook: hook == state.route && !translates,
            by_rule: false,
        };
        let through = self.through(chain, state, weight, context)?;
        if !translates {
            return Ok(through);
        }
        let new = CtState::New.number();
        let begins = self.on_level(ww_model::filter::Field::CtState, [(new, new)])?;
        let past = self.tail(state.next_station())?;
        let (through, past) = (self.settled(&through)?, self.settled(&past)?);
        let chosen = self.universe.space.choose(begins, through, past)?;
        Ok(Tail::from(chosen))
    }

    /// A base chain, and what comes after it for the packets that it lets pass.
    fn through(
        &mut self,
        chain: Map,
        state: State,
        weight: Weight,
        context: Context,
    ) -> Result<Tail, TooLarge> {
        let decisions = self.universe.space.terminals(chain);
        let mut changes: Vec<Change> = decisions
            .iter()
            .filter_map(|number| match self.universe.ends.get(*number) {
                Some(End::Accept(_, change)) if !change.is_none() => Some(change.clone()),
                _ => None,
            })
            .collect();
        changes.put_in_order();
        changes.dedup();
        if changes.is_empty() {
            let tail = self.tail(state.next_station())?;
            return self.followed(chain, &decisions, &tail, weight);
        }
        let mut others = self.universe.space.all();
        let mut parts = Vec::new();
        for change in changes {
            let Universe { space, ends, .. } = &mut *self.universe;
            let region = space.select(
                chain,
                |number| matches!(ends.get(number), Some(End::Accept(_, made)) if *made == change),
            )?;
            others = self.universe.space.minus(others, region)?;
            for (region, next) in self.next_states(&change, region, state, context)? {
                if region.is_empty() {
                    continue;
                }
                let mut tail = self.tail(next)?;
                tail.map = self.universe.after(tail.map, &change)?;
                let part = self.universe.space.keep(chain, region)?;
                let part = self.followed(part, &decisions, &tail, weight)?;
                let part = self.settled(&part)?;
                parts.push(self.universe.space.keep(part, region)?);
            }
        }
        let tail = self.tail(state.next_station())?;
        let rest = self.universe.space.keep(chain, others)?;
        let rest = self.followed(rest, &decisions, &tail, weight)?;
        parts.push(self.settled(&rest)?);
        self.universe.space.first_all(&parts).map(Tail::from)
    }

    /// Where changed packets go: translated ones may take another route.
    fn next_states(
        &mut self,
        change: &Change,
        region: Set,
        state: State,
        context: Context,
    ) -> Result<Vec<(Set, State)>, TooLarge> {
        let on = State {
            translated: state.translated || change.translated,
            ..state.next_station()
        };
        let came_in = context.hook == Hook::Prerouting;
        if came_in && change.redirected {
            let next_route = Hook::Input;
            return Ok(vec![(region, State { next_route, ..on })]);
        }
        let (Some(device), Some(becomes)) = (self.device, change.dst) else {
            return Ok(vec![(region, on)]);
        };
        if change.redirected || !(came_in || context.hook == Hook::Output) {
            return Ok(vec![(region, on)]);
        }
        let (reached, may_be_same) = match becomes {
            Becomes::Is(number) => (Ranges::one(number), true),
            Becomes::In(first, last) => (Ranges::span(first, last), true),
            Becomes::OneOf(first, last) => (Ranges::span(first, last), false),
        };
        let field = self.universe.address_field(false);
        let same = if may_be_same {
            self.fits(field, u128::MAX, &reached, context)?
        } else {
            self.universe.space.none()
        };
        let stayed = self.universe.space.and(region, same)?;
        let moved = self.universe.space.minus(region, same)?;
        let move_alone = Change {
            dst: change.dst,
            ..Change::default()
        };
        let mut states = vec![(stayed, on)];
        for (addresses, kind, name) in routed(self.universe.version, device) {
            let addresses = addresses.and(&reached);
            if addresses.is_empty() {
                continue;
            }
            let there = self.fits(field, u128::MAX, &addresses, context)?;
            let there = self.universe.after(there.as_map(), &move_alone)?;
            let part = self.universe.space.keep(there, moved)?;
            let part = self.universe.space.select(part, |inside| inside != NONE)?;
            let next_oif = name.and_then(|name| self.universe.class_of(name));
            let next_route = match kind {
                _ if !came_in => on.next_route,
                AddressKind::Unicast => Hook::Forward,
                _ => Hook::Input,
            };
            let elsewhere = State {
                next_route,
                next_oif: next_oif.or(on.next_oif),
                ..on
            };
            states.push((part, elsewhere));
        }
        Ok(states)
    }

    /// The fates of packets that leave by an interface of this class.
    fn leaving_by(&mut self, map: Map, class: u128) -> Result<Map, TooLarge> {
        let Universe {
            space,
            fates,
            names,
            oif,
            ..
        } = &mut *self.universe;
        let map = space.restrict(map, *oif, class)?;
        let name = names.get(class).to_owned();
        space.relabel(map, |number| {
            let Some(mut fate) = fates.get(number).cloned() else {
                return number;
            };
            fate.change.oif.get_or_insert_with(|| name.clone());
            fates.number(fate)
        })
    }

    /// The fates of packets that come out of a chain into what follows it. The chain has no other
    /// decisions than these.
    fn followed(
        &mut self,
        chain: Map,
        decisions: &[Terminal],
        tail: &Tail,
        weight: Weight,
    ) -> Result<Tail, TooLarge> {
        let Universe {
            space, ends, fates, ..
        } = &mut *self.universe;
        let ended = |fates: &mut Table<Fate>, number: Terminal| match ends.get(number) {
            Some(End::Accept(..)) => None,
            Some(End::Final(outcome, by)) => Some(fates.number(stopped(*outcome, *by))),
            _ => Some(NONE),
        };
        let joined = |fates: &mut Table<Fate>, number: Terminal, rest: Terminal| match (
            ends.get(number),
            fates.get(tail.fate(rest)).cloned(),
        ) {
            (Some(End::Accept(by, change)), Some(rest)) => {
                fates.number(passed(*by, change, weight, rest))
            }
            _ => NONE,
        };
        if let Some(rest) = space.as_constant(tail.map) {
            let mut by_decision = BTreeMap::new();
            for number in decisions {
                let ended = ended(fates, *number);
                let fate = ended.unwrap_or_else(|| joined(fates, *number, rest));
                by_decision.insert(*number, fate);
            }
            return Ok(Tail {
                map: chain,
                fates: Some(Rc::new(by_decision)),
            });
        }
        if let Some(number) = space.as_constant(chain)
            && ended(fates, number).is_none()
        {
            let mut by_decision = BTreeMap::new();
            for rest in space.terminals(tail.map) {
                by_decision.insert(rest, joined(fates, number, rest));
            }
            return Ok(Tail {
                map: tail.map,
                fates: Some(Rc::new(by_decision)),
            });
        }
        let fates = RefCell::new(fates);
        let map = space.follow(
            chain,
            tail.map,
            |number| ended(&mut fates.borrow_mut(), number),
            |number, rest| joined(&mut fates.borrow_mut(), number, rest),
        )?;
        Ok(Tail::from(map))
    }
}

/// The fate of a packet that ends in a chain.
fn stopped(outcome: Outcome, by: By) -> Fate {
    Fate {
        outcome,
        by,
        trail: vec![by],
        change: Change::default(),
        weight: Weight::default(),
    }
}

/// The fate of a packet that a chain let pass.
fn passed(by: By, change: &Change, weight: Weight, rest: Fate) -> Fate {
    let weight = Weight {
        by_rule: matches!(by, By::Rule { .. }),
        ..weight
    };
    let mut trail = vec![by];
    trail.extend(rest.trail);
    let decided_later =
        rest.outcome != Outcome::Accept || (rest.by != By::Nothing && rest.weight >= weight);
    let (by, weight) = if decided_later {
        (rest.by, rest.weight)
    } else {
        (by, weight)
    };
    Fate {
        outcome: rest.outcome,
        by,
        trail,
        change: change.at_next_hook().then(&rest.change),
        weight,
    }
}
