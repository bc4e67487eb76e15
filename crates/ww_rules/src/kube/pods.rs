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

/// A workload that a selector was probably meant for, and where they differ.
pub(crate) struct Meant<'c> {
    /// The workload.
    pub(crate) workload: &'c Workload,
    /// The label in which they differ.
    key: String,
    /// What the workload has there.
    value: Option<String>,
}

impl Meant<'_> {
    /// Shows where they differ.
    pub(crate) fn exhibit(&self) -> Exhibit {
        let key = &self.key;
        let differs = match &self.value {
            Some(value) => format!("has {key}={value}"),
            None => format!("has no label {key}"),
        };
        at(
            self.workload.at,
            format!("{} {differs}", called(self.workload)),
        )
    }

    /// Says what to select instead.
    pub(crate) fn advice(&self) -> Option<String> {
        let (name, key) = (&self.workload.name.name, &self.key);
        let value = self.value.as_ref()?;
        Some(format!("If {name} is meant, select {key}: {value}"))
    }
}

/// The workload of the namespace that a selector was probably meant for: all labels but one fit,
/// or its name or a label resembles the selector's or the name of the object that selects.
pub(crate) fn meant<'c>(
    cluster: &'c Cluster,
    namespace: &str,
    wanted: &Labels,
    name: &str,
) -> Option<Meant<'c>> {
    let fits = |workload: &Workload| {
        let labels = &workload.labels;
        wanted
            .iter()
            .filter(|(key, value)| labels.get(*key) == Some(*value))
            .count()
    };
    let is_meant = |workload: &&Workload| {
        let all_but_one = wanted.len() > 1 && fits(workload) + 1 == wanted.len();
        let words: Vec<&str> = wanted.values().map(String::as_str).chain([name]).collect();
        let own = workload.labels.values().map(String::as_str);
        let mut own = own.chain([workload.name.name.as_str()]);
        all_but_one || own.any(|own| words.iter().any(|word| resemble(own, word)))
    };
    let workload = in_namespace(cluster, namespace)
        .filter(is_meant)
        .max_by_key(|workload| fits(workload))?;
    let mut differing = wanted
        .iter()
        .filter(|(key, value)| workload.labels.get(*key) != Some(*value));
    let shared = |(key, _): &(&String, &String)| workload.labels.contains_key(*key);
    let (key, _) = differing
        .clone()
        .find(shared)
        .or_else(|| differing.next())?;
    Some(Meant {
        workload,
        key: key.clone(),
        value: workload.labels.get(key).cloned(),
    })
}

/// Whether two names may be meant to be the same: up to case, punctuation, one or two letters.
pub(crate) fn resemble(a: &str, b: &str) -> bool {
    let plain = |text: &str| -> Vec<char> {
        let letters = text.chars().filter(|letter| letter.is_alphanumeric());
        letters
            .take(LONGEST_NAME)
            .flat_map(char::to_lowercase)
            .collect()
    };
    let (a, b) = (plain(a), plain(b));
    let shorter = a.len().min(b.len());
    // Short names are near to one another by chance, and so are names that end in a number.
    let allowed = usize::from(shorter > 3) + usize::from(shorter > 7);
    let numbers = |name: &[char]| -> Vec<char> {
        name.iter().copied().filter(char::is_ascii_digit).collect()
    };
    shorter > 1 && numbers(&a) == numbers(&b) && distance(&a, &b) <= allowed
}

/// Names of Kubernetes objects are no longer.
const LONGEST_NAME: usize = 253;

/// How many letters have to be put in, left out or changed to make one word the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (count, letter) in (1..).zip(from) {
        let mut next = vec![count];
        for ((other, above), diagonal) in to.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            let changed = diagonal + usize::from(letter != other);
            next.push(changed.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::resemble;

    #[test]
    fn slips_resemble_what_was_meant_and_other_names_do_not() {
        let alike = [
            ("databse", "database"),
            ("api-server", "apiserver"),
            ("Frontend", "frontend"),
            ("db", "db"),
        ];
        let different = [
            ("api", "app"),
            ("web-1", "web-2"),
            ("grafana", "kiali"),
            ("db", "dev"),
            ("", ""),
        ];
        assert!(alike.iter().all(|(a, b)| resemble(a, b)));
        assert!(!different.iter().any(|(a, b)| resemble(a, b)));
    }
}
