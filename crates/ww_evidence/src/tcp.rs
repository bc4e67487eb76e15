//! One connection.

use crate::{Exchanges, Side, SideId, Symptom, SymptomKind};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::num::NonZeroU64;
use ww_base::{Moment, Span};

/// A frame and its time. An `Option` of it takes no more room: a connection remembers many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    frame: NonZeroU64,
    /// Its time.
    pub at: Moment,
}

impl Mark {
    /// The frame numbered `frame`, from 1, as Wireshark counts, which passed at `at`.
    #[inline]
    pub fn new(frame: u64, at: Moment) -> Mark {
        let frame = NonZeroU64::new(frame).unwrap_or(NonZeroU64::MIN);
        Mark { frame, at }
    }

    /// Frame number, from 1, as Wireshark counts.
    #[inline]
    pub fn frame(self) -> u64 {
        self.frame.get()
    }
}

/// The first frame, at time zero.
impl Default for Mark {
    fn default() -> Mark {
        Mark::new(1, Moment::default())
    }
}

/// An address and a port; in order of the addresses, IPv4 first, and then of the ports.
#[derive(Clone, Copy, Debug, Eq)]
pub struct Endpoint {
    /// The address.
    pub addr: IpAddr,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// What it is compared by: a few numbers are quicker than the bytes of an [`IpAddr`], and rules compare endpoints
    /// of all connections with one another.
    #[inline]
    fn numbers(self) -> (bool, u128, u16) {
        match self.addr {
            IpAddr::V4(addr) => (false, u128::from(addr.to_bits()), self.port),
            IpAddr::V6(addr) => (true, addr.to_bits(), self.port),
        }
    }
}

impl PartialEq for Endpoint {
    #[inline]
    fn eq(&self, other: &Endpoint) -> bool {
        self.numbers() == other.numbers()
    }
}

impl Ord for Endpoint {
    #[inline]
    fn cmp(&self, other: &Endpoint) -> Ordering {
        self.numbers().cmp(&other.numbers())
    }
}

impl PartialOrd for Endpoint {
    #[inline]
    fn partial_cmp(&self, other: &Endpoint) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Endpoint {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (_, addr, port) = self.numbers();
        state.write_u64(addr as u64);
        state.write_u64((addr >> 64) as u64 ^ u64::from(port) << 48);
    }
}

/// `10.0.0.5:443`, `[2001:db8::1]:443`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::net::SocketAddr::new(self.addr, self.port).fmt(f)
    }
}

/// How it is known which side is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// Its SYN was seen.
    BySyn,
    /// The server's SYN-ACK was seen.
    BySynAck,
    /// By port numbers: the lower one serves.
    Guessed,
}

/// Where the capture was taken, judged from which side's answers come without delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vantage {
    /// At the client, or near it.
    Client,
    /// At the server, or near it.
    Server,
    /// Clearly away from both.
    Between,
    /// Cannot be told: no handshake, or a path too short.
    Unknown,
}

/// Equal handshake segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The first.
    pub first: Mark,
    /// The last, equal to the first when there was one.
    pub last: Mark,
    /// How many, copies by the capture excluded.
    pub count: u32,
}

/// The opening of a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handshake {
    /// The client's SYNs.
    pub syn: Option<Repeated>,
    /// The server's SYN-ACKs.
    pub syn_ack: Option<Repeated>,
    /// The client's first ACK of the SYN-ACK.
    pub ack: Option<Mark>,
    /// SYN-ACKs that came although the client's ACK had passed before.
    pub syn_acks_after_ack: u32,
    /// A reset that answered the SYN, with its hop limit.
    pub refused: Option<(Mark, u8)>,
    /// An answer to the SYN that belongs to another connection on the same ports: an ACK whose number
    /// is not the SYN's (challenge ACK, RFC 5961), before any SYN-ACK.
    pub foreign_ack: Option<Mark>,
}

impl Handshake {
    /// From the last SYN before the SYN-ACK to the client's ACK: one full round trip wherever the
    /// capture was taken; none when the handshake was not clean.
    #[inline]
    pub fn round_trip(&self) -> Option<Span> {
        let (syn, syn_ack, ack) = (self.syn?, self.syn_ack?, self.ack?);
        (syn.count == 1 && syn_ack.count == 1).then(|| ack.at - syn.first.at)
    }

    /// Both sides agreed.
    #[inline]
    pub fn complete(&self) -> bool {
        self.syn_ack.is_some() && self.ack.is_some()
    }
}

/// How a side ended its half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseKind {
    /// Orderly.
    Fin,
    /// By reset.
    Reset,
}

/// The first close of a connection after both sides had been quiet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Close {
    /// Who closed.
    pub by: SideId,
    /// How.
    pub kind: CloseKind,
    /// The frame.
    pub mark: Mark,
    /// How long no data had been sent by either side (keep-alives do not count, nor data that
    /// crossed the close).
    pub idle: Span,
    /// Exchanges answered before.
    pub exchanges_before: u32,
    /// Data of the other side that crossed the close: sent before the close could be known, never
    /// answered.
    pub crossed: Option<Mark>,
    /// The reset that answered that data.
    pub crossed_reset: Option<Mark>,
    /// That data acknowledged the FIN: its sender could know that the connection was closed.
    pub announced: bool,
}

/// What became of data sent after a long quiet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IdleOutcome {
    /// It was repeated this often and never answered by anything.
    Silence {
        /// Retransmissions.
        repeats: u32,
        /// Until the end of the connection or the capture.
        waited: Span,
    },
    /// A reset answered it.
    Reset {
        /// The reset.
        mark: Mark,
        /// Its hop limit.
        ttl: u8,
        /// It has the ACK flag.
        has_ack: bool,
    },
}

/// A long quiet after which the connection was found dead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IdleBreak {
    /// How long nothing at all was sent (keep-alives count as something).
    pub idle: Span,
    /// The last frame before.
    pub before: Mark,
    /// Who spoke first after it.
    pub by: SideId,
    /// The frame.
    pub resumed: Mark,
    /// What became of it.
    pub outcome: IdleOutcome,
}

/// An earlier connection between the same addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PortReuse {
    /// Its TCP stream number.
    pub stream: u32,
    /// Its last frame.
    pub last: Mark,
    /// Both sides had closed it, or one had reset it.
    pub closed: bool,
    /// The side that closed first, and so holds TIME-WAIT.
    pub closed_first_by_client: bool,
}

/// A fatal TLS alert in clear (RFC 8446 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsAlert {
    /// Who sent it.
    pub by: SideId,
    /// Its description: 40 handshake_failure, 48 unknown_ca …
    pub number: u8,
    /// The frame.
    pub mark: Mark,
}

/// One connection, as far as the capture shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TcpFlow {
    /// Wireshark's `tcp.stream`.
    pub stream: u32,
    /// Who opened it.
    pub client: Endpoint,
    /// Who was opened.
    pub server: Endpoint,
    /// How that is known.
    pub orientation: Orientation,
    /// First frame.
    pub first: Mark,
    /// Last frame.
    pub last: Mark,
    /// The opening.
    pub handshake: Handshake,
    /// What the client sent.
    pub sent_by_client: Side,
    /// What the server sent.
    pub sent_by_server: Side,
    /// Where the capture was taken.
    pub vantage: Vantage,
    /// Shortest full round trip between client and server; none when it cannot be told.
    pub rtt: Option<Span>,
    /// What went wrong, most time lost first.
    pub symptoms: Vec<Symptom>,
    /// Requests and answers.
    pub exchanges: Exchanges,
    /// The first close after quiet.
    pub close: Option<Close>,
    /// The quiet that broke it.
    pub idle_break: Option<Box<IdleBreak>>,
    /// Longest time in which neither side sent data, after the handshake and before the close.
    pub longest_idle: Span,
    /// An earlier connection on the same ports.
    pub reuse: Option<Box<PortReuse>>,
    /// The first fatal TLS alert in clear.
    pub tls_alert: Option<Box<TlsAlert>>,
}

impl TcpFlow {
    /// What one side sent.
    #[inline]
    pub fn side(&self, side: SideId) -> &Side {
        match side {
            SideId::Client => &self.sent_by_client,
            SideId::Server => &self.sent_by_server,
        }
    }

    /// The address and port of one side.
    #[inline]
    pub fn endpoint(&self, side: SideId) -> Endpoint {
        match side {
            SideId::Client => self.client,
            SideId::Server => self.server,
        }
    }

    /// A symptom, if it occurred.
    #[inline]
    pub fn symptom(&self, kind: SymptomKind, side: SideId) -> Option<&Symptom> {
        self.symptoms
            .iter()
            .find(|symptom| symptom.kind == kind && symptom.side == side)
    }

    /// How often a symptom occurred.
    #[inline]
    pub fn count(&self, kind: SymptomKind, side: SideId) -> u32 {
        self.symptom(kind, side).map_or(0, |symptom| symptom.count)
    }

    /// Time lost to a symptom.
    #[inline]
    pub fn lost(&self, kind: SymptomKind, side: SideId) -> Span {
        self.symptom(kind, side)
            .map_or(Span::ZERO, |symptom| symptom.lost)
    }

    /// The capture holds the opening, in both directions.
    #[inline]
    pub fn from_start(&self) -> bool {
        self.handshake.syn.is_some()
    }

    /// Frames of only one direction are in the capture although the other made progress.
    #[inline]
    pub fn one_way(&self) -> bool {
        let [client, server] = [&self.sent_by_client, &self.sent_by_server];
        (client.frames == 0 && server.ack_advances > 1)
            || (server.frames == 0 && client.ack_advances > 1)
    }

    /// The Wireshark display filter that shows the whole connection.
    pub fn filter(&self) -> String {
        format!("tcp.stream eq {}", self.stream)
    }

    /// First frame to last.
    pub fn duration(&self) -> Span {
        self.last.at - self.first.at
    }

    /// Payload bytes per second of one side, over its data's time span.
    pub fn goodput(&self, side: SideId) -> Option<f64> {
        let sent = self.side(side);
        let span = sent.last_data?.at - sent.first_data?.at;
        (span > Span::ZERO).then(|| sent.bytes as f64 / span.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use std::collections::HashSet;
    use std::net::IpAddr;

    #[test]
    fn endpoints_are_in_order_of_address_and_port() {
        let addrs = [
            "0.0.0.9",
            "10.0.0.1",
            "255.0.0.0",
            "::9",
            "::a00:1",
            "2001:db8::",
            "2001:db8::1",
        ];
        let addrs = addrs.map(|addr| addr.parse::<IpAddr>().unwrap());
        let of = |addr| [0, 9, 443, u16::MAX].map(|port| Endpoint { addr, port });
        let all: Vec<Endpoint> = addrs.into_iter().flat_map(of).collect();
        for a in &all {
            for b in &all {
                assert_eq!(a.cmp(b), (a.addr, a.port).cmp(&(b.addr, b.port)), "{a} {b}");
                assert_eq!(a == b, (a.addr, a.port) == (b.addr, b.port), "{a} {b}");
            }
        }
        assert!(all.is_sorted());
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }
}
