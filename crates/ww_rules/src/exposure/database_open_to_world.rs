//! `database-open-to-world`: everybody may connect to a database.

use super::{cluster, filter, ports};
use crate::rule::rule;
use crate::{Declared, Reports};

rule! {
    name: "database-open-to-world",
    family: "exposure",
    layer: Policy,
    class: Security,
    severity: High,
    owner: Configuration,
    summary: "Everybody may connect to a database: a packet filter or a cluster names no source",
    needs: [FilterRulesOrKubernetes],
    explains: [],
    page: "database_open_to_world.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    filter::report(declared, ports::DATABASES, reports);
    cluster::report(declared, ports::DATABASES, reports);
}
