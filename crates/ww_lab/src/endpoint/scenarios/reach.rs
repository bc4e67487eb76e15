//! Connections that are refused, rejected, dropped, or lost on the way.

use super::super::servers::answer_each;
use crate::endpoint::{Scenario, Servers, Site};
use crate::error::LabError;
use crate::traffic::ms;
use std::net::TcpStream;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy("http", "plain HTTP", "http://one.lab.example/", web),
    Scenario::healthy(
        "http-both-families",
        "plain HTTP over both families",
        "http://both.lab.example/",
        web,
    ),
    Scenario::healthy(
        "http-two-addresses",
        "plain HTTP at two addresses",
        "http://two.lab.example/",
        web,
    ),
    Scenario::healthy(
        "address",
        "an address without a name",
        "http://10.79.2.2/",
        web,
    ),
    Scenario::healthy(
        "address-v6",
        "an IPv6 address without a name",
        "http://[fd79:2::2]/",
        web,
    ),
    Scenario::healthy(
        "alias",
        "a name that is an alias",
        "http://alias.lab.example/",
        web,
    ),
    Scenario::faulty(
        "port-closed",
        "nobody listens on the port",
        "tcp://one.lab.example:8089",
        "connection-refused",
        web,
    ),
    Scenario::faulty(
        "port-closed-everywhere",
        "nobody listens on the port of either address",
        "tcp://two.lab.example:8089",
        "connection-refused",
        web,
    ),
    Scenario::faulty(
        "filter-reset",
        "a filter answers with resets",
        "http://one.lab.example/",
        "connection-refused",
        |site| filtered(site, "tcp dport 80 reject with tcp reset"),
    ),
    Scenario::faulty(
        "filter-port-unreachable",
        "a filter answers with port unreachable",
        "http://one.lab.example/",
        "icmp-rejected",
        |site| filtered(site, "tcp dport 80 reject with icmpx type port-unreachable"),
    ),
    Scenario::faulty(
        "filter-prohibited",
        "a filter says that it is prohibited",
        "http://one.lab.example/",
        "icmp-rejected",
        |site| filtered(site, "tcp dport 80 reject with icmpx type admin-prohibited"),
    ),
    Scenario::faulty(
        "filter-prohibited-v6",
        "a filter says over ICMPv6 that it is prohibited",
        "http://[fd79:2::2]/",
        "icmp-rejected",
        |site| filtered(site, "tcp dport 80 reject with icmpx type admin-prohibited"),
    ),
    Scenario::faulty(
        "filter-host-prohibited",
        "a filter says that the host is prohibited",
        "http://one.lab.example/",
        "icmp-rejected",
        |site| {
            filtered(
                site,
                "ip daddr 10.79.2.2 tcp dport 80 reject with icmp type host-prohibited",
            )
        },
    ),
    Scenario::faulty(
        "filter-net-prohibited",
        "a filter says that the network is prohibited",
        "http://one.lab.example/",
        "icmp-rejected",
        |site| {
            filtered(
                site,
                "ip daddr 10.79.2.2 tcp dport 80 reject with icmp type net-prohibited",
            )
        },
    ),
    Scenario::faulty(
        "filter-drop",
        "a filter drops the SYNs",
        "http://one.lab.example/",
        "syn-unanswered",
        |site| filtered(site, "tcp dport 80 drop"),
    ),
    Scenario::faulty(
        "filter-drop-replies",
        "a filter drops the SYN-ACKs",
        "http://one.lab.example/",
        "syn-unanswered",
        |site| filtered(site, "tcp sport 80 drop"),
    ),
    Scenario::faulty(
        "filter-drop-all",
        "a filter drops everything to the host but names",
        "http://10.79.2.2/",
        "syn-unanswered",
        |site| filtered(site, "ip daddr 10.79.2.2 tcp dport != 53 drop"),
    ),
    Scenario::faulty(
        "nobody-has-the-address",
        "no host has the address",
        "http://nobody.lab.example/",
        "host-unreachable",
        web,
    ),
    Scenario::faulty(
        "no-route",
        "the router has no route",
        "http://10.99.0.1/",
        "host-unreachable",
        web,
    ),
    Scenario::faulty(
        "v6-dropped",
        "IPv6 is dropped on the way",
        "http://both.lab.example/",
        "address-family-broken",
        |site| filtered(site, "ip6 daddr fd79:2::2 drop"),
    ),
    Scenario::faulty(
        "v4-dropped",
        "IPv4 is dropped on the way",
        "http://both.lab.example/",
        "address-family-broken",
        |site| filtered(site, "ip daddr 10.79.2.2 tcp dport 80 drop"),
    ),
    Scenario::faulty(
        "v6-not-served",
        "the server listens on IPv4 alone",
        "http://both.lab.example/",
        "address-family-broken",
        |site| Servers::names(site, "")?.scripted(site, "0.0.0.0:80", fine),
    ),
    Scenario::faulty(
        "one-address-closed",
        "one of two addresses refuses",
        "http://two.lab.example/",
        "one-address-broken",
        |site| Servers::names(site, "")?.scripted(site, "10.79.2.2:80", fine),
    ),
    Scenario::faulty(
        "one-address-dropped",
        "one of two addresses is dropped",
        "http://two.lab.example/",
        "one-address-broken",
        |site| filtered(site, "ip daddr 10.79.2.3 drop"),
    ),
    Scenario::faulty(
        "v6-prohibited",
        "a filter says that IPv6 is prohibited",
        "http://both.lab.example/",
        "address-family-broken",
        |site| {
            filtered(
                site,
                "ip6 daddr fd79:2::2 tcp dport 80 reject with icmpv6 type admin-prohibited",
            )
        },
    ),
    Scenario::faulty(
        "one-address-prohibited",
        "a filter says that one of two addresses is prohibited",
        "http://two.lab.example/",
        "one-address-broken",
        |site| {
            filtered(
                site,
                "ip daddr 10.79.2.3 tcp dport 80 reject with icmp type admin-prohibited",
            )
        },
    ),
    Scenario::faulty(
        "first-syn-lost",
        "every first SYN is lost",
        "http://one.lab.example/",
        "handshake-retransmitted",
        |site| filtered(site, "tcp flags syn / syn,ack numgen inc mod 2 == 0 drop"),
    ),
    Scenario::faulty(
        "source-port-hash",
        "SYNs from one in three source ports are dropped, by a hash",
        "tcp://one.lab.example:80",
        "intermittent-failure",
        |site| {
            filtered(
                site,
                &after_a_while("jhash tcp sport mod 3 seed 0x5eed == 0 drop"),
            )
        },
    )
    .with(&["--repeat", "24"]),
    Scenario::faulty(
        "syns-reset-at-random",
        "one in three SYNs is answered with a reset, at random",
        "tcp://one.lab.example:80",
        "intermittent-failure",
        |site| {
            let fault = "numgen random mod 3 == 0 reject with tcp reset";
            filtered(site, &after_a_while(fault))
        },
    )
    .with(&["--repeat", "60"]),
    Scenario::faulty(
        "path-mtu-from-server",
        "large packets of the server vanish",
        "http://one.lab.example/",
        "path-mtu-black-hole",
        |site| {
            let servers = Servers::names(site, "")?.scripted(site, "0.0.0.0:80", large)?;
            site.filter("iifname right ip length > 1300 drop")?;
            Ok(servers)
        },
    ),
];

/// A healthy web server at every address, and names.
fn web(site: &Site) -> Result<Servers, LabError> {
    Servers::names(site, "")?.scripted(site, "[::]:80", fine)
}

/// What a filter does to SYNs once some have passed, so that the walk before the trials meets no fault.
fn after_a_while(fault: &str) -> String {
    let syn = "tcp dport 80 tcp flags & (syn | ack) == syn";
    format!("{syn} limit rate 1/day burst 8 packets accept\n{syn} {fault}")
}

/// The same behind rules of the router.
fn filtered(site: &Site, rules: &str) -> Result<Servers, LabError> {
    let servers = web(site)?;
    site.filter(rules)?;
    Ok(servers)
}

fn fine(stream: TcpStream, _: usize) {
    answer_each(
        stream,
        ms(0),
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n",
    );
}

/// A page that needs several full segments.
fn large(stream: TcpStream, _: usize) {
    let mut answer =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 20000\r\n\r\n".to_vec();
    answer.resize(answer.len() + 20_000, b'x');
    answer_each(stream, ms(0), &answer);
}
