//! In which order the chains of a rule set see a packet.

use crate::mutants::{Bug, planted};
use std::cmp::Reverse;
use ww_model::filter::{Base, ChainId, ChainKind, Family, Hook, Ruleset};

/// Connection tracking sees packets at this priority, in prerouting and output (`NF_IP_PRI_CONNTRACK` of Linux).
const TRACKING: i32 = -200;
/// Destinations are translated at this priority (`NF_IP_PRI_NAT_DST`).
const DESTINATION_NAT: i32 = -100;
/// Sources are translated at this priority (`NF_IP_PRI_NAT_SRC`).
const SOURCE_NAT: i32 = 100;

/// A base chain on the path of packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Station<'a> {
    pub(crate) id: ChainId,
    pub(crate) base: &'a Base,
    /// Connection tracking has seen the packet by then.
    pub(crate) tracked: bool,
}

/// The base chains of every hook, for both IP versions.
#[derive(Clone, Debug)]
pub(crate) struct Plan<'a> {
    hooks: [[Vec<Station<'a>>; 2]; HOOKS.len()],
}

const HOOKS: [Hook; 6] = [
    Hook::Ingress,
    Hook::Prerouting,
    Hook::Input,
    Hook::Forward,
    Hook::Output,
    Hook::Postrouting,
];

impl<'a> Plan<'a> {
    pub(crate) fn new(ruleset: &'a Ruleset) -> Plan<'a> {
        Plan {
            hooks: HOOKS.map(|hook| [false, true].map(|v6| stations(ruleset, hook, v6))),
        }
    }

    /// The base chains of a hook, in the order in which a packet meets them.
    pub(crate) fn at(&self, hook: Hook, v6: bool) -> &[Station<'a>] {
        let versions = HOOKS
            .iter()
            .zip(&self.hooks)
            .find(|(candidate, _)| **candidate == hook)
            .map(|(_, [four, six])| if v6 { six } else { four });
        versions.map_or(&[], Vec::as_slice)
    }
}

/// The hooks after one another for a packet that is for this device, goes through it, or comes from it.
pub(crate) fn path(route: Hook) -> &'static [Hook] {
    match route {
        Hook::Input => &[Hook::Ingress, Hook::Prerouting, Hook::Input],
        Hook::Output => &[Hook::Output, Hook::Postrouting],
        _ => &[
            Hook::Ingress,
            Hook::Prerouting,
            Hook::Forward,
            Hook::Postrouting,
        ],
    }
}

fn stations(ruleset: &Ruleset, hook: Hook, v6: bool) -> Vec<Station<'_>> {
    let mut found: Vec<Station> = ruleset
        .chains
        .iter()
        .zip(0..)
        .filter_map(|(chain, number)| {
            let base = chain.base.as_ref()?;
            let sees = match base.family {
                Family::Ip4 => !v6,
                Family::Ip6 => v6,
                Family::Inet => true,
            };
            (base.hook == hook && sees).then(|| Station {
                id: ChainId(number),
                base,
                tracked: is_tracked(base),
            })
        })
        .collect();
    // Linux puts a new chain before those of equal priority that are there already.
    found.sort_by_key(|station| {
        (
            place(station.base),
            station.base.priority,
            Reverse(station.id),
        )
    });
    if planted(Bug::PriorityIgnored) {
        found.sort_by_key(|station| station.id);
    }
    if planted(Bug::EqualPrioritiesInFileOrder) {
        found.sort_by_key(|station| (place(station.base), station.base.priority, station.id));
    }
    found
}

fn is_tracked(base: &Base) -> bool {
    if planted(Bug::TrackedTooEarly) {
        return true;
    }
    match base.hook {
        Hook::Ingress => false,
        Hook::Prerouting | Hook::Output => place(base) > TRACKING,
        Hook::Input | Hook::Forward | Hook::Postrouting => true,
    }
}

/// The priority at which a chain really runs: all chains that translate share one place per hook, and their own
/// priorities order them there.
fn place(base: &Base) -> i32 {
    if planted(Bug::NatAtOwnPriority) {
        return base.priority;
    }
    if planted(Bug::SourceTranslatedEarly)
        && (base.kind, base.hook) == (ChainKind::Nat, Hook::Postrouting)
    {
        return i32::MIN;
    }
    match (base.kind, base.hook) {
        (ChainKind::Nat, Hook::Prerouting | Hook::Output) => DESTINATION_NAT,
        (ChainKind::Nat, _) => SOURCE_NAT,
        (ChainKind::Filter | ChainKind::Route, _) => base.priority,
    }
}
