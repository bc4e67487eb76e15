//! A scenario of each class, made on the real kernel: its captures show what it says.

#![expect(clippy::disallowed_methods, reason = "the lab is real")]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use ww_lab::error::LabError;
use ww_lab::{pcap, proof, run, scenarios};

/// Runs the scenario and returns how many frames its first capture has; `None` after one loud line where labs are
/// not possible, which under CI is a failure.
fn frames_of(name: &str, seed: u64) -> Option<usize> {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenarios::all()
        .into_iter()
        .find(|scenario| scenario.name == name)
        .unwrap();
    let run = match run::run(&scenario, seed, folder.path()) {
        Ok(run) => run,
        Err(LabError::NotPossible { operation, reason }) if std::env::var_os("CI").is_none() => {
            eprintln!("NOT TESTED: {name} needs root and TAP interfaces ({operation}: {reason})");
            return None;
        }
        Err(error) => panic!("{name}: {error}"),
    };
    assert_eq!(
        proof::missing(&scenario, &run).unwrap(),
        Vec::<String>::new(),
        "{name}"
    );
    let first = run.taken.first().unwrap();
    Some(pcap::read(&std::fs::read(&first.file).unwrap()).len())
}

#[test]
fn a_fault_is_on_the_wire() {
    // Four refused connections and the question for the address.
    assert!(frames_of("port-closed", 1).is_none_or(|frames| frames >= 8));
}

#[test]
fn a_clean_scenario_shows_no_trouble() {
    assert!(frames_of("clean-dns-then-http", 2).is_none_or(|frames| frames >= 30));
}

#[test]
fn a_real_server_answers_in_a_clean_scenario() {
    assert!(frames_of("clean-tls-nginx", 4).is_none_or(|frames| frames >= 20));
}

#[test]
fn an_artefact_is_in_the_file_only() {
    assert!(frames_of("mirror-doubles-requests", 3).is_none_or(|frames| frames.is_multiple_of(2)));
}
