//! The device on which a rule set runs: its interfaces and addresses.

use std::net::IpAddr;
use ww_model::filter::AddressKind;
use ww_model::net::{RouteKind, Stack, TableId};

/// What is known of the device itself. Without it, whatever depends on its own addresses is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
    /// Its routes, those to the networks of its interfaces left out.
    pub routes: Vec<Route>,
}

/// Where packets to a network leave a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// An address of the network.
    pub network: IpAddr,
    /// The length of the network's prefix.
    pub prefix: u8,
    /// The name of the interface.
    pub interface: String,
}

/// An interface of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its addresses with the lengths of their prefixes; the primary one first.
    pub addresses: Vec<(IpAddr, u8)>,
}

impl Device {
    /// What a declared network stack says of the walk: the addresses of its interfaces, and the routes of its main
    /// table; nothing when no interface is declared.
    pub fn of(stack: &Stack) -> Option<Device> {
        let interface = |declared: &ww_model::net::Interface| Interface {
            name: declared.name.clone(),
            addresses: declared
                .addresses
                .iter()
                .map(|own| (own.address, own.network.length()))
                .collect(),
        };
        let route = |declared: &ww_model::net::Route| {
            let goes_on = declared.kind == RouteKind::Unicast && declared.table == TableId::MAIN;
            Some(Route {
                network: declared.destination.address(),
                prefix: declared.destination.length(),
                interface: declared.hops.iter().find_map(|hop| hop.interface.clone())?,
            })
            .filter(|_| goes_on)
        };
        (!stack.interfaces.is_empty()).then(|| Device {
            interfaces: stack.interfaces.iter().map(interface).collect(),
            routes: stack.routes.iter().filter_map(route).collect(),
        })
    }

    /// The kind of an address, as the device's routing sees it.
    pub fn kind_of(&self, address: IpAddr) -> AddressKind {
        let own = |(mine, _): &(IpAddr, u8)| *mine == address;
        let all_of = |(mine, prefix): &(IpAddr, u8)| is_broadcast_of(*mine, *prefix, address);
        if let Some(kind) = kind_by_value(address) {
            kind
        } else if self.addresses().any(own) {
            AddressKind::Local
        } else if self.addresses().any(all_of) {
            AddressKind::Broadcast
        } else {
            AddressKind::Unicast
        }
    }

    /// The name of the interface by which packets to an address leave; the longest prefix wins.
    pub fn way_out(&self, address: IpAddr) -> Option<&str> {
        self.way_out_to_all(address, address)
    }

    /// The name of the interface by which packets to every address from the first to the last leave; `None` when
    /// there are several.
    pub fn way_out_to_all(&self, first: IpAddr, last: IpAddr) -> Option<&str> {
        let holds = |(network, prefix, _): &(IpAddr, u8, &str)| {
            same_network(*network, *prefix, first) && same_network(*network, *prefix, last)
        };
        let (network, prefix, name) = self
            .networks()
            .filter(holds)
            .max_by_key(|(_, prefix, _)| *prefix)?;
        let splits = |(other, longer, _): (IpAddr, u8, &str)| {
            longer > prefix
                && same_network(network, prefix, other)
                && touches(other, longer, first, last)
        };
        (!self.networks().any(splits)).then_some(name)
    }

    /// Whether an address from the first to the last is the device's own, or one that it listens to.
    pub(crate) fn listens_in(&self, first: IpAddr, last: IpAddr) -> bool {
        self.kind_of(first) != AddressKind::Unicast
            || self.kind_of(last) != AddressKind::Unicast
            || self
                .addresses()
                .any(|(own, _)| (first..=last).contains(own))
    }

    fn networks(&self) -> impl Iterator<Item = (IpAddr, u8, &str)> {
        let connected = self.interfaces.iter().flat_map(|interface| {
            let networks = interface.addresses.iter();
            networks.map(|(mine, prefix)| (*mine, *prefix, interface.name.as_str()))
        });
        let routed = self
            .routes
            .iter()
            .map(|route| (route.network, route.prefix, route.interface.as_str()));
        connected.chain(routed)
    }

    /// The addresses that translation takes from an interface, of the IP version asked for; those of the link
    /// alone only where there are no others.
    pub(crate) fn usable(&self, interface: &str, v6: bool) -> Vec<IpAddr> {
        let of_version: Vec<IpAddr> = self
            .interfaces
            .iter()
            .filter(|candidate| candidate.name == interface)
            .flat_map(|found| found.addresses.iter().map(|(address, _)| *address))
            .filter(|address| address.is_ipv6() == v6)
            .collect();
        let (wide, narrow): (Vec<IpAddr>, Vec<IpAddr>) = of_version
            .into_iter()
            .partition(|address| !is_link_local(*address));
        if wide.is_empty() { narrow } else { wide }
    }

    fn addresses(&self) -> impl Iterator<Item = &(IpAddr, u8)> {
        self.interfaces
            .iter()
            .flat_map(|interface| &interface.addresses)
    }
}

/// The addresses that an interface can have, from the first to the last.
pub(crate) fn possible_own(v6: bool) -> (u128, u128) {
    if v6 {
        (1, (0xff00 << 112) - 1)
    } else {
        (0x0100_0000, 0xdfff_ffff)
    }
}

/// The kind of an address that has the same kind on every device; `None` for all others.
pub(crate) fn kind_by_value(address: IpAddr) -> Option<AddressKind> {
    let unspecified_network = match address {
        IpAddr::V4(v4) => v4.octets().first() == Some(&0),
        IpAddr::V6(_) => false,
    };
    if address.is_loopback() {
        Some(AddressKind::Local)
    } else if address.is_multicast() {
        Some(AddressKind::Multicast)
    } else if address == IpAddr::from([255, 255, 255, 255]) {
        Some(AddressKind::Broadcast)
    } else if unspecified_network {
        Some(AddressKind::Other)
    } else {
        None
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// Whether the address means every host of the IPv4 network of `mine`. Networks of one or two hosts have no such
/// address (RFC 3021).
fn is_broadcast_of(mine: IpAddr, prefix: u8, address: IpAddr) -> bool {
    let (IpAddr::V4(mine), IpAddr::V4(address)) = (mine, address) else {
        return false;
    };
    let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    prefix < 31 && address.to_bits() == mine.to_bits() | hosts
}

fn same_network(mine: IpAddr, prefix: u8, address: IpAddr) -> bool {
    match (mine, address) {
        (IpAddr::V4(mine), IpAddr::V4(address)) => {
            let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            mine.to_bits() | hosts == address.to_bits() | hosts
        }
        (IpAddr::V6(mine), IpAddr::V6(address)) => {
            let hosts = u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            mine.to_bits() | hosts == address.to_bits() | hosts
        }
        _ => false,
    }
}

/// Whether a network has addresses from the first to the last.
fn touches(network: IpAddr, prefix: u8, first: IpAddr, last: IpAddr) -> bool {
    same_network(network, prefix, first)
        || same_network(network, prefix, last)
        || (first..=last).contains(&network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        let interface = |name: &str, addresses: &[(&str, u8)]| Interface {
            name: name.into(),
            addresses: addresses
                .iter()
                .map(|(address, prefix)| (address.parse().unwrap(), *prefix))
                .collect(),
        };
        Device {
            interfaces: vec![
                interface(
                    "eth0",
                    &[("10.0.0.1", 24), ("fe80::1", 64), ("fd00::1", 64)],
                ),
                interface("eth1", &[("10.0.0.129", 25), ("192.0.2.1", 31)]),
            ],
            routes: vec![Route {
                network: "172.16.0.0".parse().unwrap(),
                prefix: 12,
                interface: "eth1".into(),
            }],
        }
    }

    #[test]
    fn addresses_have_the_kind_that_routing_gives_them() {
        let kinds = [
            ("10.0.0.1", AddressKind::Local),
            ("10.0.0.255", AddressKind::Broadcast),
            ("10.0.0.2", AddressKind::Unicast),
            ("192.0.2.1", AddressKind::Local),
            ("192.0.2.0", AddressKind::Unicast),
            ("127.3.2.1", AddressKind::Local),
            ("224.0.0.5", AddressKind::Multicast),
            ("255.255.255.255", AddressKind::Broadcast),
            ("0.1.2.3", AddressKind::Other),
            ("ff02::1", AddressKind::Multicast),
            ("fd00::1", AddressKind::Local),
        ];
        for (address, kind) in kinds {
            assert_eq!(
                device().kind_of(address.parse().unwrap()),
                kind,
                "{address}"
            );
        }
    }

    #[test]
    fn the_longest_prefix_names_the_way_out() {
        let way_out = |address: &str| {
            device()
                .way_out(address.parse().unwrap())
                .map(str::to_owned)
        };
        assert_eq!(way_out("10.0.0.130").as_deref(), Some("eth1"));
        assert_eq!(way_out("10.0.0.5").as_deref(), Some("eth0"));
        assert_eq!(way_out("172.31.0.1").as_deref(), Some("eth1"));
        assert_eq!(way_out("172.32.0.1"), None);
        let between = |first: &str, last: &str| {
            let device = device();
            let (first, last) = (first.parse().unwrap(), last.parse().unwrap());
            device.way_out_to_all(first, last).map(str::to_owned)
        };
        assert_eq!(between("10.0.0.3", "10.0.0.9").as_deref(), Some("eth0"));
        assert_eq!(between("10.0.0.3", "10.0.0.200"), None);
    }

    #[test]
    fn an_address_of_the_link_is_used_only_for_want_of_others() {
        assert_eq!(
            device().usable("eth0", true),
            ["fd00::1".parse::<IpAddr>().unwrap()]
        );
        assert!(device().usable("eth2", false).is_empty());
    }
}
