//! What compose files write, before layers are put together.

use std::net::IpAddr;
use ww_base::{Setting, SourceSpan, Sourced, Span};
use ww_model::service::{Mount, NamedValue, Until};

/// A text with its place, variables put in.
pub(super) type Word = Sourced<String>;

/// One file, or several that were put together.
#[derive(Clone, Debug)]
pub(super) struct Project {
    /// The path of the file.
    pub(super) path: String,
    /// The project's name, where it is written.
    pub(super) name: Option<String>,
    /// Whether it takes in other files (`include`).
    pub(super) includes: bool,
    /// Its services, in order.
    pub(super) services: Vec<Service>,
}

impl Project {
    pub(super) fn new(path: &str) -> Project {
        Project {
            path: path.to_owned(),
            name: None,
            includes: false,
            services: Vec::new(),
        }
    }
}

/// What is written of a service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    /// The key with all that stands behind it.
    pub(super) at: SourceSpan,
    /// The path of the file.
    pub(super) path: String,
    pub(super) extends: Option<Extends>,
    pub(super) image: Option<Written>,
    pub(super) build: Option<Word>,
    /// The path of the Dockerfile from the build's folder.
    pub(super) dockerfile: Option<Word>,
    /// The stage of it that is built.
    pub(super) target: Option<Word>,
    pub(super) entrypoint: Option<Vec<Word>>,
    pub(super) command: Option<Vec<Word>>,
    /// Variables; one without a value takes it from where compose runs.
    pub(super) environment: Vec<(String, Option<Word>)>,
    /// Files with variables, by their resolved paths.
    pub(super) env_files: Vec<String>,
    pub(super) ports: Vec<u16>,
    /// Services that are waited for.
    pub(super) waits_for: Vec<Word>,
    /// What they have to have come to, where that is written.
    pub(super) waits_until: Vec<(String, Until)>,
    /// Services that are linked to, with the names by which this one calls them.
    pub(super) links: Vec<Word>,
    pub(super) health: Option<Health>,
    pub(super) grace: Setting<Span>,
    pub(super) replicas: Setting<u64>,
    /// Its name may stand for one address of all its instances.
    pub(super) may_share_address: bool,
    pub(super) mounts: Vec<Mount>,
    /// Names besides the service's own.
    pub(super) names: Vec<String>,
    /// Fixed addresses, by the network and the key that gives them.
    pub(super) addresses: Vec<(String, IpAddr)>,
    pub(super) labels: Vec<(String, String)>,
    /// Settings of the kernel for its network namespace.
    pub(super) sysctls: Vec<NamedValue>,
    /// Whether it has the network of the host.
    pub(super) has_hosts_network: bool,
}

/// A text that may still hold variables nobody sets.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) word: Word,
    /// Whether all variables have values.
    pub(super) is_whole: bool,
}

/// The service that another one begins with.
#[derive(Clone, Debug)]
pub(super) struct Extends {
    /// The resolved path of the other file; none for this one.
    pub(super) file: Option<String>,
    pub(super) service: Word,
}

/// A health check.
#[derive(Clone, Debug)]
pub(super) struct Health {
    pub(super) at: SourceSpan,
    pub(super) is_disabled: bool,
    pub(super) command: Option<Vec<String>>,
    pub(super) interval: Setting<Span>,
    pub(super) timeout: Setting<Span>,
    pub(super) start_period: Setting<Span>,
    pub(super) retries: Setting<u64>,
}

impl Service {
    pub(super) fn new(name: &str, at: SourceSpan, path: &str) -> Service {
        Service {
            name: name.to_owned(),
            at,
            path: path.to_owned(),
            extends: None,
            image: None,
            build: None,
            dockerfile: None,
            target: None,
            entrypoint: None,
            command: None,
            environment: Vec::new(),
            env_files: Vec::new(),
            ports: Vec::new(),
            waits_for: Vec::new(),
            waits_until: Vec::new(),
            links: Vec::new(),
            health: None,
            grace: Setting::default(),
            replicas: Setting::default(),
            may_share_address: false,
            mounts: Vec::new(),
            names: Vec::new(),
            addresses: Vec::new(),
            labels: Vec::new(),
            sysctls: Vec::new(),
            has_hosts_network: false,
        }
    }
}
