//! `selective-acknowledgment-off`: a host does not tell which segments it has beyond a gap.

use super::hosts::set_to;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::Support;

rule! {
    name: "selective-acknowledgment-off",
    family: "kernel",
    layer: Tcp,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "SACK is switched off: two segments lost in one window cost a round trip each, or a timeout",
    needs: [Hosts],
    explains: [],
    page: "selective_acknowledgment_off.md",
    check: check,
}

const NAME: &str = "net.ipv4.tcp_sack";

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (value, under) in set_to(declared, NAME, 0) {
        let host = under.name;
        reports.add(
            Story::proved(
                format!(
                    "{host} switches SACK off: whoever sends to it or is sent to by it learns of one lost segment per \
                     round trip, and sends again what has arrived"
                ),
                format!("paths of {host} that never lose a segment: TcpRetransSegs in `nstat -az` stays at 0"),
            )
            .support(Support::Declared)
            .show(at(value.at, "SACK is switched off; the kernel's default is 1"))
            .fix(crate::mend::replace(
                declared,
                value.at,
                "0",
                "1",
                "Switch it on, as the kernel has it; the flaw of 2019 for which it was switched off is mended in 5.1.11, \
                 4.19.52, 4.14.127, 4.9.182 and 4.4.182",
            )),
        );
    }
}
