//! Files of routers and connections, at random.

use crate::rng::Rng;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use ww_model::Packet;
use ww_model::packet::{CtState, protocol};

/// The texts of one router's files.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) addresses: String,
    pub(super) routes: String,
    pub(super) rules: String,
    /// The routes as words of `ip route add`.
    pub(super) added: Vec<String>,
}

/// The files of a router, at random.
pub(super) fn invented(rng: &mut Rng, router: usize) -> Files {
    let interfaces: &[(&str, &str)] = if router == 0 {
        &[
            ("eth0", "10.1.0.1"),
            ("eth1", "10.12.0.1"),
            ("eth2", "198.51.100.2"),
        ]
    } else {
        &[("eth0", "10.2.0.1"), ("eth1", "10.12.0.2")]
    };
    let addresses: Vec<String> = interfaces
        .iter()
        .map(|(name, address)| {
            format!(
                r#"{{"ifname":"{name}","flags":["UP"],"addr_info":[{{"family":"inet","local":"{address}","prefixlen":24}}]}}"#
            )
        })
        .collect();
    let peer = format!("10.12.0.{}", 2 - router);
    let mut added = Vec::new();
    let mut routes = Vec::new();
    for network in [
        "default",
        "10.1.0.0/24",
        "10.2.0.0/24",
        "10.2.0.128/25",
        "203.0.113.0/24",
        "10.1.0.64/26",
    ] {
        let is_link = network
            == if router == 0 {
                "10.1.0.0/24"
            } else {
                "10.2.0.0/24"
            };
        let is_uplink = network == "default" && router == 0;
        if is_link
            || rng.chance(if network.ends_with("/24") || network == "default" {
                0.2
            } else {
                0.6
            })
        {
            continue;
        }
        if !is_uplink && rng.chance(0.1) {
            added.push(format!("blackhole {network}"));
            routes.push(format!(
                r#"{{"type":"blackhole","dst":"{network}","flags":[]}}"#
            ));
            continue;
        }
        let (gateway, interface) = if is_uplink {
            ("198.51.100.1", "eth2")
        } else {
            (peer.as_str(), "eth1")
        };
        added.push(format!("{network} via {gateway} dev {interface}"));
        routes.push(format!(
            r#"{{"dst":"{network}","gateway":"{gateway}","dev":"{interface}","flags":[]}}"#
        ));
    }
    Files {
        addresses: format!("[{}]\n", addresses.join(",\n")),
        routes: format!("[{}]\n", routes.join(",\n")),
        rules: rules(rng, router),
        added,
    }
}

fn one_of<'w>(rng: &mut Rng, words: &[&'w str]) -> &'w str {
    let place = rng.below(words.len() as u64) as usize;
    words.get(place).copied().unwrap_or_default()
}

const HOSTS: [&str; 8] = [
    "10.1.0.10",
    "10.1.0.77",
    "10.2.0.10",
    "10.2.0.200",
    "203.0.113.5",
    "198.51.100.77",
    "192.0.2.9",
    "10.77.0.1",
];

fn test(rng: &mut Rng) -> String {
    let tests = [
        format!(
            "-s {}",
            one_of(
                rng,
                &[
                    "10.1.0.0/24",
                    "10.2.0.0/24",
                    "10.1.0.10",
                    "203.0.113.0/24",
                    "198.51.100.2"
                ]
            )
        ),
        format!(
            "-d {}",
            one_of(
                rng,
                &[
                    "10.1.0.0/24",
                    "10.2.0.0/24",
                    "10.2.0.10",
                    "203.0.113.0/24",
                    "198.51.100.2"
                ]
            )
        ),
        format!("! -s {}", one_of(rng, &HOSTS)),
        format!("-i {}", one_of(rng, &["eth0", "eth1", "eth2"])),
        format!("-o {}", one_of(rng, &["eth0", "eth1", "eth2"])),
        format!("-p tcp --dport {}", 80 + rng.below(4)),
        format!("-p udp --dport {}", 52 + rng.below(3)),
        "-p tcp --sport 1024:65535".to_owned(),
        "-p tcp --syn".to_owned(),
        "-p tcp ! --syn".to_owned(),
        format!(
            "-m conntrack --ctstate {}",
            one_of(rng, &["NEW", "INVALID", "ESTABLISHED,RELATED"])
        ),
        "-m conntrack --ctstate ESTABLISHED".to_owned(),
    ];
    let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
    one_of(rng, &tests).to_owned()
}

fn rules(rng: &mut Rng, router: usize) -> String {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n".to_owned();
    let policy = one_of(rng, &["ACCEPT", "DROP"]);
    let _ = writeln!(text, ":FORWARD {policy} [0:0]\n:OUTPUT ACCEPT [0:0]");
    if policy == "DROP" && rng.chance(0.8) {
        text.push_str("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n");
    }
    for _ in 0..rng.below(6) {
        let target = one_of(rng, &["ACCEPT", "ACCEPT", "DROP", "REJECT"]);
        let _ = writeln!(text, "-A FORWARD {} -j {target}", test(rng));
    }
    text.push_str("COMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n");
    text.push_str(":OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n");
    for _ in 0..rng.below(4) {
        let to = one_of(
            rng,
            &[
                "10.1.0.10",
                "10.2.0.10",
                "10.2.0.200:8080",
                "203.0.113.5",
                "10.1.0.77:81",
            ],
        );
        let from = one_of(
            rng,
            &["10.2.0.0/24", "203.0.113.0/24", "192.0.2.9", "10.77.0.0/16"],
        );
        let link = if router == 0 { "eth2" } else { "eth1" };
        let out = one_of(rng, &["eth0", "eth1", link]);
        let rule = match rng.below(3) {
            0 => format!(
                "-A PREROUTING -d {from} -p tcp --dport {} -j DNAT --to-destination {to}",
                80 + rng.below(4)
            ),
            1 => format!("-A POSTROUTING -o {out} -j MASQUERADE"),
            _ => {
                let own = if router == 0 {
                    "10.12.0.1"
                } else {
                    "10.12.0.2"
                };
                let source = one_of(rng, &["10.1.0.0/24", "10.2.0.0/24", "203.0.113.0/24"]);
                let to = if link == "eth2" {
                    one_of(rng, &[own, "198.51.100.2"])
                } else {
                    own
                };
                format!("-A POSTROUTING -s {source} -o {out} -j SNAT --to-source {to}")
            }
        };
        let _ = writeln!(text, "{rule}");
    }
    text.push_str("COMMIT\n");
    text
}

/// The first packet of a connection, at random.
pub(super) fn connection(rng: &mut Rng) -> Packet {
    let host = |rng: &mut Rng| {
        let text = one_of(rng, &HOSTS);
        text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    };
    let is_tcp = rng.chance(0.7);
    let ports = if is_tcp { 80 } else { 52 };
    Packet {
        iif: String::new(),
        oif: String::new(),
        src: host(rng),
        dst: host(rng),
        proto: if is_tcp { protocol::TCP } else { protocol::UDP },
        sport: if rng.chance(0.8) {
            40_000
        } else {
            80 + rng.below(3) as u16
        },
        dport: ports + rng.below(4) as u16,
        tcp_flags: if is_tcp { 2 } else { 0 },
        icmp_type: 0,
        icmp_code: 0,
        ct_state: CtState::New,
        mark: 0,
    }
}
