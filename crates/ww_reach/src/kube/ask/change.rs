//! What a change to a cluster opens and closes, with the lines that did it.

use super::spots::Spot;
use super::{Pair, fields};
use crate::address;
use crate::answer::{Change, Step};
use crate::kube::diff::{Members, Side, diff};
use crate::kube::{Connections, EndpointId, Reach};

/// The flows that `new` allows and `old` did not, then those that it does not allow any more.
pub fn changes(old: &Reach<'_>, new: &Reach<'_>) -> Vec<Change> {
    let difference = diff(old, new);
    let mut opened = Vec::new();
    let mut closed = Vec::new();
    for change in &difference.changes {
        let sides = (
            difference.sides.get(change.from),
            difference.sides.get(change.to),
        );
        let (Some(from), Some(to)) = sides else {
            continue;
        };
        let ends = Ends { old, new, from, to };
        for (what, list, is_open) in [
            (change.opened(), &mut opened, true),
            (change.closed(), &mut closed, false),
        ] {
            if !what.is_empty() {
                list.extend(ends.told(&what, is_open));
            }
        }
    }
    opened.append(&mut closed);
    opened
}

/// Both ends of a change, in both states.
struct Ends<'a, 'c> {
    old: &'a Reach<'c>,
    new: &'a Reach<'c>,
    from: &'a Side,
    to: &'a Side,
}

impl Ends<'_, '_> {
    /// One change per protocol.
    fn told(&self, what: &Connections, opened: bool) -> Vec<Change> {
        let (from, to) = (names(self.from), names(self.to));
        let (Some(first_from), Some(first_to)) = (from.first(), to.first()) else {
            return Vec::new();
        };
        let spot = |name: &str| Spot::at(EndpointId(0), name.to_owned());
        let (one_from, one_to) = (spot(first_from), spot(first_to));
        let pair = Pair {
            from: &one_from,
            to: &one_to,
            asked: what.clone(),
            allowed: what.clone(),
        };
        let one = pair.smallest();
        let before = steps(self.old, (self.from.old, self.to.old), &pair, &one);
        let after = steps(self.new, (self.from.new, self.to.new), &pair, &one);
        let mut flows = fields(&[&pair]);
        for flow in &mut flows {
            for (field, values) in &mut flow.fields {
                match *field {
                    "src" => values.clone_from(&from),
                    "dst" => values.clone_from(&to),
                    _ => {}
                }
            }
        }
        flows
            .into_iter()
            .map(|flow| Change {
                opened,
                flow,
                witness: pair.packet(&one),
                before: before.clone(),
                after: after.clone(),
            })
            .collect()
    }
}

/// The lines that decide in one state; none where one of the ends is not there.
fn steps(
    reach: &Reach<'_>,
    (from, to): (Option<EndpointId>, Option<EndpointId>),
    pair: &Pair<'_>,
    one: &Connections,
) -> Vec<Step> {
    let (Some(from), Some(to)) = (from, to) else {
        return Vec::new();
    };
    let (from, to) = (
        Spot::at(from, pair.from.name.clone()),
        Spot::at(to, pair.to.name.clone()),
    );
    let pair = Pair {
        from: &from,
        to: &to,
        asked: pair.asked.clone(),
        allowed: pair.allowed.clone(),
    };
    reach.steps(&pair, one)
}

fn names(side: &Side) -> Vec<String> {
    match &side.members {
        Members::Parties(parties) => parties
            .iter()
            .map(|party| format!("{}/{}", party.namespace, party.name))
            .collect(),
        Members::Addresses { is_v6, ranges } => ranges
            .iter()
            .map(|(first, last)| address::text(*is_v6, *first, *last))
            .collect(),
    }
}
