//! TCP connections as their two hosts see them: what was sent, what arrived, what is acknowledged.
//!
//! Numbers are relative as Wireshark shows them: the SYN is 0, the first byte 1. They become
//! wire numbers when a segment is built.

use std::net::SocketAddr;

use super::attributes::{Attributes, SynOptions};
use super::statement::EndpointOptions;
use super::wire::{ACK, FIN, PSH, RST, SYN, Tcp};

/// The window announced until a line says otherwise, in bytes.
const DEFAULT_WINDOW: u32 = 64_240;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// A segment as it was sent: enough to send it anew, and to speak of its bytes.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) connection: String,
    pub(super) side: Side,
    pub(super) seq: i64,
    pub(super) end: i64,
    pub(super) flags: u8,
    pub(super) payload: Vec<u8>,
    pub(super) syn: SynOptions,
}

/// What a host is about to send, in relative numbers.
pub(super) struct Plan {
    pub(super) flags: u8,
    pub(super) seq: i64,
    pub(super) ack: i64,
    pub(super) payload: Vec<u8>,
    /// The SACK blocks, when the line states them.
    pub(super) sack: Option<Vec<(i64, i64)>>,
}

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    name: String,
    pub(super) client: Host,
    pub(super) server: Host,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) address: SocketAddr,
    isn: u32,
    /// The identification of the next packet; stays 0 where the host sends none.
    next_id: u16,
    counts_ids: bool,
    timestamp_base: u32,
    window: Option<u16>,
    offered: Option<SynOptions>,
    next: i64,
    spoke: bool,
    last: Option<Segment>,
    arrived: Arrivals,
    timestamp_recent: u32,
    last_ack: i64,
}

/// What arrived at a host.
#[derive(Clone, Debug)]
struct Arrivals {
    /// The first byte that has not arrived.
    next: i64,
    /// Ranges beyond it, latest first.
    islands: Vec<(i64, i64)>,
    /// The bytes that arrived a second time and were not reported yet (RFC 2883).
    duplicate: Option<(i64, i64)>,
}

impl Connection {
    pub(super) fn new(name: String, client: Host, server: Host) -> Connection {
        Connection {
            name,
            client,
            server,
        }
    }

    /// The sending end and the receiving end of a segment from `side`.
    pub(super) fn ends(&mut self, side: Side) -> (&mut Host, &mut Host) {
        match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        }
    }

    /// The last segment of `side` that occupied sequence space.
    pub(super) fn last_segment(&mut self, side: Side) -> Option<Segment> {
        self.ends(side).0.last.clone()
    }

    /// Whether both ends offered an option in their SYN (or the text says it was negotiated).
    fn agreed(&self, offered: impl Fn(&SynOptions) -> bool) -> bool {
        [&self.client, &self.server]
            .iter()
            .all(|host| host.offered.as_ref().is_some_and(&offered))
    }

    /// Builds the next segment of `side`, and moves that side past it.
    pub(super) fn send(
        &mut self,
        side: Side,
        plan: Plan,
        attributes: &Attributes,
        now_ns: i64,
    ) -> Result<(Tcp, Segment), String> {
        let agreed = SynOptions {
            mss: None,
            sack_permitted: self.agreed(|syn| syn.sack_permitted),
            timestamps: self.agreed(|syn| syn.timestamps),
            window_scale: None,
        };
        let scaled = self.agreed(|syn| syn.window_scale.is_some());
        let connection = self.name.clone();
        let (host, peer) = self.ends(side);
        let options = host.options(&plan, peer, &agreed, attributes, now_ns)?;
        let Plan {
            flags,
            payload,
            seq,
            ack,
            ..
        } = plan;
        // A reset that answers a SYN on a closed port carries 0 (RFC 9293 section 3.10.7.1).
        let from_closed = flags & RST != 0 && !host.spoke && peer.spoke && attributes.seq.is_none();
        let tcp = Tcp {
            source_port: host.address.port(),
            destination_port: peer.address.port(),
            seq: if from_closed { 0 } else { host.wire(seq) },
            ack: if flags & ACK != 0 { peer.wire(ack) } else { 0 },
            flags,
            window: host.window(flags, attributes.window, scaled),
            options,
            bad_checksum: attributes.bad_checksum,
        };
        let occupied =
            payload.len() as i64 + i64::from(flags & SYN != 0) + i64::from(flags & FIN != 0);
        let segment = Segment {
            connection,
            side,
            seq,
            end: seq + occupied,
            flags,
            payload,
            syn: attributes.syn.clone(),
        };
        host.sent(&segment, ack);
        Ok((tcp, segment))
    }

    /// Lets a segment arrive at the other end.
    pub(super) fn deliver(&mut self, segment: &Segment, tcp: &Tcp) {
        let peer = self.ends(segment.side).1;
        if segment.seq <= peer.last_ack
            && let Some(value) = timestamp_of(&tcp.options)
        {
            peer.timestamp_recent = value;
        }
        peer.arrived.add(segment.seq.max(1), segment.end);
    }
}

impl Host {
    /// An end of the connection that is the `serial`th of the capture.
    pub(super) fn new(address: SocketAddr, options: &EndpointOptions, serial: u32) -> Host {
        let scattered = serial.wrapping_mul(0x9e37_79b1) ^ u32::from(address.port()) << 8;
        let preset = &options.negotiated;
        let is_preset = *preset != SynOptions::default();
        Host {
            address,
            isn: options.isn.unwrap_or(scattered >> 1),
            next_id: if options.zero_ids {
                0
            } else {
                options.first_id.unwrap_or((scattered >> 4) as u16 | 1)
            },
            counts_ids: !options.zero_ids,
            timestamp_base: options.first_timestamp.unwrap_or(scattered >> 3),
            window: None,
            offered: is_preset.then(|| preset.clone()),
            next: 1,
            spoke: is_preset,
            last: None,
            arrived: Arrivals {
                next: 1,
                islands: Vec::new(),
                duplicate: None,
            },
            timestamp_recent: 0,
            last_ack: 1,
        }
    }

    /// The identification for the packet that is sent now.
    pub(super) fn take_id(&mut self) -> u16 {
        let id = self.next_id;
        if self.counts_ids {
            self.next_id = id.wrapping_add(1);
        }
        id
    }

    /// The identification of the packet that was sent last.
    pub(super) fn last_id(&self) -> u16 {
        self.next_id.wrapping_sub(u16::from(self.counts_ids))
    }

    /// What the host's timestamp clock shows (RFC 7323): milliseconds.
    fn timestamp(&self, now_ns: i64) -> u32 {
        self.timestamp_base
            .wrapping_add((now_ns / 1_000_000) as u32)
    }

    fn wire(&self, relative: i64) -> u32 {
        self.isn.wrapping_add(relative as u32)
    }

    /// The sequence number of the next new byte.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// The acknowledgement of everything that arrived without a hole.
    pub(super) fn acknowledgeable(&self) -> i64 {
        self.arrived.next
    }

    /// The window field: stated windows stay in force, those of a SYN for that SYN only.
    fn window(&mut self, flags: u8, stated: Option<u16>, scaled: bool) -> u16 {
        if flags & SYN != 0 {
            return stated.unwrap_or(DEFAULT_WINDOW as u16);
        }
        self.window = stated.or(self.window);
        let shift = self.offered.as_ref().and_then(|syn| syn.window_scale);
        let default = DEFAULT_WINDOW >> shift.filter(|_| scaled).unwrap_or(0);
        let default = if flags & RST != 0 { 0 } else { default as u16 };
        stated
            .or(self.window.filter(|_| flags & RST == 0))
            .unwrap_or(default)
    }

    fn options(
        &mut self,
        plan: &Plan,
        peer: &Host,
        agreed: &SynOptions,
        attributes: &Attributes,
        now_ns: i64,
    ) -> Result<Vec<u8>, String> {
        let flags = plan.flags;
        let value = attributes.tsval.unwrap_or_else(|| self.timestamp(now_ns));
        let echo = if flags & ACK != 0 {
            self.timestamp_recent
        } else {
            0
        };
        let times = (value, attributes.tsecr.unwrap_or(echo));
        if flags & SYN != 0 {
            return Ok(attributes.syn.encode(times));
        }
        let is_reset = flags & RST != 0;
        let is_timed = agreed.timestamps && !attributes.no_timestamps && !is_reset;
        let times = (is_timed || attributes.tsval.is_some()).then_some(times);
        let most = if times.is_some() { 3 } else { 4 };
        let reports = agreed.sack_permitted && flags & ACK != 0 && !is_reset;
        let blocks = match (&plan.sack, reports) {
            (Some(blocks), _) => blocks.clone(),
            (None, true) => self.arrived.sack_blocks(plan.ack, most),
            (None, false) => Vec::new(),
        };
        if blocks.len() > most {
            return Err(format!(
                "{} SACK blocks do not fit; {most} do",
                blocks.len()
            ));
        }
        let blocks: Vec<_> = blocks
            .iter()
            .map(|(left, right)| (peer.wire(*left), peer.wire(*right)))
            .collect();
        Ok(encode_options(times, &blocks))
    }

    /// Moves past a segment that was sent.
    fn sent(&mut self, segment: &Segment, ack: i64) {
        self.spoke = true;
        self.next = self.next.max(segment.end);
        if segment.flags & SYN != 0 {
            self.offered = Some(segment.syn.clone());
        }
        if segment.flags & ACK != 0 {
            self.last_ack = self.last_ack.max(ack);
        }
        if segment.end > segment.seq {
            self.last = Some(segment.clone());
        }
    }
}

impl Arrivals {
    fn add(&mut self, seq: i64, end: i64) {
        if end <= seq {
            return;
        }
        let known = end <= self.next || self.islands.iter().any(|(l, r)| *l <= seq && end <= *r);
        if known {
            self.duplicate = Some((seq, end));
            return;
        }
        let (mut left, mut right) = (seq, end);
        self.islands.retain(|(l, r)| {
            let apart = *r < left || *l > right;
            if !apart {
                left = left.min(*l);
                right = right.max(*r);
            }
            apart
        });
        if left <= self.next {
            self.next = right;
            self.islands.retain(|(l, _)| *l > right);
        } else {
            self.islands.insert(0, (left, right));
        }
    }

    /// The blocks of the next acknowledgement: a repeated arrival first (RFC 2883), then the
    /// latest islands (RFC 2018).
    fn sack_blocks(&mut self, ack: i64, most: usize) -> Vec<(i64, i64)> {
        let duplicate = self.duplicate.take();
        let islands = self.islands.iter().copied().filter(|(left, _)| *left > ack);
        duplicate.into_iter().chain(islands).take(most).collect()
    }
}

impl SynOptions {
    /// The options of a SYN in the order Linux sends them, padded with no-operations.
    fn encode(&self, times: (u32, u32)) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(mss) = self.mss {
            bytes.extend_from_slice(&[2, 4]);
            bytes.extend_from_slice(&mss.to_be_bytes());
        }
        match (self.sack_permitted, self.timestamps) {
            (true, _) => bytes.extend_from_slice(if self.timestamps {
                &[4, 2]
            } else {
                &[1, 1, 4, 2]
            }),
            (false, true) => bytes.extend_from_slice(&[1, 1]),
            (false, false) => {}
        }
        if self.timestamps {
            push_timestamps(&mut bytes, times);
        }
        if let Some(shift) = self.window_scale {
            bytes.extend_from_slice(&[1, 3, 3, shift]);
        }
        bytes
    }
}

fn push_timestamps(bytes: &mut Vec<u8>, (value, echo): (u32, u32)) {
    bytes.extend_from_slice(&[8, 10]);
    bytes.extend_from_slice(&value.to_be_bytes());
    bytes.extend_from_slice(&echo.to_be_bytes());
}

/// Timestamps and SACK blocks, aligned as everybody does (RFC 7323 appendix A).
fn encode_options(times: Option<(u32, u32)>, blocks: &[(u32, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(times) = times {
        bytes.extend_from_slice(&[1, 1]);
        push_timestamps(&mut bytes, times);
    }
    if !blocks.is_empty() {
        bytes.extend_from_slice(&[1, 1, 5, (2 + 8 * blocks.len()) as u8]);
        for (left, right) in blocks {
            bytes.extend_from_slice(&left.to_be_bytes());
            bytes.extend_from_slice(&right.to_be_bytes());
        }
    }
    bytes
}

/// The timestamp value among options written by this module.
fn timestamp_of(options: &[u8]) -> Option<u32> {
    let mut rest = options;
    loop {
        rest = match rest {
            [8, 10, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d])),
            [1, after @ ..] => after,
            [_, length, ..] => rest.get(usize::from(*length)..)?,
            _ => return None,
        };
    }
}

/// The flags that tcpdump prints as these letters.
pub(super) fn parse_flags(word: &str) -> Option<u8> {
    use super::wire::{CWR, ECE, URG};
    word.chars().try_fold(0, |flags, letter| {
        let flag = match letter {
            'S' => SYN,
            'F' => FIN,
            'R' => RST,
            'P' => PSH,
            '.' => ACK,
            'E' => ECE,
            'W' => CWR,
            'U' => URG,
            _ => return None,
        };
        (flags & flag == 0).then_some(flags | flag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_remember_holes_latest_first() {
        let mut arrived = Arrivals {
            next: 1,
            islands: Vec::new(),
            duplicate: None,
        };
        arrived.add(11, 21);
        arrived.add(31, 41);
        arrived.add(41, 51);
        assert_eq!(arrived.sack_blocks(1, 3), [(31, 51), (11, 21)]);
        arrived.add(1, 11);
        assert_eq!(
            (arrived.next, arrived.islands.clone()),
            (21, vec![(31, 51)])
        );
        arrived.add(31, 41);
        assert_eq!(arrived.sack_blocks(21, 3), [(31, 41), (31, 51)]);
        assert_eq!(arrived.sack_blocks(21, 3), [(31, 51)]);
    }

    #[test]
    fn flags_are_tcpdump_letters() {
        assert_eq!(parse_flags("S."), Some(SYN | ACK));
        assert_eq!(parse_flags("FP."), Some(FIN | PSH | ACK));
        assert_eq!(parse_flags("SS"), None);
        assert_eq!(parse_flags("x"), None);
    }
}
