//! `admin-port-open-to-world`: everybody may try to log in where devices are administered.

use super::{cluster, filter, ports};
use crate::rule::rule;
use crate::{Declared, Reports};

rule! {
    name: "admin-port-open-to-world",
    family: "exposure",
    layer: Policy,
    class: Security,
    severity: High,
    owner: Configuration,
    summary: "Everybody may connect to a port of administration: remote desktops, Docker, Telnet, SSH",
    needs: [FilterRulesOrKubernetes],
    explains: [],
    page: "admin_port_open_to_world.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    filter::report(declared, ports::ADMINISTRATION, reports);
    cluster::report(declared, ports::ADMINISTRATION, reports);
}
