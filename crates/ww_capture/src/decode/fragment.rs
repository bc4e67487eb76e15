//! Reassembly of IPv4 and IPv6 fragments, with bounds on sets, bytes and time.
//!
//! The frame that fills the last hole carries the whole datagram, in whatever order the pieces came
//! (so Wireshark counts too). Where pieces overlap, the bytes of the piece with the lower offset
//! win, then those of the earlier one. A set is given up 60 s after its first piece (RFC 791
//! section 3.2, RFC 8200 section 4.5; Wireshark waits for ever), or when a newer one
//! needs its place.

use super::bytes::{Bytes, be16};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use ww_base::{Limits, Moment, Span};

/// How long an incomplete datagram is waited for.
const PATIENCE: Span = Span::from_secs(60);
/// Completed datagrams remembered, so that late copies of their pieces are not called losses.
const REMEMBERED: usize = 64;
/// Holes listed per incomplete datagram.
const HOLES: usize = 8;
/// What a piece costs beyond its bytes.
const PIECE_OVERHEAD: usize = 64;

/// What makes pieces belong together; `protocol` is 0 for IPv6, where it does not count. Copies of
/// an IPv4 datagram in two VLANs are not mixed; `vlan` is `None` for IPv6, as in `TShark`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) protocol: u8,
    pub(super) id: u32,
    pub(super) vlan: Option<u16>,
}

/// One fragment as a frame carries it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) frame: u64,
    pub(super) at: Moment,
    /// Protocol of the payload as this piece says.
    pub(super) protocol: u8,
    /// Where in the datagram, in bytes.
    pub(super) offset: u32,
    /// More fragments follow this one.
    pub(super) more: bool,
    pub(super) bytes: Bytes<'a>,
}

/// A datagram put together.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) datagram: Vec<u8>,
    pub(super) first_frame: u64,
    /// Protocol as the piece at offset 0 says.
    pub(super) protocol: u8,
}

/// What became of the fragments of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FragmentReport {
    /// Datagrams never completed, in the order in which they were given up.
    pub incomplete: Vec<IncompleteDatagram>,
    /// Incomplete datagrams beyond those listed.
    pub incomplete_more: u64,
    /// Datagrams completed.
    pub completed: u64,
    /// Datagrams all of whose pieces were seen, but not all bytes captured: not put together.
    pub cut: u64,
    /// Datagrams given up early because the bounds on sets or bytes were reached.
    pub evicted: u64,
    /// Pieces that repeated an earlier one of the same range, or came after completion.
    pub duplicates: u64,
    /// Pieces that overlapped others in part: never sent by a sane host.
    pub overlaps: u64,
}

/// A fragmented datagram of which something is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteDatagram {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Protocol of the payload.
    pub protocol: u8,
    /// IPv4 identification, or the one of the IPv6 fragment header.
    pub id: u32,
    /// Source and destination port, when the first fragment was seen and the protocol is TCP or UDP.
    pub ports: Option<(u16, u16)>,
    /// First frame that carried a piece.
    pub first_frame: u64,
    /// Last frame that carried a piece.
    pub last_frame: u64,
    /// How many frames did.
    pub frames: u32,
    /// When the first piece came.
    pub first_at: Moment,
    /// When the last piece came.
    pub last_at: Moment,
    /// The first missing byte ranges of the payload, half-open; the end is `None` when the last
    /// fragment was not seen.
    pub missing: Vec<(u32, Option<u32>)>,
    /// Given up because of a bound, so the missing pieces may have come later.
    pub evicted: bool,
}

/// The incomplete datagrams of a capture.
#[derive(Debug)]
pub(super) struct Reassembler {
    max_sets: usize,
    max_bytes: usize,
    sets: BTreeMap<Key, Set>,
    /// Sets by age.
    by_age: BTreeMap<u64, Key>,
    next_serial: u64,
    bytes: usize,
    recent: VecDeque<(Key, Moment)>,
    report: FragmentReport,
}

#[derive(Debug)]
struct Set {
    serial: u64,
    /// Sorted by offset, then by arrival.
    pieces: Vec<Kept>,
    /// Length of the datagram, known from the piece without "more fragments".
    end: Option<u32>,
    protocol: u8,
    ports: Option<(u16, u16)>,
    first_frame: u64,
    last_frame: u64,
    frames: u32,
    first_at: Moment,
    last_at: Moment,
    /// Not all bytes of some piece were captured.
    cut: bool,
    /// A datagram of this key was completed just before: these are copies.
    copies: bool,
    cost: usize,
}

#[derive(Debug)]
struct Kept {
    offset: u32,
    end: u32,
    bytes: Vec<u8>,
}

impl Reassembler {
    pub(super) fn new(limits: &Limits) -> Reassembler {
        Reassembler {
            max_sets: limits.fragment_sets as usize,
            max_bytes: limits.fragment_bytes as usize,
            sets: BTreeMap::new(),
            by_age: BTreeMap::new(),
            next_serial: 0,
            bytes: 0,
            recent: VecDeque::new(),
            report: FragmentReport::default(),
        }
    }

    /// Takes a piece; returns the datagram when it was the last one missing.
    pub(super) fn add(&mut self, key: Key, piece: &Piece<'_>) -> Option<Whole> {
        self.expire(piece.at);
        if !self.sets.contains_key(&key) {
            self.open(key, piece);
        }
        let set = self.sets.get_mut(&key)?;
        let before = set.cost;
        match set.insert(piece) {
            Placed::Alone => {}
            Placed::Duplicate => self.report.duplicates += 1,
            Placed::Overlapping => self.report.overlaps += 1,
        }
        self.bytes += set.cost - before;
        if set.is_complete() {
            return self.close(key, piece.at);
        }
        while self.bytes > self.max_bytes {
            self.evict_oldest();
        }
        None
    }

    /// Gives up what is left.
    pub(super) fn finish(mut self) -> FragmentReport {
        while let Some((_, key)) = self.by_age.pop_first() {
            self.give_up(key, false);
        }
        self.report
    }

    fn open(&mut self, key: Key, piece: &Piece<'_>) {
        while self.sets.len() >= self.max_sets.max(1) {
            self.evict_oldest();
        }
        let copies = self
            .recent
            .iter()
            .any(|&(done, at)| done == key && piece.at - at <= PATIENCE);
        self.by_age.insert(self.next_serial, key);
        self.sets
            .insert(key, Set::new(self.next_serial, piece, copies));
        self.next_serial += 1;
    }

    /// Takes a complete set out.
    fn close(&mut self, key: Key, at: Moment) -> Option<Whole> {
        let set = self.remove(key)?;
        if self.recent.len() >= REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((key, at));
        if set.cut {
            self.report.cut += 1;
            return None;
        }
        self.report.completed += 1;
        Some(Whole {
            first_frame: set.first_frame,
            protocol: set.protocol,
            datagram: set.into_datagram(),
        })
    }

    fn remove(&mut self, key: Key) -> Option<Set> {
        let set = self.sets.remove(&key)?;
        self.by_age.remove(&set.serial);
        self.bytes -= set.cost;
        Some(set)
    }

    fn expire(&mut self, now: Moment) {
        while let Some(key) = self.oldest(|set| now - set.first_at > PATIENCE) {
            self.give_up(key, false);
        }
    }

    fn evict_oldest(&mut self) {
        if let Some(key) = self.oldest(|_| true) {
            self.report.evicted += 1;
            self.give_up(key, true);
        }
    }

    /// The oldest set, if it satisfies `condition`.
    fn oldest(&self, condition: impl Fn(&Set) -> bool) -> Option<Key> {
        let (_, key) = self.by_age.first_key_value()?;
        self.sets.get(key).is_some_and(condition).then_some(*key)
    }

    fn give_up(&mut self, key: Key, evicted: bool) {
        let Some(set) = self.remove(key) else { return };
        if set.copies {
            self.report.duplicates += u64::from(set.frames);
        } else if self.report.incomplete.len() < self.max_sets {
            self.report
                .incomplete
                .push(set.into_incomplete(key, evicted));
        } else {
            self.report.incomplete_more += 1;
        }
    }
}

enum Placed {
    Alone,
    Duplicate,
    Overlapping,
}

impl Set {
    fn new(serial: u64, piece: &Piece<'_>, copies: bool) -> Set {
        Set {
            serial,
            pieces: Vec::new(),
            end: None,
            protocol: piece.protocol,
            ports: None,
            first_frame: piece.frame,
            last_frame: piece.frame,
            frames: 0,
            first_at: piece.at,
            last_at: piece.at,
            cut: false,
            copies,
            cost: 0,
        }
    }

    fn insert(&mut self, piece: &Piece<'_>) -> Placed {
        self.frames = self.frames.saturating_add(1);
        self.last_frame = piece.frame;
        self.last_at = piece.at;
        let (offset, end) = (piece.offset, piece.offset.saturating_add(piece.bytes.wire));
        if offset == 0 {
            self.protocol = piece.protocol;
            let has_ports = matches!(piece.protocol, 6 | 17);
            let ports = be16(piece.bytes.held, 0).zip(be16(piece.bytes.held, 2));
            self.ports = ports.filter(|_| has_ports).or(self.ports);
        }
        if !piece.more && self.end.is_none() {
            self.end = Some(end);
        }
        if self
            .pieces
            .iter()
            .any(|kept| kept.offset == offset && kept.end == end)
        {
            return Placed::Duplicate;
        }
        let position = self.pieces.partition_point(|kept| kept.offset <= offset);
        let before = position
            .checked_sub(1)
            .and_then(|before| self.pieces.get(before));
        let overlaps = before.is_some_and(|kept| kept.end > offset)
            || self
                .pieces
                .get(position)
                .is_some_and(|kept| kept.offset < end);
        self.cut |= piece.bytes.is_cut();
        self.cost += piece.bytes.held.len() + PIECE_OVERHEAD;
        self.pieces.insert(
            position,
            Kept {
                offset,
                end,
                bytes: piece.bytes.held.to_vec(),
            },
        );
        if overlaps {
            Placed::Overlapping
        } else {
            Placed::Alone
        }
    }

    fn is_complete(&self) -> bool {
        let Some(end) = self.end else { return false };
        self.reach() >= end
    }

    /// The end of the range that is there without a hole, from 0.
    fn reach(&self) -> u32 {
        let mut reach = 0;
        for kept in &self.pieces {
            if kept.offset > reach {
                break;
            }
            reach = reach.max(kept.end);
        }
        reach
    }

    fn into_datagram(self) -> Vec<u8> {
        let length = self.end.unwrap_or_default() as usize;
        let mut datagram = Vec::with_capacity(length);
        for kept in self.pieces {
            let already = datagram.len().saturating_sub(kept.offset as usize);
            datagram.extend_from_slice(kept.bytes.get(already..).unwrap_or_default());
        }
        datagram.truncate(length);
        datagram
    }

    fn into_incomplete(self, key: Key, evicted: bool) -> IncompleteDatagram {
        IncompleteDatagram {
            src: key.src,
            dst: key.dst,
            protocol: self.protocol,
            id: key.id,
            ports: self.ports,
            first_frame: self.first_frame,
            last_frame: self.last_frame,
            frames: self.frames,
            first_at: self.first_at,
            last_at: self.last_at,
            missing: self.holes(),
            evicted,
        }
    }

    fn holes(&self) -> Vec<(u32, Option<u32>)> {
        let mut holes = Vec::new();
        let mut reach = 0;
        for kept in &self.pieces {
            if kept.offset > reach {
                holes.push((reach, Some(kept.offset)));
            }
            reach = reach.max(kept.end);
        }
        match self.end {
            Some(end) if reach >= end => {}
            end => holes.push((reach, end)),
        }
        holes.truncate(HOLES);
        holes
    }
}
