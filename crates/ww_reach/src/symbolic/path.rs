//! Base chains after one another, from hook to hook.

use super::Fate;
use super::change::{Becomes, Change};
use super::compile::{Compiler, Context, End};
use super::device::routed;
use super::layout::Version;
use crate::walk::plan::path;
use crate::walk::{By, Outcome};
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

impl Compiler<'_, '_> {
    /// The fates of packets from a place of the path on.
    pub(super) fn tail(&mut self, state: State) -> Result<Map, TooLarge> {
        if let Some(done) = self.tails.get(&state) {
            return Ok(*done);
        }
        let map = self.tail_anew(state)?;
        self.tails.insert(state, map);
        Ok(map)
    }

    fn tail_anew(&mut self, state: State) -> Result<Map, TooLarge> {
        let Some(hook) = path(state.route).get(state.hook).copied() else {
            let passed = self.fates.number(Fate {
                outcome: Outcome::Accept,
                by: By::Nothing,
                trail: Vec::new(),
                change: Change::default(),
                weight: Weight::default(),
            });
            return self.universe.space.constant(passed);
        };
        let is_v6 = self.universe.version == Version::V6;
        let Some(station) = self.plan.at(hook, is_v6).get(state.station).copied() else {
            let next = self.tail(state.next_hook(hook))?;
            return match state.next_oif {
                Some(class) => self.leaving_by(next, class),
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
        self.universe.space.choose(begins, through, past)
    }

    /// A base chain, and what comes after it for the packets that it lets pass.
    fn through(
        &mut self,
        chain: Map,
        state: State,
        weight: Weight,
        context: Context,
    ) -> Result<Map, TooLarge> {
        let mut changes: Vec<Change> = self
            .universe
            .space
            .terminals(chain)
            .into_iter()
            .filter_map(|number| match self.ends.get(number) {
                Some(End::Accept(_, change)) if !change.is_none() => Some(change.clone()),
                _ => None,
            })
            .collect();
        changes.sort();
        changes.dedup();
        let mut others = self.universe.space.all();
        let mut parts = Vec::new();
        for change in changes {
            let ends = &self.ends;
            let region = self.universe.space.select(
                chain,
                |number| matches!(ends.get(number), Some(End::Accept(_, made)) if *made == change),
            )?;
            others = self.universe.space.minus(others, region)?;
            for (region, next) in self.next_states(&change, region, state, context)? {
                if region.is_empty() {
                    continue;
                }
                let tail = self.tail(next)?;
                let tail = self.universe.after(tail, &change)?;
                let part = self.universe.space.keep(chain, region)?;
                let part = self.followed(part, tail, weight)?;
                parts.push(self.universe.space.keep(part, region)?);
            }
        }
        let tail = self.tail(state.next_station())?;
        let rest = self.universe.space.keep(chain, others)?;
        let rest = self.followed(rest, tail, weight)?;
        parts.push(rest);
        self.universe.space.first_all(&parts)
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
        let universe = &mut *self.universe;
        let map = universe.space.restrict(map, universe.oif, class)?;
        let name = universe.names.get(class).to_owned();
        let fates = &mut self.fates;
        universe.space.relabel(map, |number| {
            let Some(mut fate) = fates.get(number).cloned() else {
                return number;
            };
            fate.change.oif.get_or_insert_with(|| name.clone());
            fates.number(fate)
        })
    }

    /// The fates of packets that come out of a chain into what follows it.
    fn followed(&mut self, chain: Map, tail: Map, weight: Weight) -> Result<Map, TooLarge> {
        let ends = &self.ends;
        let fates = std::cell::RefCell::new(&mut self.fates);
        let ended = |number: Terminal| -> Option<Terminal> {
            match ends.get(number) {
                Some(End::Accept(..)) => None,
                Some(End::Final(outcome, by)) => Some(fates.borrow_mut().number(Fate {
                    outcome: *outcome,
                    by: *by,
                    trail: vec![*by],
                    change: Change::default(),
                    weight: Weight::default(),
                })),
                _ => Some(NONE),
            }
        };
        let joined = |number: Terminal, rest: Terminal| -> Terminal {
            let mut fates = fates.borrow_mut();
            match (ends.get(number), fates.get(rest).cloned()) {
                (Some(End::Accept(by, change)), Some(rest)) => {
                    fates.number(passed(*by, change, weight, rest))
                }
                _ => NONE,
            }
        };
        self.universe.space.follow(chain, tail, ended, joined)
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
