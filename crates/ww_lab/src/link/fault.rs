//! Faults as data: which packets, and what becomes of them.

use super::Side;
use super::select::{Kind, Selector, Which};
use crate::forge::IcmpError;
use std::net::IpAddr;
use std::time::Duration;

/// What a middlebox that forgot a connection does with its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgetting {
    /// It drops them.
    Silent,
    /// It drops them and resets their sender, with this time to live.
    Reset {
        /// Time to live of the forged reset.
        ttl: u8,
    },
}

/// What becomes of a selected packet.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// It is lost.
    Lose,
    /// It is lost, and the log calls it too long.
    TooLong,
    /// It arrives this much later than its turn: packets sent after it overtake it.
    Late(Duration),
    /// It waits this long, and everything sent after it waits behind it.
    Hold(Duration),
    /// It arrives twice, the copy this much later.
    Duplicate(Duration),
    /// It passes while there are tokens, and is lost otherwise.
    Police {
        /// Tokens per second, in bits.
        rate_bps: u64,
        /// Depth of the bucket in bytes.
        burst_bytes: u64,
    },
    /// It passes unless its connection was idle for longer than this.
    Forget {
        /// Idle time after which the connection is forgotten.
        after: Duration,
        /// What happens then.
        then: Forgetting,
    },
    /// TCP options of these kinds become no-operations.
    StripOptions(Vec<u8>),
    /// The maximum segment size is lowered to this many bytes.
    ClampMss(u16),
    /// It passes, but forged resets reach its receiver before it and its sender later.
    ForgeReset {
        /// Time to live of the forged resets.
        ttl: u8,
    },
    /// It passes, but another host answers this ARP request too.
    ClaimAddress {
        /// Hardware address of the other host.
        mac: [u8; 6],
    },
    /// It is lost, and a router tells its sender why.
    Refuse {
        /// Address of the router.
        router: IpAddr,
        /// What it says.
        error: IcmpError,
    },
}

/// One fault of a link.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The packets it touches.
    pub selector: Selector,
    /// What becomes of them.
    pub effect: Effect,
}

impl Fault {
    /// A fault that touches every packet of `kind` in both directions.
    pub fn new(kind: Kind, effect: Effect) -> Self {
        let selector = Selector {
            from: None,
            kind,
            port: None,
            between: None,
            which: Which::Every,
        };
        Self { selector, effect }
    }

    /// Only packets that `side` sends.
    #[must_use]
    pub fn from(mut self, side: Side) -> Self {
        self.selector.from = Some(side);
        self
    }

    /// Only packets from or to `port`.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.selector.port = Some(port);
        self
    }

    /// Only packets that reach the link between these times since its start.
    #[must_use]
    pub fn between(mut self, start: Duration, end: Duration) -> Self {
        self.selector.between = Some((start, end));
        self
    }

    /// Only some of them.
    #[must_use]
    pub fn which(mut self, which: Which) -> Self {
        self.selector.which = which;
        self
    }

    /// Each of them with this probability.
    #[must_use]
    pub fn share(self, probability: f64) -> Self {
        self.which(Which::Share(probability))
    }
}

/// What one direction of a link does to every packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lane {
    /// Time from one end to the other.
    pub delay: Duration,
    /// Bits per second, with a queue of this many bytes that drops at its tail.
    pub bottleneck: Option<Bottleneck>,
}

/// A rate and the queue in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bottleneck {
    /// Bits per second.
    pub rate_bps: u64,
    /// Bytes that may wait.
    pub queue_bytes: u64,
}

/// Everything a link does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// From the client to the server.
    pub to_server: Lane,
    /// From the server to the client.
    pub to_client: Lane,
    /// Faults, each applied to what the one before let through.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// A link without faults that takes half of `round_trip` in each direction.
    pub fn round_trip(round_trip: Duration) -> Self {
        let lane = Lane {
            delay: round_trip / 2,
            bottleneck: None,
        };
        Self {
            to_server: lane,
            to_client: lane,
            faults: Vec::new(),
        }
    }

    /// The same with one more fault.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The same with a bottleneck in front of what `from` sends.
    #[must_use]
    pub fn bottleneck(mut self, from: Side, rate_bps: u64, queue_bytes: u64) -> Self {
        let lane = match from {
            Side::Client => &mut self.to_server,
            Side::Server => &mut self.to_client,
        };
        lane.bottleneck = Some(Bottleneck {
            rate_bps,
            queue_bytes,
        });
        self
    }
}
