//! Who talks: a site of a few hundred machines behind a gateway, and everybody else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::rng::Rng;
use super::types::{Link, Pair, Tunnel};

/// Machines on the site.
pub(super) const SITE_HOSTS: u64 = 200;
const GATEWAY_MAC: [u8; 6] = [0x02, 0, 0x5e, 0, 0, 1];
const IPV6_PPM: u32 = 150_000;
const VLAN_PPM: u32 = 50_000;
const TUNNEL_PPM: u32 = 10_000;

/// MAC address of a machine on the site.
pub(super) fn site_mac(host: u64) -> [u8; 6] {
    [0x02, 0, 0x0a, 0x14, (host >> 8) as u8, host as u8]
}

/// IPv4 address of a machine on the site.
pub(super) fn site_v4(host: u64) -> Ipv4Addr {
    Ipv4Addr::new(10, 20, 0, host as u8 + 10)
}

/// The link of one flow between a machine of the site and one elsewhere (198.18.0.0/15, RFC 2544,
/// or 2001:db8::/32, RFC 3849). `serial` makes address and port unique; `inbound` flows are opened
/// from elsewhere.
pub(super) fn link(rng: &mut Rng, serial: u64, inbound: bool, service: u16) -> Link {
    let host = serial % SITE_HOSTS;
    let draw = rng.next();
    let (near, far): (IpAddr, IpAddr) = if rng.chance(IPV6_PPM) {
        let near = Ipv6Addr::new(0x2001, 0xdb8, 0x20, 0, 0, 0, 0, host as u16 + 0x10);
        let far = Ipv6Addr::new(
            0x2001,
            0xdb8,
            0x4000 | (draw as u16 & 0x3ff),
            1,
            0,
            0,
            0,
            0x80,
        );
        (near.into(), far.into())
    } else {
        let [_, _, b, c, d, ..] = draw.to_le_bytes();
        (
            site_v4(host).into(),
            Ipv4Addr::new(198, 18 + (b & 1), c, d | 1).into(),
        )
    };
    let tunnel = match rng.chance(TUNNEL_PPM) {
        false => Tunnel::None,
        true if rng.chance(500_000) => Tunnel::Gre,
        true => Tunnel::Vxlan(rng.range(100, 200) as u32),
    };
    let far_start = if rng.chance(700_000) { 64 } else { 128 };
    let far_ttl = far_start - rng.range(5, 19) as u8;
    Link {
        macs: Pair {
            client: site_mac(host),
            server: GATEWAY_MAC,
        }
        .swapped_if(inbound),
        vlan: rng.chance(VLAN_PPM).then(|| rng.range(100, 110) as u16),
        tunnel,
        hosts: Pair {
            client: near,
            server: far,
        }
        .swapped_if(inbound),
        ports: Pair {
            client: client_port(serial),
            server: service,
        },
        ttls: Pair {
            client: 64,
            server: far_ttl,
        }
        .swapped_if(inbound),
    }
}

/// Bytes left for a TCP segment on this link with Ethernet's 1500 around it.
pub(super) fn mss(link: &Link) -> u16 {
    let inside = if link.hosts.client.is_ipv4() {
        1460
    } else {
        1440
    };
    match link.tunnel {
        Tunnel::None => inside,
        Tunnel::Gre => inside - 24,
        Tunnel::Vxlan(_) => inside - 50,
    }
}

fn client_port(serial: u64) -> u16 {
    32_768 + ((serial / SITE_HOSTS) * 131 % 28_000) as u16
}
