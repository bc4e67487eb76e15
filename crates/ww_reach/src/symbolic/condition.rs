//! Conditions as sets of packets.

use super::compile::{Compiler, Context};
use super::device::kinds_by_address;
use super::layout::{Place, Version, unmasked};
use ww_base::Order;
use ww_model::Ranges;
use ww_model::filter::{AddressKind, Condition, Field, Hook, NamePattern, Way};
use ww_model::packet::{CtState, protocol};
use ww_packetset::{LevelId, Set, TooLarge};

impl Compiler<'_, '_> {
    /// The packets, as they are at a place of the path, for which the condition holds.
    pub(super) fn condition(
        &mut self,
        condition: &Condition,
        context: Context,
    ) -> Result<Set, TooLarge> {
        match condition {
            Condition::All(parts) => {
                let mut all = self.universe.space.all();
                for part in parts {
                    let part = self.condition(part, context)?;
                    all = self.universe.space.and(all, part)?;
                }
                Ok(all)
            }
            Condition::Any(parts) => {
                let mut sets = Vec::with_capacity(parts.len());
                for part in parts {
                    sets.push(self.condition(part, context)?);
                }
                self.universe.space.or_all(&sets)
            }
            Condition::Not(inner) => {
                let inner = self.condition(inner, context)?;
                self.universe.space.not(inner)
            }
            Condition::Has(field) => self.has(*field, context),
            Condition::In(field, ranges) => self.test(*field, u128::MAX, ranges, context),
            Condition::Masked {
                field,
                mask,
                within,
            } => self.test(*field, *mask, within, context),
            Condition::Tuple { fields, boxes } => self.tuple(fields, boxes, context),
            Condition::Interface(way, pattern) => self.interface(*way, pattern, context),
            Condition::Unknown(id) => match self.universe.unknowns.get(&(self.number, id.0)) {
                Some(level) => self.universe.space.within(*level, [(1, 1)]),
                None => Ok(self.universe.space.none()),
            },
        }
    }

    /// The packets that have the field and whose number fits.
    fn test(
        &mut self,
        field: Field,
        mask: u128,
        ranges: &Ranges,
        context: Context,
    ) -> Result<Set, TooLarge> {
        let fits = self.fits(field, mask, ranges, context)?;
        let has = self.has(field, context)?;
        self.universe.space.and(fits, has)
    }

    /// The packets that have a field.
    pub(super) fn has(&mut self, field: Field, context: Context) -> Result<Set, TooLarge> {
        let version = self.universe.version;
        match field {
            Field::Src4 | Field::Dst4 => Ok(self.constant(version == Version::V4)),
            Field::Src6 | Field::Dst6 => Ok(self.constant(version == Version::V6)),
            Field::SrcPort | Field::DstPort => self.of_protocols(&protocol::WITH_PORTS),
            Field::IcmpType | Field::IcmpCode => self.of_protocols(&[protocol::ICMP]),
            Field::Icmp6Type | Field::Icmp6Code => self.of_protocols(&[protocol::ICMPV6]),
            Field::TcpFlags => self.of_protocols(&[protocol::TCP]),
            Field::CtNat | Field::CtMark => self.has_connection(context),
            _ => Ok(self.universe.space.all()),
        }
    }

    fn constant(&self, holds: bool) -> Set {
        if holds {
            self.universe.space.all()
        } else {
            self.universe.space.none()
        }
    }

    fn of_protocols(&mut self, protocols: &[u8]) -> Result<Set, TooLarge> {
        let numbers = protocols
            .iter()
            .map(|number| (u128::from(*number), u128::from(*number)));
        self.on_level(Field::Protocol, numbers)
    }

    /// The packets that belong to a connection, as tracking sees them here.
    pub(super) fn has_connection(&mut self, context: Context) -> Result<Set, TooLarge> {
        if !context.tracked {
            return Ok(self.universe.space.none());
        }
        let states = [CtState::New, CtState::Established, CtState::Related];
        self.on_level(
            Field::CtState,
            states.map(|state| (state.number(), state.number())),
        )
    }

    /// The packets whose number on the field's own level is in a range.
    pub(super) fn on_level(
        &mut self,
        field: Field,
        ranges: impl IntoIterator<Item = (u128, u128)>,
    ) -> Result<Set, TooLarge> {
        match self.universe.level(field) {
            Some(level) => self.universe.space.within(level, ranges),
            None => Ok(self.universe.space.none()),
        }
    }

    /// The packets whose number fits, whether or not the field means something in them.
    pub(super) fn fits(
        &mut self,
        field: Field,
        mask: u128,
        ranges: &Ranges,
        context: Context,
    ) -> Result<Set, TooLarge> {
        match field {
            Field::SrcKind | Field::DstKind => {
                return self.kind(field, &unmasked(mask, ranges, 4), context);
            }
            Field::CtState => {
                return self.state(&unmasked(mask, ranges, 4), context);
            }
            _ => {}
        }
        match self.universe.place(field).cloned() {
            None => Ok(self.universe.space.none()),
            Some(Place::Fixed(number)) => Ok(self.constant(ranges.contains(number & mask))),
            Some(Place::Whole(level)) if mask == u128::MAX => {
                self.universe.space.within(level, ranges.iter())
            }
            Some(Place::Whole(level)) => {
                let max = self.universe.space.max(level);
                let ranges = unmasked(mask, ranges, max);
                self.universe.space.within(level, ranges.iter())
            }
            Some(Place::Bits(bits)) => self.bits(&bits, mask, ranges),
        }
    }

    fn bits(
        &mut self,
        bits: &[Option<LevelId>],
        mask: u128,
        ranges: &Ranges,
    ) -> Result<Set, TooLarge> {
        let places = (0..bits.len()).rev();
        let asked: Vec<Option<LevelId>> = places
            .zip(bits)
            .map(|(place, level)| level.filter(|_| mask >> place & 1 == 1))
            .collect();
        let mut sets = Vec::new();
        for (first, last) in ranges.iter() {
            sets.push(self.universe.space.bits_within(&asked, first, last)?);
        }
        self.universe.space.or_all(&sets)
    }

    /// What tracking thinks of a packet: before it has seen it, all are invalid that are not exempt.
    fn state(&mut self, ranges: &Ranges, context: Context) -> Result<Set, TooLarge> {
        if context.tracked {
            return self.on_level(Field::CtState, ranges.iter());
        }
        let exempt = CtState::Untracked.number();
        let untracked = self.on_level(Field::CtState, [(exempt, exempt)])?;
        let inside = self.constant(ranges.contains(exempt));
        let outside = self.constant(ranges.contains(CtState::Invalid.number()));
        let space = &mut self.universe.space;
        let inside = space.and(untracked, inside)?;
        let outside = space.minus(outside, untracked)?;
        space.or(inside, outside)
    }

    /// Boxes over several fields.
    fn tuple(
        &mut self,
        fields: &[Field],
        boxes: &[Vec<Ranges>],
        context: Context,
    ) -> Result<Set, TooLarge> {
        let mut all = self.universe.space.all();
        for field in fields {
            let has = self.has(*field, context)?;
            all = self.universe.space.and(all, has)?;
        }
        let levels: Option<Vec<LevelId>> = fields
            .iter()
            .map(|field| match field {
                Field::SrcKind | Field::DstKind | Field::CtState => None,
                _ => self.universe.level(*field),
            })
            .collect();
        let mut sets = Vec::with_capacity(boxes.len());
        for sides in boxes {
            sets.push(match &levels {
                Some(levels) if is_distinct(levels) => {
                    let sides: Vec<(LevelId, Vec<(u128, u128)>)> = levels
                        .iter()
                        .zip(sides)
                        .map(|(level, ranges)| (*level, ranges.iter().collect()))
                        .collect();
                    self.universe.space.cube(&sides)?
                }
                _ => self.tuple_box(fields, sides, context)?,
            });
        }
        let boxes = self.universe.space.or_all(&sets)?;
        self.universe.space.and(all, boxes)
    }

    fn tuple_box(
        &mut self,
        fields: &[Field],
        sides: &[Ranges],
        context: Context,
    ) -> Result<Set, TooLarge> {
        let mut inside = self.universe.space.all();
        for (field, ranges) in fields.iter().zip(sides) {
            let side = self.fits(*field, u128::MAX, ranges, context)?;
            inside = self.universe.space.and(inside, side)?;
        }
        Ok(inside)
    }

    fn interface(
        &mut self,
        way: Way,
        pattern: &NamePattern,
        context: Context,
    ) -> Result<Set, TooLarge> {
        let (is_visible, level) = match way {
            Way::In => (context.route != Hook::Output, self.universe.iif),
            Way::Out => {
                let hooks = [Hook::Forward, Hook::Output, Hook::Postrouting];
                (hooks.contains(&context.hook), self.universe.oif)
            }
        };
        if !is_visible {
            return Ok(self.constant(pattern.fits("")));
        }
        let classes = self.universe.names.classes(|name| pattern.fits(name));
        self.universe.space.within(level, classes)
    }

    /// The packets whose source or destination is of one of the kinds, as routing sees it here.
    fn kind(&mut self, field: Field, kinds: &Ranges, context: Context) -> Result<Set, TooLarge> {
        let is_source = field == Field::SrcKind;
        let address = self.universe.address_field(is_source);
        let kinds_of = kinds_by_address(self.universe.version, self.device);
        let everything = Ranges::span(0, self.universe.version.max_address());
        let rest = kinds_of
            .iter()
            .fold(everything, |rest, (addresses, _)| rest.minus(addresses));
        let wanted = kinds_of
            .iter()
            .filter(|(_, kind)| kinds.contains(*kind as u128))
            .fold(Ranges::none(), |all, (addresses, _)| all.or(addresses));
        let known = self.fits(address, u128::MAX, &wanted, context)?;
        let others = self.fits(address, u128::MAX, &rest, context)?;
        let possible = if self.device.is_some() {
            Ranges::one(AddressKind::Unicast as u128)
        } else {
            assumed_kinds(is_source, context)
        };
        let common = possible.and(kinds);
        let assumed = if common.is_empty() {
            self.universe.space.none()
        } else if common == possible {
            self.universe.space.all()
        } else {
            self.on_level(field, common.iter())?
        };
        let space = &mut self.universe.space;
        let assumed = space.and(others, assumed)?;
        space.or(known, assumed)
    }
}

fn is_distinct(levels: &[LevelId]) -> bool {
    let mut sorted = levels.to_vec();
    sorted.put_in_order();
    sorted.dedup();
    sorted.len() == levels.len()
}

/// The kinds that an address can have when only its route is known.
fn assumed_kinds(is_source: bool, context: Context) -> Ranges {
    let kinds = |first: AddressKind, last: AddressKind| Ranges::span(first as u128, last as u128);
    let unicast = kinds(AddressKind::Unicast, AddressKind::Unicast);
    let local = kinds(AddressKind::Local, AddressKind::Local);
    match (is_source, context.hook) {
        (true, _) if context.route == Hook::Output => local,
        (true, _) => unicast,
        (false, Hook::Input) => kinds(AddressKind::Local, AddressKind::Broadcast),
        (false, Hook::Forward | Hook::Postrouting) if context.route == Hook::Forward => unicast,
        (false, _) => kinds(AddressKind::Unicast, AddressKind::Other),
    }
}
