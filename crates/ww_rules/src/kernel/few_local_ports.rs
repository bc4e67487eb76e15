//! `few-local-ports`: a host has few ports for connections that it opens.

use super::hosts::{pair, written};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::{Severity, Support};

rule! {
    name: "few-local-ports",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "The range of local ports is small: connections to one address run out of ports",
    needs: [Hosts],
    explains: [],
    page: "few_local_ports.md",
    check: check,
}

const NAME: &str = "net.ipv4.ip_local_port_range";

/// Fewer ports than a third of the kernel's own range.
const FEW: u64 = 9_400;

/// Fewer than a single busy pool or scan takes.
const VERY_FEW: u64 = 1_000;

/// Seconds that TIME_WAIT holds a port (`TCP_TIMEWAIT_LEN`).
const TIME_WAIT_SECONDS: u64 = 60;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (value, under) in written(declared, NAME) {
        let Some((first, last)) = pair(value) else {
            continue;
        };
        let ports = (last + 1).saturating_sub(first);
        if ports >= FEW {
            continue;
        }
        let host = under.name;
        let story = Story::proved(
            format!(
                "{host} has {ports} ports for connections that it opens: {} per second to one address and port \
                 ({ports} ÷ {TIME_WAIT_SECONDS} s in TIME_WAIT), then none is left (EADDRNOTAVAIL)",
                ports / TIME_WAIT_SECONDS
            ),
            format!("fewer than {ports} connections of {host} to any one address, those in TIME_WAIT included"),
        )
        .support(Support::Declared)
        .show(at(value.at, format!("ports from {first} to {last}; the kernel's own are 32768 to 60999")))
        .advise("Leave the kernel's range, or take a larger one without the ports that services listen on")
        .advise("Or keep connections and use them again");
        reports.add(if ports < VERY_FEW {
            story.severity(Severity::Medium)
        } else {
            story
        });
    }
}
