//! Values that say where they come from, and answers that may be "not known".

use crate::Locus;

/// A value with the place it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Locus,
}

/// Why a default holds: the product's own documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The product, as its makers spell it.
    pub product: String,
    /// The directive or option whose default it is.
    pub directive: String,
    /// The versions for which it holds.
    pub versions: String,
    /// Where that is written.
    pub citation: String,
}

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting<T> {
    /// Written down.
    Set(Sourced<T>),
    /// Not written; the product's default is in force.
    Default {
        /// The default.
        value: T,
        /// Its source.
        because: Because,
    },
    /// Switched off by what stands there.
    Off(Locus),
    /// Not known.
    Unknown(Gap),
}

/// Something that is not known, and what would make it known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gap {
    /// What is missing.
    pub missing: String,
    /// What to bring or run.
    pub how_to_learn: String,
}

impl Gap {
    /// A gap from its two sentences.
    pub fn new(missing: impl Into<String>, how_to_learn: impl Into<String>) -> Gap {
        Gap {
            missing: missing.into(),
            how_to_learn: how_to_learn.into(),
        }
    }
}

/// An answer that shows its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<P, W> {
    /// It holds, with the proof.
    Holds(P),
    /// It fails, with a witness.
    Fails(W),
    /// It cannot be told, with what is missing.
    Unknown(Vec<Gap>),
}

/// What kind of trouble a reader had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// It breaks its own format's rules.
    Malformed,
    /// It refers to something that is not there.
    Undefined,
    /// It is legal, but wirewise does not read it.
    Unsupported,
    /// It exceeds a bound of [`Limits`](crate::Limits).
    TooLarge,
}

/// Trouble met while reading, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Locus,
    /// What kind.
    pub kind: ProblemKind,
    /// What was being read, why it failed, what to do.
    pub message: String,
}

/// What was understood of an input, and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial<T> {
    /// The part that was understood.
    pub value: T,
    /// The rest, in order of appearance.
    pub problems: Vec<Problem>,
}
