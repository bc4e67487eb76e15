//! Which first packets have a reply that passes, where addresses are translated on the way.

use super::change::{Becomes, Change};
use super::layout::{Universe, Version};
use super::notice::{called, verdicts};
use super::query::Allowed;
use super::{Fate, Function};
use crate::walk::{Device, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_model::filter::{Action, AddressKind, ChainKind, Hook, Ruleset, Step, Verdict};
use ww_packetset::{NONE, Set, TooLarge};

/// What a first packet's translation means for the reply.
///
/// Connection tracking turns a translated source back before the reply is routed, and a translated
/// destination after it was filtered: filters see the reply come from where the first packet ended up,
/// and go to where it came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    dst: Option<Becomes>,
    dport: Option<Becomes>,
    oif: Option<String>,
    /// Where the first packet goes in the end.
    route: Hook,
}

impl Universe<'_> {
    /// The routes that packets of a function take in the end, where translations may choose another
    /// than `route`; nothing where that cannot be told for some of them.
    pub(crate) fn final_routes(
        &self,
        function: &Function,
        device: Option<&Device>,
        route: Hook,
    ) -> Option<BTreeSet<Hook>> {
        let fates = self.space.terminals(function.map);
        let fates = fates.iter().filter_map(|number| function.fate(*number));
        let passing = fates.filter(|fate| may_pass(fate));
        passing
            .map(|fate| final_route(&fate.change, self.version, device, route))
            .collect()
    }

    /// The packets that pass, and whose replies do. For each final route it is given the packets that
    /// arrive as first packets leave, and whose replies pass.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub(crate) fn answered(
        &mut self,
        function: &Function,
        device: Option<&Device>,
        route: Hook,
        replies: &BTreeMap<Hook, Allowed>,
    ) -> Result<Allowed, TooLarge> {
        let mut turns: BTreeSet<Turn> = BTreeSet::new();
        for number in self.space.terminals(function.map) {
            let fate = function.fate(number).filter(|fate| may_pass(fate));
            turns.extend(fate.and_then(|fate| turn_of(fate, self.version, device, route)));
        }
        let (mut must, mut may) = (Vec::new(), Vec::new());
        for turn in turns {
            let Some(passing) = replies.get(&turn.route) else {
                continue;
            };
            let version = self.version;
            let is_so = |fate: &Fate| {
                may_pass(fate) && turn_of(fate, version, device, route).as_ref() == Some(&turn)
            };
            let sure = self.space.select(function.map, |number| {
                let fate = function.fate(number);
                fate.is_some_and(|fate| fate.outcome == Outcome::Accept && is_so(fate))
            })?;
            let possible = self.space.select(function.map, |number| {
                function.fate(number).is_some_and(is_so)
            })?;
            let surely = self.before(passing.must, &turn)?;
            must.push(self.space.and(sure, surely)?);
            let possibly = self.before(passing.may, &turn)?;
            may.push(self.space.and(possible, possibly)?);
        }
        let hidden = self.hidden.clone();
        let must = self.space.or_all(&must)?;
        let may = self.space.or_all(&may)?;
        Ok(Allowed {
            must: self.space.forall(must, &hidden)?,
            may: self.space.exists(may, &hidden)?,
        })
    }

    /// The packets that the turn puts into the set.
    fn before(&mut self, set: Set, turn: &Turn) -> Result<Set, TooLarge> {
        let mut map = set.as_map();
        let class = turn.oif.as_deref().and_then(|name| self.class_of(name));
        if let Some(class) = class {
            map = self.space.restrict(map, self.oif, class)?;
        }
        let change = Change {
            dst: turn.dst,
            dport: turn.dport,
            ..Change::default()
        };
        let map = self.after(map, &change)?;
        self.space.select(map, |inside| inside != NONE)
    }
}

fn turn_of(fate: &Fate, version: Version, device: Option<&Device>, route: Hook) -> Option<Turn> {
    let change = &fate.change;
    Some(Turn {
        dst: change.dst,
        dport: change.dport,
        oif: change.oif.clone(),
        route: final_route(change, version, device, route)?,
    })
}

fn may_pass(fate: &Fate) -> bool {
    matches!(fate.outcome, Outcome::Accept | Outcome::Unknown)
}

/// Where a changed packet goes; nothing where that depends on what is not known.
fn final_route(
    change: &Change,
    version: Version,
    device: Option<&Device>,
    route: Hook,
) -> Option<Hook> {
    let came_in = route != Hook::Output;
    if change.redirected {
        return came_in.then_some(Hook::Input);
    }
    let (Some(becomes), Some(device), true) = (change.dst, device, came_in) else {
        return Some(route);
    };
    let address = |number: u128| -> IpAddr {
        match version {
            Version::V4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
            Version::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        }
    };
    match becomes {
        Becomes::Is(number) => Some(match device.kind_of(address(number)) {
            AddressKind::Unicast => Hook::Forward,
            _ => Hook::Input,
        }),
        Becomes::OneOf(first, last) | Becomes::In(first, last) => {
            let is_elsewhere = !device.listens_in(address(first), address(last));
            is_elsewhere.then_some(Hook::Forward)
        }
    }
}

/// Whether chains that see replies before or after they are translated back may stop some: those are
/// not the packets that are asked about.
pub(crate) fn stops_beside_translation(ruleset: &Ruleset) -> bool {
    let is_beside = |hook| matches!(hook, Hook::Ingress | Hook::Prerouting | Hook::Postrouting);
    let mut waiting: Vec<usize> = Vec::new();
    for (number, chain) in ruleset.chains.iter().enumerate() {
        let Some(base) = &chain.base else { continue };
        if base.kind != ChainKind::Nat && is_beside(base.hook) {
            if base.policy.value != Verdict::Accept {
                return true;
            }
            waiting.push(number);
        }
    }
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    while let Some(number) = waiting.pop() {
        if !seen.insert(number) {
            continue;
        }
        let rules = ruleset.chains.get(number).into_iter();
        for rule in rules.flat_map(|chain| &chain.rules) {
            let stops = |verdict| matches!(verdict, Verdict::Drop | Verdict::Reject(_));
            let is_unknown = |step: &Step| matches!(step, Step::Do(Action::Unknown(_)));
            if verdicts(rule).any(stops) || rule.steps.iter().any(is_unknown) {
                return true;
            }
            waiting.extend(called(rule).map(|id| id.0 as usize));
        }
    }
    false
}
