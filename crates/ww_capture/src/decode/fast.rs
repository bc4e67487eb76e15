//! The short way: Ethernet, at most one VLAN tag, IPv4 without options or fragments, TCP or UDP.

use super::bytes::Bytes;
use super::ip::{DONT_FRAGMENT, FRAGMENT_OFFSET, MORE_FRAGMENTS};
use super::link::{ETHERNET, ETHERTYPE_IPV4, ETHERTYPE_VLAN};
use super::transport::{tcp, udp};
use super::tunnel;
use super::types::{Body, Decoded, IpHeader, LinkLayer, RawFrame, Tunnels};
use std::net::Ipv4Addr;

/// Decodes a frame of the common kind; `None` for all others, which are not necessarily wrong.
#[inline]
pub(super) fn decode<'a>(frame: &RawFrame<'a>) -> Option<Decoded<'a>> {
    if frame.link != ETHERNET {
        return None;
    }
    let (h, rest) = Bytes::new(frame.data, frame.wire_len).header::<14>()?;
    let (vlan, packet) = match u16::from_be_bytes([h[12], h[13]]) {
        ETHERTYPE_IPV4 => (None, rest),
        ETHERTYPE_VLAN => {
            let (tag, rest) = rest.header::<4>()?;
            if u16::from_be_bytes([tag[2], tag[3]]) != ETHERTYPE_IPV4 {
                return None;
            }
            (Some(u16::from_be_bytes([tag[0], tag[1]]) & 0xfff), rest)
        }
        _ => return None,
    };
    let (ip, payload, truncated) = plain_ipv4(packet)?;
    let body = match ip.protocol {
        6 => tcp(payload),
        17 => match udp(payload) {
            Body::Udp(datagram) if tunnel::over_udp(&datagram).is_none() => Body::Udp(datagram),
            _ => return None,
        },
        _ => return None,
    };
    Some(Decoded {
        link: LinkLayer {
            src: Some([h[6], h[7], h[8], h[9], h[10], h[11]]),
            dst: Some([h[0], h[1], h[2], h[3], h[4], h[5]]),
            vlans: [vlan, None],
            packet_type: None,
        },
        ip: Some(ip),
        outer: Tunnels::default(),
        body,
        truncated,
        reassembled_from: None,
    })
}

/// The header of an unfragmented IPv4 packet without options, its payload, and whether it is cut.
#[inline]
fn plain_ipv4(packet: Bytes<'_>) -> Option<(IpHeader, Bytes<'_>, bool)> {
    let h = packet.held.first_chunk::<20>()?;
    let fragment = u16::from_be_bytes([h[6], h[7]]);
    let total_len = u32::from(u16::from_be_bytes([h[2], h[3]]));
    if h[0] != 0x45 || fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0 || total_len < 20 {
        return None;
    }
    let packet = packet.limit(total_len);
    let ip = IpHeader {
        src: Ipv4Addr::new(h[12], h[13], h[14], h[15]).into(),
        dst: Ipv4Addr::new(h[16], h[17], h[18], h[19]).into(),
        ttl: h[8],
        id: Some(u16::from_be_bytes([h[4], h[5]])),
        dont_fragment: fragment & DONT_FRAGMENT != 0,
        traffic_class: h[1],
        total_len,
        protocol: h[9],
    };
    Some((ip, packet.skip(20)?, packet.is_cut()))
}
