//! Names of rules on the command line.

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use std::ffi::OsStr;
use ww_finding::RuleMeta;

/// Reads a rule's name, completes it in shells, and suggests the nearest for one that is unknown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleName;

impl TypedValueParser for RuleName {
    type Value = &'static RuleMeta;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<&'static RuleMeta, Error> {
        let name = value.to_string_lossy();
        ww_rules::find(&name)
            .map(|rule| &rule.meta)
            .ok_or_else(|| unknown(command, argument, &name))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(names().map(PossibleValue::new)))
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    ww_rules::RULES.iter().map(|rule| rule.meta.name)
}

fn unknown(command: &Command, argument: Option<&Arg>, name: &str) -> Error {
    let mut error = Error::new(ErrorKind::InvalidValue).with_cmd(command);
    if let Some(argument) = argument {
        let spelled = ContextValue::String(argument.to_string());
        error.insert(ContextKind::InvalidArg, spelled);
    }
    error.insert(ContextKind::InvalidValue, ContextValue::String(name.into()));
    if let Some(nearest) = nearest(name, names()) {
        let suggestion = ContextValue::String(nearest.into());
        error.insert(ContextKind::SuggestedValue, suggestion);
    }
    error
}

/// The candidate that is most like this name, if any is: it begins with it, holds it, or few letters
/// differ.
fn nearest(name: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let wanted = name.to_lowercase().replace([' ', '_'], "-");
    candidates
        .map(|candidate| {
            let rank = match candidate.find(&wanted) {
                Some(0) => 0,
                Some(_) if wanted.len() > 2 => 1,
                _ => distance(&wanted, candidate),
            };
            (rank, candidate)
        })
        .min()
        .filter(|&(rank, candidate)| rank <= candidate.len() / 3)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: the fewest insertions, deletions and replacements of letters that turn
/// one word into the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (deleted, letter) in from.chars().enumerate() {
        let mut diagonal = deleted;
        let mut left = deleted + 1;
        let mut next = vec![left];
        for (&above, other) in row.iter().skip(1).zip(to.chars()) {
            let replaced = diagonal + usize::from(letter != other);
            left = replaced.min(above + 1).min(left + 1);
            diagonal = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn a_slip_finds_its_rule() {
        let nearest = |name| {
            let candidates = [
                "dns-truncated-without-tcp",
                "port-scan",
                "truncated-capture",
            ];
            nearest(name, candidates.into_iter())
        };
        assert_eq!(nearest("truncated-captur"), Some("truncated-capture"));
        assert_eq!(nearest("Truncated_Capture"), Some("truncated-capture"));
        assert_eq!(nearest("truncated"), Some("truncated-capture"));
        assert_eq!(nearest("without"), Some("dns-truncated-without-tcp"));
        assert_eq!(nearest("zzzz"), None);
    }
}
