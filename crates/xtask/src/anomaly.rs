//! `cargo xtask anomaly`: the long forms of the tests on bad input, in a fast build.
//!
//! Ten million bogus flows of every kind, a million faults of every kind, bombs of gigabytes, rules
//! and manifests of 100 MB, importers' fixtures and the captures of `WIREWISE_CORPORA` cut at every
//! offset. Takes some five minutes and
//! prints what it did, with the peak memory and the CPU time of each part.
#![expect(
    clippy::disallowed_methods,
    reason = "a chore starts programs and reads the environment"
)]

use std::process::{Command, ExitCode};

/// The tests that are ignored elsewhere because they take long.
const TESTS: [&str; 10] = [
    "test",
    "--release",
    "--package",
    "ww_testkit",
    "--test",
    "bad_input",
    "--",
    "--ignored",
    "--nocapture",
    "--test-threads=1",
];

/// Runs them all, one after another.
pub(crate) fn run() -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    match Command::new(cargo).args(TESTS).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
