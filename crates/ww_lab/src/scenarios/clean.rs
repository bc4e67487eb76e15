//! Healthy networks: whatever is found here is wrong.

use super::{download, upload};
use crate::link::{Effect, Fault, Kind, Plan, Side, Which};
use crate::scenario::{Scenario, Service, Site, Vantage, Work};
use crate::traffic::dns::{A, AAAA, DnsServer, Lookups};
use crate::traffic::http_client::Requests;
use crate::traffic::http_server::HttpServer;
use crate::traffic::{Ending, ms, talk};
use crate::truth::HarmKind;
use crate::world::address;
use std::net::SocketAddr;

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = transfers();
    all.extend(conversations());
    all.extend(harmless());
    all
}

fn transfers() -> Vec<Scenario> {
    vec![
        Scenario::clean(
            "clean-http-short",
            "40 requests, two at a time, a connection each",
        )
        .requests(Requests {
            parallel: 2,
            connections: 20,
            between: ms(40),
            ..download(20_000)
        }),
        Scenario::clean(
            "clean-keep-alive",
            "60 requests on three connections, 100 ms between them",
        )
        .requests(Requests {
            parallel: 3,
            per_connection: 20,
            gaps: vec![ms(100)],
            ..download(5_000)
        }),
        Scenario::clean(
            "clean-download-1ms",
            "a download of 20 MB over a round trip of 1 ms",
        )
        .plan(Plan::round_trip(ms(1)))
        .requests(download(20_000_000)),
        Scenario::clean(
            "clean-download-20ms",
            "a download of 20 MB over a round trip of 20 ms",
        )
        .requests(download(20_000_000)),
        Scenario::clean(
            "clean-download-100ms",
            "a download of 20 MB over a round trip of 100 ms",
        )
        .plan(Plan::round_trip(ms(100)))
        .requests(download(20_000_000)),
        Scenario::clean("clean-upload", "an upload of 8 MB, captured at both ends")
            .seen_at(Vantage::Server, &[])
            .requests(upload(8_000_000)),
        Scenario::clean(
            "clean-parallel",
            "20 connections at the same time, five requests each",
        )
        .requests(Requests {
            parallel: 20,
            per_connection: 5,
            gaps: vec![ms(60)],
            ..download(30_000)
        }),
        Scenario::clean(
            "clean-without-timestamps",
            "a download without TCP timestamps, captured at the server",
        )
        .seen_at(Vantage::Server, &[])
        .both_sysctl("ipv4.tcp_timestamps", "0")
        .requests(download(8_000_000)),
        Scenario::clean("clean-ipv6", "requests and a download over IPv6")
            .over_ipv6()
            .requests(Requests {
                connections: 10,
                ..download(10_000)
            })
            .requests(download(5_000_000)),
    ]
}

fn conversations() -> Vec<Scenario> {
    vec![
        Scenario::clean("clean-keystrokes", "keystrokes and their echo on one connection, as in a remote shell")
            .services([Service::EchoStream(22)])
            .then(Work::Act(keystrokes)),
        Scenario::clean("clean-long-poll", "two requests that the server answers after 3 s, as agreed")
            .requests(Requests { per_connection: 2, ..download(200) })
            .requests(Requests {
                target: "/300?think=3000".into(),
                ..Requests::default()
            })
            .never(&["request-unanswered", "idle-connection-dropped"]),
        Scenario::clean("clean-websocket", "an upgraded connection, idle but for a ping each second")
            .then(Work::Act(websocket)),
        Scenario::clean("clean-tls-nginx", "HTTPS downloads from nginx with curl")
            .services([Service::Nginx(300_000)])
            .then(Work::Program("curl -sk -m 10 -o /dev/null https://10.77.0.1/file"))
            .then(Work::Program("curl -sk -m 10 -o /dev/null https://10.77.0.1/file -o /dev/null https://10.77.0.1/file"))
            .then(Work::Program("curl -s -m 10 -o /dev/null http://10.77.0.1/file")),
        Scenario::clean("clean-dns-dnsmasq", "names that dnsmasq knows, both address types from one port")
            .services([Service::Dnsmasq])
            .then(Work::Lookups(Lookups {
                kinds: vec![A, AAAA],
                ..Lookups::of(&["web.lab.example", "db.lab.example", "web.lab.example", "db.lab.example"])
            })),
        Scenario::clean("clean-dns-then-http", "a lookup, then requests to the address it gave")
            .services([
                Service::Dns(DnsServer { tcp: true, address: address::SERVER, moved_to: address::SERVER }),
                Service::Http(HttpServer::default()),
            ])
            .then(Work::Lookups(Lookups::of(&["ok.lab.example"])))
            .requests(Requests { connections: 3, ..download(4_000) }),
        Scenario::clean("clean-two-links", "a download captured in the middle of the path")
            .seen_at(Vantage::Middle, &[])
            .behind(ms(10))
            .requests(download(4_000_000)),
        Scenario::clean("clean-datagrams", "datagrams of 3000 bytes, in fragments, and their echo")
            .services([Service::EchoDatagrams(9_000)])
            .then(Work::Act(fragmented)),
    ]
}

/// Things that look like faults and are none.
fn harmless() -> Vec<Scenario> {
    let names = |tcp| {
        Service::Dns(DnsServer {
            tcp,
            address: address::SERVER,
            moved_to: address::SERVER,
        })
    };
    let one_of_many = Fault::new(Kind::Data, Effect::Lose)
        .from(Side::Server)
        .which(Which::Numbers(vec![3_000]));
    let same_port = || Requests {
        from_port: Some(45_000),
        ..download(700)
    };
    vec![
        Scenario::clean(
            "clean-one-loss",
            "one segment of a download of 20 MB is lost, and repaired at once",
        )
        .with_some_trouble()
        .with(one_of_many)
        .harms(HarmKind::Loss, 1)
        .requests(download(20_000_000)),
        Scenario::clean(
            "clean-event-stream",
            "the server sends a small event every 250 ms, as agreed",
        )
        .requests(Requests {
            target: "/3500?chunk=180&gap=250".into(),
            ..Requests::default()
        }),
        Scenario::clean(
            "clean-keepalive-probes",
            "idle connections whose client probes them each second",
        )
        .requests(Requests {
            parallel: 2,
            keepalive: Some(ms(1_000)),
            hold: ms(4_500),
            ..download(500)
        }),
        Scenario::clean(
            "clean-port-reused",
            "the client's port is used again after the server closed in peace",
        )
        .http(HttpServer {
            one_answer: Some(Ending::Fin),
            ..HttpServer::default()
        })
        .requests(same_port())
        .then(Work::Wait(ms(1_200)))
        .requests(same_port())
        .then(Work::Wait(ms(1_200)))
        .requests(same_port()),
        Scenario::clean("clean-dns-one-missing", "one of six names does not exist")
            .services([names(false)])
            .then(Work::Lookups(Lookups {
                between: ms(200),
                ..Lookups::of(&[
                    "ok1.lab.example",
                    "ok2.lab.example",
                    "typo.lab.example",
                    "ok3.lab.example",
                    "ok4.lab.example",
                    "ok5.lab.example",
                ])
            })),
        Scenario::clean(
            "clean-dns-truncated-then-tcp",
            "a truncated answer is asked for again over TCP",
        )
        .services([names(true)])
        .then(Work::Lookups(Lookups {
            tcp_when_truncated: true,
            ..Lookups::of(&["big1.lab.example", "ok.lab.example", "big2.lab.example"])
        }))
        .linger(ms(5_300)),
    ]
}

fn keystrokes(site: &Site<'_>) {
    let keys: Vec<usize> = (0..40).map(|number| 36 + number * 7 % 65).collect();
    let pause = |number: usize| ms(40 + (number as u64 * 37) % 160);
    // The capture shows how it went.
    let _ = talk::type_keys(SocketAddr::new(site.address, 22), &keys, pause);
}

fn websocket(site: &Site<'_>) {
    // The capture shows how it went.
    let _ = talk::answer_pings(
        SocketAddr::new(site.address, 80),
        "/?upgrade=1000",
        ms(5_500),
    );
}

fn fragmented(site: &Site<'_>) {
    // The capture shows how it went.
    let _ = talk::datagrams(SocketAddr::new(site.address, 9_000), 30, 3_000, ms(1_000));
}
