//! Rule lists as the binary decision diagrams of oxidd.

use oxidd::bdd::{BDDFunction, BDDManagerRef};
use oxidd::util::OutOfMemory;
use oxidd::{BooleanFunction as _, Manager as _, ManagerRef as _};

use super::{FIELDS, Rule};

/// Nodes and remembered results that there is room for.
const NODES: usize = 1 << 23;
const REMEMBERED: usize = 1 << 21;

/// The diagrams of rule lists.
pub(crate) struct Bdds {
    manager: BDDManagerRef,
    bits: Vec<BDDFunction>,
}

/// What some rules decide: the points that one of them fits, and those that are accepted.
#[derive(Clone)]
struct Decided {
    fits: BDDFunction,
    accepted: BDDFunction,
}

impl Bdds {
    pub(crate) fn new() -> Result<Bdds, OutOfMemory> {
        let manager = oxidd::bdd::new_manager(NODES, REMEMBERED, 1);
        let bits: Result<Vec<_>, _> = manager.with_manager_exclusive(|manager| {
            let variables = manager.add_vars(FIELDS.iter().map(|(_, width)| width).sum());
            variables
                .map(|variable| BDDFunction::var(manager, variable))
                .collect()
        });
        Ok(Bdds {
            manager,
            bits: bits?,
        })
    }

    /// The points that a list accepts. Halves are put together, which is faster than rule by rule.
    pub(crate) fn of(&self, rules: &[Rule]) -> Result<BDDFunction, OutOfMemory> {
        let mut parts = Vec::with_capacity(rules.len());
        for rule in rules {
            parts.push(self.rule(rule)?);
        }
        while parts.len() > 1 {
            let mut halves = Vec::with_capacity(parts.len().div_ceil(2));
            for pair in parts.chunks(2) {
                halves.push(match pair {
                    [left, right] => left.or_else(right)?,
                    [rest] => rest.clone(),
                    _ => self.nothing(),
                });
            }
            parts = halves;
        }
        Ok(parts.pop().unwrap_or(self.nothing()).accepted)
    }

    fn nothing(&self) -> Decided {
        let no = self.manager.with_manager_shared(BDDFunction::f);
        Decided {
            fits: no.clone(),
            accepted: no,
        }
    }

    fn rule(&self, rule: &Rule) -> Result<Decided, OutOfMemory> {
        let Decided { fits: no, .. } = self.nothing();
        let yes = no.not()?;
        let mut fits = yes.clone();
        let mut bits = self.bits.iter();
        for ((_, width), side) in FIELDS.iter().zip(rule.sides) {
            let field: Vec<&BDDFunction> = bits.by_ref().take(*width as usize).collect();
            if let Some((first, last)) = side {
                fits = fits.and(&at_least(&field, first, &yes)?)?;
                fits = fits.and(&at_most(&field, last, &yes)?)?;
            }
        }
        let accepted = if rule.accept { fits.clone() } else { no };
        Ok(Decided { fits, accepted })
    }
}

impl Decided {
    /// What these rules decide, and other ones where they do not.
    fn or_else(&self, behind: &Decided) -> Result<Decided, OutOfMemory> {
        Ok(Decided {
            fits: self.fits.or(&behind.fits)?,
            accepted: self.fits.ite(&self.accepted, &behind.accepted)?,
        })
    }
}

/// The numbers from this one on; the highest bit comes first.
fn at_least(
    bits: &[&BDDFunction],
    number: u32,
    yes: &BDDFunction,
) -> Result<BDDFunction, OutOfMemory> {
    let mut below = yes.clone();
    for (place, bit) in bits.iter().rev().enumerate() {
        below = if number >> place & 1 == 1 {
            bit.and(&below)?
        } else {
            bit.or(&below)?
        };
    }
    Ok(below)
}

/// The numbers up to this one.
fn at_most(
    bits: &[&BDDFunction],
    number: u32,
    yes: &BDDFunction,
) -> Result<BDDFunction, OutOfMemory> {
    let mut below = yes.clone();
    for (place, bit) in bits.iter().rev().enumerate() {
        let clear = bit.not()?;
        below = if number >> place & 1 == 1 {
            clear.or(&below)?
        } else {
            clear.and(&below)?
        };
    }
    Ok(below)
}
