//! What passes a device of packets of which some things are known, and how it is changed there.

use super::Function;
use super::change::{Becomes, Change};
use super::layout::Universe;
use super::query::Allowed;
use crate::walk::Outcome;
use std::collections::BTreeMap;
use ww_model::filter::Field;
use ww_model::packet::CtState;
use ww_packetset::{LevelId, NONE, Set, TooLarge};

/// What is known of all packets that come to a device without a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<'k> {
    /// The interface they come in on.
    pub iif: Option<&'k str>,
    /// The interface they would leave by if nothing were translated.
    pub oif: Option<&'k str>,
    /// What connection tracking thinks of them.
    pub state: CtState,
}

/// Packets that pass and are changed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// What becomes of their addresses and ports.
    pub change: Change,
    /// Whether they have a mark now, or may have one.
    pub marked: bool,
    /// The packets, as they come.
    pub packets: Allowed,
}

impl Universe<'_> {
    /// What passes, by what becomes of it. Packets are told by what is known of them.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn passages(
        &mut self,
        function: &Function,
        known: Known<'_>,
    ) -> Result<Vec<Passage>, TooLarge> {
        let mut map = function.map;
        for (level, name) in [(self.iif, known.iif), (self.oif, known.oif)] {
            if let Some(class) = name.and_then(|name| self.class_of(name)) {
                map = self.space.restrict(map, level, class)?;
            }
        }
        if let Some(level) = self.level(Field::CtState) {
            map = self.space.restrict(map, level, known.state.number())?;
        }
        for level in self.levels(Field::Mark) {
            map = self.space.restrict(map, level, 0)?;
        }
        let begins = known.state == CtState::New;
        let mut groups: BTreeMap<(Change, bool), [Vec<Set>; 2]> = BTreeMap::new();
        for (decision, region) in self.space.regions(map)? {
            let Some(fate) = function.fate(decision) else {
                continue;
            };
            let is_sure = match fate.outcome {
                Outcome::Accept => true,
                Outcome::Unknown => false,
                Outcome::Drop | Outcome::Reject(_) => continue,
            };
            let change = &fate.change;
            let moved = Change::of([change.src, change.dst], [change.sport, change.dport]);
            let group = (moved, change.marks(begins));
            let [possible, sure] = groups.entry(group).or_default();
            possible.push(region);
            if is_sure {
                sure.push(region);
            }
        }
        let mut free = self.hidden.clone();
        free.extend([self.iif, self.oif]);
        let mut passages = Vec::new();
        for ((change, marked), [possible, sure]) in groups {
            let (possible, sure) = (self.space.or_all(&possible)?, self.space.or_all(&sure)?);
            let packets = self.known_of(sure, possible, &free)?;
            passages.push(Passage {
                change,
                marked,
                packets,
            });
        }
        Ok(passages)
    }

    /// The packets that are in the set once they are changed so.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn undone(&mut self, set: Set, change: &Change) -> Result<Allowed, TooLarge> {
        let map = self.after(set.as_map(), change)?;
        let set = self.space.select(map, |inside| inside != NONE)?;
        let moved = [change.src, change.dst, change.sport, change.dport];
        let is_drawn = |one: &Option<Becomes>| matches!(one, Some(Becomes::OneOf(..)));
        if !moved.iter().any(is_drawn) {
            return Ok(Allowed {
                must: set,
                may: set,
            });
        }
        let free = self.hidden.clone();
        self.known_of(set, set, &free)
    }

    /// What holds whatever is on the free levels, and what holds for something there.
    fn known_of(
        &mut self,
        sure: Set,
        possible: Set,
        free: &[LevelId],
    ) -> Result<Allowed, TooLarge> {
        Ok(Allowed {
            must: self.space.forall(sure, free)?,
            may: self.space.exists(possible, free)?,
        })
    }
}
