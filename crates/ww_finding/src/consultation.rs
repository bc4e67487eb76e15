//! All that one consultation has to say.

use crate::Finding;
use crate::rule::words;
use ww_base::{Gap, Problem};

words! {
    /// What an input is.
    InputKind {
        /// A packet capture.
        Capture = "capture",
        /// A live endpoint.
        Endpoint = "endpoint",
        /// Rules of iptables or ip6tables.
        Iptables = "iptables",
        /// Sets of ipset.
        Ipset = "ipset",
        /// Rules of nftables.
        Nftables = "nftables",
        /// Addresses, routes and routing rules.
        Routes = "routes",
        /// WireGuard tunnels.
        Wireguard = "wireguard",
        /// Kubernetes manifests.
        Kubernetes = "kubernetes",
        /// Configuration of a proxy: nginx, HAProxy, Envoy.
        Proxy = "proxy",
        /// What starts programs: compose projects, Dockerfiles, environment variables.
        Deployment = "deployment",
        /// What an application declares of itself.
        Application = "application",
        /// Configuration of a database, or of a pool before one.
        Database = "database",
        /// Settings of a host: kernel, resolver.
        Host = "host",
        /// What a team states.
        Facts = "facts",
        /// Something that was not read.
        Other = "other",
    }
}

/// One input, as the user named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The path, `-` for standard input.
    pub path: String,
    /// What it is.
    pub kind: InputKind,
    /// Its size in bytes, as read.
    pub bytes: u64,
    /// Frames in it, for captures.
    pub frames: u64,
}

/// What became of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It found something.
    Found {
        /// How many things are reported.
        findings: usize,
        /// Where it could not look, and what it found beyond the bound on findings.
        gaps: Vec<Gap>,
    },
    /// It looked and found nothing.
    Clean,
    /// It could not look, or not everywhere, and found nothing.
    NotChecked(Vec<Gap>),
}

impl Outcome {
    /// What the rule could not say.
    pub fn gaps(&self) -> &[Gap] {
        match self {
            Outcome::Found { gaps, .. } | Outcome::NotChecked(gaps) => gaps,
            Outcome::Clean => &[],
        }
    }
}

/// The whole result. Findings are in order of importance; `outcomes` names every rule once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consultation {
    /// The inputs; a [`SourceId`](ww_base::SourceId) is an index into them.
    pub inputs: Vec<Input>,
    /// One sentence: the cause that explains most, or that nothing was found and what could not
    /// be judged.
    pub verdict: String,
    /// What is wrong, most important first.
    pub findings: Vec<Finding>,
    /// What became of every rule, in the order of the catalogue.
    pub outcomes: Vec<(&'static str, Outcome)>,
    /// What could not be judged, whatever the rule: encrypted, cut, mid-stream.
    pub gaps: Vec<Gap>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}
