//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, extension headers and fragments.

use super::bytes::{Bytes, array, byte};
use super::fragment::Key;
use super::icmp::icmp;
use super::transport::{tcp, udp};
use super::types::{Body, IpHeader, Tcp, Tunnel};
use super::walk::{Fragment, Reassembly, Walk};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The fields of the IPv4 flags-and-offset word.
pub(super) const DONT_FRAGMENT: u16 = 0x4000;
/// More fragments follow.
pub(super) const MORE_FRAGMENTS: u16 = 0x2000;
/// Offset in units of eight bytes.
pub(super) const FRAGMENT_OFFSET: u16 = 0x1fff;

/// Extension headers read in one packet; a sane one has at most seven.
const EXTENSION_HEADERS: usize = 256;

const HOP_BY_HOP: u8 = 0;
const IPV4: u8 = 4;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const GRE: u8 = 47;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
const ETHER_IP: u8 = 97;
const MPLS_IN_IP: u8 = 137;

impl<'a> Walk<'a> {
    /// An IP packet of the version its first nibble says.
    pub(super) fn ip(&mut self, packet: Bytes<'a>) -> Body<'a> {
        match packet.held.first().map(|first| first >> 4) {
            Some(4) => self.ipv4(packet),
            Some(6) => self.ipv6(packet),
            Some(_) => Body::Malformed("IP version is neither 4 nor 6"),
            None => Body::Malformed("IP header cut short"),
        }
    }

    fn ipv4(&mut self, packet: Bytes<'a>) -> Body<'a> {
        let Some(h) = packet.held.first_chunk::<20>() else {
            return Body::Malformed("IPv4 header cut short");
        };
        let header_len = u32::from(h[0] & 15) * 4;
        let total_len = u32::from(u16::from_be_bytes([h[2], h[3]]));
        if header_len < 20 {
            return Body::Malformed("IPv4 header length below 20 bytes");
        }
        if total_len != 0 && total_len < header_len {
            return Body::Malformed("IPv4 total length below its header length");
        }
        self.lacking = total_len.saturating_sub(packet.wire);
        let packet = if total_len == 0 {
            packet
        } else {
            packet.limit(total_len)
        };
        self.truncated = packet.is_cut();
        let Some(payload) = packet.skip(header_len as usize) else {
            return Body::Malformed("IPv4 options cut short");
        };
        let options = packet.held.get(20..header_len as usize).unwrap_or_default();
        let fragment = u16::from_be_bytes([h[6], h[7]]);
        let (protocol, id) = (h[9], u16::from_be_bytes([h[4], h[5]]));
        let src = Ipv4Addr::from([h[12], h[13], h[14], h[15]]).into();
        let dst = source_route_end(options)
            .unwrap_or(Ipv4Addr::from([h[16], h[17], h[18], h[19]]))
            .into();
        self.ip = Some(IpHeader {
            src,
            dst,
            ttl: h[8],
            id: Some(id),
            dont_fragment: fragment & DONT_FRAGMENT != 0,
            traffic_class: h[1],
            total_len,
            protocol,
        });
        if fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET) == 0 {
            return self.upper(protocol, payload);
        }
        let key = Key {
            src,
            dst,
            protocol,
            id: u32::from(id),
            vlan: self.innermost_vlan,
        };
        let offset = u32::from(fragment & FRAGMENT_OFFSET) * 8;
        let more = fragment & MORE_FRAGMENTS != 0;
        match self.fragment(
            key,
            Fragment {
                protocol,
                offset,
                more,
                bytes: payload,
            },
        ) {
            Reassembly::Whole(protocol, datagram) => self.upper(protocol, datagram),
            Reassembly::FirstOnly(piece) => self.first_piece(piece),
            Reassembly::Waiting => Body::Fragment,
        }
    }

    /// An IPv6 packet, where IPv4 is not expected.
    pub(super) fn only_ipv6(&mut self, packet: Bytes<'a>) -> Body<'a> {
        match packet.held.first().map(|first| first >> 4) {
            Some(6) => self.ipv6(packet),
            Some(_) => Body::Malformed("IP version is not 6"),
            None => Body::Malformed("IPv6 header cut short"),
        }
    }

    fn ipv6(&mut self, packet: Bytes<'a>) -> Body<'a> {
        let Some((h, payload)) = packet.header::<40>() else {
            return Body::Malformed("IPv6 header cut short");
        };
        let payload_len = u32::from(u16::from_be_bytes([h[4], h[5]]));
        // `TShark` takes a declared length beyond the frame as missing bytes in IPv4 only.
        self.lacking = 0;
        let payload = if payload_len == 0 {
            payload
        } else {
            payload.limit(payload_len)
        };
        self.truncated = payload.is_cut();
        self.ip = Some(IpHeader {
            src: address(h, 8),
            dst: address(h, 24),
            ttl: h[7],
            id: None,
            dont_fragment: true,
            traffic_class: (u16::from_be_bytes([h[0], h[1]]) >> 4) as u8,
            total_len: if payload_len == 0 {
                0
            } else {
                payload_len + 40
            },
            protocol: h[6],
        });
        self.extensions(h[6], payload)
    }

    /// Walks the extension headers of IPv6 down to the upper-layer protocol.
    fn extensions(&mut self, mut protocol: u8, mut payload: Bytes<'a>) -> Body<'a> {
        for _ in 0..EXTENSION_HEADERS {
            let header_len = match protocol {
                HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => eight_byte_units(payload),
                AUTHENTICATION => authentication_len(payload),
                FRAGMENT => match self.fragment_header(payload) {
                    Some(Reassembly::Whole(next, datagram)) => {
                        (protocol, payload) = (next, datagram);
                        continue;
                    }
                    // `TShark` reads a first piece on its own in IPv4 only.
                    Some(Reassembly::FirstOnly(_) | Reassembly::Waiting) => return Body::Fragment,
                    None => return Body::Malformed("IPv6 fragment header cut short"),
                },
                _ => return self.upper(protocol, payload),
            };
            if protocol == ROUTING
                && let Some(last) = routing_end(payload.held)
                && let Some(ip) = &mut self.ip
            {
                ip.dst = last.into();
            }
            let next =
                byte(payload.held, 0).zip(header_len.and_then(|length| payload.skip(length)));
            let Some(next) = next else {
                return Body::Malformed("IPv6 extension header cut short");
            };
            (protocol, payload) = next;
        }
        Body::Malformed("too many IPv6 extension headers")
    }

    /// What follows a fragment header; an atomic fragment (RFC 6946) is a whole datagram.
    fn fragment_header(&mut self, payload: Bytes<'a>) -> Option<Reassembly<'a>> {
        let (h, bytes) = payload.header::<8>()?;
        let (protocol, field) = (h[0], u16::from_be_bytes([h[2], h[3]]));
        let id = u32::from_be_bytes([h[4], h[5], h[6], h[7]]);
        let ip = self.ip.as_mut()?;
        ip.id = Some(id as u16);
        ip.protocol = protocol;
        let (offset, more) = (u32::from(field & 0xfff8), field & 1 != 0);
        if offset == 0 && !more {
            return Some(Reassembly::Whole(protocol, bytes));
        }
        let key = Key {
            src: ip.src,
            dst: ip.dst,
            protocol: 0,
            id,
            vlan: None,
        };
        Some(self.fragment(
            key,
            Fragment {
                protocol,
                offset,
                more,
                bytes,
            },
        ))
    }

    /// The first fragment of a datagram that cannot be put together, read as far as it goes. How
    /// long a segment in it is nobody knows.
    fn first_piece(&mut self, piece: Fragment<'a>) -> Body<'a> {
        match self.upper(piece.protocol, piece.bytes) {
            Body::Tcp(segment) => Body::Tcp(Tcp {
                len: None,
                ..segment
            }),
            other => other,
        }
    }

    /// The payload of IP, past all extension headers.
    fn upper(&mut self, protocol: u8, payload: Bytes<'a>) -> Body<'a> {
        if let Some(ip) = &mut self.ip {
            ip.protocol = protocol;
        }
        match protocol {
            6 => tcp(payload),
            17 => self.udp(payload),
            1 => icmp(payload, false),
            58 => icmp(payload, true),
            IPV4 => self.inside(Tunnel::IpIp, |walk| walk.ip(payload)),
            IPV6 => self.inside(Tunnel::Ip6In, |walk| walk.only_ipv6(payload)),
            GRE => self.gre(payload),
            ETHER_IP => match payload.skip(2) {
                Some(frame) => self.inside(Tunnel::EtherIp, |walk| walk.ethernet(frame)),
                None => Body::Malformed("EtherIP header cut short"),
            },
            MPLS_IN_IP => self.inside(Tunnel::MplsInIp, |walk| walk.mpls(payload)),
            AUTHENTICATION => self.authentication(payload),
            other => Body::Other { protocol: other },
        }
    }

    /// An authentication header in IPv4 (RFC 4302); IPv6 has passed its own already.
    fn authentication(&mut self, payload: Bytes<'a>) -> Body<'a> {
        let next = byte(payload.held, 0)
            .zip(authentication_len(payload).and_then(|length| payload.skip(length)));
        match next {
            Some((AUTHENTICATION, _)) => Body::Other {
                protocol: AUTHENTICATION,
            },
            Some((protocol, rest)) => self.upper(protocol, rest),
            None => Body::Malformed("authentication header cut short"),
        }
    }

    /// A UDP datagram, or what it tunnels.
    fn udp(&mut self, payload: Bytes<'a>) -> Body<'a> {
        match udp(payload) {
            Body::Udp(datagram) => self.udp_tunnel(payload, datagram),
            other => other,
        }
    }
}

/// The address at `at` in an IPv6 header.
#[inline]
pub(super) fn address(header: &[u8; 40], at: usize) -> IpAddr {
    Ipv6Addr::from(array::<16>(header, at).unwrap_or_default()).into()
}

fn eight_byte_units(header: Bytes<'_>) -> Option<usize> {
    Some((usize::from(byte(header.held, 1)?) + 1) * 8)
}

fn authentication_len(header: Bytes<'_>) -> Option<usize> {
    Some((usize::from(byte(header.held, 1)?) + 2) * 4)
}

/// The last address of a strict or loose source route that is not used up: where the packet is
/// really going (RFC 791 section 3.1).
fn source_route_end(options: &[u8]) -> Option<Ipv4Addr> {
    let mut rest = options;
    loop {
        match *rest {
            [0, ..] | [] => return None,
            [1, ref after @ ..] => rest = after,
            [kind, length, ..] => {
                let option = rest.get(..usize::from(length))?;
                if matches!(kind, 131 | 137) && byte(option, 2)? <= length {
                    return option
                        .last_chunk::<4>()
                        .filter(|_| length >= 7)
                        .map(|&last| last.into());
                }
                rest = rest.get(usize::from(length).max(2)..)?;
            }
            [_] => return None,
        }
    }
}

/// The final destination that a routing header with segments left names: the last address of type
/// 0 and 2 (RFC 2460, RFC 6275), the first of type 4 (RFC 8754).
fn routing_end(header: &[u8]) -> Option<Ipv6Addr> {
    let (&length, kind, left) = (header.get(1)?, byte(header, 2)?, byte(header, 3)?);
    let addresses = usize::from(length) / 2;
    let last = match kind {
        0 | 2 => addresses.checked_sub(1)?,
        4 => 0,
        _ => return None,
    };
    let known = left > 0 && addresses > 0;
    array::<16>(header, 8 + last * 16)
        .filter(|_| known)
        .map(Ipv6Addr::from)
}
