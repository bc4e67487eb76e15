//! The scenarios, as data: each with one fault, none, or a damaged capture.

mod artefacts;
mod clean;
mod closing;
mod datagrams;
mod handshake;
mod loss;
mod names;
mod outages;
mod slow;

use crate::link::{Effect, Fault, Kind, Side, Which};
use crate::scenario::Scenario;
use crate::traffic::http_client::Requests;

/// Every scenario, in the order in which they are run and printed.
pub fn all() -> Vec<Scenario> {
    let families = [
        clean::scenarios(),
        handshake::scenarios(),
        loss::scenarios(),
        outages::scenarios(),
        slow::scenarios(),
        closing::scenarios(),
        datagrams::scenarios(),
        names::scenarios(),
        artefacts::scenarios(),
    ];
    families.into_iter().flatten().collect()
}

/// A request for `bytes` of body.
fn download(bytes: usize) -> Requests {
    Requests {
        target: format!("/{bytes}"),
        ..Requests::default()
    }
}

/// A request with `bytes` of body.
fn upload(bytes: usize) -> Requests {
    Requests {
        target: "/100".into(),
        body: vec![bytes],
        ..Requests::default()
    }
}

/// Random loss of what `from` sends.
fn lose(from: Side, share: f64) -> Fault {
    Fault::new(Kind::Tcp, Effect::Lose).from(from).share(share)
}

/// Something that happens to the first packet of a kind in each direction of each connection.
fn first_of_flow(kind: Kind, effect: Effect) -> Fault {
    Fault::new(kind, effect).which(Which::OfFlow(vec![1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Class;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_kebab_case() {
        let all = all();
        let names: BTreeSet<&str> = all.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all.len());
        let kebab = |name: &str| {
            name.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        assert!(names.iter().all(|name| kebab(name)));
    }

    #[test]
    fn there_are_enough_of_each_class() {
        let count = |class| {
            all()
                .iter()
                .filter(|scenario| scenario.class == class)
                .count()
        };
        assert!(
            count(Class::Fault) >= 40,
            "{} with a fault",
            count(Class::Fault)
        );
        assert!(count(Class::Clean) >= 8, "{} without", count(Class::Clean));
        assert!(
            count(Class::Artefact) >= 8,
            "{} badly captured",
            count(Class::Artefact)
        );
    }

    #[test]
    fn every_scenario_says_what_it_expects() {
        for scenario in all() {
            assert!(!scenario.views.is_empty(), "{}", scenario.name);
            let proven = scenario.class == Class::Artefact || !scenario.proofs.is_empty();
            assert!(proven, "{} has no proof", scenario.name);
            for view in &scenario.views {
                assert_eq!(
                    view.expected.is_empty(),
                    scenario.class == Class::Clean,
                    "{}",
                    scenario.name
                );
                assert!(
                    !view
                        .expected
                        .iter()
                        .any(|rule| scenario.never.contains(rule)),
                    "{}",
                    scenario.name
                );
            }
            assert_eq!(
                scenario.owner.is_empty(),
                scenario.class == Class::Clean,
                "{}",
                scenario.name
            );
        }
    }
}
