//! `time-wait-recycling`: a setting that broke clients behind NAT, and is gone.

use super::hosts::{number, written};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::{Severity, Support};
use ww_model::service::Version;

rule! {
    name: "time-wait-recycling",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "tcp_tw_recycle drops clients behind one NAT; kernels from 4.12 on do not have it any more",
    needs: [Hosts],
    explains: [],
    page: "time_wait_recycling.md",
    check: check,
}

const NAME: &str = "net.ipv4.tcp_tw_recycle";

/// The versions that have it.
const WITH_IT: &str = "<4.12";

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (value, under) in written(declared, NAME) {
        if number(value).is_none_or(|number| number == 0) {
            continue;
        }
        let host = under.name;
        let version = version(declared);
        let has_it = version.and_then(|version| version.is_within(WITH_IT));
        let (says, severity) = match has_it {
            Some(true) => (
                "SYNs of clients that share an address behind NAT are dropped, as their timestamps go back and forth"
                    .to_owned(),
                Severity::High,
            ),
            Some(false) => (
                "this kernel does not have the setting any more, and loading the file reports an error".to_owned(),
                Severity::Low,
            ),
            None => (
                "kernels before 4.12 drop SYNs of clients that share an address behind NAT, and later ones do not \
                 have the setting"
                    .to_owned(),
                Severity::Medium,
            ),
        };
        reports.add(
            Story::proved(
                format!("{host} turns tcp_tw_recycle on: {says}"),
                format!("a kernel of {host} before 4.12 that no client reaches through a NAT"),
            )
            .support(Support::Declared)
            .severity(severity)
            .show(at(value.at, "TIME_WAIT is to be recycled by the timestamps of an address"))
            .advise("Delete the line")
            .advise(
                "Where TIME_WAIT uses up the ports of a client: keep connections, or set net.ipv4.tcp_tw_reuse = 1, \
                 which is about connections that the host opens itself",
            ),
        );
    }
}

/// The kernel's version, as the team states it.
fn version<'a>(declared: &Declared<'a>) -> Option<&'a Version> {
    let mut versions = declared.model.services.facts.versions.iter();
    let stated = versions.find(|(component, _)| component == "linux");
    stated.map(|(_, version)| &version.value)
}
