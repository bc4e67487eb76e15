//! What takes packets that leave by an interface, and where packets come in, for all packets.

use std::net::IpAddr;
use std::rc::Rc;

use ww_model::net::{Peer, Prefix, RouteKind, Tunnel};
use ww_model::{Device, Ranges};
use ww_packetset::{LevelId, Map, Set, Terminal};

use super::Network;
use super::explorer::{Explorer, Intricate};
use super::links::{Port, share_link};
use super::trip::Spot;
use super::ways::Way;
use crate::device::boxes;
use crate::symbolic::{Universe, Version};

/// What takes packets that leave by an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// A declared device, by this interface of its own.
    Device(Port<'a>),
    /// Something that nobody declares.
    Outside,
    /// Nothing.
    Refused,
    /// It cannot be told.
    Unclear,
}

/// The declared networks of one version of IP, and the interfaces on each.
#[derive(Debug)]
pub(super) struct Beside<'a> {
    networks: Vec<(Prefix, Vec<Port<'a>>)>,
    /// The narrowest network of each destination, counted from 1; the same of each source.
    of_destination: Map,
    of_source: Map,
    /// Destinations that are an address of a device.
    owned: Set,
}

impl<'a> Beside<'a> {
    pub(super) fn of(
        network: &Network<'a>,
        universe: &mut Universe<'a>,
    ) -> Result<Beside<'a>, Intricate> {
        let is_v4 = universe.version() == Version::V4;
        let mut networks: Vec<(Prefix, Vec<Port<'a>>)> = Vec::new();
        for (port, interface) in network.ports() {
            for own in &interface.addresses {
                let known = networks.iter_mut().find(|(one, _)| *one == own.network);
                match known {
                    _ if own.network.is_ip4() != is_v4 => {}
                    Some((_, ports)) if ports.contains(&port) => {}
                    Some((_, ports)) => ports.push(port),
                    None => networks.push((own.network, vec![port])),
                }
            }
        }
        let entries: Vec<((u128, u128), Terminal)> = networks
            .iter()
            .zip(1..)
            .map(|((prefix, _), number)| (prefix.range(), number))
            .collect();
        let (destination, source) = destination_and_source(universe)?;
        let version = universe.version();
        let devices = network
            .nodes
            .iter()
            .map(|one| owned_by(one.device, version));
        let owned = devices.fold(Ranges::none(), |all, own| all.or(&own));
        Ok(Beside {
            of_destination: universe.space.narrowest(destination, &entries)?,
            of_source: universe.space.narrowest(source, &entries)?,
            owned: universe.space.within(destination, owned.iter())?,
            networks,
        })
    }
}

/// The addresses of a device that others may send to.
pub(super) fn owned_by(device: &Device, version: Version) -> Ranges {
    let is_v4 = version == Version::V4;
    let interfaces = device.stack.interfaces.iter();
    let addresses = interfaces.flat_map(|one| &one.addresses);
    let own = addresses.map(|own| Prefix::host(own.address));
    let routes = device.stack.routes.iter();
    let local = routes.filter(|route| route.kind == RouteKind::Local);
    let all = own.chain(local.map(|route| route.destination));
    let loopback = if is_v4 { "127.0.0.0/8" } else { "::1/128" };
    let loopback = Ranges::of(loopback.parse().map(|prefix: Prefix| prefix.range()));
    Ranges::of(
        all.filter(|one| one.is_ip4() == is_v4)
            .map(|one| one.range()),
    )
    .minus(&loopback)
}

fn destination_and_source(universe: &Universe<'_>) -> Result<(LevelId, LevelId), Intricate> {
    let level = |source| universe.level(universe.address_field(source));
    let both = level(false).zip(level(true));
    both.ok_or(Intricate::Bits)
}

impl<'a> Explorer<'_, 'a, '_> {
    /// The levels of destinations and sources.
    pub(super) fn destination_and_source(&self) -> (LevelId, LevelId) {
        let (source, destination) = self.addresses;
        (destination, source)
    }

    /// What takes packets that leave by this interface, for this router or else for their
    /// destination; each header once. The same as [`Network::beyond`] for one packet.
    pub(super) fn next(
        &mut self,
        out: Port<'a>,
        gateway: Option<IpAddr>,
    ) -> Result<Vec<(Set, Next<'a>)>, Intricate> {
        let Some(device) = self.network.device(out.node) else {
            return Ok(Vec::new());
        };
        let mut tunnels = device.stack.tunnels.iter();
        if let Some(tunnel) = tunnels.find(|tunnel| tunnel.interface == out.interface) {
            return self.through(out, tunnel);
        }
        let mut rest = self.universe.space.all();
        let mut all = Vec::new();
        for (address, next) in self.hosts_on_link(out) {
            let field = self.universe.address_field(false);
            let headers = match gateway {
                Some(router) if router == address => rest,
                Some(_) => continue,
                None => {
                    let number = Ranges::of([Prefix::host(address).range()]);
                    self.universe.numbers(field, &number)?
                }
            };
            all.push((headers, next));
            rest = self.universe.space.minus(rest, headers)?;
        }
        let outside = self.outside(out)?;
        let outside = self.universe.space.and(rest, outside)?;
        let unclear = self.universe.space.minus(rest, outside)?;
        all.push((outside, Next::Outside));
        all.push((unclear, Next::Unclear));
        self.each_once(all)
    }

    /// Each taker once: an address that was drawn from a range has one taker where all of the range do.
    fn each_once(&mut self, all: Vec<(Set, Next<'a>)>) -> Result<Vec<(Set, Next<'a>)>, Intricate> {
        let mut once: Vec<(Set, Next<'a>)> = Vec::new();
        for (headers, next) in all {
            match once.iter_mut().find(|(_, known)| *known == next) {
                Some((known, _)) => *known = self.universe.space.or(*known, headers)?,
                None => once.push((headers, next)),
            }
        }
        Ok(once)
    }

    /// The addresses of other devices on the link of an interface.
    fn hosts_on_link(&self, out: Port<'a>) -> Vec<(IpAddr, Next<'a>)> {
        let is_v4 = self.universe.version() == Version::V4;
        let Some(mine) = self.network.interface(out) else {
            return Vec::new();
        };
        let mut hosts: Vec<(IpAddr, Next<'a>)> = Vec::new();
        for (port, other) in self.network.ports() {
            if port.node == out.node || !share_link(mine, other) {
                continue;
            }
            let addresses = other.addresses.iter().map(|own| own.address);
            for address in addresses.filter(|one| one.is_ipv4() == is_v4) {
                match hosts.iter_mut().find(|(known, _)| *known == address) {
                    Some((_, Next::Device(known))) if *known == port => {}
                    Some((_, next)) => *next = Next::Unclear,
                    None => hosts.push((address, Next::Device(port))),
                }
            }
        }
        hosts
    }

    /// Destinations to which the outside may lead from this interface: they are on its own link, or
    /// on none, and no device has them.
    fn outside(&mut self, out: Port<'a>) -> Result<Set, Intricate> {
        let beside = Rc::clone(&self.beside);
        let here = self
            .universe
            .space
            .select(beside.of_destination, |number| {
                let found = (number as usize).checked_sub(1);
                let found = found.and_then(|place| beside.networks.get(place));
                found.is_none_or(|(_, ports)| ports.contains(&out))
            })?;
        Ok(self.universe.space.minus(here, beside.owned)?)
    }

    /// Headers of replies that do not come back by the interface by which packets left: those for
    /// another device on the link, with where they come in, and those for hosts on the link.
    pub(super) fn straight_back(
        &mut self,
        port: Port<'a>,
    ) -> Result<Vec<(Set, Option<Spot<'a>>)>, Intricate> {
        let (destination, _) = self.destination_and_source();
        let mut back = Vec::new();
        for (address, next) in self.hosts_on_link(port) {
            if let Next::Device(there) = next {
                let number = Prefix::host(address).range();
                let headers = self.universe.space.within(destination, [number])?;
                back.push((headers, Some(Spot::At(there))));
            }
        }
        let beside = Rc::clone(&self.beside);
        let here = self
            .universe
            .space
            .select(beside.of_destination, |number| {
                let found = (number as usize).checked_sub(1);
                let found = found.and_then(|place| beside.networks.get(place));
                found.is_some_and(|(_, ports)| ports.contains(&port))
            })?;
        let hosts = self.universe.space.minus(here, beside.owned)?;
        back.push((hosts, None));
        Ok(back)
    }

    /// Into a tunnel.
    fn through(
        &mut self,
        out: Port<'a>,
        tunnel: &'a Tunnel,
    ) -> Result<Vec<(Set, Next<'a>)>, Intricate> {
        let (destination, source) = self.destination_and_source();
        let peers = self.peers_by(tunnel, destination)?;
        let owned = self.beside.owned;
        let mut rest = self.universe.space.all();
        let mut all = Vec::new();
        for (headers, number) in peers {
            rest = self.universe.space.minus(rest, headers)?;
            let Some(peer) = tunnel.peers.get(number) else {
                continue;
            };
            let ends = self.network.other_ends(out.node, tunnel, peer);
            let [(port, far)] = ends.as_slice() else {
                let outside = self.universe.space.minus(headers, owned)?;
                let inside = self.universe.space.and(headers, owned)?;
                all.extend([(outside, Next::Outside), (inside, Next::Unclear)]);
                continue;
            };
            let Some(back) = self.network.peer_that_is(out.node, tunnel, far) else {
                all.push((headers, Next::Unclear));
                continue;
            };
            let mut taken = self.universe.space.none();
            for (sources, number) in self.peers_by(far, source)? {
                let is_same = |one: &Peer| one.public_key == back.public_key;
                if far.peers.get(number).is_some_and(is_same) {
                    taken = self.universe.space.or(taken, sources)?;
                }
            }
            let taken = self.universe.space.and(headers, taken)?;
            let refused = self.universe.space.minus(headers, taken)?;
            all.extend([(taken, Next::Device(*port)), (refused, Next::Refused)]);
        }
        all.push((rest, Next::Refused));
        self.each_once(all)
    }

    /// Addresses by the peer behind which they are, as [`Tunnel::peer_of`] has it.
    fn peers_by(
        &mut self,
        tunnel: &Tunnel,
        level: LevelId,
    ) -> Result<Vec<(Set, usize)>, Intricate> {
        let is_v4 = self.universe.version() == Version::V4;
        let mut entries = Vec::new();
        for (peer, number) in tunnel.peers.iter().zip(1..) {
            let prefixes = peer.allowed.iter().map(|(prefix, _)| prefix);
            let prefixes = prefixes.filter(|prefix| prefix.is_ip4() == is_v4);
            entries.extend(prefixes.map(|prefix| (prefix.range(), number)));
        }
        // Of equal prefixes the last said counts, and the first is taken here.
        entries.reverse();
        let map = self.universe.space.narrowest(level, &entries)?;
        let regions = self.universe.space.regions(map)?;
        let by_place =
            |(number, set): (Terminal, Set)| Some((set, (number as usize).checked_sub(1)?));
        Ok(regions.into_iter().filter_map(by_place).collect())
    }

    /// Packets by where they begin their way, each packet once; those left out have no way to begin.
    /// The same as [`Network::starts`] for one packet.
    pub(super) fn entries(&mut self, asked: Set) -> Result<Vec<(Set, Vec<Spot<'a>>)>, Intricate> {
        let mut rest = asked;
        let mut entries = Vec::new();
        let version = self.universe.version();
        for (node, one) in self.network.nodes.iter().enumerate() {
            let (_, source) = self.destination_and_source();
            let own = owned_by(one.device, version);
            let own = self.universe.space.within(source, own.iter())?;
            let packets = self.universe.space.and(rest, own)?;
            rest = self.universe.space.minus(rest, own)?;
            entries.push((packets, vec![Spot::From(node)]));
        }
        let beside = Rc::clone(&self.beside);
        for (number, inside) in self.universe.space.regions(beside.of_source)? {
            let found = (number as usize).checked_sub(1);
            let Some((_, ports)) = found.and_then(|place| beside.networks.get(place)) else {
                continue;
            };
            let packets = self.universe.space.and(rest, inside)?;
            rest = self.universe.space.minus(rest, inside)?;
            self.begin_on_link(ports, packets, &mut entries)?;
        }
        entries.extend(self.begin_outside(rest)?);
        entries.retain(|(packets, _)| !packets.is_empty());
        Ok(entries)
    }

    /// Packets of hosts on a link.
    fn begin_on_link(
        &mut self,
        ports: &[Port<'a>],
        packets: Set,
        entries: &mut Vec<(Set, Vec<Spot<'a>>)>,
    ) -> Result<(), Intricate> {
        let is_v4 = self.universe.version() == Version::V4;
        let (destination, _) = self.destination_and_source();
        let mut rest = packets;
        for port in ports {
            let interface = self.network.interface(*port);
            let addresses = interface.into_iter().flat_map(|one| &one.addresses);
            let addresses = addresses.filter(|own| own.address.is_ipv4() == is_v4);
            let numbers = Ranges::of(addresses.map(|own| Prefix::host(own.address).range()));
            let own = self.universe.space.within(destination, numbers.iter())?;
            let straight = self.universe.space.and(rest, own)?;
            rest = self.universe.space.minus(rest, own)?;
            entries.push((straight, vec![Spot::At(*port)]));
        }
        let neighbours = self.neighbours(ports)?;
        let rest = self.universe.space.minus(rest, neighbours)?;
        entries.push((rest, ports.iter().map(|port| Spot::At(*port)).collect()));
        Ok(())
    }

    /// Headers of packets to hosts on a link, none of them declared.
    fn neighbours(&mut self, ports: &[Port<'a>]) -> Result<Set, Intricate> {
        let beside = Rc::clone(&self.beside);
        let neighbours = self
            .universe
            .space
            .select(beside.of_destination, |number| {
                let found = (number as usize).checked_sub(1);
                let found = found.and_then(|place| beside.networks.get(place));
                found.is_some_and(|(_, others)| others.iter().any(|one| ports.contains(one)))
            })?;
        Ok(self.universe.space.minus(neighbours, beside.owned)?)
    }

    /// Those of the packets that hosts on a link send to one another, without any device.
    pub(super) fn on_one_link(&mut self, packets: Set) -> Result<Set, Intricate> {
        let owned = self.beside.owned;
        let owned = self.addresses_turned(owned)?;
        let packets = self.universe.space.minus(packets, owned)?;
        let beside = Rc::clone(&self.beside);
        let mut all = self.universe.space.none();
        for (number, inside) in self.universe.space.regions(beside.of_source)? {
            let found = (number as usize).checked_sub(1);
            let Some((_, ports)) = found.and_then(|place| beside.networks.get(place)) else {
                continue;
            };
            let neighbours = self.neighbours(ports)?;
            let here = self.universe.space.and(packets, inside)?;
            let here = self.universe.space.and(here, neighbours)?;
            all = self.universe.space.or(all, here)?;
        }
        Ok(all)
    }

    /// Packets of sources on no declared network: they come in where packets to them would leave.
    fn begin_outside(&mut self, packets: Set) -> Result<Vec<(Set, Vec<Spot<'a>>)>, Intricate> {
        let (destination, source) = self.destination_and_source();
        let mut parts = vec![(packets, Vec::new())];
        for node in 0..self.network.nodes.len() {
            for (headers, way) in self.probes(node)? {
                let Way::Out(interface, gateway) = way else {
                    continue;
                };
                let out = Port { node, interface };
                let mut leaving = self.universe.space.none();
                for (there, next) in self.next(out, gateway)? {
                    if next == Next::Outside {
                        leaving = self.universe.space.or(leaving, there)?;
                    }
                }
                let leaving = self.universe.space.and(headers, leaving)?;
                let addresses = boxes::numbers_on(self.universe, leaving, destination);
                let sources = self.universe.space.within(source, addresses.iter())?;
                let mut split = Vec::new();
                for (packets, spots) in parts {
                    let inside = self.universe.space.and(packets, sources)?;
                    let outside = self.universe.space.minus(packets, sources)?;
                    let mut with = spots.clone();
                    with.push(Spot::At(out));
                    split.extend([(inside, with), (outside, spots)]);
                }
                split.retain(|(packets, _)| !packets.is_empty());
                parts = split;
            }
        }
        parts.retain(|(_, spots)| !spots.is_empty());
        Ok(parts)
    }
}
