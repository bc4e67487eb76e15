//! Rule lists over addresses, protocol and ports, for programs of others: nothing in them but what
//! every one of them can express.

pub(crate) mod bdd;
pub(crate) mod smt;

use std::array;

use ww_packetset::{Bounds, LevelId, Map, Set, Space, TooLarge};

use crate::bench::Rng;

/// The fields of a point: their names, and how many bits they have.
pub(crate) const FIELDS: [(&str, u32); 5] = [
    ("src", 32),
    ("dst", 32),
    ("proto", 8),
    ("sport", 16),
    ("dport", 16),
];

/// One number per field.
pub(crate) type Point = [u32; FIELDS.len()];

/// A rule: an inclusive range of each field, or all of it, and whether what fits is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) sides: [Option<(u32, u32)>; FIELDS.len()],
    pub(crate) accept: bool,
}

/// A list with few distinct numbers, so that rules overlap, and ranges of every shape, so that
/// borders are odd.
pub(crate) fn tangled(count: usize, rng: &mut Rng) -> Vec<Rule> {
    let mut side = |width: u32| {
        if rng.range(0, 3) == 0 {
            return None;
        }
        let (base, shift) = (rng.range(0, 8) << (width - 3), rng.range(0, 5));
        let first = base | shift;
        let last = first + (1 << rng.range(0, u64::from(width.min(20)))) - 1;
        Some((first as u32, last.min(u64::from(most(width))) as u32))
    };
    let sides: Vec<_> = (0..count)
        .map(|_| FIELDS.map(|(_, width)| side(width)))
        .collect();
    let rule = |sides| Rule {
        sides,
        accept: rng.range(0, 2) == 0,
    };
    sides.into_iter().map(rule).collect()
}

/// A list as gateways have it: hosts and networks of one zone to those of another, one service each,
/// most of it accepted.
pub(crate) fn gateway(count: usize, rng: &mut Rng) -> Vec<Rule> {
    (0..count).map(|_| gateway_rule(rng)).collect()
}

/// Zones, each a network of prefix 12; networks of prefix 24 in a zone, and hosts in those.
const ZONES: u64 = 5;
const NETWORKS: u64 = 40;
const HOSTS: u64 = 10;
const SERVICES: [u32; 12] = [22, 25, 53, 80, 123, 389, 443, 445, 3306, 5432, 6379, 8080];

fn gateway_rule(rng: &mut Rng) -> Rule {
    let from = rng.range(0, ZONES);
    let to = (from + rng.range(1, ZONES)) % ZONES;
    let (src, dst) = (addresses(from, rng), addresses(to, rng));
    let place = rng.range(0, SERVICES.len() as u64) as usize;
    let service = SERVICES.get(place).copied().unwrap_or_default();
    let ports = if rng.range(0, 20) == 0 {
        let first = 30_000 + rng.range(0, 100) as u32 * 100;
        (first, first + 99)
    } else {
        (service, service)
    };
    let protocol = if rng.range(0, 5) == 0 { 17 } else { 6 };
    Rule {
        sides: [
            Some(src),
            Some(dst),
            Some((protocol, protocol)),
            None,
            Some(ports),
        ],
        accept: rng.range(0, 8) > 0,
    }
}

/// A host, a network or all of a zone.
fn addresses(zone: u64, rng: &mut Rng) -> (u32, u32) {
    let first = (10 << 24 | (zone + 1) << 20) as u32;
    let network = first + (rng.range(0, NETWORKS) << 10) as u32;
    let host = network + 10 + rng.range(0, HOSTS) as u32;
    match rng.range(0, 20) {
        0..12 => (host, host),
        12..19 => (network, network | 0xff),
        _ => (first, first | 0xf_ffff),
    }
}

/// The same list with so many rules replaced.
pub(crate) fn edited(rules: &[Rule], edits: usize, rng: &mut Rng) -> Vec<Rule> {
    let mut rules = rules.to_vec();
    for _ in 0..edits {
        let place = rng.range(0, rules.len() as u64) as usize;
        if let Some(rule) = rules.get_mut(place) {
            *rule = gateway_rule(rng);
        }
    }
    rules
}

/// The largest number of so many bits.
pub(crate) fn most(width: u32) -> u32 {
    u32::MAX >> (32 - width)
}

/// Our diagrams of rule lists.
pub(crate) struct Diagrams {
    space: Space,
    levels: [LevelId; FIELDS.len()],
}

/// The diagram of one list.
#[derive(Clone, Copy)]
pub(crate) struct Diagram {
    /// To every point, the number of the rule that decides about it, counted from 1; 0 where none.
    deciding: Map,
    /// The points that are accepted.
    accepted: Set,
}

impl Diagrams {
    pub(crate) fn new() -> Result<Diagrams, TooLarge> {
        let mut space = Space::new(Bounds::default());
        let mut levels = Vec::with_capacity(FIELDS.len());
        for (name, width) in FIELDS {
            levels.push(space.interval(name, most(width).into())?);
        }
        let mut levels = levels.into_iter();
        let first = space.interval("unused", 1)?;
        let levels = array::from_fn(|_| levels.next().unwrap_or(first));
        Ok(Diagrams { space, levels })
    }

    /// The first rule that fits decides; what none fits is not accepted.
    pub(crate) fn of(&mut self, rules: &[Rule]) -> Result<Diagram, TooLarge> {
        let mut maps = Vec::with_capacity(rules.len());
        for (number, rule) in (1..).zip(rules) {
            let sides: Vec<_> = self
                .levels
                .iter()
                .zip(rule.sides)
                .filter_map(|(level, side)| {
                    let (first, last) = side?;
                    Some((*level, vec![(first.into(), last.into())]))
                })
                .collect();
            let fits = self.space.cube(&sides)?;
            let decision = self.space.constant(number)?;
            maps.push(self.space.keep(decision, fits)?);
        }
        let deciding = self.space.first_all(&maps)?;
        let accepts = |number: u32| {
            let place = (number as usize).checked_sub(1);
            let rule = place.and_then(|place| rules.get(place));
            rule.is_some_and(|rule| rule.accept)
        };
        let accepted = self.space.select(deciding, accepts)?;
        Ok(Diagram { deciding, accepted })
    }

    pub(crate) fn accepts(&self, list: Diagram, point: &Point) -> bool {
        self.space.has(list.accepted, &point.map(u128::from))
    }

    /// Whether two lists accept the same points.
    pub(crate) fn equal(left: Diagram, right: Diagram) -> bool {
        left.accepted == right.accepted
    }

    /// A point that is accepted.
    pub(crate) fn witness(&self, list: Diagram) -> Option<Point> {
        self.space
            .witness(list.accepted)
            .map(|point| narrow(&point))
    }

    /// Whether each of so many rules ever decides.
    pub(crate) fn live(&self, list: Diagram, count: usize) -> Vec<bool> {
        let terminals = self.space.terminals(list.deciding);
        (1..=count as u32)
            .map(|number| terminals.contains(&number))
            .collect()
    }

    /// Points at the borders of a list.
    pub(crate) fn corners(&self, list: Diagram, most: usize) -> Vec<Point> {
        let corners = self.space.corners(list.deciding, most);
        corners.iter().map(|point| narrow(point)).collect()
    }
}

fn narrow(point: &[u128]) -> Point {
    array::from_fn(|field| point.get(field).copied().unwrap_or_default() as u32)
}
