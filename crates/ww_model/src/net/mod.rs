//! The network around a filter: a device's interfaces, routes, routing rules and tunnels.
//!
//! The shape is that of Linux, which has room for simpler devices: tables of routes, rules that
//! choose among the tables, and tunnels that choose their peers by addresses.

mod prefix;
mod route;
mod tunnel;

pub use prefix::Prefix;
pub use route::{Choice, Decision, Question};

use crate::filter::{Family, NamePattern};
use std::net::IpAddr;
use ww_base::SourceSpan;

/// All that decides where a device sends packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its interfaces, in order of appearance.
    pub interfaces: Vec<Interface>,
    /// Its routes, in order of appearance.
    pub routes: Vec<Route>,
    /// What chooses among the tables of routes.
    pub rules: Vec<RoutingRule>,
    /// The families whose rules are all listed; with those of others stand the three that Linux
    /// begins with.
    pub all_rules_of: Vec<Family>,
    /// Its WireGuard tunnels.
    pub tunnels: Vec<Tunnel>,
}

impl Stack {
    /// Adds what another text says of the same device. An interface in both has the addresses of
    /// both.
    pub fn append(&mut self, other: Stack) {
        for interface in other.interfaces {
            let known = self
                .interfaces
                .iter_mut()
                .find(|one| one.name == interface.name);
            match known {
                None => self.interfaces.push(interface),
                Some(known) => {
                    for own in interface.addresses {
                        let same = |one: &InterfaceAddress| one.address == own.address;
                        if !known.addresses.iter().any(same) {
                            known.addresses.push(own);
                        }
                    }
                }
            }
        }
        self.routes.extend(other.routes);
        self.rules.extend(other.rules);
        self.tunnels.extend(other.tunnels);
        self.all_rules_of.extend(other.all_rules_of);
    }
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub at: SourceSpan,
    /// Whether it is switched on.
    pub up: bool,
    /// Longest packet in bytes, where it is said.
    pub mtu: Option<u32>,
    /// Its addresses.
    pub addresses: Vec<InterfaceAddress>,
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// The network that it makes reachable over the interface; of a link between two ends, the
    /// other end.
    pub network: Prefix,
    /// The address that reaches all hosts of the network, where it is said.
    pub broadcast: Option<IpAddr>,
    /// Where it is declared.
    pub at: SourceSpan,
}

/// A table of routes, by Linux's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u32);

impl TableId {
    /// Asked last.
    pub const DEFAULT: TableId = TableId(253);
    /// Where routes go when no table is named.
    pub const MAIN: TableId = TableId(254);
    /// The device's own addresses.
    pub const LOCAL: TableId = TableId(255);
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The table it is in.
    pub table: TableId,
    /// The destinations it is for.
    pub destination: Prefix,
    /// The sources it is for (IPv6 only).
    pub source: Option<Prefix>,
    /// What it does.
    pub kind: RouteKind,
    /// Where packets go: one of these.
    pub hops: Vec<NextHop>,
    /// Of equal destinations, the lowest is taken.
    pub metric: u32,
    /// The source address of packets that the device itself sends this way.
    pub preferred_source: Option<IpAddr>,
    /// Where it is declared.
    pub at: SourceSpan,
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// Sends on to the next hop.
    Unicast,
    /// Ends at this device.
    Local,
    /// To all hosts of a network.
    Broadcast,
    /// To a group.
    Multicast,
    /// Thrown away in silence.
    Blackhole,
    /// Thrown away; the sender is told that the host is unreachable.
    Unreachable,
    /// Thrown away; the sender is told that it is prohibited.
    Prohibit,
    /// Not in this table: on with the next routing rule.
    Throw,
}

/// Where a route sends packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextHop {
    /// The router, where it is not the destination itself.
    pub gateway: Option<IpAddr>,
    /// The interface.
    pub interface: Option<String>,
    /// Its share among the hops of the route.
    pub weight: u32,
    /// Whether the router is looked for on the interface itself, whatever networks that is in
    /// (`onlink`).
    pub on_link: bool,
}

/// A rule that chooses a table of routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingRule {
    /// The packets it looks at.
    pub family: Family,
    /// Lowest first.
    pub priority: u32,
    /// Whether it is for the packets that do *not* fit.
    pub inverted: bool,
    /// Sources that fit; any when absent.
    pub source: Option<Prefix>,
    /// Destinations that fit; any when absent.
    pub destination: Option<Prefix>,
    /// The interface the packet came in on; that of packets of the device itself is `lo`.
    pub in_interface: Option<NamePattern>,
    /// The interface that the sender is bound to.
    pub out_interface: Option<NamePattern>,
    /// Value and mask of the packet mark.
    pub mark: Option<(u32, u32)>,
    /// The protocol.
    pub protocol: Option<u8>,
    /// Source ports, first and last.
    pub source_ports: Option<(u16, u16)>,
    /// Destination ports, first and last.
    pub destination_ports: Option<(u16, u16)>,
    /// A further test that the model has no field for, in words.
    pub not_modelled: Option<String>,
    /// What it does.
    pub action: RuleAction,
    /// Where it is declared.
    pub at: SourceSpan,
}

/// What a routing rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleAction {
    /// Looks the destination up; on with the next rule when nothing is found.
    Table {
        /// In this table.
        table: TableId,
        /// Routes of prefixes this short or shorter do not count.
        suppress_length: Option<u8>,
    },
    /// On with the first rule of this priority.
    Goto(u32),
    /// On with the next rule.
    Nothing,
    /// Thrown away in silence.
    Blackhole,
    /// Thrown away; the sender is told that the host is unreachable.
    Unreachable,
    /// Thrown away; the sender is told that it is prohibited.
    Prohibit,
}

/// A WireGuard interface: addresses choose the peer, both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// The interface's name.
    pub interface: String,
    /// Where it is declared.
    pub at: SourceSpan,
    /// The UDP port it listens on, where it is said.
    pub port: Option<u16>,
    /// The mark of the packets that carry the tunnel.
    pub mark: Option<u32>,
    /// Its peers, in order of appearance.
    pub peers: Vec<Peer>,
}

/// The other end of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its public key, which is its name.
    pub public_key: String,
    /// Where it is declared.
    pub at: SourceSpan,
    /// Host and port it is reached at, as written.
    pub endpoint: Option<String>,
    /// The addresses behind it: packets to them go to it, packets from others are thrown away.
    pub allowed: Vec<(Prefix, SourceSpan)>,
    /// Seconds between packets that keep the way to it open.
    pub keepalive_s: Option<u16>,
}
