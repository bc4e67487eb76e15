//! The truth log: one line for every packet the link harmed.

use crate::link::Side;
use crate::packet::Packet;
use std::fmt;
use std::time::Duration;

/// What happened to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HarmKind {
    /// Lost on purpose.
    Loss,
    /// Delivered after packets sent later.
    Late,
    /// Delivered a second time.
    Duplicated,
    /// Waited, with everything behind it.
    Held,
    /// Dropped at the tail of a full queue.
    QueueDrop,
    /// Dropped by a policer without tokens.
    Policed,
    /// Longer than the link allows.
    MtuDrop,
    /// Dropped or refused because a middlebox forgot the connection.
    Forgotten,
    /// TCP options removed or lowered.
    OptionsChanged,
    /// Not the packet itself: a forged reset followed it.
    ResetForged,
    /// Answered with an ICMP error instead of being forwarded.
    IcmpAnswered,
    /// An ARP request that a second host answered.
    AddressClaimed,
}

impl HarmKind {
    /// The word of the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loss => "LOSS",
            Self::Late => "LATE",
            Self::Duplicated => "DUP",
            Self::Held => "HELD",
            Self::QueueDrop => "QDROP",
            Self::Policed => "POLICED",
            Self::MtuDrop => "MTUDROP",
            Self::Forgotten => "FORGOTTEN",
            Self::OptionsChanged => "OPTIONS",
            Self::ResetForged => "RSTFORGED",
            Self::IcmpAnswered => "ICMP",
            Self::AddressClaimed => "ARPCLAIM",
        }
    }

    /// True when the packet did not arrive.
    pub fn is_loss(self) -> bool {
        matches!(
            self,
            Self::Loss
                | Self::QueueDrop
                | Self::Policed
                | Self::MtuDrop
                | Self::Forgotten
                | Self::IcmpAnswered
        )
    }
}

/// One harmed packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Harm {
    /// When it reached the link, since the link's start.
    pub at: Duration,
    /// What happened.
    pub kind: HarmKind,
    /// Who sent it.
    pub from: Side,
    /// Length of the frame in bytes.
    pub frame_len: usize,
    /// The packet; `None` when it was not IP.
    pub packet: Option<Packet>,
}

/// Name of the columns of a log, without the newline.
pub const COLUMNS: &str =
    "unix_time\tkind\tdirection\tframe_len\tproto\tports\tip_id\ttcp_seq\ttcp_ack\ttcp_flags";

/// A line of the log with the link's start as an absolute time.
#[derive(Debug)]
pub struct Line<'a> {
    /// When the link started, since the Unix epoch.
    pub epoch: Duration,
    /// The harmed packet.
    pub harm: &'a Harm,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Harm {
            at,
            kind,
            from,
            frame_len,
            packet,
        } = self.harm;
        let unix = self.epoch + *at;
        let direction = match from {
            Side::Client => 0,
            Side::Server => 1,
        };
        let word = kind.word();
        write!(
            f,
            "{}.{:09}\t{word}\t{direction}\t{frame_len}",
            unix.as_secs(),
            unix.subsec_nanos()
        )?;
        let Some(packet) = packet else {
            return write!(f, "\t-\t-\t-\t-\t-\t-");
        };
        let (src_port, dst_port) = packet.ports();
        write!(
            f,
            "\t{}\t{src_port}>{dst_port}\t{}",
            packet.protocol, packet.ip_id
        )?;
        match packet.tcp() {
            Some(tcp) => write!(f, "\t{}\t{}\t{:x}", tcp.seq, tcp.ack, tcp.flags),
            None => write!(f, "\t-\t-\t-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{fixture::tcp_frame, flag};

    #[test]
    fn a_line_has_every_column() {
        let frame = tcp_frame(flag::ACK, 5, 6, &[], b"x");
        let packet = Packet::parse(&frame);
        let harm = Harm {
            at: Duration::from_millis(1_500),
            kind: HarmKind::Loss,
            from: Side::Client,
            frame_len: frame.len(),
            packet,
        };
        let line = Line {
            epoch: Duration::from_secs(10),
            harm: &harm,
        }
        .to_string();
        assert_eq!(
            line,
            "11.500000000\tLOSS\t0\t55\t6\t40000>80\t4660\t5\t6\t10"
        );
        assert_eq!(line.split('\t').count(), COLUMNS.split('\t').count());
        let bare = Line {
            epoch: Duration::ZERO,
            harm: &Harm {
                packet: None,
                ..harm
            },
        }
        .to_string();
        assert_eq!(bare.split('\t').count(), COLUMNS.split('\t').count());
    }
}
