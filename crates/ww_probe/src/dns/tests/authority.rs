//! A zone's own servers: when they are asked, and which they are.

use super::*;

#[test]
fn the_zones_own_servers_are_asked_where_resolvers_disagree() {
    run(async {
        // The zone's servers have one port and several addresses.
        let own = server(|asked| {
            assert!(
                !asked.recursive,
                "a zone's own server is asked for what it has itself"
            );
            match asked.kind {
                SOA => Some(asked.reply().record(0, "example", SOA, &soa(7))),
                _ => asked.gives("192.0.2.1"),
            }
        })
        .await;
        let second = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 2).into(), own.port());
        server_at(second, |asked| match asked.kind {
            SOA => Some(asked.reply().record(0, "example", SOA, &soa(6))),
            _ => asked.fail(3),
        })
        .await;
        let good = server(|asked| match (asked.name.as_str(), asked.kind) {
            ("www.example", A) => asked.gives("192.0.2.1"),
            ("www.example", SOA) => Some(asked.reply().record(1, "example", SOA, &soa(7))),
            ("example", NS) => Some(
                asked
                    .reply()
                    .record(0, "example", NS, &wired("ns1.example"))
                    .record(0, "example", NS, &wired("ns2.example"))
                    .record(2, "ns1.example", A, &v4("127.0.0.1")),
            ),
            ("ns2.example", A) => asked.gives("127.0.0.2"),
            _ => asked.fail(0),
        })
        .await;
        let wrong = server(|asked| asked.fail(3)).await;
        let script = |resolving: &mut Resolving<'_, '_>| {
            resolving.authority_port = own.port();
            resolving.authority_here = true;
        };
        let (found, steps) = resolve(
            &[good, wrong],
            target("www.example", Service::Tcp),
            options(),
            script,
        )
        .await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(
            told(&steps)[4..],
            [
                "SOA www.example 4096 unchecked: NOERROR",
                "NS example 4096 unchecked: NOERROR",
                "A ns2.example 4096 unchecked: NOERROR",
                "SOA example 4096 own: NOERROR",
                "A www.example 4096 own: NOERROR",
                "SOA example 4096 own: NOERROR",
                "A www.example 4096 own: NXDOMAIN",
            ]
        );
        let (_, steps) = resolve(
            &[good],
            target("www.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(steps.len(), 2, "nothing raises the question");
        let deep = Options {
            depth: Depth::Deep,
            ..options()
        };
        let (_, steps) = resolve(&[good], target("www.example", Service::Tcp), deep, |_| {}).await;
        let own = lookups(&steps)
            .iter()
            .filter(|lookup| lookup.authoritative_server)
            .count();
        assert_eq!(own, 0, "a zone's servers are never sought on this host");
    });
}

#[test]
fn where_a_denial_names_no_zone_the_names_above_are_asked_for() {
    run(async {
        let target = || target("api.shop.example", Service::Tcp);
        let of_list = server(|asked| asked.fail(3)).await;
        let (_, steps) = resolve(&[of_list], target(), options(), |_| {}).await;
        assert_eq!(
            told(&steps)[2..],
            [
                "SOA api.shop.example 4096 unchecked: NXDOMAIN",
                "SOA shop.example 4096 unchecked: NXDOMAIN",
                "SOA example 4096 unchecked: NXDOMAIN",
            ]
        );
        // One that only leaves out who said so.
        let terse = server(|asked| match (asked.name.as_str(), asked.kind) {
            ("shop.example", SOA) => Some(asked.reply().record(0, "shop.example", SOA, &soa(7))),
            ("shop.example", _) => asked.fail(0),
            _ => asked.fail(3),
        })
        .await;
        let (_, steps) = resolve(&[terse], target(), options(), |_| {}).await;
        assert_eq!(
            told(&steps)[2..],
            [
                "SOA api.shop.example 4096 unchecked: NXDOMAIN",
                "SOA shop.example 4096 unchecked: NOERROR",
                "NS shop.example 4096 unchecked: NOERROR",
            ]
        );
    });
}

#[test]
fn the_parent_is_asked_to_whom_it_delegates_the_zone() {
    run(async {
        // The zone's own server, which says that it is the only one.
        let own = server(|asked| match (asked.name.as_str(), asked.kind) {
            ("lab.example", SOA) => {
                Some(asked.reply().own().record(0, "lab.example", SOA, &soa(7)))
            }
            ("lab.example", NS) => Some(asked.reply().own().record(
                0,
                "lab.example",
                NS,
                &wired("ns1.example"),
            )),
            _ => asked.gives("192.0.2.1"),
        })
        .await;
        // The parent's, which delegates to another one too, and has no room for it in a datagram.
        let at = |last: u8| SocketAddr::new(Ipv4Addr::new(127, 0, 0, last).into(), own.port());
        server_at(at(2), |asked| {
            assert!(!asked.recursive, "it shall say what it knows itself");
            let reply = asked
                .reply()
                .record(1, "lab.example", NS, &wired("ns1.example"));
            if !asked.tcp {
                return reply.cut();
            }
            Some(
                reply
                    .record(1, "lab.example", NS, &wired("old.example"))
                    .record(2, "old.example", A, &v4("127.0.0.3")),
            )
        })
        .await;
        // It does not know EDNS, and does not serve the zone.
        server_at(at(3), |asked| {
            asked.fail(if asked.size.is_some() { 1 } else { 5 })
        })
        .await;
        let resolver = server(|asked| match (asked.name.as_str(), asked.kind) {
            ("www.lab.example", A) => asked.gives("192.0.2.1"),
            ("www.lab.example", SOA) => Some(asked.reply().record(1, "lab.example", SOA, &soa(7))),
            ("lab.example", NS) => Some(asked.reply().record(
                0,
                "lab.example",
                NS,
                &wired("ns1.example"),
            )),
            ("example", SOA) => Some(asked.reply().record(0, "example", SOA, &soa(1))),
            ("example", NS) => Some(asked.reply().record(0, "example", NS, &wired("ns.example"))),
            ("ns1.example", A) => asked.gives("127.0.0.1"),
            ("ns.example", A) => asked.gives("127.0.0.2"),
            _ => asked.fail(0),
        })
        .await;
        let deep = Options {
            depth: Depth::Deep,
            families: Families::V4,
            ..options()
        };
        let script = |resolving: &mut Resolving<'_, '_>| {
            resolving.authority_port = own.port();
            resolving.authority_here = true;
        };
        let (_, steps) = resolve(
            &[resolver],
            target("www.lab.example", Service::Tcp),
            deep,
            script,
        )
        .await;
        let all = lookups(&steps);
        let delegation: Vec<&&Lookup> = all.iter().filter(|one| one.delegation).collect();
        let by: Vec<&DnsVia> = delegation.iter().map(|one| &one.via).collect();
        assert_eq!(by, [&DnsVia::Udp(at(2)), &DnsVia::Tcp(at(2))], "{all:?}");
        let asked_own: Vec<(Option<SocketAddr>, &str, bool)> = all
            .iter()
            .filter(|one| one.authoritative_server)
            .map(|one| {
                let has_edns = one.edns_size.is_some();
                (one.via.server(), one.kind.as_str(), has_edns)
            })
            .collect();
        assert_eq!(
            asked_own,
            [
                (Some(own), "SOA", true),
                (Some(own), "A", true),
                (Some(own), "NS", true),
                (Some(at(3)), "SOA", true),
                (Some(at(3)), "SOA", false),
                (Some(at(3)), "A", false),
            ]
        );
    });
}
