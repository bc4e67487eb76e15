//! What a device's addresses and routes make of ranges of addresses.

use super::layout::{Version, width};
use crate::walk::Device;
use crate::walk::device::kind_by_value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_base::Order;
use ww_model::Ranges;
use ww_model::filter::{AddressKind, Field};

/// Addresses of known kind, each once; all others are some other host's, as far as is known.
pub(super) fn kinds_by_address(
    version: Version,
    device: Option<&Device>,
) -> Vec<(Ranges, AddressKind)> {
    let samples: &[(IpAddr, u32)] = match version {
        Version::V4 => &[
            (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
            (IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)), 4),
            (IpAddr::V4(Ipv4Addr::BROADCAST), 32),
            (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8),
        ],
        Version::V6 => &[
            (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
            (IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8),
        ],
    };
    let everywhere = samples.iter().filter_map(|(address, prefix)| {
        let kind = kind_by_value(*address)?;
        Some((network(*address, *prefix), kind))
    });
    let of_device = device.into_iter().flat_map(|device| {
        let interfaces = device.interfaces.iter();
        interfaces.flat_map(|interface| interface.addresses.iter().copied())
    });
    let of_version =
        move |(address, _): &(IpAddr, u8)| address.is_ipv4() == (version == Version::V4);
    let addresses: Vec<(IpAddr, u8)> = of_device.filter(of_version).collect();
    let own = addresses
        .iter()
        .map(|(address, _)| (network(*address, 128), AddressKind::Local));
    let of_networks = addresses.iter().filter_map(|(address, prefix)| {
        let (_, last) = network(*address, u32::from(*prefix)).iter().next()?;
        let has_one = address.is_ipv4() && *prefix < 31;
        has_one.then(|| (Ranges::one(last), AddressKind::Broadcast))
    });
    disjoint(everywhere.chain(own).chain(of_networks))
}

/// All addresses that share a prefix with this one.
fn network(address: IpAddr, prefix: u32) -> Ranges {
    let (number, bits) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), width(Field::Src4)),
        IpAddr::V6(v6) => (v6.to_bits(), width(Field::Src6)),
    };
    let hosts = bits.saturating_sub(prefix);
    let low = 1u128.checked_shl(hosts).map_or(u128::MAX, |size| size - 1);
    Ranges::span(number & !low, number | low)
}

/// All addresses by their kind and the interface by which packets to them leave, each address once.
pub(crate) fn routed(
    version: Version,
    device: &Device,
) -> Vec<(Ranges, AddressKind, Option<&str>)> {
    let connected = device.interfaces.iter().flat_map(|interface| {
        let networks = interface.addresses.iter();
        networks.map(|(mine, prefix)| (*mine, *prefix, interface.name.as_str()))
    });
    let routes = device
        .routes
        .iter()
        .map(|route| (route.network, route.prefix, route.interface.as_str()));
    let mut networks: Vec<(IpAddr, u8, &str)> = connected
        .chain(routes)
        .filter(|(address, ..)| address.is_ipv4() == (version == Version::V4))
        .collect();
    // The longest prefix wins; of equally long ones the last, which a stable sort of the reverse keeps first.
    networks.reverse();
    networks.put_in_order_by_key(|(_, prefix, _)| std::cmp::Reverse(*prefix));
    let everything = Ranges::span(0, version.max_address());
    let ways = networks
        .into_iter()
        .map(|(address, prefix, name)| (network(address, u32::from(prefix)), Some(name)))
        .chain([(everything.clone(), None)]);
    let kinds = kinds_by_address(version, Some(device))
        .into_iter()
        .chain([(everything, AddressKind::Unicast)]);
    let kinds = disjoint(kinds);
    let mut routed = Vec::new();
    for (addresses, name) in disjoint(ways) {
        for (of_kind, kind) in &kinds {
            routed.push((addresses.and(of_kind), *kind, name));
        }
    }
    routed.retain(|(addresses, ..)| !addresses.is_empty());
    routed
}

/// The same with each address only where it comes first.
fn disjoint<T>(parts: impl Iterator<Item = (Ranges, T)>) -> Vec<(Ranges, T)> {
    let mut seen = Ranges::none();
    let mut result = Vec::new();
    for (addresses, what) in parts {
        result.push((addresses.minus(&seen), what));
        seen = seen.or(&addresses);
    }
    result
}
