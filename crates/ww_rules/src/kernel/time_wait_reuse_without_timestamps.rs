//! `time-wait-reuse-without-timestamps`: a setting that the one beside it takes out of force.

use super::hosts::{number, written};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::Support;

rule! {
    name: "time-wait-reuse-without-timestamps",
    family: "kernel",
    layer: Tcp,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "tcp_tw_reuse needs TCP timestamps, which are switched off: no port is used again early",
    needs: [Hosts],
    explains: [],
    page: "time_wait_reuse_without_timestamps.md",
    check: check,
}

const REUSE: &str = "net.ipv4.tcp_tw_reuse";
const TIMESTAMPS: &str = "net.ipv4.tcp_timestamps";

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (timestamps, under) in written(declared, TIMESTAMPS) {
        let reuse = under.kernel.get(REUSE);
        let reuse = reuse.filter(|value| number(value) == Some(1));
        let (Some(reuse), Some(0)) = (reuse, number(timestamps)) else {
            continue;
        };
        let host = under.name;
        reports.add(
            Story::proved(
                format!(
                    "{host} is to use ports in TIME_WAIT again (tcp_tw_reuse), but has no TCP timestamps, by which \
                     the kernel tells old segments from new: no port is used again early"
                ),
                format!("TcpExtTWRecycled of {host} in `nstat -az` that grows"),
            )
            .support(Support::Declared)
            .show(at(timestamps.at, "TCP timestamps are switched off"))
            .show(at(reuse.at, "ports in TIME_WAIT are to be used again"))
            .fix(crate::mend::replace(
                declared,
                timestamps.at,
                "0",
                "1",
                "Leave timestamps on, as the kernel has them: round trips are measured and old segments told by them",
            )),
        );
    }
}
