//! What rule sets can tell apart, and the levels it is kept on.

use super::Fate;
use super::compile::{Context, End, Fragment, Table};
use super::gates::gates;
use super::names::Names;
use super::share::Labels;
use crate::walk::Device;
use std::collections::{BTreeMap, BTreeSet};
use ww_model::Ranges;
use ww_model::filter::{
    Action, ChainId, Condition, Field, NamePattern, Nat, NatKind, Ruleset, Step, Way,
};
use ww_packetset::{Bounds, LevelId, PacketBox, Set, Space, TooLarge};

/// A version of IP; packets of the two never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Version {
    /// The greatest address.
    pub fn max_address(self) -> u128 {
        match self {
            Version::V4 => u128::from(u32::MAX),
            Version::V6 => u128::MAX,
        }
    }
}

/// A packet field on levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// One level for the whole number.
    Whole(LevelId),
    /// One level for each bit, the most significant first; `None` for bits that nothing asks for.
    Bits(Vec<Option<LevelId>>),
    /// A number that is the same in all packets.
    Fixed(u128),
}

/// Everything that some rule sets can tell apart in packets of one IP version, as the levels of a
/// [`Space`], and the sets and functions made there.
///
/// The levels are, in order: destination, source, interfaces, protocol, destination port, ICMP type
/// and code, source port, TCP flags, state, marks, then what is not known. Where much is not known of
/// senders, the source and the interface of entry come first, and what is not known next if it is
/// little.
#[derive(Debug)]
pub struct Universe<'a> {
    /// Where the diagrams live.
    pub space: Space,
    pub(super) rulesets: Vec<&'a Ruleset>,
    pub(super) version: Version,
    pub(super) places: BTreeMap<Field, Place>,
    pub(super) iif: LevelId,
    pub(super) oif: LevelId,
    pub(super) names: Names,
    pub(super) patterns: BTreeSet<NamePattern>,
    /// Levels of what is not known; quantified by every answer.
    pub(super) hidden: Vec<LevelId>,
    /// The unknowns of rule sets, by the rule set's number.
    pub(super) unknowns: BTreeMap<(usize, u32), LevelId>,
    /// What translations draw from, by field and range.
    pub(super) draws: BTreeMap<(Field, u128, u128), LevelId>,
    /// Something reads the connection's translations.
    pub(super) reads_nat: bool,
    pub(super) labels: Labels,
    /// What parts of chains lead to, by the numbers that maps have for it.
    pub(super) ends: Table<End>,
    /// Fates by number, of all rule sets.
    pub(super) fates: Table<Fate>,
    /// Chains that are done, by rule set, place on the path and device.
    pub(super) chains: BTreeMap<(usize, ChainId, Context, usize), Fragment>,
    /// The devices that were asked about, counted from 1.
    devices: Vec<Device>,
}

/// What conditions and actions mention.
#[derive(Default)]
struct Mentions {
    patterns: BTreeSet<NamePattern>,
    /// The bits of each field that are asked for.
    bits: BTreeMap<Field, u128>,
    /// Fields of which other bits than the leading ones count.
    scattered: BTreeSet<Field>,
    unknowns: BTreeSet<u32>,
    copies_marks: bool,
}

impl<'a> Universe<'a> {
    /// What these rule sets can tell apart. `interfaces` are names that the caller wants to tell
    /// apart besides, those of the device above all. Rule sets are known by their place in the list from then on.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn new(
        rulesets: &[&'a Ruleset],
        version: Version,
        interfaces: &[&str],
        bounds: Bounds,
    ) -> Result<Universe<'a>, TooLarge> {
        Universe::asking(rulesets, version, interfaces, 0, bounds)
    }

    /// The same, where something besides the rule sets asks for these bits of marks.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn asking(
        rulesets: &[&'a Ruleset],
        version: Version,
        interfaces: &[&str],
        marks: u32,
        bounds: Bounds,
    ) -> Result<Universe<'a>, TooLarge> {
        let mentions: Vec<Mentions> = rulesets.iter().map(|ruleset| mentions(ruleset)).collect();
        let all = Mentions::of_all(&mentions, marks);
        let known = interfaces.iter().map(|name| (*name).to_owned()).collect();
        let names = Names::new(&all.patterns, &known);
        let mut space = Space::new(bounds);
        let mut places = BTreeMap::new();
        let (source, destination) = match version {
            Version::V4 => (Field::Src4, Field::Dst4),
            Version::V6 => (Field::Src6, Field::Dst6),
        };
        let mut address = |space: &mut Space, field: Field| -> Result<(), TooLarge> {
            let place = address(space, field, version, &all)?;
            places.insert(field, place);
            Ok(())
        };
        let unknowns: Vec<BTreeMap<u32, Unknown>> = mentions
            .iter()
            .zip(rulesets)
            .map(|(one, ruleset)| unknowns_of(&one.unknowns, ruleset))
            .collect();
        let mut levels: BTreeMap<Unknown, LevelId> = BTreeMap::new();
        let gates: usize = rulesets.iter().map(|ruleset| gates(ruleset)).sum();
        let (iif, oif);
        if gates > MANY_GATES {
            address(&mut space, source)?;
            iif = space.atoms("iif", names.len())?;
            if unknowns
                .iter()
                .all(|unknowns| unknowns.len() <= FEW_UNKNOWNS)
            {
                for unknowns in &unknowns {
                    declare(&mut space, unknowns.values(), &mut levels)?;
                }
            }
            address(&mut space, destination)?;
        } else {
            address(&mut space, destination)?;
            address(&mut space, source)?;
            iif = space.atoms("iif", names.len())?;
        }
        oif = space.atoms("oif", names.len())?;
        for (field, max) in NUMBERS {
            let in_bits = IN_BITS.contains(&field) && all.scattered.contains(&field);
            let place = if in_bits {
                bits(&mut space, field, u128::MAX)?
            } else {
                whole(&mut space, field, max)?
            };
            places.insert(field, place);
        }
        share_icmp(&mut places);
        places.insert(Field::LaterFragment, Place::Fixed(0));
        let number = if version == Version::V4 { 4 } else { 6 };
        places.insert(Field::IpVersion, Place::Fixed(number));
        for field in [Field::Mark, Field::CtMark, Field::Dscp, Field::CtNat] {
            let place = bits(&mut space, field, all.asked(field))?;
            places.insert(field, place);
        }
        let mut hidden: Vec<LevelId> = [Field::CtMark, Field::CtNat]
            .iter()
            .filter_map(|field| places.get(field))
            .flat_map(levels_of)
            .collect();
        for (field, max) in HIDDEN {
            if all.bits.contains_key(&field) {
                let place = whole(&mut space, field, max)?;
                hidden.extend(levels_of(&place));
                places.insert(field, place);
            }
        }
        for unknowns in &unknowns {
            declare(&mut space, unknowns.values(), &mut levels)?;
        }
        hidden.extend(levels.values());
        Ok(Universe {
            space,
            rulesets: rulesets.to_vec(),
            version,
            places,
            iif,
            oif,
            names,
            patterns: all.patterns,
            hidden,
            unknowns: by_ruleset(&unknowns, &levels),
            draws: BTreeMap::new(),
            reads_nat: all.bits.contains_key(&Field::CtNat),
            labels: Labels::new(rulesets),
            ends: Table::new(),
            fates: Table::new(),
            chains: BTreeMap::new(),
            devices: Vec::new(),
        })
    }

    /// The number of a device, 0 where nothing is known of it.
    pub(super) fn device_number(&mut self, device: Option<&Device>) -> usize {
        let Some(device) = device else { return 0 };
        let place = self.devices.iter().position(|known| known == device);
        let place = place.unwrap_or_else(|| {
            self.devices.push(device.clone());
            self.devices.len() - 1
        });
        place + 1
    }

    /// The level on which a translation draws a number of the range.
    pub(super) fn drawn_from(
        &mut self,
        field: Field,
        first: u128,
        last: u128,
    ) -> Result<LevelId, TooLarge> {
        if let Some(level) = self.draws.get(&(field, first, last)) {
            return Ok(*level);
        }
        let level = self.space.interval("drawn", last - first)?;
        self.draws.insert((field, first, last), level);
        self.hidden.push(level);
        Ok(level)
    }

    /// The field's place; nothing for one that packets of this version do not have.
    pub(super) fn place(&self, field: Field) -> Option<&Place> {
        self.places.get(&field)
    }

    /// The level of a field that is on one level.
    pub fn level(&self, field: Field) -> Option<LevelId> {
        match self.place(field) {
            Some(Place::Whole(level)) => Some(*level),
            _ => None,
        }
    }

    /// The packets whose field is this number.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn number_is(&mut self, field: Field, number: u128) -> Result<Set, TooLarge> {
        match self.place(field).cloned() {
            Some(Place::Whole(level)) => self.space.within(level, [(number, number)]),
            Some(Place::Bits(bits)) => self.space.bits_within(&bits, number, number),
            Some(Place::Fixed(fixed)) if fixed == number => Ok(self.space.all()),
            Some(Place::Fixed(_)) | None => Ok(self.space.none()),
        }
    }

    /// The packets whose field is one of these numbers.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn numbers(&mut self, field: Field, numbers: &Ranges) -> Result<Set, TooLarge> {
        match self.place(field).cloned() {
            Some(Place::Whole(level)) => self.space.within(level, numbers.iter()),
            Some(Place::Bits(bits)) => {
                let mut sets = Vec::new();
                for (first, last) in numbers.iter() {
                    sets.push(self.space.bits_within(&bits, first, last)?);
                }
                self.space.or_all(&sets)
            }
            Some(Place::Fixed(fixed)) if numbers.contains(fixed) => Ok(self.space.all()),
            Some(Place::Fixed(_)) | None => Ok(self.space.none()),
        }
    }

    /// The levels of a field: one, or one for each bit that a rule asks for.
    pub fn levels(&self, field: Field) -> Vec<LevelId> {
        self.place(field).map_or(Vec::new(), levels_of)
    }

    /// The levels of the interfaces by which packets come and go.
    pub fn interface_levels(&self) -> (LevelId, LevelId) {
        (self.iif, self.oif)
    }

    /// The interfaces that a box is about, by way; none for ways that do not matter to it. Names
    /// that no rule tells apart are one name.
    pub fn interfaces_of(&self, one: &PacketBox) -> Vec<(&'static str, Vec<String>)> {
        [("iif", self.iif), ("oif", self.oif)]
            .into_iter()
            .filter_map(|(way, level)| {
                let classes = one
                    .side(level)?
                    .iter()
                    .flat_map(|(first, last)| *first..=*last);
                Some((way, classes.map(|class| self.names.words(class)).collect()))
            })
            .collect()
    }

    /// The version of IP.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The field of the source or destination address.
    pub fn address_field(&self, source: bool) -> Field {
        match (self.version, source) {
            (Version::V4, true) => Field::Src4,
            (Version::V4, false) => Field::Dst4,
            (Version::V6, true) => Field::Src6,
            (Version::V6, false) => Field::Dst6,
        }
    }
}

/// With more rules that ask something unknown of senders, senders come first.
const MANY_GATES: usize = 16;

/// So many unknowns may stand above destinations; each may double what is below.
const FEW_UNKNOWNS: usize = 16;

/// An unknown by its words, and which of equal ones it is.
type Unknown = (String, u32);

/// The unknowns of a rule set. What rule sets say in the same words is the same unknown, the nth of
/// one being the nth of another.
fn unknowns_of(asked: &BTreeSet<u32>, ruleset: &Ruleset) -> BTreeMap<u32, Unknown> {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let unknowns = asked.iter().map(|id| {
        let unknown = ruleset.unknowns.get(*id as usize);
        let text = unknown.map_or("", |unknown| unknown.text.as_str());
        let nth = seen.entry(text).or_default();
        *nth += 1;
        (*id, (text.to_owned(), *nth))
    });
    unknowns.collect()
}

/// The levels of the unknowns of each rule set.
fn by_ruleset(
    unknowns: &[BTreeMap<u32, Unknown>],
    levels: &BTreeMap<Unknown, LevelId>,
) -> BTreeMap<(usize, u32), LevelId> {
    let mut by_ruleset = BTreeMap::new();
    for (number, unknowns) in unknowns.iter().enumerate() {
        for (id, unknown) in unknowns {
            let level = levels.get(unknown).copied();
            by_ruleset.extend(level.map(|level| ((number, *id), level)));
        }
    }
    by_ruleset
}

/// A level for each unknown that has none yet.
fn declare<'a>(
    space: &mut Space,
    unknowns: impl Iterator<Item = &'a Unknown>,
    levels: &mut BTreeMap<Unknown, LevelId>,
) -> Result<(), TooLarge> {
    for unknown in unknowns {
        if !levels.contains_key(unknown) {
            levels.insert(unknown.clone(), space.bit("unknown")?);
        }
    }
    Ok(())
}

/// Fields with a level of their own in every universe, and their greatest numbers.
const NUMBERS: [(Field, u128); 7] = [
    (Field::Protocol, 255),
    (Field::DstPort, 65_535),
    (Field::IcmpType, 255),
    (Field::IcmpCode, 255),
    (Field::SrcPort, 65_535),
    (Field::TcpFlags, 255),
    (Field::CtState, 4),
];

/// Those of them that are kept in bits when rules ask for single bits.
const IN_BITS: [Field; 3] = [Field::DstPort, Field::SrcPort, Field::TcpFlags];

/// Fields that are not part of a packet as it is asked about, and their greatest numbers.
const HIDDEN: [(Field, u128); 4] = [
    (Field::HopLimit, 255),
    (Field::Length, 65_535),
    (Field::SrcKind, 4),
    (Field::DstKind, 4),
];

/// The levels of a place.
pub(super) fn levels_of(place: &Place) -> Vec<LevelId> {
    match place {
        Place::Whole(level) => vec![*level],
        Place::Bits(bits) => bits.iter().copied().flatten().collect(),
        Place::Fixed(_) => Vec::new(),
    }
}

fn whole(space: &mut Space, field: Field, max: u128) -> Result<Place, TooLarge> {
    space.interval(&format!("{field:?}"), max).map(Place::Whole)
}

/// ICMP and ICMPv6 never meet in one packet, and share their levels.
fn share_icmp(places: &mut BTreeMap<Field, Place>) {
    for (field, twin) in [
        (Field::IcmpType, Field::Icmp6Type),
        (Field::IcmpCode, Field::Icmp6Code),
    ] {
        if let Some(place) = places.get(&field).cloned() {
            places.insert(twin, place);
        }
    }
}

/// An address is in bits when rules ask for single bits.
fn address(
    space: &mut Space,
    field: Field,
    version: Version,
    all: &Mentions,
) -> Result<Place, TooLarge> {
    if all.scattered.contains(&field) {
        bits(space, field, u128::MAX)
    } else {
        whole(space, field, version.max_address())
    }
}

fn bits(space: &mut Space, field: Field, asked: u128) -> Result<Place, TooLarge> {
    let mut bits = Vec::new();
    for place in (0..width(field)).rev() {
        let level = (asked >> place & 1 == 1)
            .then(|| space.bit(&format!("{field:?} bit {place}")))
            .transpose()?;
        bits.push(level);
    }
    Ok(Place::Bits(bits))
}

/// The bits of a field.
pub(super) fn width(field: Field) -> u32 {
    match field {
        Field::Src6 | Field::Dst6 => 128,
        Field::Src4 | Field::Dst4 | Field::Mark | Field::CtMark => 32,
        Field::SrcPort | Field::DstPort | Field::Length => 16,
        Field::Protocol
        | Field::IcmpType
        | Field::IcmpCode
        | Field::Icmp6Type
        | Field::Icmp6Code
        | Field::TcpFlags
        | Field::HopLimit => 8,
        Field::Dscp => 6,
        Field::IpVersion | Field::CtState | Field::SrcKind | Field::DstKind => 3,
        Field::CtNat => 2,
        Field::LaterFragment => 1,
    }
}

/// Whether a mask asks for leading bits only.
pub(super) fn is_leading(mask: u128, width: u32) -> bool {
    let rest = !mask & (u128::MAX >> (128 - width));
    rest & rest.wrapping_add(1) == 0
}

fn mentions(ruleset: &Ruleset) -> Mentions {
    let mut found = Mentions::default();
    let rules = ruleset.chains.iter().flat_map(|chain| &chain.rules);
    for step in rules.flat_map(|rule| &rule.steps) {
        match step {
            Step::If(condition) => found.condition(condition),
            Step::Do(Action::VerdictMap(entries)) => {
                for (condition, _) in entries {
                    found.condition(condition);
                }
            }
            Step::Do(Action::NatMap(entries)) => {
                for (condition, nat) in entries {
                    found.condition(condition);
                    found.nat(nat);
                }
            }
            Step::Do(Action::Nat(nat)) => found.nat(nat),
            Step::Do(Action::SaveMark | Action::RestoreMark) => found.copies_marks = true,
            Step::Do(_) => {}
        }
    }
    found
}

impl Mentions {
    fn of_all(mentions: &[Mentions], marks: u32) -> Mentions {
        let mut all = Mentions::default();
        for one in mentions {
            all.add(one);
        }
        all.ask(Field::Mark, marks.into());
        if all.copies_marks {
            let marks = all.asked(Field::Mark) | all.asked(Field::CtMark);
            all.bits.insert(Field::Mark, marks);
            all.bits.insert(Field::CtMark, marks);
        }
        all
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                for part in parts {
                    self.condition(part);
                }
            }
            Condition::Not(inner) => self.condition(inner),
            Condition::Has(field) => self.ask(*field, 0),
            Condition::In(field, _) => self.ask(*field, u128::MAX),
            Condition::Masked { field, mask, .. } => {
                self.ask(*field, *mask);
                if !is_leading(*mask, width(*field)) {
                    self.scattered.insert(*field);
                }
            }
            Condition::Tuple { fields, .. } => {
                for field in fields {
                    self.ask(*field, u128::MAX);
                }
            }
            Condition::Interface(Way::In | Way::Out, pattern) => {
                self.patterns.insert(pattern.clone());
            }
            Condition::Unknown(id) => {
                self.unknowns.insert(id.0);
            }
        }
    }

    /// A network that is moved bit by bit wants addresses in bits.
    fn nat(&mut self, nat: &Nat) {
        if nat.kind == NatKind::Prefix {
            self.scattered
                .extend([Field::Src4, Field::Dst4, Field::Src6, Field::Dst6]);
        }
    }

    fn ask(&mut self, field: Field, mask: u128) {
        *self.bits.entry(field).or_default() |= mask & (u128::MAX >> (128 - width(field)));
    }

    fn asked(&self, field: Field) -> u128 {
        self.bits.get(&field).copied().unwrap_or_default()
    }

    fn add(&mut self, other: &Mentions) {
        self.patterns.extend(other.patterns.iter().cloned());
        for (field, mask) in &other.bits {
            self.ask(*field, *mask);
        }
        self.scattered.extend(&other.scattered);
        self.copies_marks |= other.copies_marks;
    }
}

/// The numbers `x` up to `max` for which `x & mask` is in the set; for masks of leading bits, and
/// for numbers small enough to try them all.
pub(super) fn unmasked(mask: u128, within: &Ranges, max: u128) -> Ranges {
    let low = !mask & max;
    if low & low.wrapping_add(1) == 0 {
        let blocks = within.iter().filter_map(|(first, last)| {
            let first = first.checked_add(low)? & !low;
            (first <= last && first <= max).then(|| (first, (last & !low | low).min(max)))
        });
        return Ranges::of(blocks);
    }
    let fitting = (0..=max.min(65_535)).filter(|number| within.contains(number & mask));
    Ranges::of(fitting.map(|number| (number, number)))
}
