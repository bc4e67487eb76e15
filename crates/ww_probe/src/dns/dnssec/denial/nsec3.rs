//! Proofs by digests of names (RFC 5155).

use super::super::super::wire::DS;
use super::super::super::wire::{Reader, base32hex};
use super::super::algorithm::sha1;
use super::super::budget::Budget;
use super::super::name::Name;
use super::{Proof, Types};

/// Iterations that validators take (BIND since 9.16.16, unbound since 1.13.2).
const ITERATIONS: u16 = 150;

/// Labels of a name that are tried; longer names are not seen.
const LABELS: usize = 32;

/// An NSEC3 record: between its digest and the next one there is nothing.
#[derive(Clone, Debug)]
pub(super) struct Nsec3 {
    /// The digest as its label writes it.
    label: Vec<u8>,
    /// The zone, which is what follows that label.
    zone: Name,
    next: Vec<u8>,
    pub(super) types: Types,
    opt_out: bool,
    iterations: u16,
    salt: Vec<u8>,
}

/// The name that is nearest above another and exists.
struct Encloser {
    name: Name,
    opt_out: bool,
}

impl Nsec3 {
    /// `None` for unknown digests, which count as if they were not there (RFC 5155 section 8.1).
    pub(super) fn read(owner: &Name, data: &[u8]) -> Option<Nsec3> {
        let mut reader = Reader::new(data);
        let (algorithm, flags, iterations) = (reader.u8()?, reader.u8()?, reader.u16()?);
        let salt = reader.string()?.to_vec();
        let next = base32hex(reader.string()?).to_ascii_lowercase();
        let types = Types::read(&mut reader)?;
        (algorithm == 1 && flags & !1 == 0).then(|| Nsec3 {
            label: owner.first().to_vec(),
            zone: owner.parent(),
            next: next.into_bytes(),
            types,
            opt_out: flags & 1 != 0,
            iterations,
            salt,
        })
    }

    /// The digest stands between both; in base 32 with its extended alphabet the order of texts is that of
    /// digests.
    fn covers(&self, digest: &[u8]) -> bool {
        let is_last = self.next <= self.label;
        let (behind, before) = (
            self.label.as_slice() < digest,
            digest < self.next.as_slice(),
        );
        if is_last {
            behind || before
        } else {
            behind && before
        }
    }

    fn has_same_digests(&self, other: &Nsec3) -> bool {
        self.iterations == other.iterations && self.salt == other.salt
    }
}

/// The digest of a name as labels write it.
fn digest(name: &Name, with: &Nsec3, budget: &mut Budget) -> Result<Vec<u8>, Proof> {
    if with.iterations > ITERATIONS {
        return Err(Proof::TooManyIterations);
    }
    if !budget.hash(u32::from(with.iterations) + 1) {
        return Err(Proof::TooMuchWork);
    }
    let mut digest = sha1(&[&name.wire(), &with.salt]);
    for _ in 0..with.iterations {
        digest = sha1(&[&digest, &with.salt]);
    }
    Ok(base32hex(&digest).to_ascii_lowercase().into_bytes())
}

/// The records of a zone that digest alike, which all of one answer should.
fn alike<'n>(all: &'n [Nsec3], zone: &Name) -> impl Iterator<Item = &'n Nsec3> {
    let first = all.iter().find(|one| one.zone == *zone);
    let zone = zone.clone();
    all.iter().filter(move |one| {
        one.zone == zone && first.is_some_and(|first| one.has_same_digests(first))
    })
}

/// The record of a name.
pub(super) fn matching<'n>(
    all: &'n [Nsec3],
    zone: &Name,
    name: &Name,
    budget: &mut Budget,
) -> Result<Option<&'n Nsec3>, Proof> {
    fitting(all, zone, name, budget, |one, digest| one.label == digest)
}

/// The record within which a name does not exist.
fn covering<'n>(
    all: &'n [Nsec3],
    zone: &Name,
    name: &Name,
    budget: &mut Budget,
) -> Result<Option<&'n Nsec3>, Proof> {
    fitting(all, zone, name, budget, Nsec3::covers)
}

/// The first record of the zone that fits the digest of a name.
fn fitting<'n>(
    all: &'n [Nsec3],
    zone: &Name,
    name: &Name,
    budget: &mut Budget,
    fits: impl Fn(&Nsec3, &[u8]) -> bool,
) -> Result<Option<&'n Nsec3>, Proof> {
    let Some(first) = alike(all, zone).next() else {
        return Ok(None);
    };
    let digest = digest(name, first, budget)?;
    Ok(alike(all, zone).find(|one| fits(one, &digest)))
}

/// RFC 5155 section 8.3.
fn closest_encloser(
    all: &[Nsec3],
    zone: &Name,
    name: &Name,
    budget: &mut Budget,
) -> Result<Option<Encloser>, Proof> {
    if !name.is_in(zone) || name.count() - zone.count() > LABELS {
        return Ok(None);
    }
    for count in (zone.count()..name.count()).rev() {
        let candidate = name.suffix(count);
        let Some(found) = matching(all, zone, &candidate, budget)? else {
            continue;
        };
        if found.types.ends_zone() {
            return Ok(None);
        }
        let next_closer = covering(all, zone, &name.suffix(count + 1), budget)?;
        return Ok(next_closer.map(|covering| Encloser {
            name: candidate,
            opt_out: covering.opt_out,
        }));
    }
    Ok(None)
}

pub(super) fn no_data(
    all: &[Nsec3],
    zone: &Name,
    name: &Name,
    kind: u16,
    budget: &mut Budget,
) -> Proof {
    no_data_or(all, zone, name, kind, budget).unwrap_or_else(|why| why)
}

fn no_data_or(
    all: &[Nsec3],
    zone: &Name,
    name: &Name,
    kind: u16,
    budget: &mut Budget,
) -> Result<Proof, Proof> {
    if let Some(here) = matching(all, zone, name, budget)? {
        return Ok(proven(here.types.lacks(kind)));
    }
    let Some(encloser) = closest_encloser(all, zone, name, budget)? else {
        return Ok(Proof::Missing);
    };
    if let Some(wildcard) = matching(all, zone, &encloser.name.wildcard(), budget)? {
        return Ok(proven(wildcard.types.lacks(kind)));
    }
    // An unsigned delegation has no record of its own (RFC 5155 section 8.6).
    Ok(if kind == DS && encloser.opt_out {
        Proof::ButForOptOut
    } else {
        Proof::Missing
    })
}

pub(super) fn no_name(all: &[Nsec3], zone: &Name, name: &Name, budget: &mut Budget) -> Proof {
    no_name_or(all, zone, name, budget).unwrap_or_else(|why| why)
}

fn no_name_or(
    all: &[Nsec3],
    zone: &Name,
    name: &Name,
    budget: &mut Budget,
) -> Result<Proof, Proof> {
    let Some(encloser) = closest_encloser(all, zone, name, budget)? else {
        return Ok(Proof::Missing);
    };
    if covering(all, zone, &encloser.name.wildcard(), budget)?.is_none() {
        return Ok(Proof::Missing);
    }
    Ok(if encloser.opt_out {
        Proof::ButForOptOut
    } else {
        Proof::Proven
    })
}

/// RFC 5155 section 8.8.
pub(super) fn only_wildcard(
    all: &[Nsec3],
    zone: &Name,
    name: &Name,
    closest: &Name,
    budget: &mut Budget,
) -> Proof {
    let next_closer = name.suffix(closest.count() + 1);
    match covering(all, zone, &next_closer, budget) {
        Ok(Some(_)) => Proof::Proven,
        Ok(None) => Proof::Missing,
        Err(why) => why,
    }
}

fn proven(is_so: bool) -> Proof {
    if is_so { Proof::Proven } else { Proof::Missing }
}
