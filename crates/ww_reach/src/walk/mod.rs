//! One concrete packet through a rule set, as Linux takes it through its hooks.
//!
//! A rule may depend on what is not known: a rate, a set that packets fill, an address of the device. The walk then
//! goes on in two worlds, one for each answer; where all worlds end alike, the answer is exact all the same.

mod condition;
pub(crate) mod device;
mod machine;
pub(crate) mod plan;
mod seen;
mod translate;

pub use device::{Device, Interface, Route};

use machine::{Ending, Machine};
use plan::Plan;
use seen::{Span, address};
use std::net::IpAddr;
use ww_base::{Limits, SourceSpan};
use ww_model::Packet;
use ww_model::filter::{ChainId, Field, Hook, Refusal, Ruleset, UnknownId, Verdict, Way};

/// A packet's walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// How it ends.
    pub outcome: Outcome,
    /// Who decided that.
    pub by: By,
    /// What happened on the way, in order; where the way forks, as if what is not known did not hold.
    pub steps: Vec<Step>,
    /// The packet at the end.
    pub after: After,
    /// What is not known and would decide; empty unless the outcome is unknown.
    pub missing: Vec<Missing>,
    /// The ways in which it can end, the likeliest guess first; one unless the outcome is unknown.
    pub endings: Vec<(Outcome, By)>,
}

/// How a packet fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It passes.
    Accept,
    /// It is thrown away in silence.
    Drop,
    /// It is thrown away, and its sender told.
    Reject(Refusal),
    /// It cannot be told.
    Unknown,
}

/// Who decided about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// A rule.
    Rule {
        /// The rule's chain.
        chain: ChainId,
        /// The rule's place in its chain, counted from 0.
        index: usize,
        /// Where it stands.
        at: SourceSpan,
    },
    /// The policy of a base chain.
    Policy(ChainId),
    /// No chain at all sees the packet.
    Nothing,
}

/// Something that happened to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// In which chain.
    pub chain: ChainId,
    /// By which rule of the chain, counted from 0; `None` for what the chain itself did.
    pub rule: Option<usize>,
    /// Where that stands.
    pub at: SourceSpan,
    /// What it was.
    pub event: Event,
}

/// What can happen to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It came to a base chain of this hook.
    Entered(Hook),
    /// All conditions of a rule held.
    Matched,
    /// Whether a condition holds is not known; it was taken for this.
    Assumed {
        /// What is missing.
        missing: Missing,
        /// The answer that was taken.
        holds: bool,
    },
    /// A field was changed; to `None` when its new value is not known.
    Set {
        /// A mark or a code point.
        field: Field,
        /// The new value.
        to: Option<u32>,
    },
    /// Its addresses were translated.
    Translated(After),
    /// It was exempted from tracking.
    Untracked,
    /// A verdict was given.
    Judged(Verdict),
    /// It came to the end of a chain that was jumped to.
    Left,
    /// It came to the end of a base chain, whose policy this is.
    Policy(Verdict),
}

/// A packet's addresses and ports as far as they are known: each one of a range, first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// Source address.
    pub src: (IpAddr, IpAddr),
    /// Destination address.
    pub dst: (IpAddr, IpAddr),
    /// Source port; 0 where the protocol has none.
    pub sport: (u16, u16),
    /// Destination port; 0 where the protocol has none.
    pub dport: (u16, u16),
    /// The packet mark.
    pub mark: Option<u32>,
}

/// What would have to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// Something named in the rule set.
    Unknown(UnknownId),
    /// The value of a field.
    Field(Field),
    /// The name of the interface.
    Interface(Way),
    /// Where the walk would have ended: it took more rules or worlds than [`Limits`] allow.
    End,
}

/// A rule set made ready for many packets.
#[derive(Clone, Debug)]
pub struct Walker<'a> {
    ruleset: &'a Ruleset,
    device: Option<&'a Device>,
    limits: &'a Limits,
    plan: Plan<'a>,
}

impl<'a> Walker<'a> {
    /// A walker through the rule set of a device; `device` where more is known of it than its rules.
    pub fn new(ruleset: &'a Ruleset, device: Option<&'a Device>, limits: &'a Limits) -> Walker<'a> {
        Walker {
            ruleset,
            device,
            limits,
            plan: Plan::new(ruleset),
        }
    }

    /// The packet's walk with all its steps. `hook` says whether the packet is for the device ([`Hook::Input`]),
    /// sent by it ([`Hook::Output`]), or passes through (any other).
    pub fn walk(&self, hook: Hook, packet: &Packet) -> Walk {
        self.run(hook, packet, true)
    }

    /// The packet's walk without its steps, which is faster.
    pub fn decide(&self, hook: Hook, packet: &Packet) -> Walk {
        self.run(hook, packet, false)
    }

    fn run(&self, hook: Hook, packet: &Packet, records: bool) -> Walk {
        let (endings, missing) = Machine::new(self, packet, records).run(hook);
        summary(packet, endings, missing)
    }
}

/// One packet through a rule set of which nothing else is known.
pub fn walk(ruleset: &Ruleset, hook: Hook, packet: &Packet) -> Walk {
    Walker::new(ruleset, None, &Limits::default()).walk(hook, packet)
}

/// All endings as one answer.
fn summary(packet: &Packet, endings: Vec<Ending>, missing: Vec<Missing>) -> Walk {
    let mut distinct: Vec<(Outcome, By)> = Vec::new();
    for ending in &endings {
        if distinct
            .iter()
            .all(|(outcome, _)| *outcome != ending.outcome)
        {
            distinct.push((ending.outcome, ending.by));
        }
    }
    let first = distinct.first().copied();
    let (outcome, by) = match first {
        Some(only) if distinct.len() == 1 => only,
        _ => (Outcome::Unknown, By::Nothing),
    };
    // Where the packet may pass, what it is then counts; not what it was when it did not.
    let passes = |ending: &&Ending| ending.outcome == Outcome::Accept;
    let any_passes = endings.iter().any(|ending| passes(&ending));
    let after = endings
        .iter()
        .filter(|ending| passes(ending) || !any_passes)
        .map(|ending| ending.seen.after(packet.src.is_ipv6()))
        .reduce(After::or)
        .unwrap_or_else(|| After::of(packet));
    let steps = endings
        .into_iter()
        .next()
        .map_or(Vec::new(), |ending| ending.steps);
    let is_exact = outcome != Outcome::Unknown;
    Walk {
        outcome,
        by,
        steps,
        after,
        missing: if is_exact { Vec::new() } else { missing },
        endings: distinct,
    }
}

impl After {
    /// A packet nothing has happened to.
    pub fn of(packet: &Packet) -> After {
        After {
            src: (packet.src, packet.src),
            dst: (packet.dst, packet.dst),
            sport: (packet.sport, packet.sport),
            dport: (packet.dport, packet.dport),
            mark: Some(packet.mark),
        }
    }

    /// What holds for one or the other.
    fn or(self, other: After) -> After {
        fn hull<T: Ord>((a, b): (T, T), (c, d): (T, T)) -> (T, T) {
            (a.min(c), b.max(d))
        }
        After {
            src: hull(self.src, other.src),
            dst: hull(self.dst, other.dst),
            sport: hull(self.sport, other.sport),
            dport: hull(self.dport, other.dport),
            mark: self.mark.filter(|mark| other.mark == Some(*mark)),
        }
    }
}

impl seen::Seen<'_> {
    fn after(&self, v6: bool) -> After {
        let addresses = |(first, last): Span| (address(first, v6), address(last, v6));
        let ports = |(first, last): Span| (first as u16, last as u16);
        After {
            src: addresses(self.src),
            dst: addresses(self.dst),
            sport: ports(self.sport),
            dport: ports(self.dport),
            mark: self.mark.exact(),
        }
    }
}

#[cfg(test)]
mod tests;
