//! From packets to bytes: Ethernet, VLAN, tunnels, IP, and the transport with its checksums.

use std::net::{IpAddr, Ipv4Addr};

use super::stream::Pool;
use super::types::{Body, Flow, Link, Options, Packet, Segment, Side, Tunnel, flag};

const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
const PROTOCOL_GRE: u8 = 47;
const PROTOCOL_ICMPV6: u8 = 58;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const IPV4_DONT_FRAGMENT: u16 = 0x4000;
const IPV4_MORE_FRAGMENTS: u16 = 0x2000;
const VXLAN_PORT: u16 = 4789;
const TUNNEL_ENDS: [Ipv4Addr; 2] = [Ipv4Addr::new(172, 16, 0, 1), Ipv4Addr::new(172, 16, 0, 2)];
/// Ethernet without FCS is padded to this by the sending card.
const LEAST_FRAME_BYTES: usize = 60;

/// Writes frames, one at a time, into buffers it keeps.
#[derive(Debug)]
pub(super) struct Framer {
    pool: Pool,
    payload: Vec<u8>,
    transport: Vec<u8>,
    frame: Vec<u8>,
}

impl Framer {
    /// A framer with its pool of payload bytes.
    pub(super) fn new() -> Self {
        Self {
            pool: Pool::new(),
            payload: Vec::new(),
            transport: Vec::new(),
            frame: Vec::new(),
        }
    }

    /// The bytes of one packet of a flow.
    pub(super) fn render(&mut self, flow: &Flow, packet: &Packet) -> &[u8] {
        let link = &flow.link;
        self.frame.clear();
        if let Body::Arp { to, bytes } = &packet.body {
            put_ethernet(
                &mut self.frame,
                link,
                *link.macs.of(packet.from),
                *to,
                ETHERTYPE_ARP,
            );
            self.frame.extend_from_slice(bytes);
        } else {
            let (protocol, fragment) = self.render_transport(flow, packet);
            let len = self.transport.len();
            put_wrapping(&mut self.frame, link, packet, len);
            put_ip(&mut self.frame, link, packet, protocol, fragment, len);
            self.frame.extend_from_slice(&self.transport);
        }
        if self.frame.len() < LEAST_FRAME_BYTES {
            self.frame.resize(LEAST_FRAME_BYTES, 0);
        }
        &self.frame
    }

    /// Fill `transport`; returns the IP protocol and the IPv4 flags-and-offset field.
    fn render_transport(&mut self, flow: &Flow, packet: &Packet) -> (u8, u16) {
        self.payload.clear();
        self.transport.clear();
        let from = packet.from;
        match &packet.body {
            Body::Tcp(segment) => {
                let stream = flow.streams.of(from);
                stream.copy(&self.pool, segment.offset, segment.len, &mut self.payload);
                put_tcp(
                    &mut self.transport,
                    &flow.link,
                    flow.options,
                    from,
                    segment,
                    &self.payload,
                );
                (PROTOCOL_TCP, IPV4_DONT_FRAGMENT)
            }
            Body::Udp(bytes) => {
                put_udp(&mut self.transport, &flow.link, from, bytes);
                (PROTOCOL_UDP, 0)
            }
            Body::Media { number, len } => {
                put_rtp(&mut self.payload, packet, *number);
                self.pool.noise(
                    u64::from(*number) << 9,
                    usize::from(*len),
                    &mut self.payload,
                );
                put_udp(&mut self.transport, &flow.link, from, &self.payload);
                (PROTOCOL_UDP, IPV4_DONT_FRAGMENT)
            }
            Body::Icmp(bytes) => {
                let protocol = put_icmp(&mut self.transport, &flow.link, from, bytes);
                (protocol, 0)
            }
            Body::Fragment {
                offset,
                more,
                bytes,
            } => {
                self.transport.extend_from_slice(bytes);
                (
                    PROTOCOL_UDP,
                    (offset / 8) | if *more { IPV4_MORE_FRAGMENTS } else { 0 },
                )
            }
            Body::Arp { .. } => (0, 0),
        }
    }
}

/// A UDP datagram with its checksum, as it would stand behind its IP header.
pub(super) fn udp_datagram(link: &Link, from: Side, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 8);
    put_udp(&mut out, link, from, payload);
    out
}

/// An IP header and what follows it, as an ICMP error quotes it.
pub(super) fn quoted(link: &Link, packet: &Packet, protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_ip(&mut out, link, packet, protocol, 0, transport.len());
    out.extend_from_slice(transport);
    out
}

fn put_ethernet(out: &mut Vec<u8>, link: &Link, from: [u8; 6], to: [u8; 6], ethertype: u16) {
    out.extend(to);
    out.extend(from);
    if let Some(vlan) = link.vlan {
        out.extend(ETHERTYPE_VLAN.to_be_bytes());
        out.extend(vlan.to_be_bytes());
    }
    out.extend(ethertype.to_be_bytes());
}

/// Ethernet, and the tunnel if there is one, around an IP packet carrying `len` bytes.
fn put_wrapping(out: &mut Vec<u8>, link: &Link, packet: &Packet, len: usize) {
    let source = *link.macs.of(packet.from);
    let destination = *link.macs.of(packet.from.peer());
    let (ethertype, header) = match link.hosts.client {
        IpAddr::V4(_) => (ETHERTYPE_IPV4, 20),
        IpAddr::V6(_) => (ETHERTYPE_IPV6, 40),
    };
    let inner = header + len;
    match link.tunnel {
        Tunnel::None => put_ethernet(out, link, source, destination, ethertype),
        Tunnel::Gre => {
            put_ethernet(out, link, source, destination, ETHERTYPE_IPV4);
            put_outer(out, packet, PROTOCOL_GRE, inner + 4);
            out.extend([0, 0]);
            out.extend(ethertype.to_be_bytes());
        }
        Tunnel::Vxlan(network) => {
            put_ethernet(out, link, source, destination, ETHERTYPE_IPV4);
            let datagram = inner + 14 + 8 + 8;
            put_outer(out, packet, PROTOCOL_UDP, datagram);
            out.extend((0xc000 | link.ports.client).to_be_bytes());
            out.extend(VXLAN_PORT.to_be_bytes());
            out.extend((datagram as u16).to_be_bytes());
            out.extend([0, 0, 8, 0, 0, 0]);
            out.extend((network << 8).to_be_bytes());
            let inner_link = Link {
                vlan: None,
                ..link.clone()
            };
            put_ethernet(out, &inner_link, source, destination, ethertype);
        }
    }
}

fn put_outer(out: &mut Vec<u8>, packet: &Packet, protocol: u8, len: usize) {
    let [near, far] = TUNNEL_ENDS;
    let (from, to) = if packet.from == Side::Client {
        (near, far)
    } else {
        (far, near)
    };
    put_ipv4(
        out,
        (from, to),
        packet.ip_id ^ 0x5555,
        62,
        protocol,
        IPV4_DONT_FRAGMENT,
        len,
    );
}

fn put_ip(
    out: &mut Vec<u8>,
    link: &Link,
    packet: &Packet,
    protocol: u8,
    fragment: u16,
    len: usize,
) {
    let ttl = *link.ttls.of(packet.from);
    match (
        *link.hosts.of(packet.from),
        *link.hosts.of(packet.from.peer()),
    ) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            put_ipv4(out, (from, to), packet.ip_id, ttl, protocol, fragment, len);
        }
        (from, to) => {
            out.extend([0x60, 0, 0, 0]);
            out.extend((len as u16).to_be_bytes());
            out.extend([protocol, ttl]);
            put_address(out, from);
            put_address(out, to);
        }
    }
}

fn put_ipv4(
    out: &mut Vec<u8>,
    (from, to): (Ipv4Addr, Ipv4Addr),
    id: u16,
    ttl: u8,
    protocol: u8,
    fragment: u16,
    len: usize,
) {
    let mut header = Vec::with_capacity(20);
    header.extend([0x45, 0]);
    header.extend((len as u16 + 20).to_be_bytes());
    header.extend(id.to_be_bytes());
    header.extend(fragment.to_be_bytes());
    header.extend([ttl, protocol]);
    let addresses = [from.octets(), to.octets()].concat();
    let checksum = fold(sum(&header) + sum(&addresses));
    header.extend(checksum.to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(&addresses);
}

fn put_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => out.extend(address.octets()),
        IpAddr::V6(address) => out.extend(address.octets()),
    }
}

fn put_tcp(
    out: &mut Vec<u8>,
    link: &Link,
    options: Options,
    from: Side,
    segment: &Segment,
    payload: &[u8],
) {
    let mut extra = Vec::with_capacity(40);
    if segment.flags & flag::SYN != 0 {
        put_syn_options(&mut extra, options, from, segment);
    } else if segment.flags & flag::RST == 0 {
        put_options(&mut extra, options, segment);
    }
    let words = 5 + extra.len() / 4;
    let mut header = Vec::with_capacity(60);
    header.extend(link.ports.of(from).to_be_bytes());
    header.extend(link.ports.of(from.peer()).to_be_bytes());
    header.extend(segment.seq.to_be_bytes());
    header.extend(segment.ack.to_be_bytes());
    header.extend([(words as u8) << 4, segment.flags]);
    header.extend(segment.window.to_be_bytes());
    let len = words * 4 + payload.len();
    let total = pseudo(link, PROTOCOL_TCP, len) + sum(&header) + sum(&extra) + sum(payload);
    header.extend(fold(total).to_be_bytes());
    header.extend([0, 0]);
    out.extend_from_slice(&header);
    out.extend_from_slice(&extra);
    out.extend_from_slice(payload);
}

fn put_syn_options(out: &mut Vec<u8>, options: Options, from: Side, segment: &Segment) {
    out.extend([2, 4]);
    out.extend(options.mss.to_be_bytes());
    if options.timestamps {
        out.extend(if options.sack { [4, 2] } else { [1, 1] });
        put_stamps(out, segment);
    } else {
        out.extend([1, 1]);
        out.extend(if options.sack { [4, 2] } else { [1, 1] });
    }
    if let Some(scale) = options.scale {
        out.extend([1, 3, 3, *scale.of(from)]);
    }
}

fn put_options(out: &mut Vec<u8>, options: Options, segment: &Segment) {
    if options.timestamps {
        out.extend([1, 1]);
        put_stamps(out, segment);
    }
    if segment.sack_count > 0 {
        out.extend([1, 1, 5, 2 + 8 * segment.sack_count]);
        for (left, right) in segment.sack.iter().take(usize::from(segment.sack_count)) {
            out.extend(left.to_be_bytes());
            out.extend(right.to_be_bytes());
        }
    }
}

fn put_stamps(out: &mut Vec<u8>, segment: &Segment) {
    out.extend([8, 10]);
    out.extend(segment.stamps.0.to_be_bytes());
    out.extend(segment.stamps.1.to_be_bytes());
}

fn put_udp(out: &mut Vec<u8>, link: &Link, from: Side, payload: &[u8]) {
    let len = payload.len() + 8;
    let mut header = Vec::with_capacity(8);
    header.extend(link.ports.of(from).to_be_bytes());
    header.extend(link.ports.of(from.peer()).to_be_bytes());
    header.extend((len as u16).to_be_bytes());
    let checksum = fold(pseudo(link, PROTOCOL_UDP, len) + sum(&header) + sum(payload));
    header.extend((if checksum == 0 { u16::MAX } else { checksum }).to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
}

fn put_rtp(out: &mut Vec<u8>, packet: &Packet, number: u16) {
    out.extend([0x80, 96]);
    out.extend(number.to_be_bytes());
    out.extend(((packet.at * 48 / 1000) as u32).to_be_bytes());
    out.extend([0x57, 0x57, 0, packet.from as u8 + 1]);
}

fn put_icmp(out: &mut Vec<u8>, link: &Link, from: Side, bytes: &[u8]) -> u8 {
    let is_v4 = link.hosts.of(from).is_ipv4();
    let (protocol, cover) = if is_v4 {
        (PROTOCOL_ICMP, 0)
    } else {
        (PROTOCOL_ICMPV6, pseudo(link, PROTOCOL_ICMPV6, bytes.len()))
    };
    let checksum = fold(cover + sum(bytes));
    out.extend_from_slice(bytes);
    for (to, byte) in out.iter_mut().skip(2).zip(checksum.to_be_bytes()) {
        *to = byte;
    }
    protocol
}

/// Sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1); direction is immaterial.
fn pseudo(link: &Link, protocol: u8, len: usize) -> u64 {
    let addresses: u64 = [link.hosts.client, link.hosts.server]
        .iter()
        .map(|host| match host {
            IpAddr::V4(address) => sum(&address.octets()),
            IpAddr::V6(address) => sum(&address.octets()),
        })
        .sum();
    addresses + u64::from(protocol) + len as u64
}

/// Sum of big-endian 16-bit words, an odd last byte padded with zero (RFC 1071).
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let (words, last) = bytes.as_chunks::<2>();
    let whole: u64 = words
        .iter()
        .map(|word| u64::from(u16::from_be_bytes(*word)))
        .sum();
    whole + last.first().map_or(0, |byte| u64::from(*byte) << 8)
}

/// The checksum of a sum: folded to 16 bits and complemented.
pub(super) fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}
