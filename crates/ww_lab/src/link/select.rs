//! Which packets a fault touches.

use super::Side;
use crate::forge;
use crate::packet::{Packet, Transport, flag};
use crate::rng::Rng;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// A kind of packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Every frame, also those that are not IP.
    Any,
    /// Every TCP segment.
    Tcp,
    /// SYN without ACK.
    Syn,
    /// SYN with ACK.
    SynAck,
    /// A segment with payload.
    Data,
    /// A segment with payload and PSH that is shorter than a full one: the end of what was written.
    Tail,
    /// A segment without payload, SYN, FIN or RST.
    PureAck,
    /// A segment with RST.
    Reset,
    /// An ARP request (RFC 826).
    ArpRequest,
    /// Every UDP datagram or first fragment of one.
    Udp,
    /// A fragment that is not the first.
    LaterFragment,
    /// A frame longer than this many bytes, Ethernet header included.
    LongerThan(usize),
}

/// Payload of a full segment when both sides offer 1460 bytes and use timestamps.
const FULL_SEGMENT: usize = 1_448;

impl Kind {
    fn matches(self, frame: &[u8], packet: Option<&Packet>) -> bool {
        let tcp = packet.and_then(Packet::tcp);
        match self {
            Self::Any => true,
            Self::LongerThan(limit) => frame.len() > limit,
            Self::Udp => matches!(packet.map(|p| p.transport), Some(Transport::Udp { .. })),
            Self::LaterFragment => {
                matches!(packet.map(|p| p.transport), Some(Transport::LaterFragment))
            }
            Self::ArpRequest => forge::is_arp_request(frame),
            Self::Tcp => tcp.is_some(),
            Self::Reset => tcp.is_some_and(|t| t.has(flag::RST)),
            Self::Syn => tcp.is_some_and(|t| t.flags & (flag::SYN | flag::ACK) == flag::SYN),
            Self::SynAck => tcp.is_some_and(|t| t.has(flag::SYN | flag::ACK)),
            Self::Data => tcp.is_some_and(|t| t.payload_len > 0),
            Self::Tail => tcp.is_some_and(|t| {
                t.payload_len > 0 && t.payload_len < FULL_SEGMENT && t.has(flag::PSH)
            }),
            Self::PureAck => tcp.is_some_and(|t| {
                t.payload_len == 0
                    && t.flags & (flag::SYN | flag::FIN | flag::RST | flag::ACK) == flag::ACK
            }),
        }
    }
}

/// How many of the packets of that kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    /// All of them.
    Every,
    /// Each with this probability, by the link's seed.
    Share(f64),
    /// Those with these numbers, counted from 1.
    Numbers(Vec<u64>),
    /// Those with these numbers, counted from 1 for each direction of each connection.
    OfFlow(Vec<u64>),
    /// Those from this number on, counted from 1.
    From(u64),
}

/// Source, destination and ports: one direction of a connection.
pub(super) type FlowKey = (IpAddr, IpAddr, u16, u16);

/// The direction of a connection that `packet` belongs to.
pub(super) fn flow_key(packet: &Packet) -> FlowKey {
    let (src_port, dst_port) = packet.ports();
    (packet.src, packet.dst, src_port, dst_port)
}

/// Which packets a fault touches: sender, kind, port, time and how many of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// Only packets sent by this side; both when `None`.
    pub from: Option<Side>,
    /// Only packets of this kind.
    pub kind: Kind,
    /// Only packets with this source or destination port.
    pub port: Option<u16>,
    /// Only packets that reach the link between these times since its start.
    pub between: Option<(Duration, Duration)>,
    /// How many of them.
    pub which: Which,
}

/// A selector that counts.
#[derive(Debug)]
pub(super) struct Counter {
    selector: Selector,
    seen: u64,
    seen_of_flow: BTreeMap<FlowKey, u64>,
}

impl Counter {
    pub(super) fn new(selector: Selector) -> Self {
        Self {
            selector,
            seen: 0,
            seen_of_flow: BTreeMap::new(),
        }
    }

    /// Counts the frame when it is of the kind, and says whether the fault touches it.
    pub(super) fn picks(
        &mut self,
        now: Duration,
        from: Side,
        frame: &[u8],
        packet: Option<&Packet>,
        rng: &mut Rng,
    ) -> bool {
        let Selector {
            from: only_from,
            kind,
            port,
            between,
            which,
        } = &self.selector;
        let of_kind = only_from.is_none_or(|side| side == from)
            && kind.matches(frame, packet)
            && port.is_none_or(|port| {
                packet.is_some_and(|p| p.ports().0 == port || p.ports().1 == port)
            })
            && between.is_none_or(|(start, end)| start <= now && now < end);
        if !of_kind {
            return false;
        }
        self.seen += 1;
        match which {
            Which::Every => true,
            Which::Share(probability) => rng.chance(*probability),
            Which::Numbers(numbers) => numbers.contains(&self.seen),
            Which::From(first) => self.seen >= *first,
            Which::OfFlow(numbers) => {
                let Some(packet) = packet else { return false };
                let seen = self.seen_of_flow.entry(flow_key(packet)).or_insert(0);
                *seen += 1;
                numbers.contains(seen)
            }
        }
    }
}
