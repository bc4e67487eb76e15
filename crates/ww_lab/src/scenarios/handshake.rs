//! Connections that do not come about, or come about late or crippled.

use super::{download, first_of_flow};
use crate::forge::{IcmpError, option};
use crate::link::{Effect, Fault, Kind, Plan, Side};
use crate::scenario::{Scenario, Service, Site, Vantage, Work};
use crate::traffic::http_client::Requests;
use crate::traffic::http_server::HttpServer;
use crate::traffic::{ms, raw, talk};
use crate::truth::HarmKind;
use crate::world::address;

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = refused();
    all.extend(late_or_crippled());
    all.extend(hostile());
    all
}

fn refused() -> Vec<Scenario> {
    let one_try = || Requests {
        connect_patience: ms(7_500),
        ..download(1_000)
    };
    let unreachable = Effect::Refuse {
        router: address::ROUTER.into(),
        error: IcmpError::HostUnreachable,
    };
    vec![
        Scenario::fault("syn-dropped", "network", "a firewall drops the SYNs to port 82 without a word")
            .seen_at(Vantage::Client, &["syn-unanswered"])
            .with(Fault::new(Kind::Syn, Effect::Lose).port(82))
            .harms(HarmKind::Loss, 3)
.requests(Requests { port: 82, ..one_try() }),
        Scenario::fault("syn-dropped-one-service", "network", "port 82 is dropped while port 80 of the host works")
            .seen_at(Vantage::Client, &["syn-unanswered"])
            .never(&["accept-queue-overflow"])
            .with(Fault::new(Kind::Syn, Effect::Lose).port(82))
            .harms(HarmKind::Loss, 4)
.requests(Requests { connections: 3, ..download(2_000) })
            .requests(Requests { port: 82, parallel: 2, ..one_try() }),
        Scenario::fault("syn-answer-dropped", "network", "the server answers port 82, but no SYN-ACK comes back")
            .seen_at(Vantage::Server, &["handshake-retransmitted", "syn-unanswered"])
            .services([Service::Http(HttpServer { port: 82, ..HttpServer::default() })])
            .with(Fault::new(Kind::SynAck, Effect::Lose))
            .harms(HarmKind::Loss, 3)
.requests(Requests { port: 82, ..one_try() }),
        Scenario::fault("port-closed", "server", "nobody listens on port 81")
            .seen_at(Vantage::Client, &["connection-refused"])
            .seen_at(Vantage::Server, &["connection-refused"])
            .shows("tcp.flags.reset == 1", 4)
.requests(Requests { port: 81, connections: 4, between: ms(200), ..one_try() }),
        Scenario::fault("port-closed-ipv6", "server", "nobody listens on port 81, over IPv6")
            .seen_at(Vantage::Client, &["connection-refused"])
            .over_ipv6()
            .shows("tcp.flags.reset == 1", 2)
.requests(Requests { port: 81, connections: 2, between: ms(200), ..one_try() }),
        Scenario::fault("host-unreachable", "network", "a router says that it has no way to the host")
            .seen_at(Vantage::Client, &["icmp-rejected"])
            .with(Fault::new(Kind::Syn, unreachable))
            .harms(HarmKind::IcmpAnswered, 2)
.requests(Requests { connections: 2, ..one_try() }),
        Scenario::fault("filter-rejects", "server", "a filter on the server's host rejects port 80 with ICMP")
            .seen_at(Vantage::Client, &["icmp-rejected"])
            .command(
                Side::Server,
                "nft add table inet lab ; add chain inet lab input { type filter hook input priority 0 ; } ; \
                 add rule inet lab input tcp dport 80 reject with icmpx type admin-prohibited",
            )
            .shows("icmp.type == 3 && icmp.code == 13", 2)
.requests(Requests { connections: 2, ..one_try() }),
        backlog(
            "backlog-full",
            "eight connections, one after another, to a server with a backlog of 1 that never accepts",
        )
        .shows("tcp.flags.syn == 1 && tcp.flags.ack == 0 && tcp.analysis.retransmission", 4)
        .requests(Requests { stagger: ms(80), ..waiting() }),
        backlog(
            "backlog-full-at-once",
            "eight connections at the same time to a server with a backlog of 1 that never accepts",
        )
        .shows("tcp.len > 0 && tcp.analysis.retransmission", 4)
        .requests(waiting()),
    ]
}

/// Eight connections that wait six seconds for an answer.
fn waiting() -> Requests {
    Requests {
        parallel: 8,
        connect_patience: ms(6_000),
        patience: ms(6_000),
        ..download(10)
    }
}

fn backlog(name: &'static str, done: &'static str) -> Scenario {
    Scenario::fault(name, "server", done)
        .seen_at(Vantage::Client, &["accept-queue-overflow"])
        .seen_at(Vantage::Server, &["accept-queue-overflow"])
        .never(&["syn-unanswered"])
        .http(HttpServer {
            backlog: 1,
            accepts: false,
            ..HttpServer::default()
        })
}

fn late_or_crippled() -> Vec<Scenario> {
    let five = || Requests {
        parallel: 5,
        ..download(3_000)
    };
    let strip = |side, kinds: &[u8]| {
        let kind = if side == Side::Client {
            Kind::Syn
        } else {
            Kind::SynAck
        };
        Fault::new(kind, Effect::StripOptions(kinds.to_vec())).port(80)
    };
    let two_ports = || {
        [80, 8_080].map(|port| {
            Service::Http(HttpServer {
                port,
                ..HttpServer::default()
            })
        })
    };
    let everything = [
        option::WINDOW_SCALE,
        option::SACK_PERMITTED,
        option::TIMESTAMPS,
    ];
    vec![
        Scenario::fault("first-syn-lost", "network", "the first SYN of every connection is lost")
            .seen_at(Vantage::Client, &["handshake-retransmitted"])
            .never(&["syn-unanswered", "accept-queue-overflow"])
            .with(first_of_flow(Kind::Syn, Effect::Lose))
            .harms(HarmKind::Loss, 5)
.requests(five()),
        Scenario::fault("first-syn-ack-lost", "network", "the first SYN-ACK of every connection is lost")
            .seen_at(Vantage::Client, &["handshake-retransmitted"])
            .seen_at(Vantage::Server, &["handshake-retransmitted"])
            .never(&["syn-unanswered"])
            .with(first_of_flow(Kind::SynAck, Effect::Lose))
            .harms(HarmKind::Loss, 5)
.requests(five()),
        Scenario::fault(
            "options-stripped-from-syn-ack",
            "middlebox",
            "a middlebox removes window scaling, SACK and timestamps from the SYN-ACKs of port 80, not of port 8080",
        )
        .seen_at(Vantage::Client, &["handshake-options-stripped"])
        .plan(Plan::round_trip(ms(80)))
        .with(strip(Side::Server, &everything))
        .services(two_ports())
        .harms(HarmKind::OptionsChanged, 2)
.requests(Requests { port: 8_080, connections: 2, ..download(400_000) })
        .requests(Requests { connections: 2, ..download(1_000_000) }),
        Scenario::fault(
            "options-stripped-from-syn",
            "middlebox",
            "a middlebox removes window scaling and SACK from the SYNs to port 80, not to port 8080",
        )
        .seen_at(Vantage::Server, &["handshake-options-stripped"])
        .plan(Plan::round_trip(ms(80)))
        .with(strip(Side::Client, &[option::WINDOW_SCALE, option::SACK_PERMITTED]))
        .services(two_ports())
        .harms(HarmKind::OptionsChanged, 2)
.requests(Requests { port: 8_080, connections: 2, ..download(400_000) })
        .requests(Requests { connections: 2, ..download(1_000_000) }),
        Scenario::fault("one-request-each", "application", "600 small requests, six at a time, a connection each")
            .seen_at(Vantage::Client, &["connection-churn"])
            .shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", 590)
.requests(Requests { parallel: 6, connections: 100, ..download(300) }),
    ]
}

fn hostile() -> Vec<Scenario> {
    vec![
        Scenario::fault(
            "syn-flood",
            "client",
            "6000 SYNs from made-up addresses to port 80 within a few seconds",
        )
        .seen_at(Vantage::Server, &["syn-flood"])
        .never(&["syn-unanswered"])
        .command(Side::Server, "ip route add 198.18.0.0/15 via 10.77.0.2")
        .shows("tcp.flags.syn == 1 && tcp.flags.ack == 0", 5000)
        .then(Work::Act(flood)),
        Scenario::fault(
            "port-scan",
            "client",
            "one host tries 500 ports, two of them open",
        )
        .seen_at(Vantage::Client, &["port-scan"])
        .seen_at(Vantage::Server, &["port-scan"])
        .never(&["connection-refused"])
        .plan(Plan::round_trip(ms(4)))
        .shows("tcp.flags.reset == 1", 490)
        .then(Work::Act(scan)),
    ]
}

fn flood(site: &Site<'_>) {
    // The capture shows how it went.
    let _ = raw::syn_flood(address::SERVER, 80, 6_000, site.seed);
}

fn scan(site: &Site<'_>) {
    talk::knock(site.address, 1..=500);
}
