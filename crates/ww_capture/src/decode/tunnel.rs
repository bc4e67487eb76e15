//! GRE, VXLAN, GENEVE, GTP-U and Teredo.

use super::bytes::{Bytes, be16};
use super::link::ETHERTYPE_BRIDGING;
use super::types::{Body, Tunnel, Udp};
use super::walk::Walk;

/// Services of lower port numbers whose clients may happen to use a tunnel's port.
const SERVICES: [u16; 24] = [
    53, 67, 68, 69, 88, 123, 137, 138, 161, 162, 389, 443, 500, 514, 520, 1194, 1645, 1701, 1812,
    1813, 1900, 2049, 3478, 4500,
];

/// The tunnel that the ports of a datagram announce: as in `TShark`, the lower port is asked first,
/// and the other only when the lower is of no service that is known.
#[inline]
pub(super) fn over_udp(datagram: &Udp<'_>) -> Option<Tunnel> {
    let low = datagram.src_port.min(datagram.dst_port);
    let high = datagram.src_port.max(datagram.dst_port);
    by_port(low).or_else(|| by_port(high).filter(|_| !SERVICES.contains(&low)))
}

#[inline]
fn by_port(port: u16) -> Option<Tunnel> {
    match port {
        2152 => Some(Tunnel::Gtp),
        4789 => Some(Tunnel::Vxlan),
        6081 => Some(Tunnel::Geneve),
        3544 => Some(Tunnel::Teredo),
        _ => None,
    }
}

impl<'a> Walk<'a> {
    /// What a UDP datagram tunnels, or the datagram itself.
    pub(super) fn udp_tunnel(&mut self, whole: Bytes<'a>, datagram: Udp<'a>) -> Body<'a> {
        let Some(kind) = over_udp(&datagram) else {
            return Body::Udp(datagram);
        };
        let declared = if datagram.length == 0 {
            whole
        } else {
            whole.limit(u32::from(datagram.length))
        };
        let payload = declared.skip(8);
        let inner = match kind {
            Tunnel::Vxlan => payload.and_then(vxlan),
            Tunnel::Geneve => payload.and_then(geneve),
            Tunnel::Gtp => payload.and_then(gtp),
            _ => payload.and_then(teredo),
        };
        match inner {
            Some((ethertype, frame)) => self.inside(kind, |walk| walk.tunnelled(ethertype, frame)),
            None => Body::Udp(datagram),
        }
    }

    /// A GRE header of version 0 or 1 and what it carries.
    pub(super) fn gre(&mut self, packet: Bytes<'a>) -> Body<'a> {
        let Some((flags, protocol)) = be16(packet.held, 0).zip(be16(packet.held, 2)) else {
            return Body::Malformed("GRE header cut short");
        };
        let Some(payload) = gre_header_len(flags, packet).and_then(|length| packet.skip(length))
        else {
            return Body::Malformed("GRE header cut short");
        };
        let has_sequence = flags & 0x1000 != 0;
        match protocol {
            // PPTP sends acknowledgements without a payload.
            0x880b if payload.wire == 0 => Body::Other { protocol: 47 },
            // Mirrored frames: type I has no header of its own and no sequence number, II has eight
            // bytes, III twelve and eight more when its last bit says so.
            0x88be => self.mirrored(payload.skip(if has_sequence { 8 } else { 0 })),
            0x22eb => {
                let more = payload.held.get(11).is_some_and(|last| last & 1 == 1);
                self.mirrored(payload.skip(if more { 20 } else { 12 }))
            }
            // Redirected web traffic: its own four bytes before IP, unless IP follows at once.
            0x883e => {
                let at_once = payload.held.first().is_some_and(|first| first >> 4 == 4);
                match payload.skip(if at_once { 0 } else { 4 }) {
                    Some(rest) => self.inside(Tunnel::Gre, |walk| walk.ip(rest)),
                    None => Body::Malformed("GRE payload cut short"),
                }
            }
            _ => self.inside(Tunnel::Gre, |walk| walk.tunnelled(protocol, payload)),
        }
    }

    fn mirrored(&mut self, frame: Option<Bytes<'a>>) -> Body<'a> {
        match frame {
            Some(frame) => self.inside(Tunnel::Erspan, |walk| walk.ethernet(frame)),
            None => Body::Malformed("ERSPAN header cut short"),
        }
    }

    /// The inside of a tunnel that was counted already.
    fn tunnelled(&mut self, ethertype: u16, frame: Bytes<'a>) -> Body<'a> {
        match ethertype {
            ETHERTYPE_BRIDGING => self.ethernet(frame),
            other => self.ethertype(other, frame),
        }
    }
}

/// Length of a GRE header with its optional fields, and with the routing entries of RFC 1701.
fn gre_header_len(flags: u16, packet: Bytes<'_>) -> Option<usize> {
    let field = |bit: u16, length: usize| if flags & bit != 0 { length } else { 0 };
    let fixed = 4 + field(0xc000, 4) + field(0x2000, 4) + field(0x1000, 4);
    match (flags & 7, flags & 0x4000 != 0) {
        (1, _) => Some(4 + field(0x2000, 4) + field(0x1000, 4) + field(0x0080, 4)),
        (_, false) => Some(fixed),
        (_, true) => {
            let mut length = fixed;
            loop {
                let (family, size) = (
                    be16(packet.held, length)?,
                    be16(packet.held, length + 2)? & 0xff,
                );
                length += 4 + usize::from(size);
                if family == 0 && size == 0 {
                    return Some(length);
                }
            }
        }
    }
}

fn vxlan(payload: Bytes<'_>) -> Option<(u16, Bytes<'_>)> {
    // The flag that says the network identifier is valid is not asked for: neither does `TShark`.
    Some((ETHERTYPE_BRIDGING, payload.skip(8)?))
}

fn geneve(payload: Bytes<'_>) -> Option<(u16, Bytes<'_>)> {
    let (h, _) = payload.header::<8>()?;
    let header_len = 8 + usize::from(h[0] & 0x3f) * 4;
    let is_version_0 = h[0] >> 6 == 0;
    Some((
        u16::from_be_bytes([h[2], h[3]]),
        payload.skip(header_len).filter(|_| is_version_0)?,
    ))
}

/// A packet of a subscriber in a G-PDU of version 1 (3GPP TS 29.281 sections 5.1 and 5.2). Whether it is
/// of IPv4, IPv6 or Ethernet, the header does not say.
fn gtp(payload: Bytes<'_>) -> Option<(u16, Bytes<'_>)> {
    const G_PDU: u8 = 255;
    const OPTIONAL_FIELDS: u8 = 7;
    let (h, mut rest) = payload.header::<8>()?;
    if h[0] >> 4 != 3 || h[1] != G_PDU {
        return None;
    }
    rest = rest.limit(u32::from(u16::from_be_bytes([h[2], h[3]])));
    if h[0] & OPTIONAL_FIELDS != 0 {
        let (fields, mut after) = rest.header::<4>()?;
        let mut next = if h[0] & 4 == 0 { 0 } else { fields[3] };
        while next != 0 {
            let words = usize::from(*after.held.first()?).max(1);
            next = *after.held.get(words * 4 - 1)?;
            after = after.skip(words * 4)?;
        }
        rest = after;
    }
    let ethertype = match *rest.held.first()? {
        0x45..=0x4e => super::link::ETHERTYPE_IPV4,
        0x60..=0x6f => super::link::ETHERTYPE_IPV6,
        _ => match be16(rest.held, 12)? {
            0x0800 | 0x0806 | 0x86dd => ETHERTYPE_BRIDGING,
            _ => return None,
        },
    };
    Some((ethertype, rest))
}

/// An IPv6 packet after optional authentication and origin indications (RFC 4380 section 5.1.1).
fn teredo(payload: Bytes<'_>) -> Option<(u16, Bytes<'_>)> {
    let mut rest = payload;
    if let [0, 1, id_len, auth_len, ..] = *rest.held {
        rest = rest.skip(13 + usize::from(id_len) + usize::from(auth_len))?;
    }
    if let [0, 0, ..] = *rest.held {
        rest = rest.skip(8)?;
    }
    let is_ipv6 = rest.held.first().is_some_and(|first| first >> 4 == 6) && rest.held.len() >= 40;
    is_ipv6.then_some((super::link::ETHERTYPE_IPV6, rest))
}
