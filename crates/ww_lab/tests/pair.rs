//! Linux as judge of connections through two routers: the same files, the same packets, the same end.

#![expect(clippy::disallowed_methods, reason = "the lab is real")]

use std::time::Duration;
use ww_lab::error::LabError;
use ww_lab::kernel::pair::{Plan, run};

#[test]
fn connections_through_two_routers_fare_as_the_kernel_lets_them() {
    let plan = Plan {
        seed: 20_261_128,
        networks: 16,
        connections: 60,
        patience: Duration::from_secs(20),
    };
    let tally = match run(&plan) {
        Ok(tally) => tally,
        Err(LabError::NotPossible { operation, reason }) if std::env::var_os("CI").is_none() => {
            eprintln!(
                "NOT TESTED: two routers in namespaces need root and TAP interfaces ({operation}: {reason})"
            );
            return;
        }
        Err(error) => panic!("{error}"),
    };
    if let Some(disagreement) = tally.disagreement {
        panic!("{disagreement}");
    }
    for fate in ["reachable", "blocked"] {
        let count = tally.connections.get(fate).copied().unwrap_or_default();
        assert!(count >= 20, "{count} connections were {fate}: {tally:?}");
    }
    assert!(tally.translated >= 10, "{tally:?}");
}
