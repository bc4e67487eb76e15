//! Packets that carry a number, on the wire.

use crate::packet::{ETHERNET, array, be16, byte, put};
use std::net::IpAddr;
use ww_model::Packet;
use ww_model::filter::Refusal;
use ww_model::packet::protocol;

/// What the payload of every packet starts with; the packet's number follows.
const MAGIC: [u8; 4] = *b"wwk1";
/// Bytes of payload.
const PAYLOAD: usize = 8;
/// Bytes of an SCTP header and the fixed part of an INIT chunk (RFC 9260).
const SCTP_INIT: usize = 12 + 20;

/// What came out of the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The packet's number.
    pub id: u32,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Source and destination port, where the protocol has them.
    pub ports: (u16, u16),
    /// What the router says of the packet, when this is not the packet itself.
    pub refusal: Option<Refusal>,
}

/// An Ethernet frame with the packet in it, to the hardware address given.
pub fn build(packet: &Packet, id: u32, to: [u8; 6]) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET];
    put(&mut frame, 0, &to);
    put(&mut frame, 6, &[2, 0x77, 0, 0, 0xff, 1]);
    let ether_type = if packet.src.is_ipv4() {
        0x0800
    } else {
        0x86dd_u16
    };
    put(&mut frame, 12, &ether_type.to_be_bytes());
    frame.extend(ip_packet(packet, id));
    frame
}

/// The packet with its IP header.
pub fn ip_packet(packet: &Packet, id: u32) -> Vec<u8> {
    let body = transport(packet, id);
    let mut bytes = match (packet.src, packet.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let mut header = vec![0x45, 0];
            header.extend(((20 + body.len()) as u16).to_be_bytes());
            header.extend([(id >> 8) as u8, id as u8, 0, 0, 64, packet.proto, 0, 0]);
            header.extend(src.octets());
            header.extend(dst.octets());
            let sum = internet_sum(0, &header);
            put(&mut header, 10, &sum.to_be_bytes());
            header
        }
        (src, dst) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend((body.len() as u16).to_be_bytes());
            header.extend([packet.proto, 64]);
            header.extend(octets(src));
            header.extend(octets(dst));
            header
        }
    };
    bytes.extend(body);
    bytes
}

fn transport(packet: &Packet, id: u32) -> Vec<u8> {
    let mut body = Vec::with_capacity(40);
    let ports = |body: &mut Vec<u8>| {
        body.extend(packet.sport.to_be_bytes());
        body.extend(packet.dport.to_be_bytes());
    };
    match packet.proto {
        protocol::TCP => {
            ports(&mut body);
            body.extend(id.to_be_bytes());
            body.extend([0, 0, 0, 1, 5 << 4, packet.tcp_flags, 0x20, 0, 0, 0, 0, 0]);
        }
        protocol::UDP => {
            ports(&mut body);
            body.extend([0, 8 + PAYLOAD as u8, 0, 0]);
        }
        protocol::UDPLITE => {
            ports(&mut body);
            body.extend([0, 0, 0, 0]);
        }
        protocol::SCTP => {
            ports(&mut body);
            body.extend([0; 8]);
            body.extend([1, 0, 0, (20 + PAYLOAD) as u8]);
            body.extend([0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1]);
            body.extend(id.to_be_bytes());
        }
        protocol::ICMP | protocol::ICMPV6 => {
            body.extend([packet.icmp_type, packet.icmp_code, 0, 0]);
            // The lower half first: it is what tracking knows an echo request by.
            body.extend(id.rotate_left(16).to_be_bytes());
        }
        _ => {}
    }
    body.extend(MAGIC);
    body.extend(id.to_be_bytes());
    seal(packet, &mut body);
    body
}

/// Puts in the checksum.
fn seal(packet: &Packet, body: &mut [u8]) {
    let at = match packet.proto {
        protocol::TCP => 16,
        protocol::UDP | protocol::UDPLITE => 6,
        protocol::ICMP | protocol::ICMPV6 => 2,
        protocol::SCTP => {
            let sum = crc32c(body);
            put(body, 8, &sum.to_le_bytes());
            return;
        }
        _ => return,
    };
    let mut start = 0;
    if packet.proto != protocol::ICMP {
        start = words(&octets(packet.src)) + words(&octets(packet.dst));
        start += u64::from(packet.proto) + body.len() as u64;
    }
    let sum = match internet_sum(start, body) {
        0 => 0xffff,
        sum => sum,
    };
    put(body, at, &sum.to_be_bytes());
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn words(bytes: &[u8]) -> u64 {
    bytes
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
            [high] => u64::from(*high) << 8,
            _ => 0,
        })
        .sum()
}

/// RFC 1071.
fn internet_sum(start: u64, bytes: &[u8]) -> u16 {
    let mut sum = start + words(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// RFC 9260, appendix A.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// What an Ethernet frame tells of a numbered packet; `None` for all other frames.
pub fn parse(frame: &[u8]) -> Option<Arrival> {
    matches!(be16(frame, 12)?, 0x0800 | 0x86dd).then_some(())?;
    parse_ip(frame.get(ETHERNET..)?)
}

/// The same of an IP packet.
pub fn parse_ip(bytes: &[u8]) -> Option<Arrival> {
    let (src, dst, proto, body) = split(bytes)?;
    if let Some(arrival) = numbered(src, dst, proto, body) {
        return Some(arrival);
    }
    let (kind, code) = (byte(body, 0)?, byte(body, 1)?);
    let is_error = match proto {
        protocol::ICMP => kind == 3,
        protocol::ICMPV6 => kind == 1,
        _ => false,
    };
    is_error.then_some(())?;
    let (inner_src, inner_dst, inner_proto, inner) = split(body.get(8..)?)?;
    let quoted = numbered(inner_src, inner_dst, inner_proto, inner)?;
    Some(Arrival {
        refusal: Some(Refusal::Icmp(kind, code)),
        ..quoted
    })
}

/// The payload of a transport protocol as a raw socket of IPv6 hands it over.
pub fn parse_body(src: IpAddr, dst: IpAddr, proto: u8, body: &[u8]) -> Option<Arrival> {
    numbered(src, dst, proto, body)
}

/// A TCP reset without payload: the ends of the connection it is about, those of the packet refused.
pub fn parse_reset(frame: &[u8]) -> Option<((IpAddr, u16), (IpAddr, u16))> {
    let (src, dst, proto, body) = split(frame.get(ETHERNET..)?)?;
    let is_reset = proto == protocol::TCP && byte(body, 13)? & 4 != 0 && body.len() == 20;
    is_reset.then_some(())?;
    Some(((dst, be16(body, 2)?), (src, be16(body, 0)?)))
}

fn split(bytes: &[u8]) -> Option<(IpAddr, IpAddr, u8, &[u8])> {
    if byte(bytes, 0)? >> 4 == 4 {
        let header = usize::from(byte(bytes, 0)? & 15) * 4;
        let (src, dst) = (array::<4>(bytes, 12)?, array::<4>(bytes, 16)?);
        Some((
            src.into(),
            dst.into(),
            byte(bytes, 9)?,
            bytes.get(header..)?,
        ))
    } else {
        let (src, dst) = (array::<16>(bytes, 8)?, array::<16>(bytes, 24)?);
        Some((src.into(), dst.into(), byte(bytes, 6)?, bytes.get(40..)?))
    }
}

fn numbered(src: IpAddr, dst: IpAddr, proto: u8, body: &[u8]) -> Option<Arrival> {
    let at = match proto {
        protocol::TCP => 20,
        protocol::UDP | protocol::UDPLITE | protocol::ICMP | protocol::ICMPV6 => 8,
        protocol::SCTP => SCTP_INIT,
        _ => 0,
    };
    let has_ports = protocol::WITH_PORTS.contains(&proto);
    (array::<4>(body, at)? == MAGIC).then_some(Arrival {
        id: u32::from_be_bytes(array::<4>(body, at + 4)?),
        src,
        dst,
        ports: if has_ports {
            (be16(body, 0)?, be16(body, 2)?)
        } else {
            (0, 0)
        },
        refusal: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum;
    use ww_model::packet::CtState;

    fn packet(proto: u8, v6: bool) -> Packet {
        let address = |four: &str, six: &str| if v6 { six.parse() } else { four.parse() }.unwrap();
        Packet {
            iif: String::new(),
            oif: String::new(),
            src: address("10.1.2.3", "2001:db8::1"),
            dst: address("192.0.2.9", "2001:db8::2"),
            proto,
            sport: 1025,
            dport: 53,
            tcp_flags: 2,
            icmp_type: 8,
            icmp_code: 0,
            ct_state: CtState::New,
            mark: 0,
        }
    }

    #[test]
    fn what_is_built_is_found_again() {
        for v6 in [false, true] {
            for proto in [1, 6, 17, 50, 58, 132, 136] {
                let frame = build(&packet(proto, v6), 77_000, [2; 6]);
                let arrival = parse(&frame).unwrap();
                assert_eq!((arrival.id, arrival.refusal), (77_000, None), "{proto}");
                assert_eq!(arrival.src, packet(proto, v6).src);
                if [6, 17, 58].contains(&proto) || (proto, v6) == (1, false) {
                    assert!(checksum::is_right(&frame), "{proto} {v6}");
                }
            }
        }
    }

    #[test]
    fn the_checksum_of_sctp_is_that_of_the_castagnoli_polynomial() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
