//! All packets at once against one packet at a time, on random networks.

use super::super::diff::everything;
use super::super::explorer::{Explorer, Reached};
use super::super::*;
use super::{Case, case};
use crate::symbolic::{Universe, Version};
use proptest::collection::vec as few;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use ww_packetset::Set;

/// Corners of an answer that are tried.
const CORNERS: usize = 150;

/// Random packets that are tried.
const PICKS: usize = 150;

/// One of three routers on one link, each with a network of its own; the first has an uplink too.
#[derive(Clone, Debug)]
struct Router {
    routes: Vec<String>,
    rules: Vec<String>,
    policies: [bool; 3],
    filter: Vec<String>,
    nat: Vec<String>,
    marks: Vec<String>,
}

fn network_of(text: bool) -> impl Strategy<Value = &'static str> {
    let mut all = vec![
        "10.1.0.0/24",
        "10.2.0.0/24",
        "10.3.0.0/24",
        "10.2.0.0/25",
        "10.1.0.10/32",
        "203.0.113.0/24",
    ];
    if text {
        all.push("0.0.0.0/0");
    }
    select(all)
}

fn host() -> impl Strategy<Value = &'static str> {
    select(vec![
        "10.1.0.10",
        "10.2.0.10",
        "10.2.0.200",
        "10.3.0.10",
        "10.12.0.2",
        "10.12.0.3",
        "10.1.0.1",
        "203.0.113.5",
        "198.51.100.2",
    ])
}

fn route() -> impl Strategy<Value = String> {
    let via = select(vec![
        "10.12.0.1 eth1",
        "10.12.0.2 eth1",
        "10.12.0.3 eth1",
        "10.12.0.9 eth1",
    ]);
    let plain = (network_of(true), via.clone()).prop_map(|(to, via)| format!("{to} {via}"));
    let special = (select(vec!["blackhole", "prohibit"]), network_of(false));
    prop_oneof![
        8 => plain,
        2 => via.prop_map(|via| format!("default {via}")),
        1 => special.prop_map(|(kind, to)| format!("{kind} {to}")),
        1 => network_of(false).prop_map(|to| format!("{to} - eth1")),
    ]
}

fn routing_rule() -> impl Strategy<Value = String> {
    let test = prop_oneof![
        Just(r#""src":"10.1.0.0","srclen":24"#.to_owned()),
        Just(r#""src":"all","dst":"10.2.0.0","dstlen":24"#.to_owned()),
        Just(r#""src":"all","iif":"eth0""#.to_owned()),
        Just(r#""src":"all","fwmark":"0x1""#.to_owned()),
        Just(r#""src":"all","ipproto":"udp","dport":53"#.to_owned()),
    ];
    (1u32..200, test, any::<bool>()).prop_map(|(priority, test, inverted)| {
        let not = if inverted { r#""not":null,"# } else { "" };
        format!(r#"{{"priority":{priority},{not}{test},"table":"100"}}"#)
    })
}

fn test() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => network_of(false).prop_map(|one| format!("-s {one}")),
        2 => network_of(false).prop_map(|one| format!("-d {one}")),
        1 => host().prop_map(|one| format!("! -s {one}")),
        2 => select(vec!["eth0", "eth1", "eth2"]).prop_map(|one| format!("-i {one}")),
        3 => (0u16..4).prop_map(|port| format!("-p tcp --dport {}", 80 + port)),
        1 => (0u16..4).prop_map(|port| format!("-p udp --dport {}", 52 + port)),
        1 => Just("-p tcp --sport 1024:65535".to_owned()),
        1 => Just("-p tcp --sport 80:443".to_owned()),
        1 => Just("-p icmp --icmp-type 8".to_owned()),
        1 => Just("-p tcp --syn".to_owned()),
        3 => Just("-m conntrack --ctstate ESTABLISHED,RELATED".to_owned()),
        1 => Just("-m conntrack --ctstate INVALID".to_owned()),
        1 => Just("-m conntrack --ctstate NEW".to_owned()),
    ]
}

fn filter_rule() -> impl Strategy<Value = String> {
    let target = select(vec!["ACCEPT", "ACCEPT", "DROP", "REJECT"]);
    let forwards = (
        select(vec!["FORWARD", "FORWARD", "INPUT"]),
        test(),
        target.clone(),
    )
        .prop_map(|(chain, test, target)| format!("-A {chain} {test} -j {target}"));
    let out = test().prop_filter("no -i", |test| !test.contains("-i "));
    let outputs = (out, target).prop_map(|(test, target)| format!("-A OUTPUT {test} -j {target}"));
    prop_oneof![4 => forwards, 1 => outputs]
}

fn nat_rule(draws: bool) -> impl Strategy<Value = String> {
    let dnat = (network_of(false), host(), 80u16..84, any::<bool>()).prop_map(
        |(from, to, port, moves)| {
            let to_port = if moves { ":8080" } else { "" };
            format!("-A PREROUTING -d {from} -p tcp --dport {port} -j DNAT --to-destination {to}{to_port}")
        },
    );
    let out = select(vec!["eth0", "eth1", "eth2"]);
    let masquerade = out
        .clone()
        .prop_map(|out| format!("-A POSTROUTING -o {out} -j MASQUERADE"));
    let ranges = if draws {
        vec!["10.12.0.1-10.12.0.3", "198.51.100.2", "10.1.0.10-10.1.0.11"]
    } else {
        vec!["198.51.100.2", "10.12.0.1", "10.2.0.10"]
    };
    let snat = (network_of(false), out, select(ranges)).prop_map(|(from, out, to)| {
        format!("-A POSTROUTING -s {from} -o {out} -j SNAT --to-source {to}")
    });
    let redirect = Just("-A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 80".to_owned());
    let output =
        host().prop_map(|to| format!("-A OUTPUT -p tcp --dport 82 -j DNAT --to-destination {to}"));
    prop_oneof![3 => dnat, 3 => masquerade, 2 => snat, 1 => redirect, 1 => output]
}

fn router(draws: bool) -> impl Strategy<Value = Router> {
    let unknown = if draws { 3 } else { 0 };
    let limits = few(
        (0..4u16).prop_map(|port| {
            format!(
                "-A FORWARD -p tcp --dport {} -m limit --limit 1/s -j ACCEPT",
                80 + port
            )
        }),
        0..=unknown,
    );
    (
        few(route(), 0..5),
        few(routing_rule(), 0..3),
        any::<[bool; 3]>(),
        few(filter_rule(), 0..6),
        limits,
        few(nat_rule(draws), 0..3),
        few(
            test().prop_map(|test| format!("-A PREROUTING {test} -j MARK --set-mark 1")),
            0..2,
        ),
    )
        .prop_map(
            |(routes, rules, policies, mut filter, limits, nat, marks)| {
                filter.splice(0..0, limits);
                Router {
                    routes,
                    rules,
                    policies,
                    filter,
                    nat,
                    marks,
                }
            },
        )
}

/// The files of some routers.
fn built(routers: &[Router]) -> Case {
    let names = ["one", "two", "three"];
    let files: Vec<super::Files<'_>> = routers
        .iter()
        .zip(names)
        .zip(1..)
        .map(|((router, name), number)| {
            let mut links = vec![
                format!("eth0 10.{number}.0.1/24"),
                format!("eth1 10.12.0.{number}/24"),
            ];
            let mut routes = router.routes.clone();
            if number == 1 {
                links.push("eth2 198.51.100.2/24".to_owned());
                routes.push("default 198.51.100.1 eth2".to_owned());
            }
            let links: Vec<&str> = links.iter().map(String::as_str).collect();
            let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
            let policy = |accepts: bool| if accepts { "ACCEPT" } else { "DROP" };
            let [forward, input, output] = router.policies.map(policy);
            let filter = format!(
                ":INPUT {input} [0:0]\n:FORWARD {forward} [0:0]\n:OUTPUT {output} [0:0]\n{}",
                router.filter.join("\n")
            );
            let nat = format!(
                ":PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n{}",
                router.nat.join("\n")
            );
            let marks = format!(":PREROUTING ACCEPT [0:0]\n{}", router.marks.join("\n"));
            let mut rules = vec![
                r#"{"priority":0,"src":"all","table":"local"}"#.to_owned(),
                r#"{"priority":32766,"src":"all","table":"main"}"#.to_owned(),
            ];
            rules.extend(router.rules.iter().cloned());
            let mut files = vec![
                super::addresses(&links),
                super::routes(&routes),
                ("filter.v4", super::rules("filter", &filter).1),
                ("nat.v4", super::rules("nat", &nat).1),
                ("mangle.v4", super::rules("mangle", &marks).1),
            ];
            if !router.rules.is_empty() {
                let other = r#"[{"dst":"default","gateway":"10.12.0.2","dev":"eth1","table":"100","flags":[]},{"dst":"10.1.0.0/24","dev":"eth0","table":"100","flags":[]}]"#;
                files.push(("rule.json", format!("[{}]", rules.join(","))));
                files.push(("route-100.json", other.to_owned()));
            }
            (name, files)
        })
        .collect();
    case(&files)
}

/// Packets that are worth a try: at the corners of the answer, and in its neighbourhood.
fn packets(universe: &mut Universe<'_>, sets: &[Set], asked: Set, seed: u64) -> Vec<Packet> {
    let mut points = Vec::new();
    for set in sets {
        points.extend(universe.space.corners(set.as_map(), CORNERS));
    }
    points.retain(|point| universe.space.has(asked, point));
    let mut packets: Vec<Packet> = points
        .iter()
        .map(|point| universe.packet_at(point))
        .collect();
    let hosts = [
        "10.1.0.10",
        "10.1.0.77",
        "10.2.0.10",
        "10.2.0.200",
        "10.3.0.10",
        "10.12.0.77",
        "10.1.0.1",
        "10.2.0.1",
        "10.12.0.2",
        "198.51.100.2",
        "203.0.113.5",
        "192.0.2.1",
        "10.12.0.1",
        "10.12.0.3",
        "198.51.100.77",
        "10.77.0.1",
    ];
    let mut state = seed | 1;
    let mut pick = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    for _ in 0..PICKS {
        let [from, to, service, sport] = [pick(), pick(), pick(), pick()];
        let host = |pick: u8| hosts[usize::from(pick) % hosts.len()].parse().unwrap();
        let services = [
            "80/tcp", "81/tcp", "82/tcp", "83/tcp", "53/udp", "54/udp", "icmp", "8080/tcp",
        ];
        let service = services[usize::from(service) % services.len()]
            .parse()
            .unwrap();
        let mut packet = first_packet(host(from), host(to), service).unwrap();
        if packet.sport > 0 {
            packet.sport = [40_000, 80, 443, 444, 1_023, 1_024][usize::from(sport) % 6];
        }
        packets.push(packet);
    }
    for packet in &mut packets {
        packet.iif.clear();
        packet.oif.clear();
        packet.mark = 0;
    }
    packets
}

/// What becomes of a network's packets, and how those fare that are tried.
fn compared(
    routers: &[Router],
    seed: u64,
    exact: bool,
) -> Result<BTreeMap<&'static str, usize>, TestCaseError> {
    let case = built(routers);
    let limits = Limits::default();
    let network = Network::new(&case.devices, &limits);
    let mut universe = Network::universe(&[&network], Version::V4).unwrap();
    let asked = everything(&mut universe).unwrap();
    let Reached {
        asked: begun,
        allowed,
    } = Explorer::new(&network, &mut universe, 0)
        .unwrap()
        .reached(asked)
        .unwrap();
    let mut seen = BTreeMap::new();
    let sets = [allowed.must, allowed.may, begun];
    for packet in packets(&mut universe, &sets, asked, seed) {
        let point = universe.point(&packet).unwrap();
        let has = |set| universe.space.has(set, &point);
        let Ok(fare) = network.fare(&packet) else {
            prop_assert!(!has(begun), "{packet:?} has no way to begin");
            continue;
        };
        *seen.entry(fare.verdict.word()).or_default() += 1;
        let found = (fare.verdict, has(allowed.must), has(allowed.may));
        let agrees = match found {
            _ if !has(begun) => false,
            (Reachability::Reachable, must, may) => may && (must || !exact),
            (Reachability::Blocked, must, may) => !must && (!may || !exact),
            (_, must, may) => (may || !exact) && (!must || only_draws(&fare)),
        };
        prop_assert!(agrees, "{packet:?}: {found:?}\n{:#?}", fare.steps);
    }
    Ok(seen)
}

/// Whether the only doubt is what a translation draws, be it on one of several ways in.
fn only_draws(fare: &Fare) -> bool {
    let begins = |gap: &Gap, words: &str| gap.missing.starts_with(words);
    let drawn = |gap: &Gap| begins(gap, "which address or port");
    fare.gaps.iter().any(drawn)
        && fare
            .gaps
            .iter()
            .all(|gap| drawn(gap) || begins(gap, "by which device"))
}

fn three(draws: bool) -> impl Strategy<Value = Vec<Router>> {
    prop::collection::vec(router(draws), 2..=3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_packets_fare_as_each_does(routers in three(false), seed: u64) {
        compared(&routers, seed, true)?;
    }

    #[test]
    fn what_must_arrive_arrives_whatever_is_not_known(routers in three(true), seed: u64) {
        compared(&routers, seed, false)?;
    }
}

#[test]
fn the_packets_tried_fare_in_every_way() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..30 {
        let tree = (three(true), any::<u64>()).new_tree(&mut runner).unwrap();
        let (routers, seed) = proptest::strategy::ValueTree::current(&tree);
        for (word, count) in compared(&routers, seed, false).unwrap() {
            *seen.entry(word).or_default() += count;
        }
    }
    for word in ["reachable", "blocked", "may", "unknown"] {
        assert!(seen.get(word).is_some_and(|count| *count > 100), "{seen:?}");
    }
}
