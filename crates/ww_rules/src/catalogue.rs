//! Every rule, sorted by family and name.

use crate::{Rule, capture};

/// Every rule.
pub static RULES: &[&Rule] = &[&capture::truncated_capture::RULE];

/// The rule of that name.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.meta.name == name)
}
