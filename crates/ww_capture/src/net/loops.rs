//! The same packet again and again, with a hop limit that falls: it goes in circles.

use super::full;
use super::hash::{address, mix};
use crate::decode::IpHeader;
use std::net::IpAddr;
use ww_base::{Gap, Limits, Span};
use ww_evidence::{LoopSighting, Mark};

/// Packets remembered. Passes of a loop follow one another within milliseconds, so few suffice.
const REMEMBERED: usize = 2048;
/// Longest time between two passes.
const PATIENCE: Span = Span::from_secs(2);
/// A router between two captured networks shows a packet twice; three times is a loop, or three
/// routers on one machine, which the rule tells apart.
const PASSES: u32 = 3;

/// A packet at the capture point, with what stays the same on its way and what does not.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    /// The frame.
    pub mark: Mark,
    /// Sender.
    pub src: IpAddr,
    /// Receiver.
    pub dst: IpAddr,
    /// IP protocol.
    pub protocol: u8,
    /// Identification, IPv4 only.
    pub ip_id: Option<u16>,
    /// Hop limit.
    pub ttl: u8,
    /// Length on the wire, bytes.
    pub wire_len: u32,
    /// A hash of the rest, see [`digest`](super::digest).
    pub digest: u64,
}

impl Passing {
    /// A packet from its header.
    #[inline]
    pub fn of(mark: Mark, ip: &IpHeader, wire_len: u32, digest: u64) -> Passing {
        Passing {
            mark,
            src: ip.src,
            dst: ip.dst,
            protocol: ip.protocol,
            ip_id: ip.id,
            ttl: ip.ttl,
            wire_len,
            digest,
        }
    }

    /// A hash of all but the hop limit and the frame's length, which a VLAN tag changes.
    #[inline]
    fn key(&self) -> u64 {
        let id = u64::from(self.ip_id.unwrap_or_default()) << 8 | u64::from(self.protocol);
        mix(
            mix(mix(address(self.src), address(self.dst)), id),
            self.digest,
        )
    }
}

/// A packet seen lately.
#[derive(Clone, Copy, Debug, Default)]
struct Remembered {
    key: u64,
    first: Mark,
    last: Mark,
    passes: u32,
    ttl_first: u8,
    ttl_last: u8,
    /// Its place in the list plus one; 0 before it is listed.
    listed: u32,
}

/// Looks out for packets that come by several times.
#[derive(Debug)]
pub struct LoopWatch {
    remembered: Box<[Remembered]>,
    sightings: Vec<LoopSighting>,
    limit: usize,
    dropped: u64,
}

impl LoopWatch {
    /// Keeps at most `limits.network_events` sightings.
    pub fn new(limits: &Limits) -> LoopWatch {
        LoopWatch {
            remembered: vec![Remembered::default(); REMEMBERED].into(),
            sightings: Vec::new(),
            limit: limits.network_events as usize,
            dropped: 0,
        }
    }

    /// Takes a packet. A packet that comes again with the same hop limit starts anew: that is a copy
    /// or a retransmission.
    #[expect(
        clippy::inline_always,
        reason = "out of line, every packet is written to memory and read back"
    )]
    #[inline(always)]
    pub fn packet(&mut self, passing: &Passing) {
        let key = passing.key();
        let slot = key as usize % REMEMBERED;
        let Some(held) = self.remembered.get_mut(slot) else {
            return;
        };
        let falls = held.key == key
            && passing.ttl < held.ttl_last
            && held.passes > 0
            && passing.mark.at - held.last.at <= PATIENCE;
        if !falls {
            *held = Remembered {
                key,
                first: passing.mark,
                last: passing.mark,
                passes: 1,
                ttl_first: passing.ttl,
                ttl_last: passing.ttl,
                listed: 0,
            };
            return;
        }
        held.passes += 1;
        held.last = passing.mark;
        held.ttl_last = passing.ttl;
        if held.passes >= PASSES {
            self.list(slot, passing);
        }
    }

    /// The sightings in order of appearance; a full list becomes a gap.
    pub fn finish(self, gaps: &mut Vec<Gap>) -> Vec<LoopSighting> {
        gaps.extend(full("looping packets", self.dropped));
        self.sightings
    }

    #[inline(never)]
    fn list(&mut self, slot: usize, passing: &Passing) {
        let Some(held) = self.remembered.get_mut(slot) else {
            return;
        };
        let sighting = LoopSighting {
            src: passing.src,
            dst: passing.dst,
            passes: held.passes,
            ttl_first: held.ttl_first,
            ttl_last: held.ttl_last,
            first: held.first,
            last: held.last,
            turn: Span((held.last.at - held.first.at).0 / i64::from(held.passes - 1)),
        };
        let place = (held.listed as usize).checked_sub(1);
        let has_room = self.sightings.len() < self.limit;
        match place.and_then(|place| self.sightings.get_mut(place)) {
            Some(listed) => *listed = sighting,
            None if has_room => {
                self.sightings.push(sighting);
                held.listed = self.sightings.len() as u32;
            }
            None => self.dropped += 1,
        }
    }
}
