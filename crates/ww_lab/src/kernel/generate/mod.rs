//! Rule sets and packets, invented from a seed.
//!
//! Every test that is written into a rule leaves its edges behind: values just inside and just outside. Packets are
//! put together from the edges of one rule and a few of others, because packets drawn from all that is possible
//! would hardly ever meet a rule.

pub mod iptables;
pub mod nft;
mod packets;
mod values;

pub use packets::{first_state, packets};

use crate::rng::Rng;
use ww_model::filter::Hook;

/// What loads a rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// `iptables-restore` of iptables-nft.
    IptablesNft,
    /// `iptables-legacy-restore`.
    IptablesLegacy,
    /// `nft -f`.
    Nft,
}

impl Backend {
    /// All of them.
    pub const ALL: [Backend; 3] = [Backend::IptablesNft, Backend::IptablesLegacy, Backend::Nft];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Backend::IptablesNft => "iptables-nft",
            Backend::IptablesLegacy => "iptables-legacy",
            Backend::Nft => "nft",
        }
    }
}

/// A rule set, and what is needed to invent packets for it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What loads it.
    pub backend: Backend,
    /// Whether packets are IPv6.
    pub v6: bool,
    /// Whether packets are for the router, through it, or from it.
    pub hook: Hook,
    /// Whether it translates addresses.
    pub translates: bool,
    /// The sets of ipset that it refers to, as `ipset restore` reads them.
    pub sets: Vec<String>,
    /// Its lines.
    pub lines: Vec<Line>,
    /// The edges of each rule.
    pub edges: Vec<Vec<Edge>>,
}

/// A line of a rule set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its text.
    pub text: String,
    /// Whether the rule set is still one without it.
    pub is_rule: bool,
}

/// Values of a field at which a rule may change its mind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The field.
    pub part: Part,
    /// Values, addresses as numbers.
    pub values: Vec<u128>,
}

/// The fields of a packet that a generator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Source address.
    Src,
    /// Destination address.
    Dst,
    /// Protocol.
    Proto,
    /// Source port.
    Sport,
    /// Destination port.
    Dport,
    /// TCP flags.
    Flags,
    /// ICMP type.
    IcmpType,
    /// ICMP code.
    IcmpCode,
    /// Interface of entry, by its place in [`INTERFACES`](super::router::INTERFACES).
    Entry,
}

impl Case {
    /// A rule set from a seed.
    pub fn generate(seed: u64, backend: Backend) -> Case {
        let mut rng = Rng::new(seed);
        match backend {
            Backend::IptablesNft | Backend::IptablesLegacy => iptables::case(&mut rng, backend),
            Backend::Nft => nft::case(&mut rng),
        }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        let lines = self.lines.iter().map(|line| line.text.as_str());
        lines.flat_map(|line| [line, "\n"]).collect()
    }

    /// The text of its sets.
    pub fn sets_text(&self) -> String {
        self.sets
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect()
    }
}
