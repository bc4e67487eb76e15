//! What the capture is made of: how many flows of each kind, how large, and when.

use super::connections::{self, Place};
use super::datagrams;
use super::rng::Rng;
use super::types::{Flow, Micros};

/// Length of the capture at 500 MB and more.
const FULL_SECONDS: u64 = 600;
const LEAST_SECONDS: u64 = 20;
/// Some flows began before the capture did.
const BEFORE_CAPTURE: Micros = 5_000_000;
/// Share of the bytes that goes to bulk transfers.
const BULK_PERCENT: u64 = 41;
const LEAST_BULK_BYTES: u32 = 60_000;
const BULK_DOUBLINGS: u32 = 8;

/// A kind of flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Http,
    Tls,
    Bulk,
    Stalled,
    Chat,
    Reset,
    Vanished,
    ReusedPort,
    Unanswered,
    Refused,
    Dns,
    Media,
    Ping,
    Unreachable,
    Fragments,
    Arp,
}

/// Flows per hundred megabytes of each kind but bulk.
const PER_HUNDRED_MB: [(Kind, u64); 15] = [
    (Kind::Http, 1_500),
    (Kind::Tls, 1_000),
    (Kind::Stalled, 10),
    (Kind::Chat, 25),
    (Kind::Reset, 80),
    (Kind::Vanished, 6),
    (Kind::ReusedPort, 30),
    (Kind::Unanswered, 60),
    (Kind::Refused, 60),
    (Kind::Dns, 1_500),
    (Kind::Media, 55),
    (Kind::Ping, 40),
    (Kind::Unreachable, 30),
    (Kind::Fragments, 20),
    (Kind::Arp, 160),
];

/// A flow to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Planned {
    /// When it starts.
    pub(super) start: Micros,
    serial: u64,
    kind: Kind,
    bytes: u32,
}

/// All flows of a capture in order of their start.
#[derive(Debug)]
pub(super) struct Plan {
    /// The flows.
    pub(super) flows: Vec<Planned>,
    /// Nothing is captured from here on.
    pub(super) horizon: Micros,
}

impl Plan {
    /// The plan of a capture of about `mb` million bytes.
    pub(super) fn new(mb: u64) -> Self {
        let seconds = (FULL_SECONDS * mb / 500).clamp(LEAST_SECONDS, FULL_SECONDS);
        let horizon = seconds as Micros * 1_000_000;
        let mut plan = Self {
            flows: Vec::new(),
            horizon,
        };
        let mut rng = Rng::new(mb);
        for (kind, per_hundred) in PER_HUNDRED_MB {
            for _ in 0..(per_hundred * mb + 50) / 100 {
                plan.add(&mut rng, kind, 0);
            }
        }
        plan.add_bulk(&mut rng, mb * 1_000_000 * BULK_PERCENT / 100);
        plan.flows.sort_unstable();
        plan
    }

    fn add_bulk(&mut self, rng: &mut Rng, mut budget: u64) {
        while budget >= u64::from(LEAST_BULK_BYTES) {
            let drawn = u64::from(rng.heavy_tail(LEAST_BULK_BYTES, BULK_DOUBLINGS));
            let bytes = drawn.min(budget);
            budget -= bytes;
            self.add(rng, Kind::Bulk, bytes as u32);
        }
    }

    fn add(&mut self, rng: &mut Rng, kind: Kind, bytes: u32) {
        let serial = self.flows.len() as u64;
        let start = if kind == Kind::Bulk {
            // Transfers get time to finish.
            rng.micros(0, self.horizon * 3 / 4)
        } else {
            rng.micros(-BEFORE_CAPTURE, self.horizon)
        };
        self.flows.push(Planned {
            start,
            serial,
            kind,
            bytes,
        });
    }
}

impl Planned {
    /// Make the flow: all of its packets, none of its payload.
    pub(super) fn flow(self, horizon: Micros) -> Flow {
        let Self {
            start,
            serial,
            kind,
            bytes,
        } = self;
        let rng = &mut Rng::new(0xca97_0000 + serial);
        let place = Place {
            serial,
            start,
            horizon,
        };
        match kind {
            Kind::Http => {
                let exchanges = exchanges(rng);
                connections::http(rng, place, exchanges)
            }
            Kind::Tls => {
                let exchanges = exchanges(rng);
                connections::tls(rng, place, exchanges)
            }
            Kind::Bulk => connections::bulk(rng, place, bytes),
            Kind::Stalled => connections::stalled(rng, place),
            Kind::Chat => connections::chat(rng, place),
            Kind::Reset => connections::reset(rng, place),
            Kind::Vanished => connections::vanished(rng, place),
            Kind::ReusedPort => connections::reused_port(rng, place),
            Kind::Unanswered => connections::unanswered(rng, place),
            Kind::Refused => connections::refused(rng, place),
            Kind::Dns => datagrams::dns(rng, serial, start),
            Kind::Media => {
                let packets = rng.range(200, 1_400) as u32;
                datagrams::media(rng, serial, start, packets)
            }
            Kind::Ping => datagrams::ping(rng, serial, start),
            Kind::Unreachable => datagrams::unreachable(rng, serial, start),
            Kind::Fragments => datagrams::fragments(rng, serial, start),
            Kind::Arp => datagrams::arp(rng, serial, start),
        }
    }
}

/// One exchange on most connections, up to sixteen on the others.
fn exchanges(rng: &mut Rng) -> u32 {
    rng.heavy_tail(1, 4)
}
