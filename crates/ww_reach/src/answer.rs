//! Answers about who can reach whom, with what, and by which line.

use ww_base::{Gap, Locus};

/// How a question ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reachability {
    /// Everything that was asked about gets through.
    Reachable,
    /// Nothing of it does.
    Blocked,
    /// Some of it does.
    Partly,
    /// It depends on what happens at run time.
    May,
    /// It cannot be told from these files.
    Unknown,
}

impl Reachability {
    /// The word that reports print.
    pub fn word(self) -> &'static str {
        match self {
            Reachability::Reachable => "reachable",
            Reachability::Blocked => "blocked",
            Reachability::Partly => "partly",
            Reachability::May => "may",
            Reachability::Unknown => "unknown",
        }
    }
}

/// A box of packets, or one packet: header fields in reading order, each with the values that it
/// may have. A field that is not there may have any value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Fields by name (`src`, `dst`, `proto`, `dport`, `sport`, …) and their values as text.
    pub fields: Vec<(&'static str, Vec<String>)>,
}

impl Traffic {
    /// Adds a field.
    #[must_use]
    pub fn with(
        mut self,
        field: &'static str,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Traffic {
        let values = values.into_iter().map(Into::into).collect();
        self.fields.push((field, values));
        self
    }

    /// Adds all fields of another.
    #[must_use]
    pub fn and(mut self, other: Traffic) -> Traffic {
        self.fields.extend(other.fields);
        self
    }

    /// Adds a field with one value.
    #[must_use]
    pub fn with_one(self, field: &'static str, value: impl Into<String>) -> Traffic {
        self.with(field, [value])
    }
}

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line that says so.
    pub at: Locus,
    /// What happens there.
    pub says: String,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ends.
    pub verdict: Reachability,
    /// What gets through, as boxes.
    pub allowed: Vec<Traffic>,
    /// What would get through, and is in vain because no reply to it comes back, as boxes.
    pub unanswered: Vec<Traffic>,
    /// One packet: one that gets through where anything does, else one that does not.
    pub witness: Option<Traffic>,
    /// The way of the witness, with the deciding line at each step.
    pub steps: Vec<Step>,
    /// What would have to be known.
    pub gaps: Vec<Gap>,
}

/// Sources that fare alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Who they are.
    pub members: Vec<String>,
    /// What gets through from them.
    pub allowed: Vec<Traffic>,
    /// The lines that let it.
    pub steps: Vec<Step>,
}

/// Groups of places that behave alike, and who of them reaches whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The members of each group.
    pub groups: Vec<Vec<String>>,
    /// From one group to another, with what, in the order of the groups; from a group to itself
    /// where its members reach one another.
    pub edges: Vec<Edge>,
}

/// One group reaches another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Index of the group that connects.
    pub from: usize,
    /// Index of the group that is connected to.
    pub to: usize,
    /// With what, as a sentence has it: `TCP 80,443`.
    pub with: String,
}

/// A rule that never decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadowed {
    /// The rule.
    pub rule: Step,
    /// Who decides about the packets that the rule's own conditions fit; empty when no packet at
    /// all fits them.
    pub covered_by: Vec<Step>,
}

/// A flow that a change opens or closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether it gets through now and did not before.
    pub opened: bool,
    /// What it is.
    pub flow: Traffic,
    /// One packet of it.
    pub witness: Option<Traffic>,
    /// The lines that decided before.
    pub before: Vec<Step>,
    /// The lines that decide now.
    pub after: Vec<Step>,
}
