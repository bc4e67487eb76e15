//! Connections: the table of them, the labels of their frames, and what really happened.
//!
//! Two outputs, kept apart. *Labels* ([`Labels`]) agree with Wireshark 4.0 frame for frame; they are
//! there for checking and for people who know them. *Causes* are our own reading of the same
//! frames, with IP-ID, timestamps, SACK and the place of the capture: they end as symptoms of a
//! [`TcpFlow`](ww_evidence::TcpFlow).

mod acks;
mod bulk;
mod ending;
mod finish;
mod flights;
mod flow;
mod labels;
mod repair;
mod segment;
mod seq;
mod side;
mod space;
mod symptoms;
mod table;
mod talk;

pub use labels::Labels;

use crate::decode::{IpHeader, Quoted, Tcp};
use flow::{Flow, Noted};
use segment::Segment;
use table::{Key, Table};
use ww_base::{Limits, Moment};
use ww_evidence::{Mark, PortReuse, Quality, TcpFlow};

/// The protocol number of TCP.
const TCP: u8 = 6;

/// Length of a TCP header without options.
const HEADER_MIN: u8 = 20;

/// Copies of which the frame numbers are kept.
const COPIES_KEPT: usize = 8;

/// A copy within this time of its original is the capture's doing, or the last hop's.
const COPY_DELAY_MAX: ww_base::Span = ww_base::Span::from_millis(1);

/// The label of one frame, with the connection it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameLabels {
    /// Wireshark's `tcp.stream`.
    pub stream: u32,
    /// The labels.
    pub labels: Labels,
    /// `tcp.analysis.duplicate_ack_num`; 0 when the frame is no duplicate ACK.
    pub duplicate_number: u32,
    /// A copy of an earlier frame.
    pub copy: bool,
    /// A copy of an earlier frame with another hop limit.
    pub routed_copy: bool,
}

/// All connections of a capture.
#[derive(Debug)]
pub struct TcpTable {
    limits: Limits,
    table: Table,
    #[expect(
        clippy::vec_box,
        reason = "a connection's state is freed as soon as its evidence is made, and never moves"
    )]
    flows: Vec<Box<Flow>>,
    /// The connection of the latest segment: the next one often belongs to it.
    latest: u32,
    streams: u32,
    dropped: u64,
}

impl TcpTable {
    /// An empty table.
    pub fn new(limits: &Limits) -> TcpTable {
        TcpTable {
            limits: limits.clone(),
            table: Table::default(),
            flows: Vec::new(),
            latest: 0,
            streams: 0,
            dropped: 0,
        }
    }

    /// Takes in one segment; `quality` learns what it shows about the capture.
    #[expect(
        clippy::inline_always,
        reason = "out of line, the headers of every segment are written to memory and read back"
    )]
    #[inline(always)]
    pub fn segment(
        &mut self,
        mark: Mark,
        ip: &IpHeader,
        tcp: &Tcp<'_>,
        quality: &mut Quality,
    ) -> FrameLabels {
        let (key, way) = Key::new(ip.src, tcp.src_port, ip.dst, tcp.dst_port);
        let (index, reused) = self.connection(key, way, mark, (tcp.flags, tcp.seq));
        let Some(flow) = self.flows.get_mut(index as usize) else {
            return FrameLabels::default();
        };
        let Some(len) = tcp.len else {
            return FrameLabels {
                stream: flow.stream,
                ..FrameLabels::default()
            };
        };
        let segment = Segment::new(mark, ip, tcp, len);
        let labelled = flow.labels.label(way, &segment, reused, &self.limits);
        let from = flow.side_of(way);
        let noted = flow.take(from, &segment, &labelled, &self.limits);
        let stream = flow.stream;
        note_quality(quality, mark, &segment, noted);
        // What `TShark` finds where the header claims less than its 20 bytes, it does not show.
        let shown = tcp.header_len >= HEADER_MIN;
        FrameLabels {
            stream,
            labels: if shown { labelled.labels } else { Labels::NONE },
            duplicate_number: if shown { labelled.duplicate_number } else { 0 },
            copy: noted.copy.is_some(),
            routed_copy: noted.copy.is_some_and(|(_, routed)| routed),
        }
    }

    /// Takes the header of a segment that an ICMP error quotes. Like Wireshark, a quotation of at
    /// least 16 bytes belongs to a connection, or begins one, without being analysed; a shorter
    /// one belongs to a connection that is known.
    pub fn quoted(&mut self, mark: Mark, quoted: &Quoted) -> Option<FrameLabels> {
        if quoted.protocol != TCP {
            return None;
        }
        let (src_port, dst_port) = quoted.ports?;
        let (key, way) = Key::new(quoted.src, src_port, quoted.dst, dst_port);
        let (index, reused) = match (quoted.tcp_flags, quoted.tcp_seq) {
            (Some(flags), Some(seq)) => self.connection(key, way, mark, (flags, seq)),
            _ => (self.find(&key)?, false),
        };
        let flow = self.flows.get(index as usize)?;
        Some(FrameLabels {
            stream: flow.stream,
            labels: if reused {
                Labels::REUSED_PORTS
            } else {
                Labels::NONE
            },
            ..FrameLabels::default()
        })
    }

    /// Connections that were dropped to stay within [`Limits::flows`].
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// All connections in order of appearance; `end` is the last moment of the capture.
    pub fn finish(self, end: Moment) -> Vec<Box<TcpFlow>> {
        self.flows
            .into_iter()
            .filter(|flow| flow.was_seen())
            .map(|mut flow| Box::new(finish::evidence(&mut flow, end)))
            .collect()
    }

    #[inline]
    fn find(&self, key: &Key) -> Option<u32> {
        if self.is_of(self.latest, key) {
            return Some(self.latest);
        }
        self.table.find(key, |index| self.is_of(index, key))
    }

    #[inline]
    fn is_of(&self, index: u32, key: &Key) -> bool {
        self.flows
            .get(index as usize)
            .is_some_and(|flow| flow.key == *key)
    }

    /// The connection a segment belongs to, and whether it just reused the ports of another.
    #[inline]
    fn connection(
        &mut self,
        key: Key,
        way: usize,
        mark: Mark,
        (flags, seq): (u16, u32),
    ) -> (u32, bool) {
        let known = self.find(&key);
        let old = known.filter(|&index| {
            self.flows
                .get(index as usize)
                .and_then(|flow| flow.labels.sides.get(way))
                .is_some_and(|side| side.is_reused_by(flags, seq))
        });
        let index = match (known, old) {
            (Some(index), None) => index,
            _ => self.open(known, key, way, mark, flags),
        };
        self.latest = index;
        (index, old.is_some())
    }

    /// Takes in a new connection, which may be on the ports of one that is known.
    #[inline(never)]
    fn open(
        &mut self,
        mut known: Option<u32>,
        key: Key,
        way: usize,
        mark: Mark,
        flags: u16,
    ) -> u32 {
        let mut flow = Box::new(Flow::new(key, way, self.streams, mark, flags));
        flow.reuse = known
            .and_then(|index| self.flows.get(index as usize))
            .map(|old| Box::new(reuse_of(old)));
        if self.flows.len() >= self.limits.flows as usize {
            self.make_room();
            known = None;
        }
        let index = self.flows.len() as u32;
        self.table.store(&key, index, known);
        self.flows.push(flow);
        self.streams += 1;
        index
    }

    /// Drops an eighth of the connections: those that carried no data first, then the longest idle.
    fn make_room(&mut self) {
        let mut order: Vec<(bool, Moment, u32)> = self
            .flows
            .iter()
            .enumerate()
            .map(|(index, flow)| (flow.last_data.is_some(), flow.last.at, index as u32))
            .collect();
        let victims = (order.len() / 8).max(1).min(order.len());
        order.select_nth_unstable(victims - 1);
        let mut gone = vec![false; self.flows.len()];
        for &(_, _, index) in order.iter().take(victims) {
            if let Some(gone) = gone.get_mut(index as usize) {
                *gone = true;
            }
        }
        let mut index = 0;
        self.flows.retain(|_| {
            let keep = !gone.get(index).copied().unwrap_or(false);
            index += 1;
            keep
        });
        self.dropped += victims as u64;
        self.table.clear();
        for (index, flow) in self.flows.iter().enumerate() {
            let older = self
                .table
                .find(&flow.key, |other| self.is_of(other, &flow.key));
            self.table.store(&flow.key, index as u32, older);
        }
    }
}

/// What a new connection must know of the one whose ports it reuses.
fn reuse_of(old: &Flow) -> PortReuse {
    PortReuse {
        stream: old.stream,
        last: old.last,
        closed: ending::closed(old),
        closed_first_by_client: old
            .given_up()
            .is_some_and(|(side, _)| side == ww_evidence::SideId::Client),
    }
}

fn note_quality(quality: &mut Quality, mark: Mark, segment: &Segment<'_>, noted: Noted) {
    let duplication = &mut quality.duplication;
    duplication.of += 1;
    if let Some((delay, routed)) = noted.copy
        && delay <= COPY_DELAY_MAX
    {
        duplication.copies += 1;
        duplication.routed += u64::from(routed);
        duplication.delay = duplication.delay.max(delay);
        if duplication.frames.len() < COPIES_KEPT {
            duplication.frames.push(mark.frame());
        }
    }
    if noted.offloaded {
        if quality.offloaded_frames == 0 {
            quality.offloaded_first = mark.frame();
        }
        quality.offloaded_frames += 1;
        quality.offloaded_largest = quality.offloaded_largest.max(segment.len);
    }
}
