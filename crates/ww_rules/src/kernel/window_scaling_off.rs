//! `window-scaling-off`: no more than 64 KiB are on the way at once.

use super::hosts::set_to;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::Support;

rule! {
    name: "window-scaling-off",
    family: "kernel",
    layer: Tcp,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "TCP window scaling is switched off: a transfer is bounded by 64 KiB for each round trip",
    needs: [Hosts],
    explains: [],
    page: "window_scaling_off.md",
    check: check,
}

const NAME: &str = "net.ipv4.tcp_window_scaling";

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (value, under) in set_to(declared, NAME, 0) {
        let host = under.name;
        reports.add(
            Story::proved(
                format!(
                    "{host} switches window scaling off: no more than 65,535 bytes of a connection are on the way at \
                     once, 1.3 MB/s with a round trip of 50 ms, whatever the line can carry"
                ),
                format!("{host} only talks to hosts that are less than a millisecond away"),
            )
            .support(Support::Declared)
            .show(at(value.at, "window scaling is switched off; the kernel's default is 1"))
            .fix(crate::mend::replace(
                declared,
                value.at,
                "0",
                "1",
                "Switch it on, as the kernel has it",
            ))
            .advise("If a firewall between takes offence at it, mend the firewall: it forgets the factor of the handshake"),
        );
    }
}
