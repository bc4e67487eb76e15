//! A Kubernetes cluster as its manifests declare it: workloads, services and policies.
//!
//! Every part keeps the place it was read from, so that an answer can cite the line that decides.
//! Nothing is resolved here: a selector selects, a named port is looked up and a tier is ordered
//! only when somebody asks who can reach whom.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ww_base::SourceSpan;

/// Labels of an object: keys and their values.
pub type Labels = BTreeMap<String, String>;

/// Everything that was declared, in order of appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Namespaces that are declared; others exist when an object names them.
    pub namespaces: Vec<Namespace>,
    /// Pods, and the templates that pods are made from.
    pub workloads: Vec<Workload>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Services.
    pub services: Vec<Service>,
    /// The addresses behind services as the cluster wrote them.
    pub endpoint_slices: Vec<EndpointSlice>,
    /// Ways in from outside: Ingress and Route objects.
    pub ingresses: Vec<Ingress>,
    /// NetworkPolicy objects (networking.k8s.io/v1).
    pub network_policies: Vec<NetworkPolicy>,
    /// Policies of the cluster's administrator (policy.networking.k8s.io).
    pub cluster_policies: Vec<ClusterPolicy>,
    /// Objects of kinds that say nothing about reachability, counted by kind.
    pub ignored: BTreeMap<String, u32>,
    /// Objects that may redirect connections in ways that answers about reachability do not follow.
    pub unfollowed: Vec<Unfollowed>,
    /// Documents that could not be read (templates not rendered yet, and broken ones), and objects
    /// that a later one of the same name replaced (an overlay beside its base). What they declare
    /// is missing here.
    pub unread: u32,
    /// Objects that were not read, or not wholly, and may be policies or namespaces: who reaches
    /// whom may be otherwise than what is here says.
    pub policies_unread: u32,
}

/// An object that may redirect or restrict connections, and that nobody follows who asks who can
/// reach whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfollowed {
    /// What declares it: `VirtualService`, `HTTPRoute`, …
    pub kind: String,
    /// Where the kind is written.
    pub at: SourceSpan,
}

/// The name of an object that lives in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace.
    pub namespace: String,
    /// The name inside it.
    pub name: String,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels, with `kubernetes.io/metadata.name` as the API server adds it.
    pub labels: Labels,
    /// Where it is declared.
    pub at: SourceSpan,
}

/// A pod, or a template of pods that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: ObjectName,
    /// What declares it: `Pod`, `Deployment`, `CronJob`, …
    pub kind: String,
    /// Where it is declared.
    pub at: SourceSpan,
    /// The controller that a pod says it belongs to.
    pub owner: Option<Owner>,
    /// Labels of the pods.
    pub labels: Labels,
    /// Ports that the containers declare.
    pub ports: Vec<ContainerPort>,
    /// Whether the pods use the node's own network.
    pub host_network: bool,
    /// Addresses that the cluster assigned.
    pub addresses: Vec<IpAddr>,
    /// The node it runs on.
    pub node: Option<String>,
    /// How many pods there are.
    pub replicas: u32,
}

/// The controller of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Its kind: `ReplicaSet`, `Job`, …; empty when it is not written.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerPort {
    /// Its name, by which policies and services refer to it.
    pub name: Option<String>,
    /// Its number.
    pub number: u16,
    /// Its protocol.
    pub protocol: Protocol,
}

/// A transport protocol that policies know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Where it is declared.
    pub at: SourceSpan,
}

/// A service: one name before many pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: ObjectName,
    /// Where it is declared.
    pub at: SourceSpan,
    /// The labels of the pods behind it; none when somebody else writes its endpoints.
    pub selector: Option<Labels>,
    /// Where those are written.
    pub selector_at: Option<SourceSpan>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    pub kind: String,
    /// Where that is written.
    pub kind_at: Option<SourceSpan>,
    /// Whether an annotation asks the cloud for a load balancer that its own networks reach only.
    pub is_internal: bool,
    /// The sources that its load balancer takes connections from; empty for all.
    pub source_ranges: Vec<Cidr>,
    /// Its own addresses; none for a headless service.
    pub addresses: Vec<IpAddr>,
    /// Where it is written that it has no address of its own: its name stands for those of its pods.
    pub headless_at: Option<SourceSpan>,
    /// Where it asks that connections of one client go to the same pod (`sessionAffinity: ClientIP`).
    pub affinity_at: Option<SourceSpan>,
    /// The name that an `ExternalName` service stands for.
    pub external_name: Option<String>,
}

/// A port of a service and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Where it is written.
    pub at: SourceSpan,
    /// Its name.
    pub name: Option<String>,
    /// Its number at the service.
    pub number: u16,
    /// The port at the pod.
    pub target: PortRef,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number at every node.
    pub node_port: Option<u16>,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortRef {
    /// The number.
    Number(u16),
    /// The name, to be looked up where the packet arrives.
    Name(String),
}

/// Addresses behind a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Its name.
    pub name: ObjectName,
    /// Where it is declared.
    pub at: SourceSpan,
    /// The service it belongs to.
    pub service: Option<String>,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// The pods that have them, when it says so.
    pub pods: Vec<String>,
    /// The ports at those addresses.
    pub ports: Vec<ContainerPort>,
}

/// A way in from outside the cluster, through its ingress controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// Its name.
    pub name: ObjectName,
    /// What declares it: `Ingress` or `Route`.
    pub kind: String,
    /// Where it is declared.
    pub at: SourceSpan,
    /// The services that it leads to.
    pub backends: Vec<Backend>,
}

/// A service that an [`Ingress`] leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Where it is written.
    pub at: SourceSpan,
    /// The host name it serves; none for all.
    pub host: Option<String>,
    /// The path it serves; none for all.
    pub path: Option<String>,
    /// The service, in the namespace of the object.
    pub service: String,
    /// Which of its ports; none for all.
    pub port: Option<BackendPort>,
}

/// A port of a service as an [`Ingress`] names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendPort {
    /// By the service's own number or name.
    Service(PortRef),
    /// By the number or name of the pod's port, or the name of the service's (Route).
    Target(PortRef),
}

/// A condition on labels: all requirements hold. Without any it holds for everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Where it is written.
    pub at: SourceSpan,
    /// What it requires, sorted.
    pub requirements: Vec<Requirement>,
}

/// A requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What must be true of it.
    pub test: LabelTest,
}

/// What must be true of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LabelTest {
    /// It is there and has this value (`matchLabels`).
    Is(String),
    /// It is there and has one of these values, sorted.
    In(Vec<String>),
    /// It is missing, or has none of these values, sorted.
    NotIn(Vec<String>),
    /// It is there.
    Exists,
    /// It is missing.
    DoesNotExist,
}

/// A NetworkPolicy: allows for the pods it selects, which are isolated otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// Its name.
    pub name: ObjectName,
    /// Where it is declared.
    pub at: SourceSpan,
    /// The pods of its namespace that it selects.
    pub pods: Selector,
    /// What it allows in; none when it does not isolate that direction.
    pub ingress: Option<Allowed>,
    /// What it allows out; none when it does not isolate that direction.
    pub egress: Option<Allowed>,
}

/// What a NetworkPolicy allows in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Where it is written that this direction is isolated.
    pub at: SourceSpan,
    /// The rules; a connection is allowed when one of them allows it.
    pub rules: Vec<AllowRule>,
}

/// A rule of a NetworkPolicy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowRule {
    /// Where it is written.
    pub at: SourceSpan,
    /// The other side; none for everybody.
    pub peers: Option<Vec<Peer>>,
    /// The ports at the destination; none for all traffic.
    pub ports: Option<Vec<PortTest>>,
}

/// The other side of a connection, as a rule names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is written.
    pub at: SourceSpan,
    /// Who it is.
    pub who: Who,
}

/// Who a [`Peer`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Pods.
    Pods(PodMatch),
    /// Addresses, without some.
    Addresses {
        /// The addresses.
        block: Cidr,
        /// Those that are taken out.
        except: Vec<Cidr>,
    },
    /// Nodes, with the pods that use their network.
    Nodes(Selector),
    /// What these DNS names resolve to.
    Names(Vec<String>),
    /// Something that wirewise does not know: it matches nobody when the rule accepts, and
    /// everybody when it denies or passes, as the API demands.
    Unknown,
}

/// Pods, by their namespaces and their own labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodMatch {
    /// The namespaces.
    pub namespaces: NamespaceMatch,
    /// The pods in them; none for all.
    pub pods: Option<Selector>,
}

/// Namespaces, as a rule names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamespaceMatch {
    /// The policy's own.
    Own,
    /// Those with such labels.
    Labelled(Selector),
}

/// An address prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    /// Its first address.
    pub address: IpAddr,
    /// How many leading bits are fixed.
    pub prefix: u8,
}

/// Ports of one protocol, at the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortTest {
    /// Where it is written.
    pub at: SourceSpan,
    /// The protocol; none for each of them (a named port of a cluster policy).
    pub protocol: Option<Protocol>,
    /// The ports.
    pub ports: Ports,
}

/// Which ports a [`PortTest`] means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// All of them.
    All,
    /// From the first to the last, both included.
    Range(u16, u16),
    /// The one that the destination's containers call so.
    Named(String),
}

/// A policy of the cluster's administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPolicy {
    /// Its name.
    pub name: String,
    /// Its kind: `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` or `ClusterNetworkPolicy`.
    pub kind: String,
    /// Where it is declared.
    pub at: SourceSpan,
    /// Whether it comes before or after the NetworkPolicies.
    pub tier: Tier,
    /// Its place among the policies of its tier, lowest first.
    pub priority: i64,
    /// The pods that it is about.
    pub subject: PodMatch,
    /// Its rules for connections to those pods, in order.
    pub ingress: Vec<TierRule>,
    /// Its rules for connections from those pods, in order.
    pub egress: Vec<TierRule>,
}

/// When a cluster policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Before the NetworkPolicies.
    Admin,
    /// After them, for pods that none of them isolates.
    Baseline,
}

/// A rule of a cluster policy: the first that matches decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierRule {
    /// Where it is written.
    pub at: SourceSpan,
    /// Its name.
    pub name: Option<String>,
    /// What it decides.
    pub action: Action,
    /// The other side.
    pub peers: Vec<Peer>,
    /// The ports at the destination; none for all traffic.
    pub ports: Option<Vec<PortTest>>,
}

/// What a [`TierRule`] decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Let it through.
    Accept,
    /// Drop it.
    Deny,
    /// Leave it to what comes after the tier.
    Pass,
}
