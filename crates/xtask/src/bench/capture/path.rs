//! The way between two ends of a connection, with the capture point somewhere on it.

use super::rng::Rng;
use super::types::{Micros, Pair, Side};

/// Serialisation on the sending card: 1 Gb/s.
const CARD_NS_PER_BYTE: i64 = 8;

/// A slow link with a bounded queue in front of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bottleneck {
    /// Time to send one byte, nanoseconds.
    pub(super) ns_per_byte: i64,
    /// Longest queue, as the time it takes to drain; what would wait longer is dropped.
    pub(super) queue: Micros,
    /// The side of the capture point it is on.
    pub(super) near: Side,
}

/// What the way does to packets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// One-way delay between the capture point and each end.
    pub(super) delay: Pair<Micros>,
    /// Lost packets in a million.
    pub(super) loss_ppm: u32,
    /// Overtaken packets in a million.
    pub(super) reorder_ppm: u32,
    /// Doubled packets in a million.
    pub(super) duplicate_ppm: u32,
    /// The slow link, if any.
    pub(super) bottleneck: Option<Bottleneck>,
    /// From this moment nothing reaches or leaves the server.
    pub(super) dead_from: Option<Micros>,
}

/// When a packet passes the capture point and when it arrives; a copy may follow the original.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trip {
    /// Seen by the capture.
    pub(super) seen: [Option<Micros>; 2],
    /// Arrived at the peer.
    pub(super) arrived: [Option<Micros>; 2],
}

/// State of the way during one connection.
#[derive(Debug)]
pub(super) struct Path {
    way: Way,
    /// Per sending side: when its card is free again.
    card_free: Pair<Micros>,
    /// Per sending side: when the slow link is free again.
    link_free: Pair<Micros>,
    /// Per sending side: the latest in-order passage of the capture point and of the end.
    last: Pair<Pair<Micros>>,
}

impl Path {
    /// An idle way.
    pub(super) fn new(way: Way) -> Self {
        let never = Pair {
            client: Micros::MIN,
            server: Micros::MIN,
        };
        Self {
            way,
            card_free: never,
            link_free: never,
            last: Pair {
                client: never,
                server: never,
            },
        }
    }

    /// Round-trip time without queues.
    pub(super) fn round_trip(&self) -> Micros {
        2 * (self.way.delay.client + self.way.delay.server)
    }

    /// Carry one packet of `bytes` sent by `from` at `now`.
    pub(super) fn carry(&mut self, rng: &mut Rng, from: Side, now: Micros, bytes: i64) -> Trip {
        let card = self.card_free.of_mut(from);
        let leaves = now.max(*card) + bytes * CARD_NS_PER_BYTE / 1000;
        *card = leaves;
        let mut trip = Trip::default();
        let (original, copy) = self.leg(rng, from, from, leaves, bytes);
        trip.seen = [original, copy];
        if let Some(at) = original {
            let (arrived, doubled) = self.leg(rng, from, from.peer(), at, bytes);
            trip.arrived = [arrived, doubled];
        }
        if let (Some(at), None) = (copy, trip.arrived[1]) {
            trip.arrived[1] = self.leg(rng, from, from.peer(), at, bytes).0;
        }
        trip
    }

    /// The part of the way between the capture point and the end `near`.
    fn leg(
        &mut self,
        rng: &mut Rng,
        from: Side,
        near: Side,
        at: Micros,
        bytes: i64,
    ) -> (Option<Micros>, Option<Micros>) {
        let way = self.way;
        let delay = *way.delay.of(near);
        let whole = (way.delay.client + way.delay.server).max(1);
        let share = |ppm: u32| (i64::from(ppm) * delay / whole) as u32;
        let dead = near == Side::Server && way.dead_from.is_some_and(|from| at >= from);
        if dead || rng.chance(share(way.loss_ppm)) {
            return (None, None);
        }
        let Some(at) = self.queue(from, near, at, bytes) else {
            return (None, None);
        };
        let last = self.last.of_mut(from).of_mut(near);
        let passes = if rng.chance(share(way.reorder_ppm)) {
            at + delay + rng.micros(200, 2_000)
        } else {
            *last = (at + delay).max(*last);
            *last
        };
        let copy = rng
            .chance(share(way.duplicate_ppm))
            .then(|| passes + rng.micros(5, 60));
        (Some(passes), copy)
    }

    /// Wait for the slow link; `None` when its queue is full.
    fn queue(&mut self, from: Side, near: Side, at: Micros, bytes: i64) -> Option<Micros> {
        let Some(slow) = self.way.bottleneck.filter(|slow| slow.near == near) else {
            return Some(at);
        };
        let free = self.link_free.of_mut(from);
        let starts = at.max(*free);
        if starts - at > slow.queue {
            return None;
        }
        *free = starts + bytes * slow.ns_per_byte / 1000;
        Some(*free)
    }
}
