//! Linux as judge of the walk through packet filters: the same rules, the same packets, the same fate.

#![expect(clippy::disallowed_methods, reason = "the lab is real")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;
use ww_lab::error::LabError;
use ww_lab::kernel::generate::Backend;
use ww_lab::kernel::oracle::{Plan, Tally, run};
use ww_lab::kernel::shrink::report;

/// What came of a short comparison, or `None` after one loud line; under CI a missing permission is a failure. A
/// missing program is one anywhere.
fn compared(backend: Backend, seed: u64) -> Option<Tally> {
    let plan = Plan {
        seed,
        packets: 15_000,
        packets_per_case: 200,
        backends: vec![backend],
        patience: Some(Duration::from_secs(10)),
        enough: 1,
    };
    match run(&plan, &mut |_| {}) {
        Ok(tally) => Some(tally),
        Err(LabError::NotPossible { operation, reason }) if std::env::var_os("CI").is_none() => {
            eprintln!(
                "NOT TESTED: the kernel as judge needs root and TAP interfaces ({operation}: {reason})"
            );
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn agrees(backend: Backend) {
    let Some(tally) = compared(backend, 20_261_122) else {
        return;
    };
    if let Some(disagreement) = tally.disagreements.first() {
        panic!("{}", report(disagreement));
    }
    let refused: usize = tally.refused.values().sum();
    assert!(
        tally.packets >= 1_000,
        "only {} packets: {:?}",
        tally.packets,
        tally.refused
    );
    assert!(
        refused * 10 <= tally.cases,
        "too many refused: {:?}",
        tally.refused
    );
    let fates: Vec<&str> = tally.fates.keys().map(String::as_str).collect();
    for fate in [
        "accepted by a rule",
        "dropped by a rule",
        "dropped by a policy",
    ] {
        assert!(fates.contains(&fate), "no packet was {fate}: {fates:?}");
    }
}

#[test]
fn iptables_of_nftables_agrees() {
    agrees(Backend::IptablesNft);
}

#[test]
fn iptables_legacy_agrees() {
    agrees(Backend::IptablesLegacy);
}

#[test]
fn nftables_agrees() {
    agrees(Backend::Nft);
}
