//! Below and beside TCP: datagrams, fragments, routes, hardware addresses.

use super::download;
use crate::link::{Effect, Fault, Kind, Plan, Side};
use crate::scenario::{Scenario, Service, Site, Vantage, Work};
use crate::traffic::http_client::Requests;
use crate::traffic::{ms, talk};
use crate::truth::HarmKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub(super) fn scenarios() -> Vec<Scenario> {
    let conflict = Fault::new(
        Kind::ArpRequest,
        Effect::ClaimAddress {
            mac: [2, 0x66, 0, 0, 0, 9],
        },
    );
    vec![
        Scenario::fault(
            "udp-port-closed",
            "server",
            "datagrams to a port nobody listens on",
        )
        .seen_at(Vantage::Client, &["udp-port-unreachable"])
        .seen_at(Vantage::Server, &["udp-port-unreachable"])
        .shows("icmp.type == 3 && icmp.code == 3", 5)
        .then(Work::Act(to_closed_port)),
        Scenario::fault(
            "fragments-lost",
            "network",
            "only the first fragment of each datagram arrives",
        )
        .seen_at(Vantage::Server, &["fragment-lost"])
        .services([Service::EchoDatagrams(9_000)])
        .with(Fault::new(Kind::LaterFragment, Effect::Lose).from(Side::Client))
        .harms(HarmKind::Loss, 10)
        .then(Work::Act(fragmented)),
        Scenario::fault(
            "fragments-lost-some",
            "network",
            "of the answers only first fragments arrive",
        )
        .seen_at(Vantage::Client, &["fragment-lost"])
        .services([Service::EchoDatagrams(9_000)])
        .with(
            Fault::new(Kind::LaterFragment, Effect::Lose)
                .from(Side::Server)
                .share(0.5),
        )
        .harms(HarmKind::Loss, 3)
        .then(Work::Act(fragmented)),
        Scenario::fault(
            "routes-in-a-circle",
            "network",
            "two routers send packets for 10.99.0.0/16 to each other",
        )
        .seen_at(Vantage::Server, &["routing-loop"])
        .seen_at(Vantage::Client, &["routing-loop"])
        .never(&["duplicated-capture", "network-duplication"])
        .plan(Plan::round_trip(ms(2)))
        .both_sysctl("ipv4.ip_forward", "1")
        .both_sysctl("ipv4.conf.all.send_redirects", "0")
        .both_sysctl("ipv4.conf.eth0.send_redirects", "0")
        // Each of the two hosts is a router here, and sees its own packets come back.
        .both_sysctl("ipv4.conf.all.rp_filter", "0")
        .both_sysctl("ipv4.conf.eth0.rp_filter", "0")
        .both_sysctl("ipv4.conf.eth0.accept_local", "1")
        .command(Side::Client, "ip route add 10.99.0.0/16 via 10.77.0.1")
        .command(Side::Server, "ip route add 10.99.0.0/16 via 10.77.0.2")
        .shows("ip.ttl < 10 && ip.dst == 10.99.0.9", 3)
        .requests(Requests {
            to: Some(IpAddr::V4(Ipv4Addr::new(10, 99, 0, 9))),
            connect_patience: ms(3_500),
            ..download(100)
        }),
        Scenario::fault(
            "address-taken-twice",
            "configuration",
            "two hosts answer for 10.77.0.1",
        )
        .seen_at(Vantage::Client, &["arp-conflict"])
        .with(conflict.from(Side::Client))
        .harms(HarmKind::AddressClaimed, 2)
        .shows("arp.duplicate-address-detected", 1)
        .requests(Requests {
            connect_patience: ms(2_500),
            ..download(400)
        })
        .then(Work::Program("ip neigh flush dev eth0"))
        .requests(Requests {
            connect_patience: ms(2_500),
            ..download(400)
        })
        .then(Work::Program("ip neigh flush dev eth0"))
        .requests(Requests {
            connect_patience: ms(2_500),
            ..download(400)
        }),
    ]
}

fn to_closed_port(site: &Site<'_>) {
    // The capture shows how it went.
    let _ = talk::datagrams(SocketAddr::new(site.address, 9_999), 6, 64, ms(150));
}

fn fragmented(site: &Site<'_>) {
    // The capture shows how it went.
    let _ = talk::datagrams(SocketAddr::new(site.address, 9_000), 10, 4_000, ms(300));
}
