//! `name-without-resolver`: a name is looked up for each request, and no server for that is configured.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_finding::Support;
use ww_model::service::{Program, Unresolvable};

rule! {
    name: "name-without-resolver",
    family: "names",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A proxy has to look a name up for each request, and is told no DNS server: every one is answered with 502",
    needs: [Programs],
    explains: [],
    page: "name_without_resolver.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for program in &declared.model.services.programs {
        for name in &program.unresolvable {
            if !is_known_otherwise(program, name) && told.insert(name.at) {
                reports.add(story(program, name));
            }
        }
    }
}

/// Whether another directive names the same host and port without a variable: its addresses, found at
/// the start, are taken then.
fn is_known_otherwise(program: &Program, name: &Unresolvable) -> bool {
    let mut targets = program.calls.iter().flat_map(|call| &call.to);
    targets.any(|target| {
        target.host == name.host
            && target.port == name.port
            && target.resolves_again.value() == Some(&false)
    })
}

fn story(program: &Program, name: &Unresolvable) -> Story {
    let (client, host) = (&program.name, &name.host);
    Story::proved(
        format!(
            "{client} has to look {host} up for each request, but is told no DNS server: each one is \
             answered with 502"
        ),
        format!("a request here that is answered, with `no resolver defined to resolve {host}` nowhere in the error log"),
    )
    .support(Support::Declared)
    .show(at(
        name.at,
        "holds a variable, so that the name is looked up by nginx itself, not by the system",
    ))
    .advise("Name a DNS server in the block: `resolver 127.0.0.11 valid=10s;` with compose, the ClusterIP of kube-dns in Kubernetes, that of /etc/resolv.conf elsewhere")
    .advise("Or leave the variable out, where the name's address does not change")
}
