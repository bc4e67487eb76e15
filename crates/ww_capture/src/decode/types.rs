//! What one frame turns out to be: the types [`Decoder::decode`](super::Decoder::decode) returns.

use std::net::{IpAddr, Ipv4Addr};
use ww_base::Moment;

/// A hardware address as Ethernet carries it.
pub type Mac = [u8; 6];

/// One frame as the reader hands it over.
#[derive(Clone, Copy, Debug)]
pub struct RawFrame<'a> {
    /// Frame number as Wireshark counts it, from 1.
    pub number: u64,
    /// When it was captured.
    pub at: Moment,
    /// Link type of the interface (LINKTYPE number of the pcap registry).
    pub link: u16,
    /// Length on the wire in bytes; a smaller value than the captured length is not believed.
    pub wire_len: u32,
    /// The captured bytes.
    pub data: &'a [u8],
}

/// One frame, decoded down to its innermost transport header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The outermost link layer.
    pub link: LinkLayer,
    /// The innermost IP header, if the frame carries IP.
    pub ip: Option<IpHeader>,
    /// The tunnels passed on the way to `ip`, outermost first.
    pub outer: Tunnels,
    /// What the innermost IP header (or the link layer) carries.
    pub body: Body<'a>,
    /// The captured bytes end before the declared payload does (a snapshot length).
    pub truncated: bool,
    /// First and last frame of the datagram this frame completed, when it was fragmented.
    pub reassembled_from: Option<(u64, u64)>,
}

/// A TCP segment in a frame of the most common kind: Ethernet and IP without anything between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainSegment<'a> {
    /// The IP header.
    pub ip: IpHeader,
    /// The TCP header and what follows it.
    pub tcp: Tcp<'a>,
    /// As [`Decoded::truncated`].
    pub truncated: bool,
}

/// A UDP datagram in a frame of the most common kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainDatagram<'a> {
    /// The IP header.
    pub ip: IpHeader,
    /// The UDP header and what follows it.
    pub udp: Udp<'a>,
    /// As [`Decoded::truncated`].
    pub truncated: bool,
}

/// Link-layer facts of the outermost frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkLayer {
    /// Source hardware address.
    pub src: Option<Mac>,
    /// Destination hardware address.
    pub dst: Option<Mac>,
    /// VLAN identifiers of the two outermost 802.1Q or 802.1ad tags.
    pub vlans: [Option<u16>; 2],
    /// Packet type of a Linux cooked capture.
    pub packet_type: Option<PacketType>,
}

/// Which way a frame of a Linux cooked capture went (`LINKTYPE_LINUX_SLL`, `LINKTYPE_LINUX_SLL2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// Sent to the capturing host.
    ToHost,
    /// Broadcast by somebody else.
    Broadcast,
    /// Multicast by somebody else.
    Multicast,
    /// Between two other hosts.
    ToOther,
    /// Sent by the capturing host.
    Outgoing,
}

/// The fields of an IPv4 or IPv6 header that the analysis needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpHeader {
    /// Source address.
    pub src: IpAddr,
    /// Destination address; the final one when a routing header or source route names it.
    pub dst: IpAddr,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// IPv4 identification, or the low 16 bits of the one in an IPv6 fragment header.
    pub id: Option<u16>,
    /// The Don't Fragment bit; IPv6 routers never fragment, so always set there.
    pub dont_fragment: bool,
    /// Type of service or traffic class: DSCP and ECN.
    pub traffic_class: u8,
    /// Length of the whole packet as declared, header included; 0 when the field is 0 (segmentation
    /// offload or jumbogram).
    pub total_len: u32,
    /// The protocol after all extension headers.
    pub protocol: u8,
}

/// The kinds of tunnel that are unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// Generic Routing Encapsulation, RFC 2784, RFC 2890, and its PPTP variant, RFC 2637.
    Gre,
    /// Mirrored traffic in GRE, types I to III.
    Erspan,
    /// RFC 7348.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// IPv4 inside IP, RFC 2003.
    IpIp,
    /// IPv6 inside IP, RFC 4213 and RFC 2473.
    Ip6In,
    /// Packets of mobile subscribers, 3GPP TS 29.281.
    Gtp,
    /// RFC 4380.
    Teredo,
    /// Ethernet inside IP, RFC 3378.
    EtherIp,
    /// MPLS inside IP, RFC 4023.
    MplsInIp,
    /// Ethernet behind MPLS labels, RFC 4448.
    Pseudowire,
    /// Provider backbone bridging, IEEE 802.1ah.
    BackboneBridge,
    /// Cisco FabricPath: Ethernet behind a frame of the fabric.
    FabricPath,
}

/// Tunnels passed, outermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunnels {
    /// The four outermost kinds.
    pub kinds: [Option<Tunnel>; 4],
    /// How many in all.
    pub depth: u8,
}

/// What the innermost header announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A TCP segment.
    Tcp(Tcp<'a>),
    /// A UDP datagram.
    Udp(Udp<'a>),
    /// An ICMP or `ICMPv6` message.
    Icmp(Icmp<'a>),
    /// An address resolution message.
    Arp(Arp),
    /// A piece of a datagram that is not complete yet, or cannot be put together. In IPv4 the first
    /// piece of those not captured whole is decoded as far as it goes instead.
    Fragment,
    /// Another protocol inside IP.
    Other {
        /// IP protocol number.
        protocol: u8,
    },
    /// Not IP and not ARP.
    NotIp {
        /// `EtherType`; values below 1536 are IEEE 802.3 lengths.
        ethertype: u16,
    },
    /// Something this decoder does not read; the text names it.
    Unsupported(&'static str),
    /// Bytes that contradict their own header; the text says how.
    Malformed(&'static str),
}

/// A TCP header (RFC 9293) and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number as on the wire.
    pub seq: u32,
    /// Acknowledgement number as on the wire.
    pub ack: u32,
    /// Header length in bytes as the data offset declares it; below 20 is wrong but kept.
    pub header_len: u8,
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 0x10, URG 0x20, ECE 0x40, CWR 0x80, AE 0x100.
    pub flags: u16,
    /// Window as on the wire, not scaled.
    pub window: u16,
    /// Checksum as on the wire, not verified.
    pub checksum: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// The options, as far as captured.
    pub options: &'a [u8],
    /// The payload, as far as captured.
    pub payload: &'a [u8],
    /// Payload length on the wire: the IP payload, limited by the frame's wire length, less the
    /// TCP header. `None` when it cannot be known: the header claims more than there is, fewer than
    /// 20 (but at least 16) bytes of it are there, or it is the first fragment of a datagram that
    /// cannot be put together. Such a segment belongs to its connection, and begins one when it is
    /// the first, but is not analysed.
    pub len: Option<u32>,
}

/// A UDP header (RFC 768) and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Length as declared, the header's 8 bytes included.
    pub length: u16,
    /// The payload, as far as captured.
    pub payload: &'a [u8],
}

/// An ICMP (RFC 792) or `ICMPv6` (RFC 4443) message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp<'a> {
    /// `ICMPv6`.
    pub v6: bool,
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// The second four bytes of the header.
    pub rest: u32,
    /// Next-hop MTU of "fragmentation needed" or "packet too big"; `None` when absent or zero.
    pub mtu: Option<u32>,
    /// Identifier and sequence number of an echo request or reply.
    pub echo: Option<(u16, u16)>,
    /// The packet an error message is about.
    pub quoted: Option<Quoted>,
    /// What follows the first eight bytes, as far as captured.
    pub payload: &'a [u8],
}

/// The packet that an ICMP error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Its source.
    pub src: IpAddr,
    /// Its destination.
    pub dst: IpAddr,
    /// Its time to live or hop limit when it was quoted.
    pub ttl: u8,
    /// Its IPv4 identification.
    pub id: Option<u16>,
    /// Its Don't Fragment bit; set for IPv6.
    pub dont_fragment: bool,
    /// Its declared length, header included.
    pub total_len: u32,
    /// The protocol after its extension headers.
    pub protocol: u8,
    /// Source and destination port, when it is the first fragment of TCP, UDP, UDP-Lite, DCCP or SCTP.
    pub ports: Option<(u16, u16)>,
    /// Sequence number, when it is TCP.
    pub tcp_seq: Option<u32>,
    /// Flags as in [`Tcp::flags`], when it is TCP and 16 bytes of it are quoted. `TShark` 4.0.17
    /// gives a quoted segment a connection number (and begins a connection when there is none, or
    /// when a SYN of a new sequence number says so) exactly then; it never analyses it. A quoted UDP
    /// datagram always counts as part of its stream.
    pub tcp_flags: Option<u16>,
}

/// An ARP or RARP message about Ethernet and IPv4 addresses (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// Sender hardware address.
    pub sender_mac: Mac,
    /// Sender protocol address.
    pub sender_ip: Ipv4Addr,
    /// Target hardware address.
    pub target_mac: Mac,
    /// Target protocol address.
    pub target_ip: Ipv4Addr,
}
