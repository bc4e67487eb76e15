//! One capture, and how far it can be trusted.

use crate::{
    ArpClaim, Dns, FragmentLoss, HopProbe, IcmpError, LoopSighting, Mark, TcpFlow, UdpFlow,
};
use std::net::IpAddr;
use ww_base::{Gap, Moment, SourceId, Span};

/// Packets that the capturing side says it lost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InterfaceDrops {
    /// The interface, by name or number.
    pub interface: String,
    /// Dropped by the interface.
    pub by_interface: u64,
    /// Dropped by the operating system.
    pub by_system: u64,
    /// Packets it received.
    pub received: u64,
}

/// The clock of the capture going backwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backstep {
    /// How often.
    pub count: u64,
    /// The largest step.
    pub worst: Span,
    /// The frame after the first step.
    pub first_frame: u64,
    /// The frame after the largest step.
    pub worst_frame: u64,
}

/// Packets that are in the capture more than once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Duplication {
    /// Copies within a millisecond of their original.
    pub copies: u64,
    /// Of those, copies with a hop limit that differs from the original's (seen on both sides of a
    /// router).
    pub routed: u64,
    /// TCP frames that could have had a copy.
    pub of: u64,
    /// Longest delay between original and copy.
    pub delay: Span,
    /// Frame numbers of the first few copies.
    pub frames: Vec<u64>,
}

/// How far the capture can be trusted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// Frames of which not all bytes were captured.
    pub truncated_frames: u64,
    /// The first of them.
    pub truncated_first: u64,
    /// The most bytes captured of any truncated frame.
    pub snap_length: u32,
    /// What the interfaces say they lost.
    pub drops: Vec<InterfaceDrops>,
    /// The clock.
    pub backsteps: Backstep,
    /// Copies.
    pub duplication: Duplication,
    /// Frames longer than the connection's maximum segment size allows.
    pub offloaded_frames: u64,
    /// The first of them.
    pub offloaded_first: u64,
    /// Their greatest payload length.
    pub offloaded_largest: u32,
    /// Frames of link types or encapsulations that are not read, by name.
    pub unsupported: Vec<(String, u64)>,
    /// Frames whose headers make no sense.
    pub malformed_frames: u64,
    /// The first of them.
    pub malformed_first: u64,
    /// Number of interfaces that delivered frames.
    pub interfaces: u32,
}

/// What one packet capture shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capture {
    /// The input it was read from.
    pub source: SourceId,
    /// Frames read.
    pub frames: u64,
    /// Bytes on the wire in those frames.
    pub wire_bytes: u64,
    /// Time of the earliest frame.
    pub first: Moment,
    /// Time of the latest frame.
    pub last: Moment,
    /// How far it can be trusted.
    pub quality: Quality,
    /// Connections, in order of appearance. Boxed, so that each takes the place of the state it was
    /// made from.
    pub tcp: Vec<Box<TcpFlow>>,
    /// Connections dropped by the bounds.
    pub tcp_dropped: u64,
    /// Datagram flows, in order of appearance.
    pub udp: Vec<UdpFlow>,
    /// ICMP errors, in order of appearance.
    pub icmp: Vec<IcmpError>,
    /// Packets that test the path, in order of appearance.
    pub probes: Vec<HopProbe>,
    /// Claims to addresses of the local link.
    pub arp: Vec<ArpClaim>,
    /// ARP requests that nobody answered: asked address, count, first request.
    pub arp_unanswered: Vec<(IpAddr, u32, Mark)>,
    /// ARP packets seen.
    pub arp_packets: u64,
    /// Fragmented datagrams that never became whole.
    pub fragment_losses: Vec<FragmentLoss>,
    /// Fragmented datagrams seen.
    pub fragmented: u64,
    /// Packets that came by several times with a falling hop limit.
    pub loops: Vec<LoopSighting>,
    /// Name resolution.
    pub dns: Dns,
    /// Bounds that were crossed, and what is not read.
    pub gaps: Vec<Gap>,
}
