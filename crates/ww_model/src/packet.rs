//! One concrete packet, as far as filters can see it.

use std::net::IpAddr;

/// IP protocol numbers (IANA) with a meaning of their own here.
pub mod protocol {
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// SCTP.
    pub const SCTP: u8 = 132;
    /// UDP-Lite.
    pub const UDPLITE: u8 = 136;

    /// The protocols whose header starts with a source and a destination port.
    pub const WITH_PORTS: [u8; 5] = [TCP, UDP, DCCP, SCTP, UDPLITE];
}

/// What connection tracking thinks of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtState {
    /// The first packet of a connection.
    #[default]
    New,
    /// Part of a connection that has been answered.
    Established,
    /// Belongs to another connection: an ICMP error, an FTP data channel.
    Related,
    /// Fits no connection.
    Invalid,
    /// Exempt from tracking.
    Untracked,
}

impl CtState {
    /// All states, in the order of their numbers.
    pub const ALL: [CtState; 5] = [
        CtState::New,
        CtState::Established,
        CtState::Related,
        CtState::Invalid,
        CtState::Untracked,
    ];

    /// The state's number in a [`Field::CtState`](crate::filter::Field::CtState) test.
    pub fn number(self) -> u128 {
        self as u128
    }
}

/// One packet on its way through a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Packet {
    /// Name of the interface it came in on; empty where the device itself sends it.
    pub iif: String,
    /// Name of the interface it leaves by; empty where it ends at the device.
    pub oif: String,
    /// Source address; the same family as `dst`.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// IP protocol number of the transport header.
    pub proto: u8,
    /// Source port; 0 where the protocol has none.
    pub sport: u16,
    /// Destination port; 0 where the protocol has none.
    pub dport: u16,
    /// TCP flags as in the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub tcp_flags: u8,
    /// ICMP or ICMPv6 type.
    pub icmp_type: u8,
    /// ICMP or ICMPv6 code.
    pub icmp_code: u8,
    /// What connection tracking thinks of it.
    pub ct_state: CtState,
    /// The packet mark of Linux.
    pub mark: u32,
}
