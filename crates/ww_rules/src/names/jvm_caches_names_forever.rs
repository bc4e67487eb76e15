//! `jvm-caches-names-forever`: a Java virtual machine that never looks a name up a second time.

use super::jvm::{options, property};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_finding::Support;
use ww_model::service::Unit;

rule! {
    name: "jvm-caches-names-forever",
    family: "names",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A Java virtual machine keeps the addresses of names until it is restarted",
    needs: [Workloads],
    explains: [],
    page: "jvm_caches_names_forever.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for unit in &declared.model.services.units {
        let options = options(unit);
        let ttl = property(&options, "sun.net.inetaddr.ttl");
        let manager = property(&options, "java.security.manager");
        let (says, place) = match (ttl, manager) {
            (Some((ttl, place)), _) if ttl.parse::<i64>().is_ok_and(|ttl| ttl < 0) => {
                ("a negative time keeps addresses for ever", place)
            }
            (None, Some((value, place))) if !matches!(value, "allow" | "disallow") => (
                "with a security manager addresses are kept for ever unless told otherwise",
                place,
            ),
            _ => continue,
        };
        if told.insert(place) {
            reports.add(story(unit, says, place));
        }
    }
}

fn story(unit: &Unit, says: &str, place: SourceSpan) -> Story {
    let name = &unit.name;
    Story::proved(
        format!(
            "{name} looks every name up once and keeps its address until it is restarted: when a \
             service moves, it calls the old address for ever"
        ),
        format!("every name that {name} calls keeps its address, or its java.security sets networkaddress.cache.ttl"),
    )
    .support(Support::Declared)
    .show(at(place, says))
    .advise("Keep addresses for as long as they may be wrong: `-Dsun.net.inetaddr.ttl=30`, or `networkaddress.cache.ttl=30` in java.security")
}
