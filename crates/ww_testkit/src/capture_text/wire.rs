//! Headers as bytes: pcap, Ethernet, ARP, IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293),
//! UDP (RFC 768).

use std::net::IpAddr;

use super::words::Mac;

/// IP protocol numbers.
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;
const FRAGMENT_HEADER: u8 = 44;

/// Ethernet types.
pub(super) const ARP: u16 = 0x0806;
const VLAN: u16 = 0x8100;

/// TCP flags.
pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;
pub(super) const URG: u8 = 0x20;
pub(super) const ECE: u8 = 0x40;
pub(super) const CWR: u8 = 0x80;

/// A pcap file header: nanoseconds, Ethernet.
pub(super) fn pcap_header(snaplen: u32) -> Vec<u8> {
    let mut bytes = 0xa1b2_3c4d_u32.to_le_bytes().to_vec();
    bytes.extend_from_slice(&2_u16.to_le_bytes());
    bytes.extend_from_slice(&4_u16.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&snaplen.to_le_bytes());
    bytes.extend_from_slice(&1_u32.to_le_bytes());
    bytes
}

/// A pcap record: header and as many bytes of the frame as `snaplen` lets through.
pub(super) fn pcap_record(at_ns: i64, frame: &[u8], snaplen: u32) -> Vec<u8> {
    let second = 1_000_000_000;
    let kept = frame.get(..snaplen as usize).unwrap_or(frame);
    let mut bytes = (at_ns.div_euclid(second) as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&(at_ns.rem_euclid(second) as u32).to_le_bytes());
    bytes.extend_from_slice(&(kept.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    bytes.extend_from_slice(kept);
    bytes
}

/// The link below a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) source: Mac,
    pub(super) destination: Mac,
    pub(super) vlan: Option<u16>,
    pub(super) ethertype: u16,
}

/// An Ethernet frame, without padding and frame check sequence, as capture files usually have it.
pub(super) fn ethernet(link: &Link, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [link.destination, link.source].concat();
    if let Some(vlan) = link.vlan {
        bytes.extend_from_slice(&VLAN.to_be_bytes());
        bytes.extend_from_slice(&vlan.to_be_bytes());
    }
    bytes.extend_from_slice(&link.ethertype.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The Ethernet type of an address family.
pub(super) fn ethertype(address: IpAddr) -> u16 {
    if address.is_ipv4() { 0x0800 } else { 0x86dd }
}

/// An ARP packet for Ethernet and IPv4 (RFC 826).
pub(super) fn arp(operation: u16, sender: (Mac, IpAddr), target: (Mac, IpAddr)) -> Vec<u8> {
    let mut bytes = vec![0, 1, 8, 0, 6, 4];
    bytes.extend_from_slice(&operation.to_be_bytes());
    for (mac, address) in [sender, target] {
        bytes.extend_from_slice(&mac);
        bytes.extend_from_slice(&octets(address));
    }
    bytes
}

/// What an IP header says besides its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ip {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// TTL or hop limit.
    pub(super) ttl: u8,
    /// DSCP and ECN, the former type of service.
    pub(super) traffic_class: u8,
    /// Identification: 16 bits in IPv4; in IPv6 only of fragments.
    pub(super) id: u16,
    /// Don't fragment (IPv4).
    pub(super) dont_fragment: bool,
    pub(super) protocol: u8,
}

impl Ip {
    /// The whole packet.
    pub(super) fn packet(&self, payload: &[u8]) -> Vec<u8> {
        if self.source.is_ipv4() {
            self.ipv4(if self.dont_fragment { 0x4000 } else { 0 }, payload)
        } else {
            self.ipv6(self.protocol, payload)
        }
    }

    /// The packet in fragments whose IP payload is `size` bytes (rounded down to a multiple of 8).
    pub(super) fn fragments(&self, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
        let size = (size / 8).max(1) * 8;
        let count = payload.len().div_ceil(size);
        payload
            .chunks(size)
            .enumerate()
            .map(|(index, part)| self.fragment((index * size) as u16, index + 1 < count, part))
            .collect()
    }

    /// One fragment, `offset` bytes into the original payload.
    fn fragment(&self, offset: u16, more: bool, part: &[u8]) -> Vec<u8> {
        if self.source.is_ipv4() {
            let flag = if more { 0x2000 } else { 0 };
            return self.ipv4(flag | (offset / 8), part);
        }
        let mut payload = vec![self.protocol, 0];
        payload.extend_from_slice(&(offset | u16::from(more)).to_be_bytes());
        payload.extend_from_slice(&u32::from(self.id).to_be_bytes());
        payload.extend_from_slice(part);
        self.ipv6(FRAGMENT_HEADER, &payload)
    }

    fn ipv4(&self, flags_and_offset: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, self.traffic_class];
        bytes.extend_from_slice(&((20 + payload.len()) as u16).to_be_bytes());
        bytes.extend_from_slice(&self.id.to_be_bytes());
        bytes.extend_from_slice(&flags_and_offset.to_be_bytes());
        bytes.extend_from_slice(&[self.ttl, self.protocol, 0, 0]);
        bytes.extend_from_slice(&octets(self.source));
        bytes.extend_from_slice(&octets(self.destination));
        let sum = checksum(&[&bytes]);
        put(&mut bytes, 10, sum);
        bytes.extend_from_slice(payload);
        bytes
    }

    fn ipv6(&self, next_header: u8, payload: &[u8]) -> Vec<u8> {
        let first = 6 << 28 | u32::from(self.traffic_class) << 20;
        let mut bytes = first.to_be_bytes().to_vec();
        bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&[next_header, self.ttl]);
        bytes.extend_from_slice(&octets(self.source));
        bytes.extend_from_slice(&octets(self.destination));
        bytes.extend_from_slice(payload);
        bytes
    }

    /// The checksum of a transport payload under its pseudo-header.
    pub(super) fn transport_checksum(&self, payload: &[u8]) -> u16 {
        let length = (payload.len() as u32).to_be_bytes();
        checksum(&[
            &octets(self.source),
            &octets(self.destination),
            &length,
            &[0, self.protocol],
            payload,
        ])
    }
}

/// What a TCP header says besides its ports and payload.
#[derive(Clone, Debug, Default)]
pub(super) struct Tcp {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) window: u16,
    /// Options, a multiple of four bytes.
    pub(super) options: Vec<u8>,
    /// Whether the checksum is wrong, as it is where the network card computes it.
    pub(super) bad_checksum: bool,
}

impl Tcp {
    /// The segment.
    pub(super) fn segment(&self, ip: &Ip, payload: &[u8]) -> Vec<u8> {
        let mut bytes = self.source_port.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.destination_port.to_be_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.ack.to_be_bytes());
        let words = 5 + self.options.len() / 4;
        bytes.extend_from_slice(&[(words << 4) as u8, self.flags]);
        bytes.extend_from_slice(&self.window.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.options);
        bytes.extend_from_slice(payload);
        let sum = ip.transport_checksum(&bytes);
        put(
            &mut bytes,
            16,
            if self.bad_checksum { sum ^ 0x5555 } else { sum },
        );
        bytes
    }
}

/// A UDP datagram.
pub(super) fn udp(ip: &Ip, source_port: u16, destination_port: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = source_port.to_be_bytes().to_vec();
    bytes.extend_from_slice(&destination_port.to_be_bytes());
    bytes.extend_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(payload);
    let sum = ip.transport_checksum(&bytes);
    put(&mut bytes, 6, if sum == 0 { 0xffff } else { sum });
    bytes
}

/// An ICMP or `ICMPv6` message: type, code, the four bytes after the checksum, and the rest.
pub(super) fn icmp(ip: &Ip, kind: u8, code: u8, word: u32, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend_from_slice(&word.to_be_bytes());
    bytes.extend_from_slice(rest);
    let sum = if ip.protocol == ICMPV6 {
        ip.transport_checksum(&bytes)
    } else {
        checksum(&[&bytes])
    };
    put(&mut bytes, 2, sum);
    bytes
}

/// Changes the TTL or hop limit of a packet, as a router does.
pub(super) fn set_ttl(packet: &mut [u8], ttl: u8) {
    let is_ipv4 = packet.first().is_some_and(|byte| byte >> 4 == 4);
    if let Some(byte) = packet.get_mut(if is_ipv4 { 8 } else { 7 }) {
        *byte = ttl;
    }
    if is_ipv4 {
        put(packet, 10, 0);
        let sum = checksum(&[packet.get(..20).unwrap_or_default()]);
        put(packet, 10, sum);
    }
}

/// An address's bytes.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

/// The Internet checksum (RFC 1071) over parts, each but the last of even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        for pair in part.chunks(2) {
            let high = pair.first().copied().unwrap_or(0);
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u64::from(u16::from_be_bytes([high, low]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        // The example of RFC 1071 section 3: the sum of these words is ddf2.
        let words = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&[&words]), !0xddf2);
    }

    #[test]
    fn a_new_ttl_keeps_the_header_checksum_right() {
        let ip = Ip {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            ttl: 64,
            traffic_class: 0,
            id: 7,
            dont_fragment: true,
            protocol: UDP,
        };
        let mut packet = ip.packet(&udp(&ip, 1, 2, b"abc"));
        set_ttl(&mut packet, 63);
        assert_eq!(packet[8], 63);
        assert_eq!(checksum(&[&packet[..20]]), 0);
        assert_eq!(
            checksum(&[
                &octets(ip.source),
                &octets(ip.destination),
                &[0, 11, 0, 17],
                &packet[20..]
            ]),
            0
        );
    }
}
