//! The link is down for a while, for all hosts behind it or for some.

use super::download;
use crate::link::{Effect, Fault, Kind, Side};
use crate::scenario::{Scenario, Service, Vantage, Work};
use crate::traffic::http_client::Requests;
use crate::traffic::http_server::HttpServer;
use crate::traffic::ms;
use crate::truth::HarmKind;
use crate::world::address;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Further addresses of the server, each a host of its own to the client, and what sets them up.
const OTHERS: [(Ipv4Addr, &str); 3] = [
    (
        Ipv4Addr::new(10, 77, 0, 11),
        "ip addr add 10.77.0.11/24 dev eth0",
    ),
    (
        Ipv4Addr::new(10, 77, 0, 12),
        "ip addr add 10.77.0.12/24 dev eth0",
    ),
    (
        Ipv4Addr::new(10, 77, 0, 13),
        "ip addr add 10.77.0.13/24 dev eth0",
    ),
];

/// A port of its own for the host that the fault may spare.
const SPARED: u16 = 81;

pub(super) fn scenarios() -> Vec<Scenario> {
    let lost = |from, to| Fault::new(Kind::Tcp, Effect::Lose).between(ms(from), ms(to));
    vec![
        four_hosts(
            "outage-of-the-link",
            "nothing passes for 3.5 s, while the client talks with four hosts",
            PATIENT,
        )
        .seen_at(Vantage::Client, &["host-cut-off"])
        .never(&["packet-loss", "retransmission-timeout-stall"])
        .with(lost(3_000, 6_500)),
        four_hosts(
            "outages-of-the-link",
            "nothing passes for 2.5 s, twice; the client gives up after 2 s and opens new connections to four hosts",
            IMPATIENT,
        )
        .seen_at(Vantage::Client, &["host-cut-off"])
        .with(lost(2_500, 5_000))
        .with(lost(9_500, 12_000)),
        four_hosts(
            "outage-of-three-hosts",
            "nothing passes to and from three of four hosts for 3.5 s",
            PATIENT,
        )
        .seen_at(
            Vantage::Client,
            &["retransmission-timeout-stall", "packet-loss"],
        )
        .never(&["host-cut-off"])
        .with(lost(3_000, 6_500).port(80)),
        four_hosts(
            "outage-of-three-hosts-retried",
            "the same, and the client gives up after 2 s and opens new connections",
            IMPATIENT,
        )
        .seen_at(
            Vantage::Client,
            &["retransmission-timeout-stall", "packet-loss"],
        )
        .never(&["host-cut-off"])
        .with(lost(3_000, 6_500).port(80)),
    ]
}

/// How long the client waits, and over how many connections it sends how many requests, to each host.
type Habit = (Duration, usize, usize);

const PATIENT: Habit = (ms(20_000), 1, 60);
const IMPATIENT: Habit = (ms(2_000), 5, 12);

/// The client asks four hosts five times a second.
fn four_hosts(
    name: &'static str,
    done: &'static str,
    (patience, connections, per_connection): Habit,
) -> Scenario {
    let asks = |to: Ipv4Addr, port| {
        Work::Requests(Requests {
            to: Some(IpAddr::V4(to)),
            port,
            connections,
            per_connection,
            gaps: vec![ms(200)],
            connect_patience: patience,
            patience,
            ..download(400)
        })
    };
    let mut all: Vec<Work> = OTHERS.iter().map(|(to, _)| asks(*to, 80)).collect();
    all.push(asks(address::SERVER, SPARED));
    let spared = HttpServer {
        port: SPARED,
        ..HttpServer::default()
    };
    OTHERS
        .iter()
        .fold(
            Scenario::fault(name, "network", done),
            |scenario, (_, adds)| scenario.command(Side::Server, adds),
        )
        .services([Service::Http(HttpServer::default()), Service::Http(spared)])
        .harms(HarmKind::Loss, 9)
        .then(Work::Together(all))
}
