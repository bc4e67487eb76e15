//! Names that do not resolve, or resolve late or wrongly.

use super::download;
use crate::link::{Effect, Fault, Kind, Side, Which};
use crate::scenario::{Scenario, Service, Vantage, Work};
use crate::traffic::dns::{A, AAAA, DnsServer, Lookups};
use crate::traffic::http_client::Requests;
use crate::traffic::http_server::HttpServer;
use crate::traffic::ms;
use crate::truth::HarmKind;
use crate::world::address;
use std::net::Ipv4Addr;

/// Where a service moved to.
const MOVED_TO: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 3);
const SERVER: DnsServer = DnsServer {
    tcp: false,
    address: address::SERVER,
    moved_to: MOVED_TO,
};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = unanswered();
    all.extend(answered_badly());
    all.extend(asked_badly());
    all
}

fn dns(
    name: &'static str,
    owner: &'static str,
    rule: &'static str,
    done: &'static str,
) -> Scenario {
    Scenario::fault(name, owner, done)
        .seen_at(Vantage::Client, &[rule])
        .services([Service::Dns(SERVER)])
}

fn asked(names: &[&str]) -> Work {
    Work::Lookups(Lookups::of(names))
}

fn unanswered() -> Vec<Scenario> {
    let lost = || {
        Fault::new(Kind::Udp, Effect::Lose)
            .from(Side::Client)
            .port(53)
    };
    let impatient = |names: &[&str]| {
        Work::Lookups(Lookups {
            retry_after: ms(1_500),
            tries: 3,
            ..Lookups::of(names)
        })
    };
    let patient = Lookups {
        retry_after: ms(2_000),
        ..Lookups::of(&["ok1.lab.example", "ok2.lab.example"])
    };
    let racing = Lookups {
        parallel: true,
        kinds: vec![A, AAAA],
        ..Lookups::of(&[
            "race1.lab.example",
            "race2.lab.example",
            "race3.lab.example",
        ])
    };
    vec![
        dns(
            "dns-server-silent",
            "server",
            "dns-unanswered",
            "the name server answers one name and never the other",
        )
        .shows("dns.qry.name == \"lost.lab.example\"", 3)
        .then(asked(&["ok.lab.example"]))
        .then(impatient(&["lost.lab.example"])),
        dns(
            "dns-questions-lost",
            "network",
            "dns-unanswered",
            "no question reaches the name server",
        )
        .with(lost())
        .harms(HarmKind::Loss, 3)
        .then(impatient(&["ok.lab.example"])),
        dns(
            "dns-first-question-lost",
            "network",
            "dns-unanswered",
            "the first question of each lookup is lost; the client asks again after 2 s",
        )
        .with(lost().which(Which::OfFlow(vec![1])))
        .harms(HarmKind::Loss, 2)
        .then(Work::Lookups(patient)),
        dns(
            "dns-parallel-race",
            "middlebox",
            "dns-parallel-query-race",
            "of two questions from one port the second is lost; the client asks again after 5 s",
        )
        .shows("dns.qry.type == 28 && dns.flags.response == 0", 6)
        .then(Work::Lookups(racing)),
    ]
}

fn answered_badly() -> Vec<Scenario> {
    vec![
        dns(
            "dns-server-slow",
            "server",
            "dns-slow",
            "the name server takes 1.5 s for each of three names",
        )
        .never(&["dns-unanswered"])
        .shows("dns.time > 1.4", 3)
        .then(asked(&[
            "slow1.lab.example",
            "slow2.lab.example",
            "slow3.lab.example",
        ])),
        dns(
            "dns-server-fails",
            "server",
            "dns-server-failure",
            "the name server answers SERVFAIL",
        )
        .shows("dns.flags.rcode == 2", 3)
        .then(asked(&[
            "fail1.lab.example",
            "fail2.lab.example",
            "fail1.lab.example",
        ])),
        dns(
            "dns-truncated",
            "client",
            "dns-truncated-without-tcp",
            "answers are truncated, and the client never asks over TCP",
        )
        .shows("dns.flags.truncated == 1", 2)
        .then(asked(&[
            "big1.lab.example",
            "ok.lab.example",
            "big2.lab.example",
        ]))
        .linger(ms(5_300)),
    ]
}

fn asked_badly() -> Vec<Scenario> {
    let searched = Lookups {
        names: searched_names(),
        kinds: vec![A, AAAA],
        ..Lookups::default()
    };
    vec![
        dns(
            "dns-names-missing",
            "configuration",
            "dns-name-error-burst",
            "40 lookups of names that do not exist",
        )
        .never(&["dns-search-expansion"])
        .shows("dns.flags.rcode == 3", 40)
        .then(Work::Lookups(Lookups {
            names: missing_names(),
            ..Lookups::default()
        })),
        dns(
            "dns-search-list",
            "configuration",
            "dns-search-expansion",
            "every name is tried with three search suffixes first",
        )
        .shows("dns.flags.rcode == 3", 24)
        .then(Work::Lookups(searched)),
        dns(
            "dns-address-stale",
            "client",
            "dns-stale-address",
            "the client goes on using an address the name no longer has",
        )
        .services([Service::Dns(SERVER), Service::Http(HttpServer::default())])
        .shows("dns.a == 10.77.0.3", 1)
        .then(asked(&["moves.lab.example"]))
        .requests(Requests {
            connections: 2,
            ..download(500)
        })
        .then(Work::Wait(ms(1_500)))
        .then(asked(&["moves.lab.example"]))
        .then(Work::Wait(ms(1_500)))
        .requests(Requests {
            connections: 3,
            between: ms(300),
            ..download(500)
        }),
    ]
}

fn missing_names() -> Vec<Vec<String>> {
    (0..40)
        .map(|number| vec![format!("host{number}.old.example")])
        .collect()
}

fn searched_names() -> Vec<Vec<String>> {
    let suffixes = [
        "shop.svc.cluster.local",
        "svc.cluster.local",
        "cluster.local",
    ];
    let names = [
        "ok-api.lab.example",
        "ok-db.lab.example",
        "ok-mail.lab.example",
        "ok-queue.lab.example",
    ];
    let candidates = |name: &&str| {
        let expanded = suffixes.iter().map(|suffix| format!("{name}.{suffix}"));
        expanded.chain([(*name).to_owned()]).collect()
    };
    names.iter().map(candidates).collect()
}
