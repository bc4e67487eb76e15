//! What a change of a device's rules opens and closes.

use ww_base::Limits;
use ww_model::Device;
use ww_model::Ranges;
use ww_model::filter::{Field, Hook};
use ww_model::packet::CtState;
use ww_packetset::Bounds;

use super::{boxes, steps, too_large};
use crate::answer::{Change, Traffic};
use crate::symbolic::{Difference, Universe, Version};
use crate::walk::{self, Outcome, Walker};

/// Boxes per change.
const BOXES: usize = 64;

const ROUTES: [(Hook, &str); 3] = [
    (Hook::Input, "to the device"),
    (Hook::Forward, "through the device"),
    (Hook::Output, "from the device"),
];

/// New connections that pass `new` and did not pass `old`, then those that do not pass any more; one
/// change for each pair of deciding lines.
///
/// # Errors
/// A sentence, when the rules are too intricate for an exact answer.
pub fn changes(old: &Device, new: &Device, limits: &Limits) -> Result<Vec<Change>, String> {
    let stacks = (walk::Device::of(&old.stack), walk::Device::of(&new.stack));
    let (mut opened, mut closed) = (Vec::new(), Vec::new());
    for version in [Version::V4, Version::V6] {
        let mut universe = universe(old, new, version)?;
        for (route, way) in ROUTES {
            let differences = differences(&mut universe, &stacks, route)?;
            for difference in differences {
                let list = match passes(&difference) {
                    Some(true) => &mut opened,
                    Some(false) => &mut closed,
                    None => continue,
                };
                let is_open = passes(&difference) == Some(true);
                let before = Walker::new(&old.filter, stacks.0.as_ref(), limits);
                let after = Walker::new(&new.filter, stacks.1.as_ref(), limits);
                for (flow, packet) in boxes::with_examples(&mut universe, difference.packets, BOXES)
                    .map_err(too_large)?
                {
                    list.push(Change {
                        opened: is_open,
                        flow: Traffic::default().with_one("way", way).and(flow),
                        witness: Some(boxes::packet_on(route, &packet)),
                        before: steps::decisive(old, &before, route, &packet),
                        after: steps::decisive(new, &after, route, &packet),
                    });
                }
            }
        }
    }
    opened.append(&mut closed);
    Ok(opened)
}

fn universe<'a>(
    old: &'a Device,
    new: &'a Device,
    version: Version,
) -> Result<Universe<'a>, String> {
    let interfaces = old.stack.interfaces.iter().chain(&new.stack.interfaces);
    let names: Vec<&str> = interfaces.map(|one| one.name.as_str()).collect();
    Universe::new(
        &[&old.filter, &new.filter],
        version,
        &names,
        Bounds::default(),
    )
    .map_err(too_large)
}

/// First packets of connections that fare differently.
fn differences(
    universe: &mut Universe<'_>,
    stacks: &(Option<walk::Device>, Option<walk::Device>),
    route: Hook,
) -> Result<Vec<Difference>, String> {
    let mut find = || {
        let before = universe.compile(0, stacks.0.as_ref(), route)?;
        let after = universe.compile(1, stacks.1.as_ref(), route)?;
        let new = Ranges::one(CtState::New.number());
        let new = universe.numbers(Field::CtState, &new)?;
        let mut found = universe.diff(&before, &after)?;
        for difference in &mut found {
            difference.packets = universe.space.and(difference.packets, new)?;
        }
        found.retain(|difference| !difference.packets.is_empty());
        Ok(found)
    };
    find().map_err(too_large)
}

/// Whether a difference opens something; none where packets pass before and after, or neither. What
/// may pass counts as passing.
fn passes(difference: &Difference) -> Option<bool> {
    let gets_through = |outcome| matches!(outcome, Outcome::Accept | Outcome::Unknown);
    let (before, after) = (
        gets_through(difference.before.0),
        gets_through(difference.after.0),
    );
    (before != after).then_some(after)
}

/// A packet that fares differently on two devices, with what happens to it on each; none when there
/// is none.
///
/// # Errors
/// As [`changes`].
pub fn distinguish(
    left: &Device,
    right: &Device,
    limits: &Limits,
) -> Result<Option<Change>, String> {
    let stacks = (
        walk::Device::of(&left.stack),
        walk::Device::of(&right.stack),
    );
    for version in [Version::V4, Version::V6] {
        let mut universe = universe(left, right, version)?;
        for (route, way) in ROUTES {
            let mut find = || {
                let before = universe.compile(0, stacks.0.as_ref(), route)?;
                let after = universe.compile(1, stacks.1.as_ref(), route)?;
                universe.distinguish(&before, &after)
            };
            let Some(packet) = find().map_err(too_large)? else {
                continue;
            };
            let first = Walker::new(&left.filter, stacks.0.as_ref(), limits);
            let second = Walker::new(&right.filter, stacks.1.as_ref(), limits);
            let flow = Traffic::default().with_one("way", way);
            return Ok(Some(Change {
                opened: second.decide(route, &packet).outcome == Outcome::Accept,
                flow: flow.and(boxes::packet_on(route, &packet)),
                witness: Some(boxes::packet_on(route, &packet)),
                before: steps::decisive(left, &first, route, &packet),
                after: steps::decisive(right, &second, route, &packet),
            }));
        }
    }
    Ok(None)
}
