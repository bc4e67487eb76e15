//! Proofs that something does not exist (RFC 4035 section 5.4, RFC 5155 section 8).

mod nsec;
mod nsec3;
#[cfg(test)]
mod tests;

use super::super::wire::{CNAME, DNAME, DS, NS, NSEC, NSEC3, Reader, SOA};
use super::budget::Budget;
use super::name::Name;
use super::records::RecordSet;
use nsec::Nsec;
use nsec3::Nsec3;
use std::collections::BTreeSet;

/// What records prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// What was asked for.
    Proven,
    /// The same, but for delegations that are left out because they are unsigned (opt-out, RFC 5155 section 6).
    ButForOptOut,
    /// Digests are made with more iterations than validators take (RFC 9276 section 3.2).
    TooManyIterations,
    /// Not what was asked for.
    Missing,
    /// It would cost more than it may.
    TooMuchWork,
}

/// What a parent proves of a name without DS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// The name is no zone of its own.
    SameZone,
    /// It is a zone that is not signed.
    Unsigned,
    /// It may be one: unsigned zones are left out.
    OptedOut,
    /// The name does not exist, and nothing below it.
    Nothing,
    /// Nothing is proven, because of this.
    NotProven(Proof),
}

/// Records of one zone that prove what is not there, all with signatures that hold.
#[derive(Clone, Debug)]
pub(super) struct Proofs {
    zone: Name,
    nsec: Vec<Nsec>,
    nsec3: Vec<Nsec3>,
}

impl Proofs {
    /// Those among sets of a zone.
    pub(super) fn of(zone: &Name, sets: &[&RecordSet]) -> Proofs {
        let of_kind = |kind| {
            let sets = sets.iter().filter(move |set| set.kind == kind);
            sets.flat_map(|set| set.data.iter().map(|data| (&set.owner, data)))
        };
        Proofs {
            zone: zone.clone(),
            nsec: of_kind(NSEC)
                .filter_map(|(owner, data)| Nsec::read(owner, data))
                .collect(),
            nsec3: of_kind(NSEC3)
                .filter_map(|(owner, data)| Nsec3::read(owner, data))
                .collect(),
        }
    }

    /// The name exists, without records of this type.
    pub(super) fn no_data(&self, name: &Name, kind: u16, budget: &mut Budget) -> Proof {
        if self.nsec3.is_empty() {
            nsec::no_data(&self.nsec, name, kind)
        } else {
            nsec3::no_data(&self.nsec3, &self.zone, name, kind, budget)
        }
    }

    /// The name does not exist.
    pub(super) fn no_name(&self, name: &Name, budget: &mut Budget) -> Proof {
        if self.nsec3.is_empty() {
            nsec::no_name(&self.nsec, name)
        } else {
            nsec3::no_name(&self.nsec3, &self.zone, name, budget)
        }
    }

    /// The name itself does not exist, so that the wildcard below `closest` answers for it.
    pub(super) fn only_wildcard(&self, name: &Name, closest: &Name, budget: &mut Budget) -> Proof {
        if self.nsec3.is_empty() {
            nsec::only_wildcard(&self.nsec, name)
        } else {
            nsec3::only_wildcard(&self.nsec3, &self.zone, name, closest, budget)
        }
    }

    /// What is proven of a name for which no DS records came.
    pub(super) fn below(&self, name: &Name, budget: &mut Budget) -> Below {
        let types = if self.nsec3.is_empty() {
            self.nsec
                .iter()
                .find(|one| one.owner == *name)
                .map(|one| &one.types)
        } else {
            match nsec3::matching(&self.nsec3, &self.zone, name, budget) {
                Ok(found) => found.map(|one| &one.types),
                Err(why) => return Below::NotProven(why),
            }
        };
        if let Some(types) = types {
            return match (types.has(NS), types.has(SOA), types.has(DS)) {
                (_, _, true) | (_, true, _) => Below::NotProven(Proof::Missing),
                (true, ..) => Below::Unsigned,
                (false, ..) => Below::SameZone,
            };
        }
        match self.no_data(name, DS, budget) {
            Proof::Proven => return Below::SameZone,
            Proof::ButForOptOut => return Below::OptedOut,
            Proof::Missing => {}
            why => return Below::NotProven(why),
        }
        match self.no_name(name, budget) {
            Proof::Proven => Below::Nothing,
            Proof::ButForOptOut => Below::OptedOut,
            why => Below::NotProven(why),
        }
    }
}

/// The types that a bit map names (RFC 4034 section 4.1.2).
#[derive(Clone, Debug, Default)]
struct Types(BTreeSet<u16>);

impl Types {
    fn read(reader: &mut Reader<'_>) -> Option<Types> {
        let mut types = BTreeSet::new();
        while !reader.is_empty() {
            let window = u16::from(reader.u8()?) << 8;
            for (byte, low) in reader.string()?.iter().zip((0_u16..256).step_by(8)) {
                let bits = (0..8).filter(|bit| byte & (0x80 >> bit) != 0);
                types.extend(bits.map(|bit| window | (low + bit)));
            }
        }
        Some(Types(types))
    }

    fn has(&self, kind: u16) -> bool {
        self.0.contains(&kind)
    }

    /// There is no such record at this name, and none in its place. What stands above a delegation knows only
    /// of DS, what stands below it of all else (RFC 6840 section 4.1).
    fn lacks(&self, kind: u16) -> bool {
        let is_above_cut = self.has(NS) && !self.has(SOA);
        let speaks = if kind == DS {
            !self.has(SOA)
        } else {
            !is_above_cut
        };
        speaks && !self.has(kind) && !self.has(CNAME)
    }

    /// What is below the name is not of this zone, or is elsewhere.
    fn ends_zone(&self) -> bool {
        (self.has(NS) && !self.has(SOA)) || self.has(DNAME)
    }
}
