//! Packets that put a rule set to the test.
//!
//! A probe is sent over every interface that the rules mention, and over one that they do not, so
//! that a chain which closes one interface only is not mistaken for one that is open.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ww_base::{Limits, SourceSpan};
use ww_model::filter::{
    Action, Chain, Condition, Field, Hook, NatKind, Rule, Ruleset, Step, Verdict, Way,
};
use ww_model::packet::{CtState, protocol};
use ww_model::{Device, Packet};
use ww_reach::walk::{By, Outcome, Walk, Walker};

/// A name that no rule mentions.
pub(crate) const UNNAMED: &str = "any0";
/// TCP flags of a first packet.
pub(crate) const SYN: u8 = 2;
/// TCP flags of its answer.
pub(crate) const SYN_ACK: u8 = 18;
/// Addresses of the device that are tried at most.
const OWN: usize = 4;
/// Interfaces of which all pairs are tried.
const PAIRED: usize = 10;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    V4,
    V6,
}

impl Version {
    pub(crate) const BOTH: [Version; 2] = [Version::V4, Version::V6];

    /// `IPv4` or `IPv6`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Version::V4 => "IPv4",
            Version::V6 => "IPv6",
        }
    }

    /// Hosts on the internet, far from one another.
    pub(crate) fn world(self) -> [IpAddr; 2] {
        match self {
            Version::V4 => [
                IpAddr::V4(Ipv4Addr::new(52, 95, 110, 1)),
                IpAddr::V4(Ipv4Addr::new(185, 199, 108, 53)),
            ],
            Version::V6 => [
                IpAddr::V6(Ipv6Addr::new(
                    0x2a00, 0x1450, 0x4001, 0x81b, 0, 0, 0, 0x200e,
                )),
                IpAddr::V6(Ipv6Addr::new(0x2600, 0x1f18, 0x6ae, 0xb00, 0, 0, 0, 0x17)),
            ],
        }
    }

    /// An address that no rule is likely to mention.
    pub(crate) fn anywhere(self) -> IpAddr {
        match self {
            Version::V4 => IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14)),
            Version::V6 => IpAddr::V6(Ipv6Addr::new(0x2a02, 0x26f0, 0x3500, 0x1b, 0, 0, 0, 0x1724)),
        }
    }

    fn is_of(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self == Version::V4)
    }
}

/// A device's rules, ready for probes.
pub(crate) struct Prober<'a> {
    pub(crate) ruleset: &'a Ruleset,
    walker: Walker<'a>,
    interfaces: Vec<String>,
    outside: Vec<String>,
    own: Vec<IpAddr>,
    quiet_port: u16,
}

impl<'a> Prober<'a> {
    /// Makes the rules of a device ready.
    pub(crate) fn new(device: &'a Device, limits: &'a Limits) -> Prober<'a> {
        let mut seen = Seen::default();
        let ruleset = &device.filter;
        for rule in ruleset.chains.iter().flat_map(|chain| &chain.rules) {
            seen.rule(rule);
        }
        seen.interfaces.remove("lo");
        let mut interfaces: Vec<String> = seen.interfaces.into_iter().collect();
        interfaces.push(UNNAMED.to_owned());
        let addresses = device
            .stack
            .interfaces
            .iter()
            .flat_map(|one| &one.addresses);
        let own = addresses.map(|own| own.address).chain(seen.destinations);
        let mut outside = seen.outside;
        outside.insert(UNNAMED.to_owned());
        Prober {
            ruleset,
            walker: Walker::new(ruleset, None, limits),
            interfaces,
            outside: outside.into_iter().collect(),
            own: own.collect(),
            quiet_port: (20_000..60_000)
                .find(|port| !seen.ports.contains(port))
                .unwrap_or(54_321),
        }
    }

    /// A port that no rule mentions by itself.
    pub(crate) fn quiet_port(&self) -> u16 {
        self.quiet_port
    }

    /// The interfaces that lead to the internet for all that is known: those that sources are
    /// translated on, and the one that nobody mentions.
    pub(crate) fn outside(&self) -> &[String] {
        &self.outside
    }

    /// Whether any chain filters at a hook.
    pub(crate) fn filters(&self, hook: Hook, version: Version) -> bool {
        self.base_chains(hook, version).next().is_some()
    }

    /// The chains that filter at a hook.
    pub(crate) fn base_chains(
        &self,
        hook: Hook,
        version: Version,
    ) -> impl Iterator<Item = &'a Chain> {
        use ww_model::filter::{ChainKind, Family};
        self.ruleset.chains.iter().filter(move |chain| {
            chain.base.as_ref().is_some_and(|base| {
                let family = match base.family {
                    Family::Inet => true,
                    Family::Ip4 => version == Version::V4,
                    Family::Ip6 => version == Version::V6,
                };
                // Tables like mangle and raw filter by the way, if at all.
                let decides =
                    base.kind == ChainKind::Filter && (-10..=100).contains(&base.priority);
                family && base.hook == hook && decides
            })
        })
    }

    /// All rules that a packet can meet from a chain on, each with its chain's name.
    pub(crate) fn rules_from(&self, chain: &'a Chain) -> Vec<&'a Rule> {
        let mut rules = Vec::new();
        let mut seen = BTreeSet::new();
        let mut waiting = vec![chain];
        while let Some(chain) = waiting.pop() {
            for rule in &chain.rules {
                rules.push(rule);
                for verdict in verdicts(rule) {
                    if let Verdict::Jump(id) | Verdict::Goto(id) = verdict
                        && seen.insert(id)
                    {
                        waiting.extend(self.ruleset.chains.get(id.0 as usize));
                    }
                }
            }
        }
        rules
    }

    /// What becomes of a packet to the device, over each interface and to each of its addresses.
    pub(crate) fn to_device(&self, version: Version, packet: &Packet) -> Vec<Walk> {
        let mut own: Vec<IpAddr> = self
            .own
            .iter()
            .copied()
            .filter(|one| version.is_of(*one))
            .collect();
        own.truncate(OWN);
        own.push(version.anywhere());
        let mut walks = Vec::new();
        for iif in &self.interfaces {
            for dst in &own {
                let packet = Packet {
                    iif: iif.clone(),
                    oif: String::new(),
                    dst: *dst,
                    ..packet.clone()
                };
                walks.push(self.walker.decide(Hook::Input, &packet));
            }
        }
        walks
    }

    /// What becomes of a packet that the device sends, over each interface.
    pub(crate) fn sent_by_device(&self, version: Version, packet: &Packet) -> Vec<Walk> {
        let own = self.own.iter().copied().find(|one| version.is_of(*one));
        let walk = |oif: &String| {
            let packet = Packet {
                iif: String::new(),
                oif: oif.clone(),
                src: own.unwrap_or(version.anywhere()),
                ..packet.clone()
            };
            self.walker.decide(Hook::Output, &packet)
        };
        self.interfaces.iter().map(walk).collect()
    }

    /// What becomes of a packet through the device, over each pair of interfaces; where there are
    /// many, over each with one that is not mentioned.
    pub(crate) fn through_device(&self, packet: &Packet) -> Vec<Walk> {
        let unnamed = UNNAMED.to_owned();
        let pairs: Vec<(&String, &String)> = if self.interfaces.len() > PAIRED {
            let with_unnamed = |one| [(one, &unnamed), (&unnamed, one)];
            self.interfaces.iter().flat_map(with_unnamed).collect()
        } else {
            let with_each = |one| self.interfaces.iter().map(move |other| (one, other));
            self.interfaces.iter().flat_map(with_each).collect()
        };
        let walk = |(iif, oif): (&String, &String)| {
            let packet = Packet {
                iif: iif.clone(),
                oif: oif.clone(),
                ..packet.clone()
            };
            self.walker.decide(Hook::Forward, &packet)
        };
        pairs.into_iter().map(walk).collect()
    }

    /// The interfaces that rules mention, and one that they do not; the loopback left out.
    pub(crate) fn interfaces(&self) -> &[String] {
        &self.interfaces
    }

    /// Single addresses that rules or the device's interfaces mention as destinations.
    pub(crate) fn destinations(&self, version: Version) -> impl Iterator<Item = IpAddr> {
        self.own
            .iter()
            .copied()
            .filter(move |one| version.is_of(*one))
    }

    /// One packet's fate.
    pub(crate) fn decide(&self, hook: Hook, packet: &Packet) -> Walk {
        self.walker.decide(hook, packet)
    }

    /// The words for who decided, and where it stands.
    pub(crate) fn decider(&self, by: By) -> Option<(String, SourceSpan)> {
        match by {
            By::Rule { chain, at, .. } => {
                let chain = self.ruleset.chains.get(chain.0 as usize)?;
                Some((format!("a rule of chain {}", chain.name), at))
            }
            By::Policy(chain) => {
                let chain = self.ruleset.chains.get(chain.0 as usize)?;
                let place = chain.base.as_ref().map(|base| &base.policy.at);
                let at = match place {
                    Some(ww_base::Locus::Text(span)) => *span,
                    _ => chain.at,
                };
                Some((format!("the policy of chain {}", chain.name), at))
            }
            By::Nothing => None,
        }
    }

    /// The rule that decided.
    pub(crate) fn rule(&self, by: By) -> Option<&'a Rule> {
        let By::Rule { chain, index, .. } = by else {
            return None;
        };
        self.ruleset.chains.get(chain.0 as usize)?.rules.get(index)
    }
}

/// A packet from one host to another, over interfaces that nobody mentions.
pub(crate) fn packet(from: IpAddr, to: IpAddr, proto: u8, ports: (u16, u16)) -> Packet {
    Packet {
        iif: UNNAMED.to_owned(),
        oif: UNNAMED.to_owned(),
        src: from,
        dst: to,
        proto,
        sport: ports.0,
        dport: ports.1,
        tcp_flags: if proto == protocol::TCP { SYN } else { 0 },
        icmp_type: 0,
        icmp_code: 0,
        ct_state: CtState::New,
        mark: 0,
    }
}

/// The answer of a host on the internet to the first packet of a connection that this device, or a
/// host behind it, began.
pub(crate) fn reply(version: Version, proto: u8, ports: (u16, u16)) -> Packet {
    let [from, to] = version.world();
    Packet {
        tcp_flags: if proto == protocol::TCP { SYN_ACK } else { 0 },
        ct_state: CtState::Established,
        ..packet(from, to, proto, ports)
    }
}

/// Whether the packet passes for sure.
pub(crate) fn passes(walk: &Walk) -> bool {
    walk.outcome == Outcome::Accept
}

/// Whether the packet is stopped for sure.
pub(crate) fn is_stopped(walk: &Walk) -> bool {
    matches!(walk.outcome, Outcome::Drop | Outcome::Reject(_))
}

/// All verdicts that a rule can give.
pub(crate) fn verdicts(rule: &Rule) -> impl Iterator<Item = Verdict> {
    let steps = rule.steps.iter().filter_map(|step| match step {
        Step::Do(action) => Some(action),
        Step::If(_) => None,
    });
    steps.flat_map(|action| match action {
        Action::Verdict(verdict) => vec![*verdict],
        Action::VerdictMap(entries) => entries.iter().map(|(_, verdict)| *verdict).collect(),
        _ => Vec::new(),
    })
}

/// The conditions of a rule that hold whenever it acts, taken apart as far as they must all hold.
pub(crate) fn conditions(rule: &Rule) -> Vec<&Condition> {
    let mut parts = Vec::new();
    let mut waiting: Vec<&Condition> = rule
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::If(condition) => Some(condition),
            Step::Do(_) => None,
        })
        .collect();
    while let Some(condition) = waiting.pop() {
        match condition {
            Condition::All(all) => waiting.extend(all),
            other => parts.push(other),
        }
    }
    parts
}

/// What rules mention.
#[derive(Default)]
struct Seen {
    interfaces: BTreeSet<String>,
    outside: BTreeSet<String>,
    destinations: BTreeSet<IpAddr>,
    ports: BTreeSet<u16>,
}

impl Seen {
    fn rule(&mut self, rule: &Rule) {
        for step in &rule.steps {
            match step {
                Step::If(condition) => self.condition(condition),
                Step::Do(Action::Nat(nat))
                    if matches!(nat.kind, NatKind::Source | NatKind::Masquerade) =>
                {
                    for condition in conditions(rule) {
                        if let Condition::Interface(Way::Out, name) = condition {
                            self.outside.insert(example(name));
                        }
                    }
                }
                Step::Do(_) => {}
            }
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                for part in parts {
                    self.condition(part);
                }
            }
            Condition::Not(part) => self.condition(part),
            Condition::Interface(_, name) => drop(self.interfaces.insert(example(name))),
            Condition::In(Field::DstPort, ports) => {
                let one = ports.iter().filter(|(first, last)| first == last);
                self.ports
                    .extend(one.filter_map(|(port, _)| u16::try_from(port).ok()));
            }
            Condition::In(Field::Dst4, hosts) => {
                let one = hosts.iter().filter(|(first, last)| first == last);
                let hosts = one.filter_map(|(host, _)| u32::try_from(host).ok());
                self.destinations
                    .extend(hosts.map(|host| IpAddr::V4(Ipv4Addr::from_bits(host))));
            }
            Condition::In(Field::Dst6, hosts) => {
                let one = hosts.iter().filter(|(first, last)| first == last);
                self.destinations
                    .extend(one.map(|(host, _)| IpAddr::V6(Ipv6Addr::from_bits(host))));
            }
            _ => {}
        }
    }
}

/// A name that fits.
pub(crate) fn example(pattern: &ww_model::filter::NamePattern) -> String {
    if pattern.prefix {
        format!("{}0", pattern.text)
    } else {
        pattern.text.clone()
    }
}
