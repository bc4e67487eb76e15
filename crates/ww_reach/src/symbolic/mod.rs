//! A whole rule set as one exact function from packets to fates.
//!
//! [`Universe`] knows what the rule sets at hand can tell apart; [`Universe::compile`] makes of a
//! rule set the function from packets, as they arrive, to [`Fate`]s: what becomes of them, by whose
//! decision, changed in which way. What cannot be known from the rule set (rates, sets that packets
//! fill, the address that a translation picks) is a level of its own: an answer *must* hold whatever
//! it is, or *may* hold for some of it.
//!
//! The meaning is that of [`crate::walk`], packet by packet; tests hold the two together.

mod chain;
mod change;
mod compile;
mod condition;
mod device;
mod gates;
mod layout;
mod matrix;
mod names;
mod nat;
mod notice;
mod passage;
mod path;
mod point;
mod query;
mod redundant;
mod replies;
mod share;

pub use change::{Becomes, Change};
pub(crate) use device::routed;
pub use layout::{Universe, Version};
pub use matrix::{Matrix, Service};
pub use passage::{Known, Passage};
pub use query::{Allowed, Decided, Difference, Shadow};
pub(crate) use replies::stops_beside_translation;

pub use redundant::{Redundant, Wanted};

use crate::walk::{By, Outcome};
use std::collections::BTreeMap;
use ww_packetset::{Map, Terminal};

/// What becomes of the packets of a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fate {
    /// How they end.
    pub outcome: Outcome,
    /// Who decided that, as [`crate::walk::Walk::by`] has it.
    pub by: By,
    /// Who let them pass in each base chain on the way, in order; the last decision too.
    pub trail: Vec<By>,
    /// How they were changed until then.
    pub change: Change,
    /// How much the decision says.
    weight: path::Weight,
}

/// A rule set as a function: a map whose decisions stand for fates.
#[derive(Clone, Debug)]
pub struct Function {
    /// The map; good in the universe that made it.
    pub map: Map,
    fates: BTreeMap<Terminal, Fate>,
}

impl Function {
    /// The fate behind a decision of the map.
    pub fn fate(&self, decision: Terminal) -> Option<&Fate> {
        self.fates.get(&decision)
    }

    /// Whether some packet is translated on its way.
    pub fn translates(&self) -> bool {
        self.fates.values().any(|fate| {
            let Change {
                src,
                dst,
                sport,
                dport,
                ..
            } = &fate.change;
            [src, dst, sport, dport].iter().any(|moved| moved.is_some())
        })
    }

    /// Whether a decision is to let the packet pass.
    fn passes(&self, decision: Terminal) -> bool {
        self.fate(decision)
            .is_some_and(|fate| fate.outcome == Outcome::Accept)
    }
}

#[cfg(test)]
mod tests;
