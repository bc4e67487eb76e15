//! What is seen beside connections: errors, datagrams, addresses, fragments, loops.

use crate::{Endpoint, Mark};
use std::net::IpAddr;
use ww_base::Span;

/// What an ICMP or ICMPv6 error means, by RFC 792, RFC 1812 and RFC 4443.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IcmpMeaning {
    /// No route (3/0, 3/11; v6 1/0).
    NetUnreachable,
    /// The last router cannot reach the host (3/1, 3/12; v6 1/3).
    HostUnreachable,
    /// The host does not speak the protocol (3/2; v6 4/1).
    ProtocolUnreachable,
    /// Nobody listens on the port (3/3; v6 1/4).
    PortUnreachable,
    /// Too big for the next link (3/4; v6 type 2).
    TooBig,
    /// Forbidden by a filter (3/9, 3/10, 3/13; v6 1/1, 1/5, 1/6).
    Prohibited,
    /// The hop limit ran out on the way (11/0; v6 3/0).
    TimeExceeded,
    /// Fragments did not all arrive (11/1; v6 3/1).
    ReassemblyTimeExceeded,
    /// Another router is nearer (5/x, v6 137).
    Redirect,
    /// Any other error that quotes a packet.
    Other,
}

/// The packet that an ICMP error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quoted {
    /// Its sender.
    pub src: Endpoint,
    /// Its receiver.
    pub dst: Endpoint,
    /// Its IP protocol.
    pub protocol: u8,
}

/// Equal ICMP errors about one flow: same sender, meaning and quoted flow.
#[derive(Clone, Debug, PartialEq)]
pub struct IcmpError {
    /// The router or host that sent it.
    pub from: IpAddr,
    /// The host it was sent to.
    pub to: IpAddr,
    /// ICMPv6 rather than ICMP.
    pub v6: bool,
    /// The type field.
    pub kind: u8,
    /// The code field.
    pub code: u8,
    /// What it means.
    pub meaning: IcmpMeaning,
    /// The packet it answers; none when too little of it is quoted.
    pub quoted: Option<Quoted>,
    /// The TCP stream the quoted packet belongs to.
    pub stream: Option<u32>,
    /// Next-hop MTU, for [`IcmpMeaning::TooBig`].
    pub mtu: Option<u32>,
    /// How many.
    pub count: u32,
    /// The first.
    pub first: Mark,
    /// The last.
    pub last: Mark,
}

/// Datagrams between two endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct UdpFlow {
    /// Who sent the first datagram.
    pub client: Endpoint,
    /// Whom it was sent to.
    pub server: Endpoint,
    /// Datagrams sent by client and by server.
    pub datagrams: [u64; 2],
    /// Payload bytes sent by client and by server.
    pub bytes: [u64; 2],
    /// First datagram.
    pub first: Mark,
    /// Last datagram.
    pub last: Mark,
}

/// A hardware address that claims an IP address, from ARP or neighbour advertisements.
#[derive(Clone, Debug, PartialEq)]
pub struct ArpClaim {
    /// The claimed address.
    pub ip: IpAddr,
    /// Who claims it.
    pub mac: [u8; 6],
    /// How often it did.
    pub count: u32,
    /// How often without being asked.
    pub unsolicited: u32,
    /// How often the address passed to it from another hardware address.
    pub takeovers: u32,
    /// First claim.
    pub first: Mark,
    /// Last claim.
    pub last: Mark,
}

/// A fragmented datagram that never became whole.
#[derive(Clone, Debug, PartialEq)]
pub struct FragmentLoss {
    /// Its sender.
    pub src: IpAddr,
    /// Its receiver.
    pub dst: IpAddr,
    /// Its IP protocol.
    pub protocol: u8,
    /// Its identification.
    pub id: u32,
    /// Source and destination port, when the first fragment was seen.
    pub ports: Option<(u16, u16)>,
    /// Fragments that were seen.
    pub fragments: u32,
    /// The first byte that is missing.
    pub missing_from: u32,
    /// Whether the first fragment was seen.
    pub first_seen: bool,
    /// Whether the last fragment was seen.
    pub last_seen: bool,
    /// First fragment seen.
    pub first: Mark,
    /// Last fragment seen.
    pub last: Mark,
    /// An ICMP error said that reassembly timed out.
    pub timeout_reported: Option<u64>,
}

/// One packet that passed the capture point several times with a falling hop limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopSighting {
    /// Its sender.
    pub src: IpAddr,
    /// Its receiver.
    pub dst: IpAddr,
    /// How often it passed.
    pub passes: u32,
    /// Hop limit at the first pass.
    pub ttl_first: u8,
    /// Hop limit at the last pass.
    pub ttl_last: u8,
    /// First pass.
    pub first: Mark,
    /// Last pass.
    pub last: Mark,
    /// Time between passes.
    pub turn: Span,
}

/// Packets that test the path: echo requests of any hop limit, and packets of any protocol whose hop
/// limit is below 32, as traceroute sends them.
#[derive(Clone, Debug, PartialEq)]
pub struct HopProbe {
    /// Who sent them.
    pub src: IpAddr,
    /// Where to.
    pub dst: IpAddr,
    /// IP protocol.
    pub protocol: u8,
    /// How many.
    pub count: u32,
    /// Lowest hop limit at the capture point.
    pub ttl_min: u8,
    /// Highest hop limit at the capture point.
    pub ttl_max: u8,
    /// Number of different hop limits below 32.
    pub low_values: u32,
    /// The first.
    pub first: Mark,
    /// The last.
    pub last: Mark,
}

impl HopProbe {
    /// Different low hop limits towards one destination: a traceroute.
    pub fn is_traceroute(&self) -> bool {
        self.low_values >= 2
    }
}
