//! How long real proxies take in all, and the longest that `ww_chain` works out from the same files.

#![expect(clippy::disallowed_methods, reason = "the lab is real")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;
use ww_chain::{Bound, worst_case};
use ww_lab::total_time::{Case, HAPROXY, NGINX, measure};
use ww_lab::traffic::asking::Seen;

/// Program, group of servers, status, arrivals, and the milliseconds that the timers add up to.
const TABLE: [(&str, &str, u16, usize, u64); 9] = [
    // The time for further tries is looked at between tries only: the second begins at 1 s and goes on until 2 s.
    ("nginx", "two-silent-until-1500ms", 504, 2, 2_000),
    ("nginx", "two-silent-until-500ms", 504, 1, 1_000),
    ("nginx", "one-unreachable", 504, 0, 500),
    ("nginx", "two-unreachable", 504, 0, 1_000),
    // A byte each half second stops a timer of 2 s for ever.
    ("nginx", "trickle", 200, 0, 4_000),
    // Three retries are four tries.
    ("haproxy", "unreachable", 503, 0, 2_000),
    ("haproxy", "silent", 504, 1, 1_000),
    ("haproxy", "silent-all-errors", 504, 4, 4_000),
    ("haproxy", "trickle", 200, 0, 4_000),
];

/// A timer's resolution; proxies round to milliseconds.
const EARLY: u64 = 20;

/// How much later a busy machine may be.
const LATE: Duration = Duration::from_secs(30);

#[test]
fn timers_add_up_as_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let measured = common::in_a_lab("timers of proxies", &["nginx", "haproxy"], || {
        measure(folder.path())
    });
    let Some(measured) = measured else {
        return;
    };
    for (program, name, status, arrivals, ms) in TABLE {
        let is_it = |case: &&Case| case.program == program && case.name == name;
        let case = measured.cases.iter().find(is_it).unwrap();
        assert_eq!(case.seen, Seen::Answer(status), "{case:?}");
        assert_eq!(case.arrivals, arrivals, "{case:?}");
        let at_least = Duration::from_millis(ms - EARLY);
        assert!(
            case.took >= at_least && case.took < at_least + LATE,
            "{case:?}"
        );
    }
    // Both servers of the group are out of use after one failure each: nobody is asked.
    assert_eq!(measured.after_silence.seen, Seen::Answer(502));
    assert_eq!(measured.after_silence.arrivals, 0);
}

#[test]
fn the_longest_time_is_no_shorter_than_what_was_measured() {
    let models = [
        ("nginx", common::declared("nginx.conf", NGINX)),
        ("haproxy", common::declared("haproxy.cfg", HAPROXY)),
    ];
    for (program, name, status, _, ms) in TABLE {
        let (_, model) = models.iter().find(|(of, _)| *of == program).unwrap();
        let calls = &model.services.programs.first().unwrap().calls;
        let call = calls.iter().find(|call| call.name == name).unwrap();
        let Bound::Within(longest, parts) = worst_case(call) else {
            panic!("{program} {name}: {:?}", worst_case(call));
        };
        // No timer bounds a server that trickles.
        let is_bounded = status != 200;
        let longest = longest.as_secs() * 1_000.0;
        assert!(
            !is_bounded || longest >= ms as f64,
            "{program} {name}: {longest} ms, {parts:?}"
        );
        // Connecting is in the bound and took no time here; more than that it must not be off.
        assert!(
            longest <= 2.0 * ms as f64 + 1_000.0,
            "{program} {name}: {longest} ms, {parts:?}"
        );
    }
}
