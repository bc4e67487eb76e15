//! The words the builder's parts share: sides, times, packets and flows.

use std::net::IpAddr;

use super::stream::Stream;

/// Microseconds since the start of the capture; negative before it.
pub(super) type Micros = i64;

/// One end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// The end that opened the flow.
    Client,
    /// The end that was called.
    Server,
}

impl Side {
    /// The other end.
    pub(super) fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One thing per side.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pair<T> {
    /// What belongs to the client.
    pub(super) client: T,
    /// What belongs to the server.
    pub(super) server: T,
}

impl<T> Pair<T> {
    /// The same pair seen with the two ends exchanged when `swap` is set.
    pub(super) fn swapped_if(self, swap: bool) -> Self {
        if swap {
            Self {
                client: self.server,
                server: self.client,
            }
        } else {
            self
        }
    }

    /// What belongs to one side.
    pub(super) fn of(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// What belongs to one side, to change it.
    pub(super) fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

/// What a flow's packets are wrapped in besides Ethernet and IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tunnel {
    /// Nothing.
    None,
    /// GRE without options (RFC 2784).
    Gre,
    /// VXLAN with this network identifier (RFC 7348).
    Vxlan(u32),
}

/// Addresses and wrapping of one flow as its frames look at the capture point.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// MAC address of each end (or of the gateway in front of it).
    pub(super) macs: Pair<[u8; 6]>,
    /// 802.1Q VLAN identifier.
    pub(super) vlan: Option<u16>,
    /// Tunnel around the flow.
    pub(super) tunnel: Tunnel,
    /// IP addresses, both of one family.
    pub(super) hosts: Pair<IpAddr>,
    /// TCP or UDP ports.
    pub(super) ports: Pair<u16>,
    /// TTL or hop limit left at the capture point.
    pub(super) ttls: Pair<u8>,
}

/// TCP options both ends agreed on, and what each announced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Maximum segment size announced by both ends, bytes.
    pub(super) mss: u16,
    /// Window scale of each end (RFC 7323), or none at all.
    pub(super) scale: Option<Pair<u8>>,
    /// Timestamps (RFC 7323).
    pub(super) timestamps: bool,
    /// Selective acknowledgement (RFC 2018).
    pub(super) sack: bool,
}

/// TCP flag bits (RFC 9293 section 3.1).
pub(super) mod flag {
    pub(in super::super) const FIN: u8 = 0x01;
    pub(in super::super) const SYN: u8 = 0x02;
    pub(in super::super) const RST: u8 = 0x04;
    pub(in super::super) const PSH: u8 = 0x08;
    pub(in super::super) const ACK: u8 = 0x10;
}

/// One TCP segment without its payload bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Segment {
    /// Sequence number.
    pub(super) seq: u32,
    /// Acknowledgement number.
    pub(super) ack: u32,
    /// Flag bits.
    pub(super) flags: u8,
    /// Window field as sent, unscaled.
    pub(super) window: u16,
    /// Timestamp value and echo reply.
    pub(super) stamps: (u32, u32),
    /// Selective acknowledgement blocks, the first `sack_count` of them.
    pub(super) sack: [(u32, u32); 3],
    /// How many blocks are used.
    pub(super) sack_count: u8,
    /// Offset of the payload in the sender's stream.
    pub(super) offset: u32,
    /// Length of the payload in bytes.
    pub(super) len: u16,
}

/// What a packet carries.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// A TCP segment; payload bytes come from the flow's stream of that side.
    Tcp(Segment),
    /// A UDP datagram with these bytes.
    Udp(Box<[u8]>),
    /// A UDP datagram of media: an RTP header (RFC 3550) and `len` bytes of noise.
    Media {
        /// RTP sequence number.
        number: u16,
        /// Bytes behind the RTP header.
        len: u16,
    },
    /// An ICMP or ICMPv6 message, checksum still zero.
    Icmp(Box<[u8]>),
    /// A piece of an IPv4 datagram carrying UDP (RFC 791 section 2.3).
    Fragment {
        /// Offset in bytes, a multiple of eight.
        offset: u16,
        /// More fragments follow.
        more: bool,
        /// The piece.
        bytes: Box<[u8]>,
    },
    /// An ARP message (RFC 826) behind the Ethernet header, to this MAC address.
    Arp {
        /// Destination of the frame.
        to: [u8; 6],
        /// The message.
        bytes: Box<[u8]>,
    },
}

/// One packet as it passes the capture point.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    /// When.
    pub(super) at: Micros,
    /// From which end.
    pub(super) from: Side,
    /// IPv4 identification.
    pub(super) ip_id: u16,
    /// What it carries.
    pub(super) body: Body,
}

/// A flow: everything needed to write its packets.
#[derive(Debug)]
pub(super) struct Flow {
    /// Addresses and wrapping.
    pub(super) link: Link,
    /// TCP options, used by TCP packets only.
    pub(super) options: Options,
    /// What each side says.
    pub(super) streams: Pair<Stream>,
    /// Its packets in order of time.
    pub(super) packets: Vec<Packet>,
}
