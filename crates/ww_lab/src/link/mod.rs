//! The labelled link: packets in with a time, packets out with a time, and a log of every harm done.
//!
//! No clock and no socket in here: the caller says what time it is and carries the frames.

mod fault;
mod select;

pub use fault::{Bottleneck, Effect, Fault, Forgetting, Lane, Plan};
pub use select::{Kind, Selector, Which};

use crate::forge;
use crate::packet::{Packet, flag};
use crate::rng::Rng;
use crate::truth::{Harm, HarmKind};
use select::{Counter, FlowKey, flow_key};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

/// One end of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end where connections are opened.
    Client,
    /// The end where they are accepted.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A frame that leaves the link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// When, since the link's start.
    pub due: Duration,
    /// Order among deliveries of the same time.
    serial: u64,
    /// At which end.
    pub to: Side,
    /// The frame.
    pub frame: Vec<u8>,
}

/// A link between two ends.
#[derive(Debug)]
pub struct Link {
    stages: Vec<Stage>,
    to_server: LaneState,
    to_client: LaneState,
    queue: BinaryHeap<Reverse<Delivery>>,
    serial: u64,
    rng: Rng,
    log: Vec<Harm>,
}

/// A fault and what it remembers.
#[derive(Debug)]
struct Stage {
    counter: Counter,
    effect: Effect,
    /// Tokens of a policer in bytes, and when they were counted last.
    bucket: Option<(f64, Duration)>,
    /// When each connection of a forgetful middlebox was seen last; `None` once it is forgotten.
    connections: BTreeMap<FlowKey, Option<Duration>>,
}

#[derive(Debug)]
struct LaneState {
    lane: Lane,
    /// Until when the bottleneck is sending what it already took.
    busy_until: Duration,
    /// Until when nothing leaves.
    held_until: Duration,
    /// When the last packet that keeps its order leaves.
    last_due: Duration,
}

/// A frame on its way through the stages.
struct Passing {
    frame: Vec<u8>,
    from: Side,
    /// Extra time at the far end; such a packet may be overtaken.
    late: Duration,
}

/// What a stage decided.
enum Fate {
    Passes,
    IsLost(HarmKind),
}

impl Link {
    /// A link that follows `plan`; `seed` decides which packets random faults pick.
    pub fn new(plan: Plan, seed: u64) -> Self {
        let stages = plan.faults.into_iter().map(Stage::new).collect();
        Self {
            stages,
            to_server: LaneState::new(plan.to_server),
            to_client: LaneState::new(plan.to_client),
            queue: BinaryHeap::new(),
            serial: 0,
            rng: Rng::new(seed),
            log: Vec::new(),
        }
    }

    /// Takes a frame that `from` sent at `now`.
    pub fn offer(&mut self, now: Duration, from: Side, frame: Vec<u8>) {
        self.pass(
            now,
            Passing {
                frame,
                from,
                late: Duration::ZERO,
            },
            0,
        );
    }

    /// When the next frame leaves.
    pub fn next_due(&self) -> Option<Duration> {
        self.queue.peek().map(|Reverse(delivery)| delivery.due)
    }

    /// The next frame that leaves at or before `now`.
    pub fn take_due(&mut self, now: Duration) -> Option<Delivery> {
        if self.next_due()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse(delivery)| delivery)
    }

    /// Every harm done since the last call.
    pub fn take_log(&mut self) -> Vec<Harm> {
        std::mem::take(&mut self.log)
    }

    /// Sends `passing` through the stages from number `first` on, then into its lane.
    fn pass(&mut self, now: Duration, mut passing: Passing, first: usize) {
        for index in first..self.stages.len() {
            let packet = Packet::parse(&passing.frame);
            let Some(stage) = self.stages.get_mut(index) else {
                break;
            };
            if !stage.counter.picks(
                now,
                passing.from,
                &passing.frame,
                packet.as_ref(),
                &mut self.rng,
            ) {
                continue;
            }
            if let Fate::IsLost(kind) = self.apply(now, &mut passing, packet.as_ref(), index) {
                self.note(now, kind, &passing);
                return;
            }
        }
        self.transmit(now, passing);
    }

    /// What stage number `index` does to a packet it picked.
    fn apply(
        &mut self,
        now: Duration,
        passing: &mut Passing,
        packet: Option<&Packet>,
        index: usize,
    ) -> Fate {
        let Some(stage) = self.stages.get_mut(index) else {
            return Fate::Passes;
        };
        let effect = stage.effect.clone();
        match effect {
            Effect::Lose => return Fate::IsLost(HarmKind::Loss),
            Effect::TooLong => return Fate::IsLost(HarmKind::MtuDrop),
            Effect::Late(by) => {
                passing.late += by;
                self.note(now, HarmKind::Late, passing);
            }
            Effect::Hold(time) => {
                self.note(now, HarmKind::Held, passing);
                let lane = self.lane(passing.from);
                lane.held_until = lane.held_until.max(now + lane.lane.delay + time);
            }
            Effect::Duplicate(after) => {
                self.note(now, HarmKind::Duplicated, passing);
                let copy = Passing {
                    frame: passing.frame.clone(),
                    from: passing.from,
                    late: passing.late + after,
                };
                self.pass(now, copy, index + 1);
            }
            Effect::Police {
                rate_bps,
                burst_bytes,
            } => {
                if !stage.has_tokens(now, passing.frame.len(), rate_bps, burst_bytes) {
                    return Fate::IsLost(HarmKind::Policed);
                }
            }
            Effect::Forget { after, then } => {
                if packet.is_some_and(|packet| stage.forgot(now, packet, after)) {
                    if let Forgetting::Reset { ttl } = then {
                        self.answer(now, passing, forge::reset_back(&passing.frame, ttl));
                    }
                    return Fate::IsLost(HarmKind::Forgotten);
                }
            }
            Effect::StripOptions(kinds) => {
                if forge::strip_options(&mut passing.frame, &kinds) {
                    self.note(now, HarmKind::OptionsChanged, passing);
                }
            }
            Effect::ClampMss(mss) => {
                if forge::clamp_mss(&mut passing.frame, mss) {
                    self.note(now, HarmKind::OptionsChanged, passing);
                }
            }
            Effect::ForgeReset { ttl } => {
                self.note(now, HarmKind::ResetForged, passing);
                if let Some(frame) = forge::reset_forward(&passing.frame, ttl) {
                    self.transmit(
                        now,
                        Passing {
                            frame,
                            from: passing.from,
                            late: Duration::ZERO,
                        },
                    );
                }
                self.answer(now, passing, forge::reset_back(&passing.frame, ttl));
            }
            Effect::ClaimAddress { mac } => {
                self.note(now, HarmKind::AddressClaimed, passing);
                self.answer(now, passing, forge::arp_reply(&passing.frame, mac));
            }
            Effect::Refuse { router, error } => {
                self.answer(
                    now,
                    passing,
                    forge::icmp_error(&passing.frame, router, error),
                );
                return Fate::IsLost(HarmKind::IcmpAnswered);
            }
        }
        Fate::Passes
    }

    /// Sends a forged frame back to the sender of `passing`.
    fn answer(&mut self, now: Duration, passing: &Passing, frame: Option<Vec<u8>>) {
        if let Some(frame) = frame {
            self.transmit(
                now,
                Passing {
                    frame,
                    from: passing.from.other(),
                    late: Duration::ZERO,
                },
            );
        }
    }

    /// Queues a frame that survived: bottleneck, then delay.
    fn transmit(&mut self, now: Duration, passing: Passing) {
        let Some(due) = self
            .lane(passing.from)
            .schedule(now, passing.frame.len(), passing.late)
        else {
            self.note(now, HarmKind::QueueDrop, &passing);
            return;
        };
        self.serial += 1;
        let Passing { frame, from, .. } = passing;
        self.queue.push(Reverse(Delivery {
            due,
            serial: self.serial,
            to: from.other(),
            frame,
        }));
    }

    fn lane(&mut self, from: Side) -> &mut LaneState {
        match from {
            Side::Client => &mut self.to_server,
            Side::Server => &mut self.to_client,
        }
    }

    fn note(&mut self, at: Duration, kind: HarmKind, passing: &Passing) {
        let packet = Packet::parse(&passing.frame);
        self.log.push(Harm {
            at,
            kind,
            from: passing.from,
            frame_len: passing.frame.len(),
            packet,
        });
    }
}

impl Stage {
    fn new(fault: Fault) -> Self {
        Self {
            counter: Counter::new(fault.selector),
            effect: fault.effect,
            bucket: None,
            connections: BTreeMap::new(),
        }
    }

    /// Takes the tokens for `len` bytes if there are enough.
    fn has_tokens(&mut self, now: Duration, len: usize, rate_bps: u64, burst_bytes: u64) -> bool {
        let (tokens, counted) = self.bucket.unwrap_or((burst_bytes as f64, now));
        let earned = now.saturating_sub(counted).as_secs_f64() * rate_bps as f64 / 8.0;
        let available = (tokens + earned).min(burst_bytes as f64);
        let passes = available >= len as f64;
        self.bucket = Some((
            if passes {
                available - len as f64
            } else {
                available
            },
            now,
        ));
        passes
    }

    /// True when the connection of `packet` was idle too long; a SYN makes it known again.
    fn forgot(&mut self, now: Duration, packet: &Packet, after: Duration) -> bool {
        let (src, dst, src_port, dst_port) = flow_key(packet);
        let key = if (src, src_port) <= (dst, dst_port) {
            (src, dst, src_port, dst_port)
        } else {
            (dst, src, dst_port, src_port)
        };
        let is_syn = packet
            .tcp()
            .is_some_and(|tcp| tcp.flags & (flag::SYN | flag::ACK) == flag::SYN);
        let seen = self.connections.entry(key).or_insert(Some(now));
        let forgotten = !is_syn && seen.is_none_or(|seen| now.saturating_sub(seen) > after);
        *seen = if forgotten { None } else { Some(now) };
        forgotten
    }
}

impl LaneState {
    fn new(lane: Lane) -> Self {
        let zero = Duration::ZERO;
        Self {
            lane,
            busy_until: zero,
            held_until: zero,
            last_due: zero,
        }
    }

    /// When a frame of `len` bytes leaves; `None` when the queue is full.
    fn schedule(&mut self, now: Duration, len: usize, late: Duration) -> Option<Duration> {
        let sent = match self.lane.bottleneck {
            None => now,
            Some(Bottleneck {
                rate_bps,
                queue_bytes,
            }) => {
                let waiting =
                    self.busy_until.saturating_sub(now).as_secs_f64() * rate_bps as f64 / 8.0;
                if waiting + len as f64 > queue_bytes as f64 {
                    return None;
                }
                self.busy_until = self.busy_until.max(now)
                    + Duration::from_nanos(len as u64 * 8 * 1_000_000_000 / rate_bps.max(1));
                self.busy_until
            }
        };
        let due = (sent + self.lane.delay)
            .max(self.held_until)
            .max(self.last_due);
        if late.is_zero() {
            self.last_due = due;
        }
        Some(due + late)
    }
}

#[cfg(test)]
mod tests;
