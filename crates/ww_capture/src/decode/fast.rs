//! The short way: Ethernet, at most one VLAN tag, IP without options, extension headers or fragments,
//! TCP or UDP.

use super::bytes::Bytes;
use super::ip::{DONT_FRAGMENT, FRAGMENT_OFFSET, MORE_FRAGMENTS, address};
use super::link::{ETHERNET, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_VLAN};
use super::transport::{tcp, udp, whole_tcp};
use super::tunnel;
use super::types::{
    Body, Decoded, IpHeader, LinkLayer, PlainDatagram, PlainSegment, RawFrame, Tunnels,
};
use std::net::Ipv4Addr;

/// The protocol number of TCP.
const TCP: u8 = 6;
/// The protocol number of UDP.
const UDP: u8 = 17;

/// Decodes a frame of the common kind; `None` for all others, which are not necessarily wrong.
#[inline]
pub(super) fn decode<'a>(frame: &RawFrame<'a>) -> Option<Decoded<'a>> {
    let (h, vlan, packet) = plain(frame)?;
    let body = match packet.ip.protocol {
        TCP => tcp(packet.payload),
        UDP => match udp(packet.payload) {
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
        ip: Some(packet.ip),
        outer: Tunnels::default(),
        body,
        truncated: packet.truncated,
        reassembled_from: None,
    })
}

/// The TCP segment in a frame of the common kind, when its header was captured.
#[expect(
    clippy::inline_always,
    reason = "out of line, the header of every frame is written to memory and read back"
)]
#[inline(always)]
pub(super) fn segment<'a>(frame: &RawFrame<'a>) -> Option<PlainSegment<'a>> {
    let (_, _, packet) = plain(frame)?;
    if packet.ip.protocol != TCP {
        return None;
    }
    Some(PlainSegment {
        ip: packet.ip,
        tcp: whole_tcp(packet.payload)?,
        truncated: packet.truncated,
    })
}

/// The datagram in a frame of the common kind, when it is no tunnel.
#[inline]
pub(super) fn datagram<'a>(frame: &RawFrame<'a>) -> Option<PlainDatagram<'a>> {
    let (_, _, packet) = plain(frame)?;
    if packet.ip.protocol != UDP {
        return None;
    }
    match udp(packet.payload) {
        Body::Udp(udp) if tunnel::over_udp(&udp).is_none() => Some(PlainDatagram {
            ip: packet.ip,
            udp,
            truncated: packet.truncated,
        }),
        _ => None,
    }
}

/// An IP packet of the common kind.
struct Packet<'a> {
    ip: IpHeader,
    payload: Bytes<'a>,
    truncated: bool,
}

/// The Ethernet header, the VLAN identifier and the packet of a frame.
#[expect(
    clippy::inline_always,
    reason = "out of line, the header of every frame is written to memory and read back"
)]
#[inline(always)]
fn plain<'a>(frame: &RawFrame<'a>) -> Option<(&'a [u8; 14], Option<u16>, Packet<'a>)> {
    if frame.link != ETHERNET {
        return None;
    }
    let (h, rest) = Bytes::new(frame.data, frame.wire_len).header::<14>()?;
    let (ethertype, vlan, packet) = match u16::from_be_bytes([h[12], h[13]]) {
        ETHERTYPE_VLAN => {
            let (tag, rest) = rest.header::<4>()?;
            let vlan = u16::from_be_bytes([tag[0], tag[1]]) & 0xfff;
            (u16::from_be_bytes([tag[2], tag[3]]), Some(vlan), rest)
        }
        ethertype => (ethertype, None, rest),
    };
    let packet = match ethertype {
        ETHERTYPE_IPV4 => plain_ipv4(packet)?,
        ETHERTYPE_IPV6 => plain_ipv6(packet)?,
        _ => return None,
    };
    Some((h, vlan, packet))
}

/// An unfragmented IPv4 packet without options.
#[expect(
    clippy::inline_always,
    reason = "out of line, the header of every frame is written to memory and read back"
)]
#[inline(always)]
fn plain_ipv4(packet: Bytes<'_>) -> Option<Packet<'_>> {
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
    Some(Packet {
        ip,
        payload: packet.skip(20)?,
        truncated: packet.is_cut(),
    })
}

/// An IPv6 packet of known length; what its next header is, the caller looks at.
#[inline]
fn plain_ipv6(packet: Bytes<'_>) -> Option<Packet<'_>> {
    let (h, payload) = packet.header::<40>()?;
    let payload_len = u32::from(u16::from_be_bytes([h[4], h[5]]));
    if h[0] >> 4 != 6 || payload_len == 0 {
        return None;
    }
    let payload = payload.limit(payload_len);
    let ip = IpHeader {
        src: address(h, 8),
        dst: address(h, 24),
        ttl: h[7],
        id: None,
        dont_fragment: true,
        traffic_class: (u16::from_be_bytes([h[0], h[1]]) >> 4) as u8,
        total_len: payload_len + 40,
        protocol: h[6],
    };
    Some(Packet {
        ip,
        payload,
        truncated: payload.is_cut(),
    })
}
