//! Connections: opened or not, the way there, what fits through, how long they may be idle.

use super::written;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::ops::Not;
use ww_base::Span;

/// How an attempt to connect ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectOutcome {
    /// It is open.
    Open,
    /// Refused: a reset, or an ICMP error that the kernel takes for one (see the report).
    Refused,
    /// Nothing came in the time given.
    #[default]
    TimedOut,
    /// The host cannot be reached (`EHOSTUNREACH`).
    HostUnreachable,
    /// The network cannot be reached (`ENETUNREACH`).
    NetworkUnreachable,
    /// Forbidden (`EACCES`, `EPERM`): by ICMPv6, or by a filter of this host.
    Denied,
    /// This host has no port left for it (`EADDRNOTAVAIL`).
    NoLocalPort,
    /// Another error.
    Failed,
}

/// An ICMP error that answered a packet of ours (`IP_RECVERR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IcmpReport {
    /// Its type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// Who sent it.
    pub from: IpAddr,
}

impl IcmpReport {
    /// It says that an administrator forbids the packet (RFC 1812 section 5.2.7.1, RFC 4443 section 3.1).
    pub fn is_policy(&self) -> bool {
        match self.from {
            IpAddr::V4(_) => self.kind == 3 && matches!(self.code, 9 | 10 | 13),
            IpAddr::V6(_) => self.kind == 1 && matches!(self.code, 1 | 5 | 6),
        }
    }

    /// Somebody does not deliver on purpose, or in a circle: it is forbidden, a TCP port or TCP itself is
    /// "unreachable", or the hop limit ran out on the way.
    pub fn is_rejection(&self) -> bool {
        let protocol = self.from.is_ipv4() && self.kind == 3 && self.code == 2;
        self.is_policy() || self.is_port_unreachable() || protocol || self.is_time_exceeded()
    }

    /// The hop limit ran out on the way.
    pub fn is_time_exceeded(&self) -> bool {
        self.kind == if self.from.is_ipv4() { 11 } else { 3 }
    }

    /// It says that nobody listens on the port.
    pub fn is_port_unreachable(&self) -> bool {
        match self.from {
            IpAddr::V4(_) => self.kind == 3 && self.code == 3,
            IpAddr::V6(_) => self.kind == 1 && self.code == 4,
        }
    }
}

/// What the kernel knows of a connection (`TCP_INFO`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct TcpInfo {
    /// Smoothed round trip.
    #[serde(with = "written::ms")]
    pub rtt: Span,
    /// Its variation.
    #[serde(with = "written::ms")]
    pub rtt_variation: Span,
    /// Segments sent again in all.
    pub retransmits: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// How often the timer was doubled.
    pub backoff: u8,
    /// Largest segment that may be sent, bytes.
    pub send_mss: u32,
    /// Largest segment that came, bytes.
    pub receive_mss: u32,
    /// Path MTU as the kernel believes it, bytes.
    pub path_mtu: u32,
}

/// An attempt to connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Connect {
    /// To where.
    pub to: Option<SocketAddr>,
    /// From where; `None` when there is no such address.
    pub from: Option<SocketAddr>,
    /// How it ended. How long it took is the step's.
    pub outcome: ConnectOutcome,
    /// The system's error name (`ECONNREFUSED`).
    pub errno: String,
    /// The ICMP error behind it, if there was one.
    pub icmp: Option<IcmpReport>,
    /// What the kernel knows of the connection.
    pub info: Option<TcpInfo>,
    /// It was asked as a control: another port or address that tells the host from the port.
    #[serde(skip_serializing_if = "Not::not")]
    pub control: bool,
}

/// Routers on the way to a port, found by connections with a small hop limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct PathTrace {
    /// To where.
    pub to: Option<SocketAddr>,
    /// The hops in order.
    pub hops: Vec<Hop>,
}

/// One hop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Hop {
    /// The hop limit that was set.
    pub ttl: u8,
    /// Who answered; `None` for silence.
    pub from: Option<IpAddr>,
    /// The ICMP error that came.
    pub icmp: Option<IcmpReport>,
    /// How long it took.
    #[serde(with = "written::ms")]
    pub took: Span,
    /// The target itself answered: connected or refused.
    #[serde(skip_serializing_if = "Not::not")]
    pub reached: bool,
}

/// Which segments fit through, in one direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct SegmentSizes {
    /// To where.
    pub to: Option<SocketAddr>,
    /// The server's segments were limited (by our MSS option), not ours.
    #[serde(skip_serializing_if = "Not::not")]
    pub from_server: bool,
    /// Each size that was tried.
    pub tries: Vec<SizeTry>,
    /// The largest that worked, where a larger one did not.
    pub usable: Option<u16>,
}

/// One size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct SizeTry {
    /// The maximum segment size, bytes.
    pub mss: u16,
    /// Data came through.
    #[serde(skip_serializing_if = "Not::not")]
    pub works: bool,
}

/// What had become of a connection that was idle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdleFate {
    /// It still works.
    Alive,
    /// The peer closed it in order while it was idle.
    Fin,
    /// A reset came, while it was idle or when it was used again.
    Reset,
    /// It was used again and nothing came back.
    #[default]
    Silent,
}

/// Connections that were left idle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct IdleProbe {
    /// To where.
    pub to: Option<SocketAddr>,
    /// The connections had carried a request and its answer before.
    #[serde(skip_serializing_if = "Not::not")]
    pub after_request: bool,
    /// Each connection.
    pub tries: Vec<IdleTry>,
}

/// One idle connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct IdleTry {
    /// For how long it was to be idle, or was until the peer ended it.
    #[serde(with = "written::ms")]
    pub idle: Span,
    /// What had become of it.
    pub fate: IdleFate,
}

/// What this host itself is short of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct LocalState {
    /// The target's address that it is about.
    pub to: Option<SocketAddr>,
    /// Ports that connections may leave from (`net.ipv4.ip_local_port_range`).
    pub port_range: Option<(u16, u16)>,
    /// Connections of this host to the target's address and port, in whatever state.
    pub to_target: u32,
    /// Those of them in TIME-WAIT.
    pub time_wait: u32,
    /// Tracked connections, and how many there may be (`nf_conntrack_count`, `nf_conntrack_max`).
    pub conntrack: Option<(u64, u64)>,
    /// Connections that full accept queues of this host dropped while it was tried (`ListenOverflows`).
    pub listen_overflows: u64,
}
