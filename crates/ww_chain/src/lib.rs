//! Who calls whom: programs joined with what starts them, their calls followed to those who answer,
//! and what the settings on the way add up to.
//!
//! A [`Hop`] is where two programs meet, and where two files have an opinion about one connection.
//! Nothing here judges; what cannot be followed is a hop without a callee.

mod bound;
mod hop;
mod mesh;
mod names;
mod party;

pub use bound::{Bound, Part, worst_case, worst_try};
pub use hop::Hop;
pub use mesh::Way;
pub use party::{Party, PartyId};

use names::Names;
use ww_model::Model;

/// The programs of a model and the calls between them.
#[derive(Debug)]
pub struct Chains<'m> {
    /// Everybody who serves or calls, in order of appearance.
    pub parties: Vec<Party<'m>>,
    /// Calls, target by target, in the order of their callers.
    pub hops: Vec<Hop<'m>>,
}

impl<'m> Chains<'m> {
    /// Follows every call of a model.
    pub fn of(model: &'m Model) -> Chains<'m> {
        let parties = party::all(&model.services);
        let names = Names::of(model, &parties);
        let hops = hop::all(model, &parties, &names);
        Chains { parties, hops }
    }

    /// The caller of a hop.
    pub fn caller(&self, hop: &Hop<'m>) -> Option<&Party<'m>> {
        self.parties.get(hop.caller.0)
    }

    /// Who answers on a hop, when that is known.
    pub fn callee(&self, hop: &Hop<'m>) -> Option<&Party<'m>> {
        self.parties.get(hop.callee?.0)
    }

    /// The calls that somebody makes.
    pub fn hops_from(&self, party: PartyId) -> impl Iterator<Item = &Hop<'m>> {
        self.hops.iter().filter(move |hop| hop.caller == party)
    }

    /// The calls that somebody answers.
    pub fn hops_to(&self, party: PartyId) -> impl Iterator<Item = &Hop<'m>> {
        self.hops
            .iter()
            .filter(move |hop| hop.callee == Some(party))
    }
}
