//! The words every wirewise crate speaks.
//!
//! Places ([`Locus`]), values with a place ([`Sourced`], [`Setting`]), ignorance that says what would
//! cure it ([`Gap`]), answers that are never a bare boolean ([`Verdict`]), readings of broken input
//! ([`Partial`]), bounds on everything that comes from outside ([`Limits`]) and time as a value
//! ([`Moment`]). What counts of failures tell is in [`chance`], what must not be
//! shown as it is in [`misleads`], and [`Order`] sorts short lists.

mod answer;
pub mod chance;
mod limits;
mod locus;
mod moment;
mod shown;
mod sorting;

pub use answer::{Because, Gap, Partial, Problem, ProblemKind, Setting, Sourced, Verdict};
pub use limits::Limits;
pub use locus::{FrameRange, Locus, SourceId, SourceSpan};
pub use moment::{Moment, Span};
pub use shown::{json_escaped, misleads};
pub use sorting::Order;
