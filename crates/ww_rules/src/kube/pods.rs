//! What rules over manifests ask of pods and namespaces.

use ww_base::Gap;
use ww_finding::Exhibit;
use ww_model::kube::{Cluster, Labels, Workload};

use crate::declared::at;

/// Kinds of objects that are not read and that make no pods.
const WITHOUT_PODS: [&str; 71] = [
    "no kind",
    "APIService",
    "AuthorizationPolicy",
    "BackendTLSPolicy",
    "BuildConfig",
    "CSIDriver",
    "CSINode",
    "Certificate",
    "CiliumClusterwideNetworkPolicy",
    "CiliumNetworkPolicy",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterUserDefinedNetwork",
    "ConfigMap",
    "ControllerRevision",
    "CustomResourceDefinition",
    "DestinationRule",
    "Endpoints",
    "EnvoyFilter",
    "Event",
    "ExternalSecret",
    "FlowSchema",
    "GRPCRoute",
    "Gateway",
    "GatewayClass",
    "GlobalNetworkPolicy",
    "GlobalNetworkSet",
    "HTTPRoute",
    "HorizontalPodAutoscaler",
    "ImageStream",
    "IngressClass",
    "Issuer",
    "Lease",
    "LimitRange",
    "MultiNetworkPolicy",
    "MutatingWebhookConfiguration",
    "NetworkAttachmentDefinition",
    "NetworkSet",
    "PeerAuthentication",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PodMonitor",
    "PodSecurityPolicy",
    "PriorityClass",
    "PrometheusRule",
    "ReferenceGrant",
    "RequestAuthentication",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "RuntimeClass",
    "SealedSecret",
    "Secret",
    "SecretStore",
    "SecurityContextConstraints",
    "ServiceAccount",
    "ServiceEntry",
    "ServiceMonitor",
    "Sidecar",
    "StorageClass",
    "TCPRoute",
    "TLSRoute",
    "Telemetry",
    "UDPRoute",
    "UserDefinedNetwork",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VirtualService",
];

/// Labels that controllers add to the pods they make, so that no template shows them.
const ADDED_LATER: [&str; 11] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// Whether the label is one of a role in a group of replicas (`role: master`), which the application
/// or its operator moves from pod to pod while they run.
fn is_role(key: &str) -> bool {
    let word = key.rsplit('/').next().unwrap_or(key).to_ascii_lowercase();
    ["role", "leader", "master", "primary", "active", "healthy"]
        .iter()
        .any(|moving| word.ends_with(moving))
}

/// Whether the namespace belongs to the cluster's own machinery, whose pods are not the user's to
/// restrict.
pub(crate) fn is_system(namespace: &str) -> bool {
    let begins = ["kube-", "openshift", "calico-", "tigera-", "gke-", "gmp-"];
    begins.iter().any(|begin| namespace.starts_with(begin))
}

/// Why there may be pods that nobody sees in these manifests.
pub(crate) fn unseen(cluster: &Cluster) -> Option<Gap> {
    if cluster.unread > 0 {
        let objects = cluster.unread;
        return Some(Gap::new(
            format!("the pods of {objects} objects that were not read or were declared twice"),
            "the rendered manifests (helm template CHART, kubectl kustomize FOLDER), or kubectl get pods -A -o yaml",
        ));
    }
    let mut kinds = cluster.ignored.keys();
    let maker = kinds.find(|kind| !WITHOUT_PODS.contains(&kind.as_str()))?;
    Some(Gap::new(
        format!("the pods that a {maker} may make"),
        "kubectl get pods -A -o yaml",
    ))
}

/// Kinds of policies that restrict connections and are not read.
const OTHER_POLICIES: [&str; 8] = [
    "AuthorizationPolicy",
    "CiliumClusterwideNetworkPolicy",
    "CiliumNetworkPolicy",
    "GlobalNetworkPolicy",
    "MultiNetworkPolicy",
    "crd.projectcalico.org NetworkPolicy",
    "projectcalico.org NetworkPolicy",
    "Sidecar",
];

/// Policies that may restrict what the ones that are read allow.
pub(crate) fn other_policies(cluster: &Cluster) -> Option<Gap> {
    let kind = OTHER_POLICIES
        .iter()
        .find(|kind| cluster.ignored.contains_key(**kind))?;
    Some(Gap::new(
        format!("what each {kind} restricts"),
        "a look at them: wirewise does not read this kind",
    ))
}

/// What is missing when a namespace has no workload in the files.
pub(crate) fn of_namespace(namespace: &str) -> Gap {
    Gap::new(
        format!("the workloads of namespace {namespace}"),
        format!("kubectl get pods,deployments,statefulsets,daemonsets -n {namespace} -o yaml"),
    )
}

/// The workloads of a namespace.
pub(crate) fn in_namespace<'c>(
    cluster: &'c Cluster,
    namespace: &str,
) -> impl Iterator<Item = &'c Workload> {
    let workloads = cluster.workloads.iter();
    workloads.filter(move |workload| workload.name.namespace == namespace)
}

/// Whether the pods of a workload have all labels, or may have them once they run: controllers add
/// some, and a pod that is otherwise meant may be given its role.
pub(crate) fn has(workload: &Workload, wanted: &Labels) -> bool {
    let is_given = |(key, value): (&String, &String)| workload.labels.get(key) == Some(value);
    let is_meant = wanted.iter().any(is_given);
    wanted.iter().all(|(key, value)| {
        is_given((key, value))
            || ADDED_LATER.contains(&key.as_str())
            || (is_meant && is_role(key) && !workload.labels.contains_key(key))
    })
}

/// `Deployment shop/api`.
pub(crate) fn called(workload: &Workload) -> String {
    let name = &workload.name;
    format!("{} {}/{}", workload.kind, name.namespace, name.name)
}

/// `app=api and tier=back`.
pub(crate) fn listed(labels: &Labels) -> String {
    let words: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    words.join(" and ")
}

/// The workload that comes closest to having the labels, and where they differ: the key, and the
/// value it has.
pub(crate) fn nearest<'c>(
    workloads: impl Iterator<Item = &'c Workload>,
    wanted: &Labels,
) -> Option<(&'c Workload, String, Option<String>)> {
    let shared = |workload: &Workload| {
        let same = wanted
            .iter()
            .filter(|(key, value)| workload.labels.get(*key) == Some(*value));
        let known = wanted
            .keys()
            .filter(|key| workload.labels.contains_key(*key));
        (same.count(), known.count())
    };
    let mut best: Option<((usize, usize), &Workload)> = None;
    for workload in workloads {
        let score = shared(workload);
        if score.1 > 0 && best.is_none_or(|(known, _)| score > known) {
            best = Some((score, workload));
        }
    }
    let (_, workload) = best?;
    let (key, _) = wanted
        .iter()
        .filter(|(key, value)| workload.labels.get(*key) != Some(*value))
        .max_by_key(|(key, _)| workload.labels.contains_key(*key))?;
    Some((workload, key.clone(), workload.labels.get(key).cloned()))
}

/// Shows where the closest workload differs.
pub(crate) fn show_nearest(
    (workload, key, value): &(&Workload, String, Option<String>),
) -> Exhibit {
    let differs = match value {
        Some(value) => format!("has {key}={value}"),
        None => format!("has no label {key}"),
    };
    at(workload.at, format!("{} {differs}", called(workload)))
}
