//! `jvm-name-cache-setting-ignored`: the time for which a Java virtual machine keeps addresses is set
//! where it is not read.

use super::jvm::{options, property};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_finding::{Edit, Fix, Safety, Support};
use ww_model::service::Unit;

rule! {
    name: "jvm-name-cache-setting-ignored",
    family: "names",
    layer: Dns,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "-Dnetworkaddress.cache.ttl sets a system property, but Java reads a security property of that name",
    needs: [Workloads],
    explains: [],
    page: "jvm_name_cache_setting_ignored.md",
    check: check,
}

/// Security properties, and the system properties that are read in their place.
const PROPERTIES: [(&str, &str); 2] = [
    ("networkaddress.cache.ttl", "sun.net.inetaddr.ttl"),
    (
        "networkaddress.cache.negative.ttl",
        "sun.net.inetaddr.negative.ttl",
    ),
];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for unit in &declared.model.services.units {
        let options = options(unit);
        for (ignored, read) in PROPERTIES {
            let written = property(&options, ignored);
            let Some((value, place)) = written.filter(|_| property(&options, read).is_none())
            else {
                continue;
            };
            if told.insert((place, ignored)) {
                reports.add(story(declared, unit, (ignored, read), value, place));
            }
        }
    }
}

fn story(
    declared: &Declared<'_>,
    unit: &Unit,
    (ignored, read): (&str, &str),
    value: &str,
    place: SourceSpan,
) -> Story {
    let name = &unit.name;
    let kept = if read.contains("negative") {
        "failures of lookups are kept for 10 s"
    } else {
        "addresses are kept for 30 s"
    };
    Story::proved(
        format!(
            "{name} sets {ignored} with -D, where Java does not read it: {kept} as if nothing was set"
        ),
        format!("code of {name} that hands this system property on with Security.setProperty"),
    )
    .support(Support::Declared)
    .show(at(
        place,
        format!("a system property; {ignored} is a security property"),
    ))
    .fix(Fix {
        title: format!("Write `-D{read}={value}`, or set {ignored} in java.security"),
        safety: Safety::Review,
        edits: edit(declared, place, ignored, read).into_iter().collect(),
    })
}

fn edit(declared: &Declared<'_>, place: SourceSpan, ignored: &str, read: &str) -> Option<Edit> {
    let option = format!("-D{ignored}=");
    let found = declared.text(place)?.rfind(&option)?;
    let start = place.start + u32::try_from(found).ok()? + 2;
    let span = SourceSpan {
        start,
        end: start + u32::try_from(ignored.len()).ok()?,
        ..place
    };
    Some(Edit {
        span,
        replace_with: read.to_owned(),
    })
}
