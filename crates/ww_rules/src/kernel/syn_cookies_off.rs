//! `syn-cookies-off`: a host has no answer to a flood of SYNs.

use super::hosts::set_to;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::Support;

rule! {
    name: "syn-cookies-off",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "SYN cookies are switched off: a small flood of SYNs keeps all new clients out",
    needs: [Hosts],
    explains: [],
    page: "syn_cookies_off.md",
    check: check,
}

const NAME: &str = "net.ipv4.tcp_syncookies";

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (value, under) in set_to(declared, NAME, 0) {
        let host = under.name;
        reports.add(
            Story::proved(
                format!(
                    "{host} answers no SYN once a listener's queue is full, as SYN cookies are off: a small flood \
                     with false addresses keeps all new clients out"
                ),
                format!("a proxy before {host} that completes handshakes itself and passes only those on"),
            )
            .support(Support::Declared)
            .show(at(value.at, "SYN cookies are switched off; the kernel's default is 1, to use them when the queue is full"))
            .fix(crate::mend::replace(
                declared,
                value.at,
                "0",
                "1",
                "Leave them on, as the kernel has it: they are used only when the queue is full",
            )),
        );
    }
}
