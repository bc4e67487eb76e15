//! Translations as changes, region by region.

use super::change::{Becomes, Change};
use super::compile::{Compiler, Context, End, Fragment};
use super::layout::Version;
use crate::walk::By;
use crate::walk::device::possible_own;
use std::collections::BTreeMap;
use std::net::IpAddr;
use ww_model::Ranges;
use ww_model::filter::{Field, Hook, Nat, NatKind};
use ww_packetset::{LevelId, Set, TooLarge};

/// Bit of [`Field::CtNat`]: the source was translated.
const SOURCE: u8 = 1;
/// Bit of the same: the destination was translated.
const DESTINATION: u8 = 2;

/// What becomes of a number in some region; nothing when it stays.
type Case = (Set, Option<Becomes>);

/// Regions where a number surely changes, and where it may.
struct Changes {
    sure: Set,
    possible: Set,
}

impl Compiler<'_, '_> {
    /// The packets of every region, translated and accepted.
    pub(super) fn nat(
        &mut self,
        nat: &Nat,
        by: By,
        context: Context,
    ) -> Result<Fragment, TooLarge> {
        let of_source = is_of_source(nat.kind, context.hook);
        let address = self.universe.address_field(of_source);
        let port = if of_source {
            Field::SrcPort
        } else {
            Field::DstPort
        };
        let stays = self.stays(nat, address, context)?;
        let moves = self.universe.space.not(stays)?;
        let mut parts = Vec::new();
        for (addresses, new_address) in self.address_cases(nat, context)? {
            for (ports, new_port) in self.port_cases(nat, port, context)? {
                let region = self.universe.space.and(addresses, ports)?;
                let region = self.universe.space.and(region, moves)?;
                let change = Change {
                    redirected: nat.kind == NatKind::Redirect,
                    translated: true,
                    ..moved(of_source, new_address, new_port)
                };
                let of_address = self.changes(address, new_address, context)?;
                let of_port = self.changes(port, new_port, context)?;
                let status = self.status(of_source, &of_address, &of_port)?;
                for (part, with_status) in status {
                    let region = self.universe.space.and(region, part)?;
                    parts.push((region, change.then(&with_status)));
                }
            }
        }
        let stayed = Change {
            translated: true,
            ..Change::default()
        };
        parts.push((stays, stayed));
        let mut maps = Vec::new();
        for (region, change) in parts {
            let end = self.constant_end(End::Accept(by, change))?;
            maps.push(self.universe.space.keep(end.map, region)?);
        }
        self.universe.space.first_all(&maps).map(Fragment::plain)
    }

    /// Where a source is in the ranges already, and is kept.
    fn stays(&mut self, nat: &Nat, address: Field, context: Context) -> Result<Set, TooLarge> {
        let Some((first, last)) = nat
            .addresses
            .filter(|_| nat.kind == NatKind::Source && !nat.random)
        else {
            return Ok(self.universe.space.none());
        };
        let inside = self.fits(address, u128::MAX, &Ranges::span(first, last), context)?;
        let Some((low, high)) = nat.ports else {
            return Ok(inside);
        };
        let has_ports = self.has(Field::SrcPort, context)?;
        let ports = Ranges::span(low.into(), high.into());
        let fitting = self.fits(Field::SrcPort, u128::MAX, &ports, context)?;
        let space = &mut self.universe.space;
        let fitting = space.and(fitting, has_ports)?;
        let fitting = if low == 0 {
            let without = space.not(has_ports)?;
            space.or(fitting, without)?
        } else {
            fitting
        };
        space.and(inside, fitting)
    }

    fn address_cases(&mut self, nat: &Nat, context: Context) -> Result<Vec<Case>, TooLarge> {
        let all = self.universe.space.all();
        let one = |becomes| Ok(vec![(all, becomes)]);
        match (nat.kind, nat.addresses) {
            (NatKind::Prefix, Some((first, last))) => one(Some(Becomes::In(first, last))),
            (NatKind::Masquerade, _) => self.own_addresses(self.universe.oif),
            (NatKind::Redirect, _) if context.hook == Hook::Output => {
                one(Some(Becomes::Is(match self.universe.version {
                    Version::V4 => 0x7f00_0001,
                    Version::V6 => 1,
                })))
            }
            (NatKind::Redirect, _) => self.own_addresses(self.universe.iif),
            (_, Some((first, last))) if first == last => one(Some(Becomes::Is(first))),
            (_, Some((first, last))) => one(Some(Becomes::OneOf(first, last))),
            (_, None) => one(None),
        }
    }

    /// The addresses of the device on the interface of each packet; any that an interface can have
    /// when they are not known.
    fn own_addresses(&mut self, interface: LevelId) -> Result<Vec<Case>, TooLarge> {
        let version = self.universe.version;
        let (first, last) = possible_own(version == Version::V6);
        let mut classes: BTreeMap<Becomes, Vec<(u128, u128)>> = BTreeMap::new();
        for class in 0..u128::from(self.universe.names.len()) {
            let name = self.universe.names.get(class);
            let usable = self
                .device
                .map(|device| device.usable(name, version == Version::V6));
            let numbers = usable
                .unwrap_or_default()
                .into_iter()
                .map(|address| match address {
                    IpAddr::V4(v4) => u128::from(v4.to_bits()),
                    IpAddr::V6(v6) => v6.to_bits(),
                });
            let hull = numbers
                .map(|number| (number, number))
                .reduce(|(low, high), (number, _)| (low.min(number), high.max(number)));
            let becomes = match hull {
                Some((low, high)) if low == high => Becomes::Is(low),
                Some((low, high)) => Becomes::OneOf(low, high),
                None => Becomes::OneOf(first, last),
            };
            classes.entry(becomes).or_default().push((class, class));
        }
        let mut cases = Vec::new();
        for (becomes, classes) in classes {
            let set = self.universe.space.within(interface, classes)?;
            cases.push((set, Some(becomes)));
        }
        Ok(cases)
    }

    /// A port that is in the range already is kept, and without a range every port; a source port
    /// chosen at random can be any.
    fn port_cases(
        &mut self,
        nat: &Nat,
        port: Field,
        context: Context,
    ) -> Result<Vec<Case>, TooLarge> {
        let has = self.has(port, context)?;
        let new = match nat.ports {
            Some((low, high)) => (u128::from(low), u128::from(high)),
            None if nat.random && port == Field::SrcPort => (1, 65_535),
            None => return Ok(vec![(self.universe.space.all(), None)]),
        };
        let changes = if nat.random {
            has
        } else {
            let inside = Ranges::span(new.0, new.1);
            let inside = self.fits(port, u128::MAX, &inside, context)?;
            self.universe.space.minus(has, inside)?
        };
        let stays = self.universe.space.not(changes)?;
        let becomes = if new.0 == new.1 {
            Becomes::Is(new.0)
        } else {
            Becomes::OneOf(new.0, new.1)
        };
        Ok(vec![(stays, None), (changes, Some(becomes))])
    }

    /// Where a number becomes another.
    fn changes(
        &mut self,
        field: Field,
        becomes: Option<Becomes>,
        context: Context,
    ) -> Result<Changes, TooLarge> {
        let none = self.universe.space.none();
        let (first, last, is_known) = match becomes {
            Some(Becomes::Is(number)) => (number, number, true),
            Some(Becomes::In(first, last)) => (first, last, true),
            Some(Becomes::OneOf(first, last)) => (first, last, false),
            None => {
                return Ok(Changes {
                    sure: none,
                    possible: none,
                });
            }
        };
        let inside = self.fits(field, u128::MAX, &Ranges::span(first, last), context)?;
        let sure = self.universe.space.not(inside)?;
        let possible = if is_known { none } else { inside };
        Ok(Changes { sure, possible })
    }

    /// What rules will read of the translation: set, not set, or not known.
    fn status(
        &mut self,
        of_source: bool,
        of_address: &Changes,
        of_port: &Changes,
    ) -> Result<Vec<(Set, Change)>, TooLarge> {
        let space = &mut self.universe.space;
        if !self.universe.reads_nat {
            return Ok(vec![(space.all(), Change::default())]);
        }
        let bit = if of_source { SOURCE } else { DESTINATION };
        let sure = space.or(of_address.sure, of_port.sure)?;
        let possible = space.or(of_address.possible, of_port.possible)?;
        let possible = space.minus(possible, sure)?;
        let changed = space.or(sure, possible)?;
        let unchanged = space.not(changed)?;
        let with = |nat, maybe_nat| Change {
            nat,
            maybe_nat,
            ..Change::default()
        };
        Ok(vec![
            (sure, with(bit, 0)),
            (possible, with(0, bit)),
            (unchanged, Change::default()),
        ])
    }
}

fn moved(of_source: bool, address: Option<Becomes>, port: Option<Becomes>) -> Change {
    if of_source {
        Change {
            src: address,
            sport: port,
            ..Change::default()
        }
    } else {
        Change {
            dst: address,
            dport: port,
            ..Change::default()
        }
    }
}

fn is_of_source(kind: NatKind, hook: Hook) -> bool {
    match kind {
        NatKind::Source | NatKind::Masquerade => true,
        NatKind::Destination | NatKind::Redirect => false,
        NatKind::Prefix => !matches!(hook, Hook::Prerouting | Hook::Output),
    }
}
