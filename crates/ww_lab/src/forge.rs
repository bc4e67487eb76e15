//! Packets a middlebox makes up or changes: resets, ICMP errors, rewritten options.

use crate::checksum;
use crate::packet::{ETHERNET, Packet, Tcp, be16, byte, flag, put};
use std::net::IpAddr;

/// TCP option kinds (IANA registry).
pub mod option {
    /// End of option list.
    pub const END: u8 = 0;
    /// No operation.
    pub const NOP: u8 = 1;
    /// Maximum segment size (RFC 9293).
    pub const MSS: u8 = 2;
    /// Window scale (RFC 7323).
    pub const WINDOW_SCALE: u8 = 3;
    /// Selective acknowledgment permitted (RFC 2018).
    pub const SACK_PERMITTED: u8 = 4;
    /// Timestamps (RFC 7323).
    pub const TIMESTAMPS: u8 = 8;
}

/// An ICMP error a router sends instead of forwarding a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpError {
    /// No route to the host (RFC 792 type 3 code 1; RFC 4443 type 1 code 3).
    HostUnreachable,
    /// A filter refuses to forward (RFC 1812 type 3 code 13; RFC 4443 type 1 code 1).
    AdministrativelyProhibited,
    /// The next link is narrower (RFC 1191; RFC 8201), with its MTU in bytes.
    PacketTooBig(u16),
}

impl IcmpError {
    fn v4(self) -> (u8, u8) {
        match self {
            Self::HostUnreachable => (3, 1),
            Self::AdministrativelyProhibited => (3, 13),
            Self::PacketTooBig(_) => (3, 4),
        }
    }

    fn v6(self) -> (u8, u8) {
        match self {
            Self::HostUnreachable => (1, 3),
            Self::AdministrativelyProhibited => (1, 1),
            Self::PacketTooBig(_) => (2, 0),
        }
    }

    fn mtu(self) -> u16 {
        match self {
            Self::PacketTooBig(mtu) => mtu,
            _ => 0,
        }
    }
}

/// A reset that claims to come from the sender of `frame` and goes where `frame` goes.
pub fn reset_forward(frame: &[u8], ttl: u8) -> Option<Vec<u8>> {
    let packet = Packet::parse(frame)?;
    let tcp = *packet.tcp()?;
    Some(bare_segment(frame, &packet, tcp.seq, tcp.ack, ttl))
}

/// A reset that claims to come from the receiver of `frame` and goes back to its sender.
pub fn reset_back(frame: &[u8], ttl: u8) -> Option<Vec<u8>> {
    let packet = Packet::parse(frame)?;
    let tcp = *packet.tcp()?;
    let mut reset = bare_segment(
        frame,
        &packet,
        tcp.ack,
        tcp.seq.wrapping_add(tcp.seq_len()),
        ttl,
    );
    turn_round(&mut reset, &packet);
    checksum::fix(&mut reset);
    Some(reset)
}

/// The headers of `frame` without options or payload, as RST+ACK with the given numbers.
fn bare_segment(frame: &[u8], packet: &Packet, seq: u32, ack: u32, ttl: u8) -> Vec<u8> {
    let at = packet.transport_at;
    let mut reset = frame.get(..at + 20).unwrap_or_default().to_vec();
    put(&mut reset, at + 4, &seq.to_be_bytes());
    put(&mut reset, at + 8, &ack.to_be_bytes());
    put(&mut reset, at + 12, &[5 << 4, flag::RST | flag::ACK, 0, 0]);
    set_ip_length(&mut reset, packet, 20);
    set_ttl(&mut reset, packet, ttl);
    if packet.src.is_ipv4() {
        put(
            &mut reset,
            ETHERNET + 4,
            &packet.ip_id.wrapping_add(0x7a31).to_be_bytes(),
        );
    }
    checksum::fix(&mut reset);
    reset
}

fn set_ip_length(frame: &mut [u8], packet: &Packet, transport_len: usize) {
    if packet.src.is_ipv4() {
        let total = packet.transport_at - ETHERNET + transport_len;
        put(frame, ETHERNET + 2, &(total as u16).to_be_bytes());
    } else {
        put(frame, ETHERNET + 4, &(transport_len as u16).to_be_bytes());
    }
}

/// Sets the time to live (hop limit); the caller fixes the checksum.
pub fn set_ttl(frame: &mut [u8], packet: &Packet, ttl: u8) {
    let at = if packet.src.is_ipv4() {
        ETHERNET + 8
    } else {
        ETHERNET + 7
    };
    put(frame, at, &[ttl]);
}

/// Swaps MAC addresses, IP addresses and ports.
fn turn_round(frame: &mut [u8], packet: &Packet) {
    swap(frame, 0, 6, 6);
    if packet.src.is_ipv4() {
        swap(frame, ETHERNET + 12, ETHERNET + 16, 4);
    } else {
        swap(frame, ETHERNET + 8, ETHERNET + 24, 16);
    }
    swap(frame, packet.transport_at, packet.transport_at + 2, 2);
}

fn swap(frame: &mut [u8], left: usize, right: usize, len: usize) {
    for offset in 0..len {
        if left + offset < frame.len() && right + offset < frame.len() {
            frame.swap(left + offset, right + offset);
        }
    }
}

/// The ICMP error `error` about `frame`, sent by the router `from` to the sender of `frame`.
///
/// `None` when `frame` is not IP or `from` is of the other IP version.
pub fn icmp_error(frame: &[u8], from: IpAddr, error: IcmpError) -> Option<Vec<u8>> {
    let packet = Packet::parse(frame)?;
    let quoted = frame.get(ETHERNET..frame.len().min(packet.transport_at + 8))?;
    let mut answer = Vec::with_capacity(ETHERNET + 48 + quoted.len());
    answer.extend_from_slice(frame.get(6..12)?);
    answer.extend_from_slice(frame.get(0..6)?);
    answer.extend_from_slice(frame.get(12..14)?);
    let icmp_len = 8 + quoted.len();
    let (kind, code) = match (from, packet.src) {
        (IpAddr::V4(router), IpAddr::V4(to)) => {
            let total = (20 + icmp_len) as u16;
            answer.extend_from_slice(&[0x45, 0xc0]);
            answer.extend_from_slice(&total.to_be_bytes());
            answer.extend_from_slice(&[0, 0, 0, 0, 64, 1, 0, 0]);
            answer.extend_from_slice(&router.octets());
            answer.extend_from_slice(&to.octets());
            error.v4()
        }
        (IpAddr::V6(router), IpAddr::V6(to)) => {
            answer.extend_from_slice(&[0x60, 0, 0, 0]);
            answer.extend_from_slice(&(icmp_len as u16).to_be_bytes());
            answer.extend_from_slice(&[58, 64]);
            answer.extend_from_slice(&router.octets());
            answer.extend_from_slice(&to.octets());
            error.v6()
        }
        _ => return None,
    };
    answer.extend_from_slice(&[kind, code, 0, 0, 0, 0]);
    answer.extend_from_slice(&error.mtu().to_be_bytes());
    answer.extend_from_slice(quoted);
    checksum::fix(&mut answer);
    Some(answer)
}

/// True when `frame` asks for the hardware address of an IPv4 address (RFC 826).
pub fn is_arp_request(frame: &[u8]) -> bool {
    be16(frame, 12) == Some(0x0806) && be16(frame, ETHERNET + 6) == Some(1)
}

/// The answer to an ARP request by a host with the hardware address `mac`.
pub fn arp_reply(frame: &[u8], mac: [u8; 6]) -> Option<Vec<u8>> {
    if !is_arp_request(frame) {
        return None;
    }
    let asking = frame.get(ETHERNET + 8..ETHERNET + 18)?.to_vec();
    let asked = frame.get(ETHERNET + 24..ETHERNET + 28)?.to_vec();
    let mut reply = frame.get(..ETHERNET + 28)?.to_vec();
    put(&mut reply, 0, asking.get(..6)?);
    put(&mut reply, 6, &mac);
    put(&mut reply, ETHERNET + 6, &[0, 2]);
    put(&mut reply, ETHERNET + 8, &mac);
    put(&mut reply, ETHERNET + 14, &asked);
    put(&mut reply, ETHERNET + 18, &asking);
    Some(reply)
}

/// Overwrites the TCP options of the given kinds with no-operations; true when one was there.
pub fn strip_options(frame: &mut [u8], kinds: &[u8]) -> bool {
    let mut stripped = false;
    for (at, kind, len) in options(frame) {
        if kinds.contains(&kind) {
            put(frame, at, &vec![option::NOP; len]);
            stripped = true;
        }
    }
    if stripped {
        checksum::fix(frame);
    }
    stripped
}

/// Lowers the maximum segment size of a SYN to `mss`; true when it was higher.
pub fn clamp_mss(frame: &mut [u8], mss: u16) -> bool {
    let found = options(frame)
        .into_iter()
        .find(|(_, kind, len)| *kind == option::MSS && *len == 4);
    let Some((at, ..)) = found else { return false };
    let lowered = be16(frame, at + 2).is_some_and(|offered| offered > mss);
    if lowered {
        put(frame, at + 2, &mss.to_be_bytes());
        checksum::fix(frame);
    }
    lowered
}

/// Offset, kind and length of every TCP option that is more than one byte long.
fn options(frame: &[u8]) -> Vec<(usize, u8, usize)> {
    let mut found = Vec::new();
    let Some(packet) = Packet::parse(frame) else {
        return found;
    };
    let Some(Tcp { header_len, .. }) = packet.tcp().copied() else {
        return found;
    };
    let end = packet.transport_at + header_len;
    let mut at = packet.transport_at + 20;
    while at < end {
        let Some(kind) = byte(frame, at) else { break };
        match kind {
            option::END => break,
            option::NOP => at += 1,
            _ => {
                let len = byte(frame, at + 1).map_or(0, usize::from);
                if len < 2 || at + len > end {
                    break;
                }
                found.push((at, kind, len));
                at += len;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::fixture::tcp_frame;
    use std::net::Ipv4Addr;

    const SYN_OPTIONS: [u8; 20] = [
        2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
    ];

    #[test]
    fn stripped_options_become_no_operations_and_the_rest_stays() {
        let mut frame = tcp_frame(flag::SYN, 1, 0, &SYN_OPTIONS, b"");
        assert!(strip_options(
            &mut frame,
            &[option::WINDOW_SCALE, option::SACK_PERMITTED]
        ));
        let kinds: Vec<u8> = options(&frame).iter().map(|(_, kind, _)| *kind).collect();
        assert_eq!(kinds, [option::MSS, option::TIMESTAMPS]);
        assert!(checksum::is_right(&frame));
        assert!(!strip_options(&mut frame, &[option::WINDOW_SCALE]));
    }

    #[test]
    fn the_segment_size_is_only_lowered() {
        let mut frame = tcp_frame(flag::SYN, 1, 0, &SYN_OPTIONS, b"");
        assert!(!clamp_mss(&mut frame, 1460));
        assert!(clamp_mss(&mut frame, 536));
        assert!(checksum::is_right(&frame));
    }

    #[test]
    fn resets_fit_the_connection_on_both_sides() {
        let frame = tcp_frame(flag::ACK | flag::PSH, 1_000, 500, &[], b"0123456789");
        let forward = reset_forward(&frame, 99).unwrap();
        let back = reset_back(&frame, 99).unwrap();
        let (forward_packet, back_packet) = (
            Packet::parse(&forward).unwrap(),
            Packet::parse(&back).unwrap(),
        );
        assert_eq!(forward_packet.tcp().unwrap().seq, 1_000);
        assert_eq!(
            (
                back_packet.tcp().unwrap().seq,
                back_packet.tcp().unwrap().ack
            ),
            (500, 1_010)
        );
        assert_eq!((back_packet.ttl, back_packet.ports()), (99, (80, 40_000)));
        assert_eq!(
            (back_packet.src, back_packet.dst),
            (forward_packet.dst, forward_packet.src)
        );
        assert!(checksum::is_right(&forward) && checksum::is_right(&back));
    }

    #[test]
    fn an_arp_request_gets_a_second_answer() {
        let mut request = vec![0xff; 6];
        request.extend_from_slice(&[2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        request.extend_from_slice(&[
            2, 0, 0, 0, 0, 2, 10, 77, 0, 2, 0, 0, 0, 0, 0, 0, 10, 77, 0, 1,
        ]);
        let reply = arp_reply(&request, [2, 9, 9, 9, 9, 9]).unwrap();
        let body = [
            2, 9, 9, 9, 9, 9, 10, 77, 0, 1, 2, 0, 0, 0, 0, 2, 10, 77, 0, 2,
        ];
        assert_eq!(reply.get(..6), Some(&[2, 0, 0, 0, 0, 2][..]));
        assert_eq!(reply.get(ETHERNET + 8..), Some(&body[..]));
        assert!(!is_arp_request(&reply));
    }

    #[test]
    fn an_icmp_error_quotes_the_packet() {
        let frame = tcp_frame(flag::SYN, 1, 0, &[], b"");
        let router = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 254));
        let error = icmp_error(&frame, router, IcmpError::PacketTooBig(1_400)).unwrap();
        let packet = Packet::parse(&error).unwrap();
        assert_eq!((packet.src, packet.protocol), (router, 1));
        assert_eq!(
            error.get(packet.transport_at + 8..),
            frame.get(ETHERNET..ETHERNET + 28)
        );
        assert!(checksum::is_right(&error));
    }
}
