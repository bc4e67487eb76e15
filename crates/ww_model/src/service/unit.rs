//! What starts programs: services of compose, containers of pods.

use super::{CheckKind, Kernel, Product, ProgramId, Reference, Resolver};
use std::net::IpAddr;
use ww_base::{Setting, SourceSpan, Sourced, Span};

/// A container, or a process that something starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// What reports call it: the compose service, or `namespace/workload` with the container's name
    /// behind it where there are several.
    pub name: String,
    /// What kind of thing it is.
    pub kind: UnitKind,
    /// Where it is declared.
    pub at: SourceSpan,
    /// The path of the file that declares it.
    pub path: String,
    /// Units of the same group reach one another by name: the compose project, the namespace.
    pub group: String,
    /// Names by which others reach it.
    pub names: Vec<String>,
    /// Addresses that are fixed for it in networks of its group.
    pub addresses: Vec<IpAddr>,
    /// The pods' labels, by which services and mesh select it.
    pub labels: Vec<(String, String)>,
    /// The image, as written.
    pub image: Option<Sourced<String>>,
    /// What the image is, as far as its name tells.
    pub product: Option<Product>,
    /// The folder that the image is built from, resolved against the file's own.
    pub built_from: Option<Sourced<String>>,
    /// The words of the command that is run, as far as they are written.
    pub command: Vec<Sourced<String>>,
    /// Environment variables with their values.
    pub environment: Vec<(String, Sourced<String>)>,
    /// Variables that are set to something that no file tells, or that is kept out as a secret.
    pub hidden_variables: Vec<String>,
    /// Files and folders from outside.
    pub mounts: Vec<Mount>,
    /// Ports that it accepts connections on.
    pub ports: Vec<u16>,
    /// How many of it there are.
    pub scaling: Scaling,
    /// Probes.
    pub probes: Vec<Probe>,
    /// From being told to stop to being killed.
    pub grace: Setting<Span>,
    /// A pause before it is told to stop.
    pub pre_stop: Setting<Span>,
    /// What it has to wait for, by name.
    pub waits_for: Vec<Sourced<String>>,
    /// What that has to have come to before it is started, by name, where that is written.
    pub waits_until: Vec<(String, Until)>,
    /// The program that it runs, where a file configures that, or its image tells.
    pub program: Option<ProgramId>,
    /// Whether a mesh puts a proxy beside it.
    pub has_sidecar: Setting<bool>,
    /// Settings of the kernel that hold in its own network namespace; none where it has that of the
    /// host, or where nothing starts it.
    pub kernel: Kernel,
    /// How it looks names up; none when that is the host's business.
    pub resolver: Option<Resolver>,
    /// Names in its declaration that lead nowhere.
    pub references: Vec<Reference>,
}

impl Unit {
    /// A unit of which nothing is known but what it is and where it is declared.
    pub fn new(
        name: impl Into<String>,
        kind: UnitKind,
        at: SourceSpan,
        path: impl Into<String>,
    ) -> Unit {
        Unit {
            name: name.into(),
            kind,
            at,
            path: path.into(),
            group: String::new(),
            names: Vec::new(),
            addresses: Vec::new(),
            labels: Vec::new(),
            image: None,
            product: None,
            built_from: None,
            command: Vec::new(),
            environment: Vec::new(),
            hidden_variables: Vec::new(),
            mounts: Vec::new(),
            ports: Vec::new(),
            scaling: Scaling::default(),
            probes: Vec::new(),
            grace: Setting::default(),
            pre_stop: Setting::default(),
            waits_for: Vec::new(),
            waits_until: Vec::new(),
            program: None,
            has_sidecar: Setting::default(),
            kernel: Kernel::default(),
            resolver: None,
            references: Vec::new(),
        }
    }
}

/// What kind of thing a [`Unit`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitKind {
    /// A service of a compose project.
    Compose,
    /// A container of a Deployment, StatefulSet, DaemonSet, Pod, ….
    Container,
    /// The image of a Dockerfile.
    Dockerfile,
}

/// What something that is waited for has to have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Until {
    /// Its start has begun.
    Started,
    /// Its health check succeeds.
    Healthy,
    /// It has ended without an error.
    Completed,
}

/// A file or folder from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is written.
    pub at: SourceSpan,
    /// The path outside, resolved against the folder of the file; empty for a volume.
    pub source: String,
    /// The path inside.
    pub target: String,
}

/// How many instances there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scaling {
    /// Instances that are asked for.
    pub replicas: Setting<u64>,
    /// The name may stand for one address before all instances, as that of a service of Docker Swarm does.
    pub may_share_address: bool,
    /// The most that an autoscaler makes.
    pub most: Setting<u64>,
    /// The fewest that an autoscaler leaves.
    pub fewest: Setting<u64>,
    /// Instances that may be missing in a rollout, in percent of those asked for.
    pub rollout_missing_percent: Setting<u64>,
    /// Instances that may be evicted at once, as when nodes are drained; none is written for no bound.
    pub may_be_evicted: Setting<u64>,
}

/// A probe by which an orchestrator asks a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// Where it is written.
    pub at: SourceSpan,
    /// What its failure leads to.
    pub kind: ProbeKind,
    /// What it asks; none for a command.
    pub check: Option<CheckKind>,
    /// The words of the command that it runs.
    pub command: Vec<String>,
    /// The port that it asks, by number or name as written.
    pub port: Option<Sourced<String>>,
    /// The port's number, where it is known.
    pub port_number: Option<u16>,
    /// Time before the first one.
    pub initial_delay: Setting<Span>,
    /// Time between two of them.
    pub period: Setting<Span>,
    /// Bound of one of them.
    pub timeout: Setting<Span>,
    /// Failures in a row that count.
    pub failures: Setting<u64>,
    /// Successes in a row that count.
    pub successes: Setting<u64>,
}

/// What the failure of a probe leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// It is not ready before it succeeds once, and is killed when it never does.
    Startup,
    /// It gets no requests.
    Readiness,
    /// It is killed and started anew.
    Liveness,
    /// It is called unhealthy; others may wait for it (compose).
    Health,
}
