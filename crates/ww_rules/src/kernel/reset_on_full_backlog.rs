//! `reset-on-full-backlog`: a full backlog answers clients with a reset.

use super::hosts::set_to;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::Support;

rule! {
    name: "reset-on-full-backlog",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A full backlog answers clients with a reset: a burst of a moment becomes errors",
    needs: [Hosts],
    explains: [],
    page: "reset_on_full_backlog.md",
    check: check,
}

const NAME: &str = "net.ipv4.tcp_abort_on_overflow";

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (value, under) in set_to(declared, NAME, 1) {
        let host = under.name;
        reports.add(
            Story::proved(
                format!(
                    "{host} resets connections that find a full backlog, in place of letting the client send its \
                     last packet again: a burst of a moment becomes \"connection reset by peer\""
                ),
                format!("backlogs on {host} that are never full: ListenOverflows in `nstat` stays at 0"),
            )
            .support(Support::Declared)
            .show(at(value.at, "a full backlog is answered with a reset; the kernel's default is 0"))
            .fix(crate::mend::replace(
                declared,
                value.at,
                "1",
                "0",
                "Let clients try again by themselves: the kernel's default",
            ))
            .advise("Keep it only where a balancer before the host takes the reset and tries another one"),
        );
    }
}
