//! What the user asks of a walk.

use crate::{NameServer, NetworkNamespace, TrustAnchors};
use std::net::IpAddr;
use std::time::Duration;

/// How much is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// One question per layer.
    Quick,
    /// Every address and version, and what an answer makes one ask.
    #[default]
    Normal,
    /// Also all suites, idle times and the path.
    Deep,
}

/// Which families of addresses are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Families {
    /// Both.
    #[default]
    Both,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl Families {
    /// Whether an address may be used.
    pub fn allow(self, address: IpAddr) -> bool {
        match self {
            Families::Both => true,
            Families::V4 => address.is_ipv4(),
            Families::V6 => address.is_ipv6(),
        }
    }
}

/// What the user asks of a walk. Options are named as curl's where curl has them.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much is asked.
    pub depth: Depth,
    /// Which families of addresses are used.
    pub families: Families,
    /// `--resolve HOST:PORT:ADDR`: addresses that stand for a name and port.
    pub resolve: Vec<(String, u16, IpAddr)>,
    /// `--dns-server`: asked in place of the configured ones.
    pub dns_servers: Vec<NameServer>,
    /// `--trust-anchor`: where chains of DNSSEC begin.
    pub trust_anchors: TrustAnchors,
    /// `--cacert`: PEM of the roots that are trusted in place of the system's.
    pub roots: Option<Vec<u8>>,
    /// `--cert` and `--key`: PEM of the client's certificates and its key.
    pub client_certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// `-H`: header fields of requests.
    pub headers: Vec<(String, String)>,
    /// `--netns`, `--pid`: the network namespace that is walked from, where it is not the program's own.
    pub namespace: Option<NetworkNamespace>,
    /// How long one question waits for its answer.
    pub patience: Duration,
    /// How long connections are left idle at most, where idle times are tried ([`Depth::Deep`]). Within
    /// `max_time`.
    pub idle_time: Duration,
    /// `--max-time`: no question is begun after this.
    pub max_time: Duration,
    /// `--repeat`: how often the whole question is put at most, for trouble that comes and goes; 0 for
    /// once.
    pub repeat: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            depth: Depth::Normal,
            families: Families::Both,
            resolve: Vec::new(),
            dns_servers: Vec::new(),
            trust_anchors: TrustAnchors::default(),
            roots: None,
            client_certificate: None,
            headers: Vec::new(),
            namespace: None,
            patience: Duration::from_secs(5),
            idle_time: Duration::ZERO,
            max_time: Duration::from_mins(1),
            repeat: 0,
        }
    }
}
