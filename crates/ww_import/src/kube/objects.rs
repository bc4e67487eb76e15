//! Which kind is read by whom, and what every object has.

use std::collections::BTreeMap;

use ww_base::SourceSpan;
use ww_model::kube::{Labels, ObjectName, Unfollowed};

use super::{Intake, policies, services, workloads};
use crate::document::View;

/// The namespace of objects that name none.
const DEFAULT_NAMESPACE: &str = "default";

/// Kinds that restrict or redirect connections and are not read: an answer without them may be
/// wrong, so each is named.
const NOT_READ: [&str; 8] = [
    "AuthorizationPolicy",
    "CiliumClusterwideNetworkPolicy",
    "CiliumNetworkPolicy",
    "ClusterUserDefinedNetwork",
    "GlobalNetworkPolicy",
    "MultiNetworkPolicy",
    "NetworkAttachmentDefinition",
    "UserDefinedNetwork",
];

/// Kinds that say how requests are handled, which others read, and that may also restrict or
/// redirect connections: whoever asks for reachability has to know that they are there.
const UNFOLLOWED: [&str; 4] = ["Gateway", "HTTPRoute", "Sidecar", "VirtualService"];

/// Reads an object of a kind.
pub(super) fn read(intake: &mut Intake<'_>, kind: &str, object: View<'_>) {
    let group = object
        .get("apiVersion")
        .and_then(View::text)
        .unwrap_or_default();
    let group = group.split_once('/').map_or("", |(group, _)| group);
    match (kind, group) {
        ("Namespace", "" | "core") => wholly(intake, |intake| workloads::namespace(intake, object)),
        ("Node", "" | "core") => workloads::node(intake, object),
        ("Pod", _) => workloads::pod(intake, object),
        (
            "Deployment"
            | "ReplicaSet"
            | "StatefulSet"
            | "DaemonSet"
            | "Job"
            | "ReplicationController"
            | "DeploymentConfig"
            | "CronJob"
            | "VirtualMachine"
            | "VirtualMachineInstance",
            _,
        ) => workloads::controller(intake, kind, object),
        ("Service", "" | "core") => services::service(intake, object),
        ("EndpointSlice", _) => services::endpoint_slice(intake, object),
        ("Endpoints", "" | "core") => services::endpoints(intake, object),
        ("Ingress", "" | "networking.k8s.io" | "extensions") => services::ingress(intake, object),
        ("Route", "" | "route.openshift.io") => services::route(intake, object),
        ("NetworkPolicy", "" | "networking.k8s.io" | "extensions") => {
            wholly(intake, |intake| policies::network_policy(intake, object));
        }
        ("AdminNetworkPolicy" | "BaselineAdminNetworkPolicy" | "ClusterNetworkPolicy", _) => {
            wholly(intake, |intake| {
                policies::cluster_policy(intake, kind, object);
            });
        }
        ("NetworkPolicy", _) => not_read(intake, &format!("{group} {kind}"), object),
        _ if NOT_READ.contains(&kind) => not_read(intake, kind, object),
        _ if UNFOLLOWED.contains(&kind) => {
            intake.ignore(kind);
            intake.cluster.unfollowed.push(Unfollowed {
                kind: kind.to_owned(),
                at: kind_place(object),
            });
        }
        _ => intake.ignore(kind),
    }
}

/// Reads an object that decides who reaches whom, and notes when some of it was not understood.
fn wholly(intake: &mut Intake<'_>, read: impl FnOnce(&mut Intake<'_>)) {
    let before = intake.met_in_all();
    read(intake);
    if intake.met_in_all() > before {
        intake.cluster.policies_unread += 1;
    }
}

fn not_read(intake: &mut Intake<'_>, kind: &str, object: View<'_>) {
    intake.ignore(kind);
    intake.cluster.policies_unread += 1;
    let at = kind_place(object);
    let message = format!(
        "wirewise does not read {kind}, which may restrict or redirect connections: \
         what it changes is missing from every answer"
    );
    intake.unsupported(at, message);
}

/// Where an object says of what kind it is.
fn kind_place(object: View<'_>) -> SourceSpan {
    object.get("kind").map_or_else(|| object.at(), View::at)
}

/// The object's name and namespace.
pub(super) fn name(intake: &mut Intake<'_>, object: View<'_>) -> ObjectName {
    let metadata = object.get("metadata");
    let text = |key| {
        metadata
            .and_then(|metadata| metadata.get(key))
            .and_then(View::text)
    };
    let name = text("name").or_else(|| text("generateName"));
    if name.is_none() {
        intake.malformed(object.at(), "metadata.name is missing");
    }
    ObjectName {
        namespace: text("namespace").unwrap_or(DEFAULT_NAMESPACE).to_owned(),
        name: name.unwrap_or_default().to_owned(),
    }
}

/// The labels below a `metadata`.
pub(super) fn labels(intake: &mut Intake<'_>, metadata: Option<View<'_>>) -> Labels {
    metadata
        .and_then(|metadata| metadata.get("labels"))
        .map(|labels| string_map(intake, labels))
        .unwrap_or_default()
}

/// A mapping of texts to texts.
pub(super) fn string_map(intake: &mut Intake<'_>, map: View<'_>) -> Labels {
    if !map.is_map() {
        intake.malformed(map.at(), "labels are a mapping");
    }
    let mut texts = Labels::new();
    for (key, value) in map.entries() {
        match value.text() {
            Some(text) => drop(texts.insert(key.to_owned(), text.to_owned())),
            None => intake.malformed(value.at(), format!("the value of label `{key}` is a text")),
        }
    }
    texts
}

/// Of objects with one name keeps the last, as applying the files one after another would.
pub(super) fn keep_last_declarations(intake: &mut Intake<'_>) {
    let cluster = &mut intake.cluster;
    let mut replaced: Vec<(SourceSpan, String)> = Vec::new();
    let mut note = |at: SourceSpan, what: String| replaced.push((at, what));
    let full = |name: &ObjectName| format!("{}/{}", name.namespace, name.name);
    keep_last(
        &mut cluster.namespaces,
        |it| it.name.clone(),
        |it| note(it.at, format!("Namespace {}", it.name)),
    );
    keep_last(
        &mut cluster.nodes,
        |it| it.name.clone(),
        |it| note(it.at, format!("Node {}", it.name)),
    );
    keep_last(
        &mut cluster.workloads,
        |it| (it.kind.clone(), it.name.clone()),
        |it| note(it.at, format!("{} {}", it.kind, full(&it.name))),
    );
    keep_last(
        &mut cluster.services,
        |it| it.name.clone(),
        |it| note(it.at, format!("Service {}", full(&it.name))),
    );
    keep_last(
        &mut cluster.network_policies,
        |it| it.name.clone(),
        |it| note(it.at, format!("NetworkPolicy {}", full(&it.name))),
    );
    keep_last(
        &mut cluster.cluster_policies,
        |it| (it.kind.clone(), it.name.clone()),
        |it| note(it.at, format!("{} {}", it.kind, it.name)),
    );
    intake.cluster.unread += replaced.len() as u32;
    for (at, what) in replaced {
        intake.malformed(
            at,
            format!("{what} is declared again later, and that counts"),
        );
    }
}

fn keep_last<T, K: Ord>(objects: &mut Vec<T>, key: impl Fn(&T) -> K, mut replaced: impl FnMut(&T)) {
    let mut last: BTreeMap<K, usize> = BTreeMap::new();
    for (index, object) in objects.iter().enumerate() {
        last.insert(key(object), index);
    }
    if last.len() == objects.len() {
        return;
    }
    let mut index = 0;
    objects.retain(|object| {
        let is_last = last.get(&key(object)) == Some(&index);
        index += 1;
        if !is_last {
            replaced(object);
        }
        is_last
    });
}
