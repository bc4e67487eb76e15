//! What the translation of one rule may look at and add to.

use crate::sets::NamedSets;
use crate::text::Problems;
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{ProblemKind, SourceSpan};
use ww_model::filter::{Action, Condition, Family, Step, Unknown, UnknownId, UnknownReason};

/// What the translation of one rule may look at and add to.
pub(super) struct Scope<'a> {
    /// The family of the table.
    pub(super) family: Family,
    /// The protocol that the rule asks for, when it asks for one and not for all others.
    pub(super) protocol: Option<u8>,
    /// The rule's place.
    pub(super) at: SourceSpan,
    /// The sets that rules may refer to.
    pub(super) sets: &'a NamedSets,
    /// The sets that rules of this text add to, and whether they also take entries away.
    pub(super) changed: &'a BTreeMap<String, bool>,
    /// What could not be expressed.
    pub(super) unknowns: &'a mut Unknowns,
    /// What could not be read.
    pub(super) problems: &'a mut Problems,
}

impl Scope<'_> {
    /// A condition that cannot be told.
    pub(super) fn unknown(&mut self, text: String, reason: UnknownReason) -> Condition {
        Condition::Unknown(self.unknown_id(text, reason))
    }

    /// An unknown for a condition or an action.
    pub(super) fn unknown_id(&mut self, text: String, reason: UnknownReason) -> UnknownId {
        self.unknowns.add(self.family, self.at, text, reason)
    }

    /// A problem of this rule.
    pub(super) fn problem(&mut self, kind: ProblemKind, message: impl Into<String>) {
        self.problems.add(self.at, kind, message);
    }
}

/// The unknowns of a rule set.
#[derive(Default)]
pub(super) struct Unknowns {
    /// In order of appearance.
    pub(super) list: Vec<Unknown>,
    same: BTreeMap<(Family, String), UnknownId>,
    missing_sets: BTreeSet<String>,
}

impl Unknowns {
    /// The unknown of these words. Tests of the packet alone have one answer wherever they stand,
    /// so that equal words are one unknown; others may change from rule to rule.
    fn add(
        &mut self,
        family: Family,
        at: SourceSpan,
        text: String,
        reason: UnknownReason,
    ) -> UnknownId {
        let pure = reason == UnknownReason::NotModelled;
        if let Some(id) = pure
            .then(|| self.same.get(&(family, text.clone())))
            .flatten()
        {
            return *id;
        }
        let id = UnknownId(self.list.len() as u32);
        if pure {
            self.same.insert((family, text.clone()), id);
        }
        self.list.push(Unknown { at, text, reason });
        id
    }

    /// The steps in a form that is equal where the words are.
    pub(super) fn alike(&self, steps: &[Step]) -> Vec<(Step, Option<&str>)> {
        let words = |id: &UnknownId| self.list.get(id.0 as usize).map(|one| one.text.as_str());
        let blank = UnknownId(0);
        let alike = |step: &Step| match step {
            Step::If(Condition::Unknown(id)) => (Step::If(Condition::Unknown(blank)), words(id)),
            Step::Do(Action::Unknown(id)) => (Step::Do(Action::Unknown(blank)), words(id)),
            other => (other.clone(), None),
        };
        steps.iter().map(alike).collect()
    }

    /// Whether the set is missed for the first time.
    pub(super) fn first_miss(&mut self, set: &str) -> bool {
        self.missing_sets.insert(set.to_owned())
    }
}

/// The condition, or its negation.
pub(super) fn inverted_if(inverted: bool, condition: Condition) -> Condition {
    if inverted {
        Condition::Not(Box::new(condition))
    } else {
        condition
    }
}

/// Never true.
pub(super) fn never() -> Condition {
    Condition::Any(Vec::new())
}
