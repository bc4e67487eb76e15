//! `time-wait-limit-lowered`: connections in TIME_WAIT are destroyed before their time.

use super::hosts::{number, written};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::Support;

rule! {
    name: "time-wait-limit-lowered",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "The bound on connections in TIME_WAIT is set low: beyond it they are destroyed, and late segments meet new connections",
    needs: [Hosts],
    explains: [],
    page: "time_wait_limit_lowered.md",
    check: check,
}

const NAME: &str = "net.ipv4.tcp_max_tw_buckets";

/// What a host closes in a minute without being busy; kernels of any memory of today allow more.
const FEW: u64 = 10_000;

/// Seconds that TIME_WAIT lasts (`TCP_TIMEWAIT_LEN`).
const TIME_WAIT_SECONDS: u64 = 60;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (value, under) in written(declared, NAME) {
        let Some(most) = number(value).filter(|most| *most <= FEW) else {
            continue;
        };
        let host = under.name;
        reports.add(
            Story::proved(
                format!(
                    "{host} lets {most} connections be in TIME_WAIT, {} closed per second: the next are destroyed at \
                     once, and segments that come late are answered with a reset or meet a new connection",
                    most / TIME_WAIT_SECONDS
                ),
                format!("TCPTimeWaitOverflow of {host} in `nstat -az` that stays at 0"),
            )
            .support(Support::Declared)
            .show(at(value.at, format!("no more than {most} connections in TIME_WAIT, for {TIME_WAIT_SECONDS} s each")))
            .advise(
                "Delete the line: the kernel's own bound grows with the memory, and a connection in TIME_WAIT costs \
                 some hundred bytes",
            ),
        );
    }
}
