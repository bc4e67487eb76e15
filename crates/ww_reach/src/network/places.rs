//! Which hosts a place means, and where their packets come in.

use std::net::IpAddr;

use ww_model::Packet;
use ww_model::packet::{CtState, protocol};

use super::Network;
use super::links::{Beyond, Port};
use super::route::{self, Way};
use super::trip::Spot;
use crate::question::Place;

impl<'a> Network<'a> {
    fn named(&self, place: &Place) -> Option<usize> {
        let Place::Named(..) = place else { return None };
        let name = place.to_string();
        self.nodes.iter().position(|one| one.device.name == name)
    }

    /// The addresses of a host.
    pub(super) fn hosts(&self, place: &Place) -> Result<Vec<IpAddr>, String> {
        if let Place::Block(address, length) = place {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            if *length == whole {
                return Ok(vec![*address]);
            }
        }
        let Some(device) = self.named(place).and_then(|node| self.device(node)) else {
            let names: Vec<&str> = self
                .nodes
                .iter()
                .map(|one| one.device.name.as_str())
                .collect();
            return Err(format!(
                "{place} is no host of this network; name an address or a device: {}",
                names.join(", ")
            ));
        };
        let interfaces = device.stack.interfaces.iter();
        let addresses: Vec<IpAddr> = interfaces
            .flat_map(|one| one.addresses.iter().map(|own| own.address))
            .filter(|address| is_spoken_to(*address))
            .collect();
        if addresses.is_empty() {
            return Err(format!("the files of {place} say no address of it"));
        }
        Ok(addresses)
    }

    /// Where a packet begins its way: at the device that has its source, else at the devices on the
    /// link of its source, else wherever the declared network meets the outside on the way to it.
    pub(super) fn starts(&self, packet: &Packet) -> Result<Vec<Spot<'a>>, String> {
        let source = packet.src;
        if let Some(node) = self.owner(source) {
            return Ok(vec![Spot::From(node)]);
        }
        let links = self.beside(source);
        let has = |port: &Port<'a>| {
            let addresses = self
                .interface(*port)
                .into_iter()
                .flat_map(|one| &one.addresses);
            addresses.into_iter().any(|own| own.address == packet.dst)
        };
        if let Some(straight) = links.iter().find(|port| has(port)) {
            return Ok(vec![Spot::At(*straight)]);
        }
        let shared = self.beside(packet.dst);
        if self.owner(packet.dst).is_none() && links.iter().any(|port| shared.contains(port)) {
            return Err(format!(
                "{source} and {} are on one link, with no declared device between them",
                packet.dst
            ));
        }
        let starts = if links.is_empty() {
            self.edges(source)
        } else {
            links
        };
        if starts.is_empty() {
            return Err(format!(
                "no declared network holds {source}, and no route leads to it"
            ));
        }
        Ok(starts.into_iter().map(Spot::At).collect())
    }

    /// The interfaces on the narrowest network that holds the address.
    pub(super) fn beside(&self, address: IpAddr) -> Vec<Port<'a>> {
        let around = |port: Port<'a>| {
            let addresses = self
                .interface(port)
                .into_iter()
                .flat_map(|one| &one.addresses);
            let networks = addresses.filter(|own| own.network.contains(address));
            networks.map(|own| own.network.length()).max()
        };
        let ports: Vec<(Port<'a>, u8)> = self
            .ports()
            .filter_map(|(port, _)| Some((port, around(port)?)))
            .collect();
        let narrowest = ports.iter().map(|(_, length)| *length).max();
        ports
            .into_iter()
            .filter(|(_, length)| Some(*length) == narrowest)
            .map(|(port, _)| port)
            .collect()
    }

    /// The interfaces by which packets to the address leave the declared network.
    fn edges(&self, address: IpAddr) -> Vec<Port<'a>> {
        let mut edges = Vec::new();
        for (node, one) in self.nodes.iter().enumerate() {
            let packet = probe(address);
            if let Way::Out(interface, next) = route::of(one.device, &packet, "").way {
                let port = Port { node, interface };
                if matches!(self.beyond(port, next, &packet), Beyond::Outside(_)) {
                    edges.push(port);
                }
            }
        }
        edges
    }
}

/// Whether other hosts can send to the address.
pub(super) fn is_spoken_to(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    }
}

/// A packet to the address.
fn probe(address: IpAddr) -> Packet {
    let unspecified = match address {
        IpAddr::V4(_) => IpAddr::from([0, 0, 0, 0]),
        IpAddr::V6(_) => IpAddr::from([0; 16]),
    };
    Packet {
        iif: String::new(),
        oif: String::new(),
        src: unspecified,
        dst: address,
        proto: protocol::TCP,
        sport: 0,
        dport: 0,
        tcp_flags: 0,
        icmp_type: 0,
        icmp_code: 0,
        ct_state: CtState::New,
        mark: 0,
    }
}
