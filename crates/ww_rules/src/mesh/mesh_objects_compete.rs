//! `mesh-objects-compete`: two objects of a mesh say what happens to the same thing, and one is not heeded.

use super::host::Host;
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::{Order, SourceSpan};
use ww_finding::Support;
use ww_model::service::{MeshRoute, PeerTls};

rule! {
    name: "mesh-objects-compete",
    family: "mesh",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Two objects of a mesh are about the same host or the same pods: only the older one counts",
    needs: [Programs],
    explains: [],
    page: "mesh_objects_compete.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mesh = &declared.model.services.mesh;
    let mut hosts: BTreeMap<(String, String), BTreeMap<&str, SourceSpan>> = BTreeMap::new();
    for route in mesh.routes.iter().filter(|route| is_inside(route)) {
        for host in &route.hosts {
            let named = Host::of(host, &route.namespace);
            let key = match named {
                Some(Host::Service(namespace, name)) => format!("{name}.{namespace}"),
                _ => host.clone(),
            };
            let objects = hosts.entry((route.namespace.clone(), key)).or_default();
            objects.entry(&route.name).or_insert(route.at);
        }
    }
    for ((_, host), objects) in &hosts {
        if objects.len() > 1 {
            reports.add(story(
                "VirtualService",
                &format!("what happens to calls of {host}"),
                objects,
                "Put their routes into one VirtualService, the narrowest conditions first",
            ));
        }
    }
    let mut scopes: BTreeMap<(&str, Vec<String>), BTreeMap<&str, SourceSpan>> = BTreeMap::new();
    for peers in &mesh.peers {
        let objects = scopes.entry(scope(peers)).or_default();
        objects.entry(&peers.name).or_insert(peers.at);
    }
    for ((namespace, labels), objects) in &scopes {
        if objects.len() > 1 {
            let whom = match labels.as_slice() {
                [] => format!("what pods of {namespace} demand"),
                labels => format!("what pods of {namespace} with {} demand", labels.join(", ")),
            };
            let advice = "Keep one PeerAuthentication for each scope";
            reports.add(story("PeerAuthentication", &whom, objects, advice));
        }
    }
}

/// Whether a route is about calls inside the mesh: those of gateways are put together, and so are
/// those of the Gateway API.
fn is_inside(route: &MeshRoute) -> bool {
    let is_inside =
        route.gateways.is_empty() || route.gateways.iter().any(|gateway| gateway == "mesh");
    route.is_exclusive && is_inside
}

fn scope(peers: &PeerTls) -> (&str, Vec<String>) {
    let labels = peers.selector.iter();
    let mut labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    labels.put_in_order();
    (&peers.namespace, labels)
}

fn story(kind: &str, what: &str, objects: &BTreeMap<&str, SourceSpan>, advice: &str) -> Story {
    const SHOWN: usize = 4;
    let names: Vec<&str> = objects.keys().copied().take(SHOWN).collect();
    let more = objects.len().saturating_sub(SHOWN);
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    let story = Story::proved(
        format!(
            "{}{more} say {what}, each in a {kind} of its own: only the one that was made first is heeded",
            names.join(" and ")
        ),
        "files of which only one is ever applied to a cluster",
    )
    .support(Support::Declared);
    objects
        .iter()
        .take(SHOWN)
        .fold(story, |story, (name, place)| {
            story.show(at(*place, format!("{name} says it")))
        })
        .advise(advice)
}
