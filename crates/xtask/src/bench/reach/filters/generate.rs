//! Rule sets of iptables as gateways have them, of any size, and packets for them.
//!
//! A chain for each pair of zones, reached by interface and address; hosts, networks and services
//! that come again; few rules that never decide. All from a seed, in the words of `iptables-save`.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use ww_model::Packet;
use ww_model::packet::{CtState, protocol};

use crate::bench::capture::Rng;

/// Zones: their name, their interface, and the first address of their network of prefix 12.
const ZONES: [Zone; 6] = [
    Zone::inner("office", "eth0", 16),
    Zone::inner("guests", "eth1", 32),
    Zone::inner("servers", "lan0", 48),
    Zone::inner("storage", "lan1", 64),
    Zone::inner("dmz", "wan0", 80),
    Zone {
        name: "internet",
        interface: "wan1",
        network: None,
    },
];

/// Hosts of a zone that rules name, and networks of prefix 24 that they are in.
const HOSTS: u64 = 400;
const NETWORKS: u64 = 40;

const TCP_PORTS: [u16; 16] = [
    22, 25, 53, 80, 110, 143, 389, 443, 445, 636, 993, 3306, 5432, 6379, 8080, 9200,
];
const UDP_PORTS: [u16; 6] = [53, 123, 161, 500, 514, 4500];
const PORT_LISTS: [&str; 6] = [
    "80,443",
    "22,80,443,8080:8090",
    "25,465,587",
    "110,143,993,995",
    "137:139,445",
    "5432,6432,9187",
];

/// Of a hundred rules of a zone's chain, those that repeat an earlier rule.
const SHADOWS: u64 = 4;

#[derive(Clone, Copy)]
struct Zone {
    name: &'static str,
    interface: &'static str,
    network: Option<u8>,
}

impl Zone {
    const fn inner(name: &'static str, interface: &'static str, second: u8) -> Zone {
        Zone {
            name,
            interface,
            network: Some(second),
        }
    }

    /// The zone by its addresses, as a rule's option has them.
    fn all(self, option: &str) -> String {
        match self.network {
            Some(second) => format!("{option} 10.{second}.0.0/12"),
            None => format!("! {option} 10.0.0.0/8"),
        }
    }

    /// One of the zone's networks of prefix 24.
    fn subnet(self, rng: &mut Rng) -> u32 {
        let number = rng.range(0, NETWORKS) as u32;
        match self.network {
            Some(second) => (10 << 24 | u32::from(second) << 16) + (number << 10),
            None => 64 << 24 | number.wrapping_mul(0x9e_3779) & 0x3fff << 8,
        }
    }

    /// One of the zone's hosts.
    fn host(self, rng: &mut Rng) -> u32 {
        self.subnet(rng) + 10 + rng.range(0, HOSTS / NETWORKS) as u32
    }

    /// Hosts, networks or all of the zone.
    fn object(self, rng: &mut Rng, option: &str) -> String {
        let (host, subnet) = (self.host(rng), self.subnet(rng));
        let address = Ipv4Addr::from_bits;
        match rng.range(0, 100) {
            0..50 => format!(" {option} {}/32", address(host)),
            50..75 => format!(" {option} {}/24", address(subnet)),
            75..90 => format!(" {option} {}/28", address(host & !15)),
            90..95 if option == "-s" => {
                let last = address(host + 5);
                format!(" -m iprange --src-range {}-{last}", address(host))
            }
            _ => String::new(),
        }
    }
}

/// A rule set.
#[derive(Clone)]
pub(super) struct Rules {
    chains: Vec<Chain>,
}

#[derive(Clone)]
struct Chain {
    name: String,
    policy: &'static str,
    rules: Vec<String>,
    /// The zones that packets come from and go to.
    between: Option<(usize, usize)>,
}

impl Chain {
    fn named(name: &str, policy: &'static str, rules: &[&str]) -> Chain {
        Chain {
            name: name.to_owned(),
            policy,
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            between: None,
        }
    }
}

impl Rules {
    /// A rule set with this many rules.
    pub(super) fn generate(count: usize) -> Rules {
        let mut rng = Rng::new(count as u64);
        let mut rules = Rules {
            chains: frame(count, &mut rng),
        };
        let pairs = pairs();
        let missing = count.saturating_sub(rules.len());
        for (number, (from, to)) in pairs.iter().copied().enumerate() {
            let share = missing * (number + 1) / pairs.len() - missing * number / pairs.len();
            let mut lines = Vec::with_capacity(share);
            for _ in 0..share {
                let line = pair_rule(from, to, &lines, &mut rng);
                lines.push(line);
            }
            rules.chains.push(Chain {
                name: pair_name(from, to),
                policy: "-",
                rules: lines,
                between: Some((from, to)),
            });
        }
        rules
    }

    /// The same with this many rules of zones replaced by others.
    pub(super) fn edited(&self, edits: usize) -> Rules {
        let mut rng = Rng::new(edits as u64);
        let mut rules = self.clone();
        let between = |chain: &&mut Chain| chain.between.is_some();
        for chain in rules.chains.iter_mut().filter(between).take(edits) {
            let middle = chain.rules.len() / 2;
            if let (Some((from, to)), Some(rule)) = (chain.between, chain.rules.get_mut(middle)) {
                *rule = pair_rule(from, to, &[], &mut rng);
            }
        }
        rules
    }

    /// The number of rules.
    pub(super) fn len(&self) -> usize {
        self.chains.iter().map(|chain| chain.rules.len()).sum()
    }

    /// The rule set as `iptables-save` writes it.
    pub(super) fn text(&self) -> String {
        let mut text = "*filter\n".to_owned();
        for Chain { name, policy, .. } in &self.chains {
            let _ = writeln!(text, ":{name} {policy} [0:0]");
        }
        for Chain { name, rules, .. } in &self.chains {
            for rule in rules {
                let _ = writeln!(text, "-A {name} {rule}");
            }
        }
        text.push_str("COMMIT\n");
        text
    }
}

/// First packets of different connections between zones.
pub(super) fn packets(count: usize) -> Vec<Packet> {
    let mut rng = Rng::new(0);
    let pairs = pairs();
    let packet = |number: usize| {
        let (from, to) = pairs.get(number % pairs.len()).copied()?;
        let (from, to) = (ZONES.get(from)?, ZONES.get(to)?);
        let is_tcp = rng.range(0, 10) < 8;
        let ports: &[u16] = if is_tcp { &TCP_PORTS } else { &UDP_PORTS };
        let port = rng.range(0, ports.len() as u64) as usize;
        Some(Packet {
            iif: from.interface.to_owned(),
            oif: String::new(),
            src: IpAddr::from(Ipv4Addr::from_bits(from.host(&mut rng))),
            dst: IpAddr::from(Ipv4Addr::from_bits(to.host(&mut rng))),
            proto: if is_tcp { protocol::TCP } else { protocol::UDP },
            sport: 1024 + (number % 60_000) as u16,
            dport: ports.get(port).copied()?,
            tcp_flags: if is_tcp { 2 } else { 0 },
            icmp_type: 0,
            icmp_code: 0,
            ct_state: CtState::New,
            mark: 0,
        })
    };
    (0..count).filter_map(packet).collect()
}

/// All pairs of different zones, by their places.
fn pairs() -> Vec<(usize, usize)> {
    let zones = 0..ZONES.len();
    let all = zones
        .clone()
        .flat_map(|from| zones.clone().map(move |to| (from, to)));
    all.filter(|(from, to)| from != to).collect()
}

fn pair_name(from: usize, to: usize) -> String {
    let name = |zone: usize| ZONES.get(zone).map_or("", |zone| zone.name);
    format!("{}_{}", name(from), name(to))
}

/// The chains that lead to those of the pairs of zones.
fn frame(count: usize, rng: &mut Rng) -> Vec<Chain> {
    let mut forward = vec![
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT".to_owned(),
        "-m conntrack --ctstate INVALID -j DROP".to_owned(),
        "-j blocked".to_owned(),
        "-p icmp -j messages".to_owned(),
    ];
    let mut leaving = Vec::new();
    for (from, zone) in ZONES.iter().enumerate() {
        let sources = zone.all("-s");
        forward.push(format!(
            "{sources} -i {} -j from_{}",
            zone.interface, zone.name
        ));
        let others = ZONES.iter().enumerate().filter(|(to, _)| *to != from);
        let rules = others.map(|(to, other)| {
            let way = if other.network.is_none() {
                " -o wan+"
            } else {
                ""
            };
            format!("{}{way} -j {}", other.all("-d"), pair_name(from, to))
        });
        leaving.push(Chain {
            name: format!("from_{}", zone.name),
            policy: "-",
            rules: rules.collect(),
            between: None,
        });
    }
    forward.push("-j refused".to_owned());
    let mut chains = vec![
        Chain::named("INPUT", "ACCEPT", &[]),
        Chain {
            name: "FORWARD".to_owned(),
            policy: "DROP",
            rules: forward,
            between: None,
        },
        Chain::named("OUTPUT", "ACCEPT", &[]),
        Chain::named(
            "messages",
            "-",
            &[
                "-p icmp -m icmp --icmp-type 8 -j ACCEPT",
                "-p icmp -m icmp --icmp-type 3/4 -j ACCEPT",
                "-p icmp -m icmp --icmp-type 5 -j DROP",
            ],
        ),
        Chain::named(
            "refused",
            "-",
            &[
                "-m limit --limit 5/min -j LOG --log-prefix \"refused \"",
                "-p tcp -j REJECT --reject-with tcp-reset",
                "-j DROP",
            ],
        ),
        blocked(count / 50, rng),
    ];
    chains.extend(leaving);
    chains
}

/// Networks that may not send, and hosts in them that may.
fn blocked(count: usize, rng: &mut Rng) -> Chain {
    let rules = (0..count).map(|number| {
        let network = 64 << 24 | (rng.range(0, 1 << 14) as u32) << 8;
        if number % 10 == 0 {
            format!("-s {}/32 -j RETURN", Ipv4Addr::from_bits(network + 7))
        } else {
            format!("-s {}/24 -j DROP", Ipv4Addr::from_bits(network))
        }
    });
    Chain {
        name: "blocked".to_owned(),
        policy: "-",
        rules: rules.collect(),
        between: None,
    }
}

/// A rule between two zones, or one that an earlier rule of the chain leaves nothing to.
fn pair_rule(from: usize, to: usize, earlier: &[String], rng: &mut Rng) -> String {
    let place = rng.range(0, earlier.len().max(1) as u64) as usize;
    let repeated = earlier.get(place).and_then(|rule| rule.split_once(" -j "));
    if let Some((matches, _)) = repeated.filter(|_| rng.range(0, 100) < SHADOWS) {
        return format!("{matches} -m conntrack --ctstate NEW -j DROP");
    }
    let mut rule = String::new();
    if let (Some(from), Some(to)) = (ZONES.get(from), ZONES.get(to)) {
        rule.push_str(&from.object(rng, "-s"));
        rule.push_str(&to.object(rng, "-d"));
    }
    rule.push_str(&service(rng));
    rule.push_str(match rng.range(0, 100) {
        0..85 => " -j ACCEPT",
        85..92 => " -j DROP",
        92..96 => " -j RETURN",
        _ => " -j REJECT --reject-with icmp-port-unreachable",
    });
    rule.trim_start().to_owned()
}

fn service(rng: &mut Rng) -> String {
    let one = |rng: &mut Rng, ports: &[u16]| {
        let place = rng.range(0, ports.len() as u64) as usize;
        ports.get(place).copied().unwrap_or_default()
    };
    match rng.range(0, 100) {
        0..50 => format!(" -p tcp -m tcp --dport {}", one(rng, &TCP_PORTS)),
        50..65 => format!(" -p udp -m udp --dport {}", one(rng, &UDP_PORTS)),
        65..85 => {
            let place = rng.range(0, PORT_LISTS.len() as u64) as usize;
            let ports = PORT_LISTS.get(place).copied().unwrap_or_default();
            format!(" -p tcp -m multiport --dports {ports}")
        }
        85..95 => {
            let port = one(rng, &TCP_PORTS);
            format!(" -p tcp -m tcp --sport 1024:65535 --dport {port} -m conntrack --ctstate NEW")
        }
        _ => {
            let first = 30_000 + rng.range(0, 100) * 100;
            format!(" -p tcp -m tcp --dport {first}:{}", first + 99)
        }
    }
}
