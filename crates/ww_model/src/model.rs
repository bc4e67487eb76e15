//! All that the files of a consultation declare.

use crate::filter::Ruleset;
use crate::kube::Cluster;
use crate::net::Stack;
use crate::service::Services;

/// The declared network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Devices that filter or forward packets, in order of appearance.
    pub devices: Vec<Device>,
    /// The Kubernetes cluster; empty when no manifest was read.
    pub cluster: Cluster,
    /// Programs that serve and call one another.
    pub services: Services,
}

/// One device: a host, a router, a firewall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// What its files call it; its folder's or file's name otherwise.
    pub name: String,
    /// What it does to packets.
    pub filter: Ruleset,
    /// Where it sends packets.
    pub stack: Stack,
}
