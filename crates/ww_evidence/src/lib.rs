//! The observed network.
//!
//! A [`Capture`] is what one packet capture shows: connections ([`TcpFlow`]), datagram flows
//! ([`UdpFlow`]), names asked for ([`Dns`]), errors reported on the way ([`IcmpError`]), and how far
//! the capture itself can be trusted ([`Quality`]). It holds facts with frame numbers, no
//! judgement: a hole that a late segment filled is a fact, "the network reorders" is a finding.
//!
//! A [`Transcript`](transcript::Transcript) is what a live endpoint answered when it was probed.

mod capture;
mod dns;
mod exchange;
mod net;
mod sides;
mod stats;
mod symptom;
mod tcp;
pub mod tls;
pub mod transcript;

pub use capture::{Backstep, Capture, Duplication, InterfaceDrops, Quality};
pub use dns::{Dns, DnsOutcome, DnsTransaction, Transport};
pub use exchange::{Exchanges, Protocol, RequestLine, Slowest, Unanswered};
pub use net::{
    ArpClaim, FragmentLoss, HopProbe, IcmpError, IcmpMeaning, LoopSighting, Quoted, UdpFlow,
};
pub use sides::{
    Bulk, Flights, Reset, Side, SideId, Standstill, SynOptions, TtlUse, UnackedEnd, UnfilledHole,
};
pub use stats::{RateBins, RttStats};
pub use symptom::{Symptom, SymptomKind};
pub use tcp::{
    Close, CloseKind, Endpoint, Handshake, IdleBreak, IdleOutcome, Mark, Orientation, PortReuse,
    Repeated, TcpFlow, TlsAlert, Vantage,
};
