//! Internet checksums (RFC 1071) of a frame whose headers were changed.

use crate::packet::{ETHERNET, Packet, be16, byte, put};
use std::net::IpAddr;

/// Recomputes the IPv4 header checksum and the TCP, UDP or ICMP checksum of `frame`.
///
/// Fragments and unknown protocols keep their transport checksum.
pub fn fix(frame: &mut [u8]) {
    let Some(packet) = Packet::parse(frame) else {
        return;
    };
    if packet.src.is_ipv4() {
        put(frame, ETHERNET + 10, &[0, 0]);
        let header = frame.get(ETHERNET..packet.transport_at).unwrap_or_default();
        let sum = finish(add(0, header));
        put(frame, ETHERNET + 10, &sum.to_be_bytes());
    }
    if let (false, Some(at)) = (packet.fragmented, checksum_offset(packet.protocol)) {
        put(frame, packet.transport_at + at, &[0, 0]);
        let sum = transport_sum(frame, &packet);
        put(frame, packet.transport_at + at, &sum.to_be_bytes());
    }
}

/// True when the IPv4 header checksum and the transport checksum are right.
pub fn is_right(frame: &[u8]) -> bool {
    let Some(packet) = Packet::parse(frame) else {
        return false;
    };
    let header = frame.get(ETHERNET..packet.transport_at).unwrap_or_default();
    let header_right = packet.src.is_ipv6() || finish(add(0, header)) == 0;
    header_right && transport_sum(frame, &packet) == 0
}

fn checksum_offset(protocol: u8) -> Option<usize> {
    match protocol {
        6 => Some(16),
        17 => Some(6),
        1 | 58 => Some(2),
        _ => None,
    }
}

fn transport_sum(frame: &[u8], packet: &Packet) -> u16 {
    let end = ip_end(frame).unwrap_or(frame.len()).min(frame.len());
    let body = frame.get(packet.transport_at..end).unwrap_or_default();
    let mut sum = 0;
    // ICMP for IPv4 has no pseudo-header (RFC 792).
    if packet.protocol != 1 {
        sum = match (packet.src, packet.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => add(add(sum, &src.octets()), &dst.octets()),
            (IpAddr::V6(src), IpAddr::V6(dst)) => add(add(sum, &src.octets()), &dst.octets()),
            _ => sum,
        };
        sum += u64::from(packet.protocol) + body.len() as u64;
    }
    finish(add(sum, body))
}

fn ip_end(frame: &[u8]) -> Option<usize> {
    match byte(frame, ETHERNET)? >> 4 {
        4 => Some(ETHERNET + usize::from(be16(frame, ETHERNET + 2)?)),
        _ => Some(ETHERNET + 40 + usize::from(be16(frame, ETHERNET + 4)?)),
    }
}

fn add(sum: u64, bytes: &[u8]) -> u64 {
    bytes.chunks(2).fold(sum, |sum, pair| {
        let word = match pair {
            [high, low] => u16::from_be_bytes([*high, *low]),
            [high] => u16::from_be_bytes([*high, 0]),
            _ => 0,
        };
        sum + u64::from(word)
    })
}

fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::fixture::tcp_frame;

    #[test]
    fn the_example_of_rfc_1071() {
        // Section 3: the words 0001 f203 f4f5 f6f7 sum to ddf2.
        assert_eq!(
            finish(add(0, &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])),
            !0xddf2
        );
    }

    #[test]
    fn a_changed_byte_is_wrong_until_it_is_fixed() {
        let mut frame = tcp_frame(0x18, 1, 2, &[], b"odd");
        assert!(is_right(&frame));
        put(&mut frame, ETHERNET + 8, &[9]);
        put(&mut frame, ETHERNET + 40, b"x");
        assert!(!is_right(&frame));
        fix(&mut frame);
        assert!(is_right(&frame));
    }
}
