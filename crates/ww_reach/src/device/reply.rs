//! Whose reply gets through.

use std::collections::BTreeMap;

use ww_model::Ranges;
use ww_model::filter::{Field, Hook, Ruleset};
use ww_model::packet::{CtState, protocol};
use ww_packetset::{LevelId, PacketBox, Set, TooLarge};

use super::steps::reversed;
use crate::symbolic::{Allowed, Function, Universe, stops_beside_translation};
use crate::walk;

/// Boxes of replies beyond which they are not turned round.
const BOXES: usize = 4_096;

/// Flags of the reply to a SYN.
const SYN_ACK: u128 = 0x12;

/// The first packets whose replies pass. Nothing where replies cannot be turned round exactly: it is
/// not known where translated packets go, chains see replies that are not translated back yet, or
/// there are too many kinds of replies.
pub(super) fn answered(
    universe: &mut Universe<'_>,
    function: &Function,
    ruleset: &Ruleset,
    stack: Option<&walk::Device>,
    route: Hook,
) -> Result<Option<Allowed>, TooLarge> {
    if !function.translates() {
        return not_translated(universe, stack, route);
    }
    let routes = universe.final_routes(function, stack, route);
    let Some(routes) = routes.filter(|_| !stops_beside_translation(ruleset)) else {
        return Ok(None);
    };
    let mut replies = BTreeMap::new();
    for last in routes {
        let Some(passing) = not_translated(universe, stack, last)? else {
            return Ok(None);
        };
        replies.insert(last, passing);
    }
    universe
        .answered(function, stack, route, &replies)
        .map(Some)
}

/// The first packets that leave as they came, and whose replies pass.
fn not_translated(
    universe: &mut Universe<'_>,
    stack: Option<&walk::Device>,
    route: Hook,
) -> Result<Option<Allowed>, TooLarge> {
    let back = universe.compile(0, stack, reversed(route))?;
    let passes = universe.allowed(&back)?;
    let replies = replies(universe)?;
    let must = universe.space.and(passes.must, replies)?;
    let may = universe.space.and(passes.may, replies)?;
    let (Some(must), Some(may)) = (turned(universe, must)?, turned(universe, may)?) else {
        return Ok(None);
    };
    Ok(Some(Allowed { must, may }))
}

/// Replies to first packets.
fn replies(universe: &mut Universe<'_>) -> Result<Set, TooLarge> {
    let state = Ranges::one(CtState::Established.number());
    let established = universe.numbers(Field::CtState, &state)?;
    let kinds = kinds(universe)?;
    universe.space.and(established, kinds)
}

/// Packets with the flags and types that replies have.
pub(crate) fn kinds(universe: &mut Universe<'_>) -> Result<Set, TooLarge> {
    let mut kinds = Vec::new();
    for (number, field, value) in [
        (protocol::TCP, Some(Field::TcpFlags), SYN_ACK),
        (protocol::ICMP, Some(Field::IcmpType), 0),
        (protocol::ICMPV6, Some(Field::Icmp6Type), 129),
    ] {
        let one = universe.numbers(Field::Protocol, &Ranges::one(number.into()))?;
        let narrowed = match field {
            Some(field) => universe.numbers(field, &Ranges::one(value))?,
            None => universe.space.all(),
        };
        kinds.push(universe.space.and(one, narrowed)?);
    }
    let special = [protocol::TCP, protocol::ICMP, protocol::ICMPV6];
    let special = Ranges::of(special.map(|number| (number.into(), number.into())));
    kinds.push(universe.numbers(Field::Protocol, &special.not(255))?);
    universe.space.or_all(&kinds)
}

/// The same set with source and destination exchanged, and free in what a first packet has of its
/// own: flags, types, state.
fn turned(universe: &mut Universe<'_>, set: Set) -> Result<Option<Set>, TooLarge> {
    let Some(pairs) = exchanged(universe) else {
        return Ok(None);
    };
    let own: Vec<LevelId> = [
        Field::TcpFlags,
        Field::IcmpType,
        Field::IcmpCode,
        Field::CtState,
    ]
    .into_iter()
    .flat_map(|field| universe.levels(field))
    .collect();
    let set = universe.space.exists(set, &own)?;
    exchange(universe, set, &pairs)
}

/// The same set with the numbers of these levels exchanged; nothing where it has too many boxes.
pub(crate) fn exchange(
    universe: &mut Universe<'_>,
    set: Set,
    pairs: &[(LevelId, LevelId)],
) -> Result<Option<Set>, TooLarge> {
    let read = universe.space.support(set.as_map());
    let touches = |level: &LevelId| pairs.iter().any(|(a, b)| level == a || level == b);
    if !read.iter().any(touches) {
        return Ok(Some(set));
    }
    let list = universe.space.boxes(set, BOXES);
    if !list.complete {
        return Ok(None);
    }
    let mut cubes = Vec::with_capacity(list.boxes.len());
    for one in &list.boxes {
        cubes.push(universe.space.cube(&turned_sides(one, pairs))?);
    }
    universe.space.or_all(&cubes).map(Some)
}

fn turned_sides(
    one: &PacketBox,
    pairs: &[(LevelId, LevelId)],
) -> Vec<(LevelId, Vec<(u128, u128)>)> {
    one.sides
        .iter()
        .map(|(level, ranges)| {
            let other = pairs.iter().find_map(|(a, b)| match level {
                _ if level == a => Some(*b),
                _ if level == b => Some(*a),
                _ => None,
            });
            (other.unwrap_or(*level), ranges.clone())
        })
        .collect()
}

/// Levels that change places; none where addresses are kept bit by bit.
pub(crate) fn exchanged(universe: &Universe<'_>) -> Option<[(LevelId, LevelId); 3]> {
    Some([
        (
            universe.level(universe.address_field(true))?,
            universe.level(universe.address_field(false))?,
        ),
        (
            universe.level(Field::SrcPort)?,
            universe.level(Field::DstPort)?,
        ),
        universe.interface_levels(),
    ])
}
