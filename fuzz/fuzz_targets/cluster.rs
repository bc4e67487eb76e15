//! Kubernetes manifests of any bytes: read, and asked who reaches whom in every reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::declared::check_problems;
use ww_base::{Limits, SourceId};
use ww_reach::kube::{Assumptions, Reach, diff, exposure, unknown_pods};

/// Inputs with more parts than this say nothing new and are slow.
const MOST_PARTS: u32 = 4000;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        document_nodes: MOST_PARTS,
        ..Limits::default()
    };
    let read = ww_import::kube::import([(SourceId(0), bytes)], &limits);
    check_problems(&read.problems, &[bytes], &limits);
    let cluster = &read.value;
    let reach = Reach::of(cluster, Assumptions::default(), &unknown_pods(cluster));
    let mut pairs = reach.every_pair();
    for (from, _) in reach.endpoints() {
        let sets = pairs.from(from).to_vec();
        for ((to, _), set) in reach.endpoints().zip(sets) {
            let bounds = reach.bounds(from, to);
            let possible = pairs.set(set);
            assert!(bounds.most.covers(possible) && possible.covers(&bounds.least));
        }
    }
    assert!(diff(&reach, &reach).changes.is_empty());
    let _ = exposure(&reach);
});
