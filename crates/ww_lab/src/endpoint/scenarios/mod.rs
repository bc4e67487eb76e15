//! Every endpoint that is walked.

mod answers;
mod authorities;
mod bindings;
mod fields;
mod mailboxes;
mod names;
mod quic;
mod reach;
mod resolvers;
mod secured;
mod services;
mod signed;

use super::Scenario;

/// All scenarios: each has one fault, or none.
pub fn all() -> Vec<Scenario> {
    [
        reach::SCENARIOS,
        names::SCENARIOS,
        resolvers::SCENARIOS,
        authorities::SCENARIOS,
        secured::SCENARIOS,
        answers::SCENARIOS,
        fields::SCENARIOS,
        signed::SCENARIOS,
        services::SCENARIOS,
        mailboxes::SCENARIOS,
        quic::SCENARIOS,
        bindings::SCENARIOS,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn names_are_told_apart() {
        let all = super::all();
        let names: BTreeSet<&str> = all.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().any(|scenario| scenario.cause.is_none()));
    }
}
