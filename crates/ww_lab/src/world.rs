//! Two hosts and the wire between them.

use crate::error::LabError;
use crate::link::{Plan, Side};
use crate::namespace::{INTERFACE, Namespace};
use crate::wire::{Account, Wire};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of the lab.
pub mod address {
    use super::{Ipv4Addr, Ipv6Addr};

    /// The client's IPv4 address, in a /24.
    pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
    /// The server's IPv4 address, in a /24.
    pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
    /// A router that exists only in what the link says.
    pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 254);
    /// The client's IPv6 address, in a /64.
    pub const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 2);
    /// The server's IPv6 address, in a /64.
    pub const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1);
}

/// How the two hosts are set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Whether they speak IPv6 too.
    pub ipv6: bool,
    /// Parameters of one side: key without `net.`, value.
    pub sysctls: Vec<(Side, &'static str, &'static str)>,
    /// Programs run to their end on one side before anything else: words separated by blanks.
    pub commands: Vec<(Side, &'static str)>,
}

/// Two hosts in namespaces of their own and the wire between them; everything goes when it is dropped.
#[derive(Debug)]
pub struct World {
    /// The host that opens connections.
    pub client: Namespace,
    /// The host that accepts them.
    pub server: Namespace,
    wire: Wire,
}

/// Settings of both sides: Reno makes loss visible as loss, and no memory of earlier connections.
const SYSCTLS: [(&str, &str); 5] = [
    ("ipv4.tcp_congestion_control", "reno"),
    ("ipv4.tcp_no_metrics_save", "1"),
    ("ipv4.ip_local_port_range", "32768 60999"),
    ("ipv6.conf.all.accept_dad", "0"),
    ("ipv6.conf.default.accept_dad", "0"),
];

impl World {
    /// Builds both hosts and connects them through links that follow `plans`.
    ///
    /// # Errors
    /// [`LabError::NotPossible`] when namespaces or TAP interfaces cannot be made here.
    pub fn build(hosts: &Hosts, plans: Vec<Plan>, seed: u64) -> Result<Self, LabError> {
        let client = Namespace::create("client")?;
        let server = Namespace::create("server")?;
        let taps = [open_tap(&client)?, open_tap(&server)?];
        for (side, namespace) in [(Side::Client, &client), (Side::Server, &server)] {
            configure(namespace, side, hosts)?;
        }
        let [client_tap, server_tap] = taps;
        let wire = Wire::start(client_tap, server_tap, plans, seed)?;
        let world = Self {
            client,
            server,
            wire,
        };
        for (side, words) in &hosts.commands {
            world.host(*side).command(words)?;
        }
        Ok(world)
    }

    /// The host of one side.
    pub fn host(&self, side: Side) -> &Namespace {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// Cuts the wire and tells what happened on it.
    pub fn finish(self) -> Account {
        self.wire.stop()
    }
}

/// The address of a side.
pub fn address_of(side: Side, ipv6: bool) -> IpAddr {
    match (side, ipv6) {
        (Side::Client, false) => address::CLIENT.into(),
        (Side::Server, false) => address::SERVER.into(),
        (Side::Client, true) => address::CLIENT_V6.into(),
        (Side::Server, true) => address::SERVER_V6.into(),
    }
}

/// The lab's interface of a namespace; what is sent to it is lost until somebody reads it.
pub(crate) fn open_tap(namespace: &Namespace) -> Result<std::fs::File, LabError> {
    namespace
        .run(|| ww_sys::open_tap(INTERFACE))?
        .map_err(|error| LabError::NotPossible {
            operation: "create a TAP interface".into(),
            reason: error.to_string(),
        })
}

fn configure(namespace: &Namespace, side: Side, hosts: &Hosts) -> Result<(), LabError> {
    for (key, value) in SYSCTLS {
        namespace.sysctl(key, value)?;
    }
    let no_ipv6 = if hosts.ipv6 { "0" } else { "1" };
    namespace.sysctl("ipv6.conf.all.disable_ipv6", no_ipv6)?;
    namespace.sysctl("ipv6.conf.default.disable_ipv6", no_ipv6)?;
    if hosts.ipv6 {
        // Router and multicast chatter of an interface that comes up is no part of any scenario.
        namespace.sysctl(&format!("ipv6.conf.{INTERFACE}.router_solicitations"), "0")?;
        namespace.command(&format!("ip link set {INTERFACE} addrgenmode none"))?;
    }
    for (only, key, value) in &hosts.sysctls {
        if *only == side {
            namespace.sysctl(key, value)?;
        }
    }
    let last = match side {
        Side::Client => 2,
        Side::Server => 1,
    };
    namespace.command("ip link set lo up")?;
    // The kernel's own queue must never be what loses a packet.
    namespace.command(&format!("ip link set {INTERFACE} txqueuelen 20000"))?;
    namespace.command(&format!(
        "ip link set {INTERFACE} address 02:77:00:00:00:0{last} up"
    ))?;
    namespace.command(&format!(
        "ip addr add {}/24 dev {INTERFACE}",
        address_of(side, false)
    ))?;
    if hosts.ipv6 {
        namespace.command(&format!(
            "ip addr add {}/64 dev {INTERFACE} nodad",
            address_of(side, true)
        ))?;
    }
    Ok(())
}
