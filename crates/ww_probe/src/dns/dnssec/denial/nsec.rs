//! Proofs by names in their order.

use super::super::super::wire::Reader;
use super::super::name::Name;
use super::{Proof, Types};

/// An NSEC record: between its owner and the next name there is nothing.
#[derive(Clone, Debug)]
pub(super) struct Nsec {
    pub(super) owner: Name,
    next: Name,
    pub(super) types: Types,
}

impl Nsec {
    pub(super) fn read(owner: &Name, data: &[u8]) -> Option<Nsec> {
        let mut reader = Reader::new(data);
        let next = Name::parse(&reader.name()?)?;
        Some(Nsec {
            owner: owner.clone(),
            next,
            types: Types::read(&mut reader)?,
        })
    }

    /// The name stands between both. The last record of a zone leads back to its head.
    fn covers(&self, name: &Name) -> bool {
        let is_last = self.next <= self.owner;
        let elsewhere = name.is_below(&self.owner) && self.types.ends_zone();
        self.owner < *name && (*name < self.next || is_last) && !elsewhere
    }

    /// The nearest name above `name` that exists, as far as this record tells.
    fn closest(&self, name: &Name) -> Name {
        name.suffix(name.common(&self.owner).max(name.common(&self.next)))
    }
}

pub(super) fn no_data(all: &[Nsec], name: &Name, kind: u16) -> Proof {
    if let Some(here) = all.iter().find(|one| one.owner == *name) {
        return proven(here.types.lacks(kind));
    }
    let Some(around) = all.iter().find(|one| one.covers(name)) else {
        return Proof::Missing;
    };
    // Names below it exist, so that it does, without records.
    if around.next.is_below(name) {
        return Proof::Proven;
    }
    let wildcard = around.closest(name).wildcard();
    let of_wildcard = all.iter().find(|one| one.owner == wildcard);
    proven(of_wildcard.is_some_and(|one| one.types.lacks(kind)))
}

pub(super) fn no_name(all: &[Nsec], name: &Name) -> Proof {
    let Some(around) = all.iter().find(|one| one.covers(name)) else {
        return Proof::Missing;
    };
    let wildcard = around.closest(name).wildcard();
    proven(!around.next.is_below(name) && all.iter().any(|one| one.covers(&wildcard)))
}

pub(super) fn only_wildcard(all: &[Nsec], name: &Name) -> Proof {
    proven(all.iter().any(|one| one.covers(name)))
}

fn proven(is_so: bool) -> Proof {
    if is_so { Proof::Proven } else { Proof::Missing }
}
