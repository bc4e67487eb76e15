//! `dangling-reference`: a name that nobody declares.

use crate::declared::at;
use crate::kube::pods::resemble;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, Order, SourceSpan};
use ww_finding::{Severity, Support};
use ww_model::service::{Reference, ReferenceKind};

rule! {
    name: "dangling-reference",
    family: "references",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A setting names something that no file declares: the product refuses the file, or requests fail",
    needs: [Programs],
    explains: [],
    page: "dangling_reference.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let services = &declared.model.services;
    let of_programs = services
        .programs
        .iter()
        .flat_map(|program| &program.references);
    let of_units = services.units.iter().flat_map(|unit| &unit.references);
    let reach = names(declared);
    let mut told = BTreeSet::new();
    let of_objects = services.scaling_references.iter();
    let of_objects = of_objects.chain(&services.mesh.references);
    for reference in of_programs.chain(of_units).chain(of_objects) {
        let is_host =
            reference.kind == ReferenceKind::Backend && reach.contains(reference.name.as_str());
        if is_host || !told.insert(reference.at) {
            continue;
        }
        if is_elsewhere(reference) {
            reports.gap(Gap::new(
                format!(
                    "{} {}, which is named in these files",
                    word(reference.kind),
                    reference.name
                ),
                "the file that declares it, or the cluster that has it",
            ));
        } else {
            reports.add(story(reference));
        }
    }
}

/// Whether other files may well declare what is named: objects of a cluster come from many, and
/// nothing here is called like it.
fn is_elsewhere(reference: &Reference) -> bool {
    let is_object = matches!(
        reference.kind,
        ReferenceKind::Service | ReferenceKind::Gateway | ReferenceKind::Workload
    );
    is_object && meant(reference).is_none()
}

/// What is declared under a name that is like the one that is not.
fn meant(reference: &Reference) -> Option<&(String, SourceSpan)> {
    let mut declared = reference.declared.iter();
    declared.find(|(other, _)| resemble(&reference.name, other))
}

/// Names by which programs reach one another: what is called like one of them is no group of servers.
fn names<'a>(declared: &'a Declared<'_>) -> BTreeSet<&'a str> {
    let services = &declared.model.services;
    let units = services.units.iter().flat_map(|unit| &unit.names);
    let units = units.map(String::as_str);
    let cluster = declared.model.cluster.services.iter();
    units
        .chain(cluster.map(|service| service.name.name.as_str()))
        .chain(
            services
                .facts
                .programs
                .iter()
                .map(|program| program.name.as_str()),
        )
        .chain(
            services
                .facts
                .names
                .iter()
                .map(|(name, _)| name.value.as_str()),
        )
        .chain(["localhost"])
        .collect()
}

fn story(reference: &Reference) -> Story {
    let (name, word) = (&reference.name, word(reference.kind));
    let meant = meant(reference);
    let story = Story::proved(
        format!(
            "{name} is named as {word}, but no file declares one of that name: {}",
            consequence(reference.kind)
        ),
        format!("a file that is not among these and declares {name}"),
    )
    .support(Support::Declared)
    .show(at(reference.at, format!("names {name}")));
    let story = if let Some((other, place)) = meant {
        story
            .show(at(*place, format!("{other} is declared here")))
            .advise(format!(
                "Name {other}, if that is what is meant, or declare {name}"
            ))
    } else {
        let first = reference.declared.first();
        let story = first.into_iter().fold(story, |story, (other, place)| {
            story.show(at(*place, format!("{other} is one that is declared")))
        });
        story.advise(format!(
            "Declare {name}, or name one of those that are there{}",
            listed(reference)
        ))
    };
    match reference.kind {
        // Such a name may be resolved by a server that these files do not show.
        ReferenceKind::Backend if meant.is_none() => story.severity(Severity::Medium),
        _ => story,
    }
}

/// The names that are declared, as far as a sentence holds them.
fn listed(reference: &Reference) -> String {
    const MOST: usize = 5;
    let mut names: Vec<&str> = reference
        .declared
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.put_in_order();
    names.dedup();
    match names.len() {
        0 => String::new(),
        count if count <= MOST => format!(": {}", names.join(", ")),
        count => format!(
            ": {} and {} more",
            names
                .iter()
                .take(MOST)
                .copied()
                .collect::<Vec<_>>()
                .join(", "),
            count - MOST
        ),
    }
}

fn word(kind: ReferenceKind) -> &'static str {
    match kind {
        ReferenceKind::Backend => "a group of servers",
        ReferenceKind::Subset => "a subset",
        ReferenceKind::Service => "a Service",
        ReferenceKind::ServicePort => "a port of a Service",
        ReferenceKind::Gateway => "a gateway",
        ReferenceKind::ComposeService => "a service",
        ReferenceKind::Defaults => "a section of defaults",
        ReferenceKind::Zone => "a zone of shared memory",
        ReferenceKind::Workload => "what makes pods",
    }
}

/// What becomes of it.
fn consequence(kind: ReferenceKind) -> &'static str {
    match kind {
        ReferenceKind::Backend => "the product refuses to start, or looks the name up as a host",
        ReferenceKind::Subset | ReferenceKind::Service | ReferenceKind::ServicePort => {
            "requests that go there are answered with an error"
        }
        ReferenceKind::Workload => "nothing is scaled",
        ReferenceKind::Gateway => "the routes are attached to nothing",
        ReferenceKind::ComposeService | ReferenceKind::Defaults | ReferenceKind::Zone => {
            "the file is refused"
        }
    }
}
