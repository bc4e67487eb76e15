//! What a rule is called and what it finds.
//!
//! A [`RuleMeta`] is the identity of a rule; a [`Finding`] is one thing that is wrong, with
//! [`Exhibit`]s that can be looked up; an [`Outcome`] accounts for every rule, also the silent and
//! the unchecked ones; a [`Consultation`] is all of it.

mod consultation;
mod finding;
mod rule;

pub use consultation::{Consultation, Input, InputKind, Outcome};
pub use finding::{Edit, Exhibit, Finding, Fix, Safety, Support};
pub use rule::{Class, Layer, Need, Owner, RuleMeta, Severity};
