//! One thing that is wrong.

use crate::rule::words;
use crate::{Class, Layer, Owner, Severity};
use ww_base::{Locus, SourceSpan, Span};

words! {
    /// How we know, weakest first.
    Support {
        /// A pattern that usually means this.
        Heuristic = "heuristic",
        /// A configuration says so.
        Declared = "declared",
        /// It was seen on the wire.
        Observed = "observed",
        /// Two independent sources agree.
        Corroborated = "corroborated",
        /// It follows with certainty.
        Proved = "proved",
    }
}

words! {
    /// How safely a fix can be applied without thinking.
    Safety {
        /// Changes nothing but what it mends.
        Safe = "safe",
        /// Needs a decision first.
        Review = "review",
    }
}

/// Something to look at, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// Where to look.
    pub at: Locus,
    /// What is seen there.
    pub says: String,
}

/// A replacement of a range of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: SourceSpan,
    /// By what.
    pub replace_with: String,
}

/// A way to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What to do, in the imperative.
    pub title: String,
    /// How safely it can be applied.
    pub safety: Safety,
    /// The edits that do it; empty where only a person can.
    pub edits: Vec<Edit>,
}

impl Fix {
    /// A step that only a person can take.
    pub fn advice(title: impl Into<String>) -> Fix {
        Fix {
            title: title.into(),
            safety: Safety::Review,
            edits: Vec::new(),
        }
    }
}

/// One cause of trouble, however many connections it struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static str,
    /// The layer of the cause.
    pub layer: Layer,
    /// The kind of trouble.
    pub class: Class,
    /// How much it hurts.
    pub severity: Severity,
    /// How we know.
    pub support: Support,
    /// On whose side it lies.
    pub owner: Owner,
    /// One sentence with the names and figures that matter.
    pub headline: String,
    /// How often it was seen.
    pub count: u64,
    /// Time that connections lost to it, summed over connections.
    pub lost: Span,
    /// What to look at; the first is the primary one.
    pub exhibits: Vec<Exhibit>,
    /// What would prove this finding wrong.
    pub refuter: String,
    /// Ways to mend it, best first.
    pub fixes: Vec<Fix>,
}
