//! Values that say where they come from, and answers that may be "not known".

use crate::{Locus, SourceSpan};

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
    /// Not written; which of these defaults is in force depends on the version, which is not known.
    Either(Vec<(T, Because)>),
    /// Switched off by what stands there, or not a thing that the product has.
    Off(Locus),
    /// Not known.
    Unknown(Gap),
}

/// Nothing says it.
impl<T> Default for Setting<T> {
    fn default() -> Setting<T> {
        Setting::Unknown(Gap::default())
    }
}

impl<T> Setting<T> {
    /// A value that is written.
    pub fn set(value: T, at: SourceSpan) -> Setting<T> {
        Setting::Set(Sourced {
            value,
            at: Locus::Text(at),
        })
    }

    /// The value in force, where there is one and it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Setting::Set(sourced) => Some(&sourced.value),
            Setting::Default { value, .. } => Some(value),
            Setting::Either(_) | Setting::Off(_) | Setting::Unknown(_) => None,
        }
    }

    /// The range of text that says it, where one does.
    pub fn span(&self) -> Option<SourceSpan> {
        match self {
            Setting::Set(Sourced {
                at: Locus::Text(span),
                ..
            })
            | Setting::Off(Locus::Text(span)) => Some(*span),
            _ => None,
        }
    }

    /// Whether nothing says it.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Setting::Unknown(_))
    }

    /// Whether it is switched off, or the product has no such thing.
    pub fn is_off(&self) -> bool {
        matches!(self, Setting::Off(_))
    }

    /// Whether a file says it: a value, or that it is off.
    pub fn is_written(&self) -> bool {
        self.span().is_some()
    }

    /// This setting, or the other one where nothing says this one. One that something says but that
    /// is not known, as a variable, names what is missing and stays.
    #[must_use]
    pub fn or(self, other: Setting<T>) -> Setting<T> {
        match self {
            Setting::Unknown(gap) if gap == Gap::default() => other,
            _ => self,
        }
    }

    /// The setting with its values turned into others.
    #[must_use]
    pub fn map<U>(self, mut turn: impl FnMut(T) -> U) -> Setting<U> {
        match self {
            Setting::Set(Sourced { value, at }) => Setting::Set(Sourced {
                value: turn(value),
                at,
            }),
            Setting::Default { value, because } => Setting::Default {
                value: turn(value),
                because,
            },
            Setting::Either(values) => Setting::Either(
                values
                    .into_iter()
                    .map(|(value, because)| (turn(value), because))
                    .collect(),
            ),
            Setting::Off(at) => Setting::Off(at),
            Setting::Unknown(gap) => Setting::Unknown(gap),
        }
    }
}

/// Something that is not known, and what would make it known.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
