//! Which interfaces are on one link, and what is behind one.

use std::net::IpAddr;

use ww_base::{Gap, SourceSpan};
use ww_model::net::{Interface, Peer, Tunnel};
use ww_model::{Device, Packet};

use super::Network;

/// An interface of a declared device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port<'a> {
    /// The device's place in the network.
    pub(super) node: usize,
    /// The interface's name.
    pub(super) interface: &'a str,
}

/// What takes a packet that leaves by an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Beyond<'a> {
    /// A declared device, by this interface of its own.
    Device(Port<'a>),
    /// Something that nobody declares, in words.
    Outside(String),
    /// Nothing: a WireGuard tunnel refuses it, by this line.
    Refused(SourceSpan, String),
    /// It cannot be told.
    Unclear(Gap),
}

impl<'a> Network<'a> {
    /// What takes a packet that leaves by this interface, for this next hop.
    pub(super) fn beyond(&self, out: Port<'a>, next: IpAddr, packet: &Packet) -> Beyond<'a> {
        let Some(device) = self.device(out.node) else {
            return Beyond::Outside("nothing".to_owned());
        };
        let mut tunnels = device.stack.tunnels.iter();
        if let Some(tunnel) = tunnels.find(|tunnel| tunnel.interface == out.interface) {
            return self.through(out, tunnel, packet);
        }
        let on_link = self.on_link(out, next);
        match on_link.as_slice() {
            [] => self.undeclared(out, next, packet),
            [one] => Beyond::Device(*one),
            [one, other, ..] => Beyond::Unclear(Gap::new(
                format!(
                    "who has {next}: {} and {} both declare it",
                    self.name(one.node),
                    self.name(other.node)
                ),
                format!("ip neigh show {next} on {}", device.name),
            )),
        }
    }

    /// Where nobody declares the next hop: the outside begins, unless the destination is somewhere
    /// inside all the same.
    fn undeclared(&self, out: Port<'a>, next: IpAddr, packet: &Packet) -> Beyond<'a> {
        let behind = if next == packet.dst {
            format!("{next} on the link of {}", out.interface)
        } else {
            format!("router {next}")
        };
        let links = self.beside(packet.dst);
        let is_inside = self.owner(packet.dst).is_some();
        if !is_inside && (links.is_empty() || links.contains(&out)) {
            return Beyond::Outside(behind);
        }
        Beyond::Unclear(Gap::new(
            format!(
                "the way from {} to {}: {behind} is none of the declared devices",
                self.name(out.node),
                packet.dst
            ),
            format!("the addresses and routes of {behind}"),
        ))
    }

    /// The interfaces of other devices that have the address and share the link.
    fn on_link(&self, out: Port<'a>, next: IpAddr) -> Vec<Port<'a>> {
        let Some(mine) = self.interface(out) else {
            return Vec::new();
        };
        let has = |interface: &Interface| interface.addresses.iter().any(|one| one.address == next);
        self.ports()
            .filter(|(port, other)| port.node != out.node && has(other) && share_link(mine, other))
            .map(|(port, _)| port)
            .collect()
    }

    /// Where a packet comes in that is sent from beyond an interface; nothing where it goes to a host
    /// on the link, past all devices.
    pub(super) fn back_from(&self, out: Port<'a>, packet: &Packet) -> Option<Port<'a>> {
        match self.on_link(out, packet.dst).as_slice() {
            [one] => Some(*one),
            _ if self.owner(packet.dst).is_some() => Some(out),
            _ => (!self.beside(packet.dst).contains(&out)).then_some(out),
        }
    }

    /// All interfaces of all devices.
    pub(super) fn ports(&self) -> impl Iterator<Item = (Port<'a>, &'a Interface)> + '_ {
        self.nodes.iter().enumerate().flat_map(|(node, one)| {
            let interfaces = one.device.stack.interfaces.iter();
            interfaces.map(move |interface| {
                let port = Port {
                    node,
                    interface: &interface.name,
                };
                (port, interface)
            })
        })
    }

    pub(super) fn interface(&self, port: Port<'_>) -> Option<&'a Interface> {
        let mut interfaces = self.device(port.node)?.stack.interfaces.iter();
        interfaces.find(|one| one.name == port.interface)
    }

    /// The device that has the address.
    pub(super) fn owner(&self, address: IpAddr) -> Option<usize> {
        let mut nodes = self.nodes.iter();
        nodes.position(|one| one.device.stack.owns(address) && !address.is_loopback())
    }

    /// Into a tunnel and out at its other end: AllowedIPs choose the peer there, and decide what it
    /// may send here.
    fn through(&self, out: Port<'a>, tunnel: &'a Tunnel, packet: &Packet) -> Beyond<'a> {
        let Some(peer) = tunnel.peer_of(packet.dst) else {
            let says = format!(
                "no peer of {} has {} among its AllowedIPs",
                tunnel.interface, packet.dst
            );
            return Beyond::Refused(tunnel.at, says);
        };
        let ends = self.other_ends(out.node, tunnel, peer);
        let [(port, far)] = ends.as_slice() else {
            return match self.owner(packet.dst) {
                None => Beyond::Outside(format!("WireGuard peer {}", peer.public_key)),
                Some(_) => Beyond::Unclear(Gap::new(
                    format!(
                        "which device WireGuard peer {} of {} is",
                        peer.public_key,
                        self.name(out.node)
                    ),
                    "the addresses and the WireGuard file of that peer",
                )),
            };
        };
        let Some(back) = self.peer_that_is(out.node, tunnel, far) else {
            return Beyond::Unclear(Gap::new(
                format!(
                    "which peer of {} {} is",
                    self.name(port.node),
                    self.name(out.node)
                ),
                format!("wg show {} on {}", far.interface, self.name(port.node)),
            ));
        };
        if far.takes(back, packet.src) {
            return Beyond::Device(*port);
        }
        let says = format!(
            "{}: the AllowedIPs of this peer of {}, which is {}, do not hold the source {}",
            self.name(port.node),
            far.interface,
            self.name(out.node),
            packet.src
        );
        Beyond::Refused(back.at, says)
    }

    /// The tunnels that a peer can be: those at its endpoint, else those whose own addresses are
    /// behind it.
    pub(super) fn other_ends(
        &self,
        from: usize,
        tunnel: &'a Tunnel,
        peer: &'a Peer,
    ) -> Vec<(Port<'a>, &'a Tunnel)> {
        let others = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(node, _)| *node != from);
        let ends: Vec<(Port<'a>, &'a Tunnel)> = others
            .flat_map(|(node, one)| {
                let tunnels = one.device.stack.tunnels.iter();
                tunnels.map(move |far| {
                    let interface = far.interface.as_str();
                    (Port { node, interface }, far)
                })
            })
            .collect();
        let at_endpoint = |(port, far): &(Port<'a>, &'a Tunnel)| {
            let device = self.device(port.node);
            device.is_some_and(|device| is_at(peer, device, far))
        };
        let behind = |(port, _): &(Port<'a>, &'a Tunnel)| {
            self.addresses(*port)
                .any(|own| tunnel.peer_of(own).is_some_and(|found| same(found, peer)))
        };
        let reached: Vec<_> = ends.iter().copied().filter(at_endpoint).collect();
        if reached.is_empty() {
            ends.into_iter().filter(behind).collect()
        } else {
            reached
        }
    }

    /// The peer of a tunnel that stands for a device's own tunnel.
    pub(super) fn peer_that_is(
        &self,
        node: usize,
        own: &Tunnel,
        far: &'a Tunnel,
    ) -> Option<&'a Peer> {
        if let [only] = far.peers.as_slice() {
            return Some(only);
        }
        let device = self.device(node)?;
        let mut peers = far.peers.iter();
        peers.find(|peer| is_at(peer, device, own)).or_else(|| {
            let port = Port {
                node,
                interface: &own.interface,
            };
            self.addresses(port).find_map(|own| far.peer_of(own))
        })
    }

    fn addresses(&self, port: Port<'_>) -> impl Iterator<Item = IpAddr> + use<'a> {
        let interface = self.interface(port);
        let addresses = interface.into_iter().flat_map(|one| &one.addresses);
        addresses.map(|own| own.address)
    }
}

/// Whether a peer is reached at an address of the device, and the port of its tunnel.
fn is_at(peer: &Peer, device: &Device, tunnel: &Tunnel) -> bool {
    let endpoint = peer
        .endpoint
        .as_deref()
        .and_then(|text| text.rsplit_once(':'));
    endpoint.is_some_and(|(host, port)| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let here = host.parse().is_ok_and(|address| device.stack.owns(address));
        here && tunnel.port.is_none_or(|own| port.parse() == Ok(own))
    })
}

fn same(one: &Peer, other: &Peer) -> bool {
    one.public_key == other.public_key
}

/// Whether two interfaces are on one link: they have a network in common, or one is the other end of
/// the other.
pub(super) fn share_link(one: &Interface, other: &Interface) -> bool {
    let mut pairs = one
        .addresses
        .iter()
        .flat_map(|own| other.addresses.iter().map(move |their| (own, their)));
    pairs.any(|(own, their)| {
        own.network == their.network
            || own.network.contains(their.address)
            || their.network.contains(own.address)
    })
}
