use super::*;
use crate::answer::{Answer, Change};
use ww_base::SourceId;
use ww_import::nft;

const GATEWAY: &str = "
table inet fw {
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    ip saddr 203.0.113.0/24 drop
    tcp dport { 22, 443 } accept
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    ip daddr 10.0.0.10 tcp dport 443 accept
    ip saddr 10.0.0.0/24 tcp dport 5432 limit rate 10/second accept
  }
}
";

fn device(text: &str) -> Device {
    let read = nft::read(
        SourceId(0),
        text.as_bytes(),
        &mut nft::NoIncludes,
        &Limits::default(),
    );
    assert_eq!(read.problems, []);
    Device {
        filter: read.value,
        ..Device::default()
    }
}

fn can(text: &str, from: &str, to: &str, service: &str) -> Answer {
    let device = device(text);
    let (from, to): (Place, Place) = (from.parse().unwrap(), to.parse().unwrap());
    let question = Question {
        from: &from,
        to: &to,
        service: service.parse().unwrap(),
        route: None,
    };
    Asked::new(&device, &Limits::default())
        .can(question)
        .unwrap()
}

fn verdict(text: &str, from: &str, to: &str, service: &str) -> Reachability {
    can(text, from, to, service).verdict
}

#[test]
fn verdicts_are_exact_about_the_whole_question() {
    let of = |from, to, service| verdict(GATEWAY, from, to, service);
    assert_eq!(
        of("198.51.100.1", "10.0.0.10", "443/tcp"),
        Reachability::Reachable
    );
    assert_eq!(of("any", "10.0.0.10", "443/tcp"), Reachability::Reachable);
    assert_eq!(of("any", "10.0.0.0/24", "443/tcp"), Reachability::Partly);
    assert_eq!(of("any", "10.0.0.11", "443/tcp"), Reachability::Blocked);
    assert_eq!(of("any", "10.0.0.10", "443/udp"), Reachability::Blocked);
    assert_eq!(of("203.0.113.7", "device", "22/tcp"), Reachability::Blocked);
    assert_eq!(
        of("198.51.100.7", "device", "22/tcp"),
        Reachability::Reachable
    );
    assert_eq!(
        of("2001:db8::1", "device", "443/tcp"),
        Reachability::Reachable
    );
}

#[test]
fn what_depends_on_rates_may_pass() {
    let answer = can(GATEWAY, "10.0.0.5", "192.0.2.1", "5432/tcp");
    assert_eq!(answer.verdict, Reachability::May);
    assert!(answer.gaps[0].missing.contains("limit rate 10/second"));
}

#[test]
fn a_connection_needs_its_reply() {
    let deaf = GATEWAY
        .replace(
            "    ct state established,related accept\n    ip daddr",
            "    ip daddr",
        )
        .replace(
            "    ip saddr 10.0.0.0/24 tcp dport 5432 limit rate 10/second accept\n",
            "",
        );
    assert_ne!(deaf, GATEWAY);
    let answer = can(&deaf, "198.51.100.1", "10.0.0.10", "443/tcp");
    assert_eq!(answer.verdict, Reachability::Blocked);
    let last = answer.steps.last().unwrap();
    assert!(
        last.says
            .starts_with("the reply: the policy of inet fw forward drops it"),
        "{last:?}"
    );
}

#[test]
fn replies_are_told_from_first_packets_where_rules_test_single_flags() {
    let flags = GATEWAY.replace(
        "    ip daddr 10.0.0.10",
        "    tcp flags & (fin | syn | rst | ack) == rst drop\n    ip daddr 10.0.0.10",
    );
    assert_ne!(flags, GATEWAY);
    let verdict = verdict(&flags, "198.51.100.1", "10.0.0.10", "443/tcp");
    assert_eq!(verdict, Reachability::Reachable);
}

#[test]
fn replies_of_translated_connections_are_followed() {
    let nat = format!(
        "{GATEWAY}
table ip nat {{
  chain pre {{
    type nat hook prerouting priority -100;
    tcp dport 8443 dnat to 10.0.0.10:443
  }}
}}"
    );
    let answer = can(&nat, "198.51.100.1", "192.0.2.1", "8443/tcp");
    assert_eq!(answer.verdict, Reachability::Reachable);
    assert_eq!(answer.gaps, []);
    let says: Vec<&str> = answer.steps.iter().map(|step| step.says.as_str()).collect();
    assert!(
        says[0].contains("translates to 198.51.100.1:40000 → 10.0.0.10:443"),
        "{says:?}"
    );
}

#[test]
fn sources_are_told_with_the_rule_that_lets_them() {
    let device = device(GATEWAY);
    let to: Place = "device".parse().unwrap();
    let groups = Asked::new(&device, &Limits::default())
        .who(Question {
            from: &Place::Any,
            to: &to,
            service: "22/tcp".parse().unwrap(),
            route: None,
        })
        .unwrap();
    let members: Vec<&String> = groups.iter().flat_map(|group| &group.members).collect();
    assert_eq!(
        members,
        [
            "0.0.0.0-203.0.112.255",
            "203.0.114.0-255.255.255.255",
            "::/0"
        ]
    );
    assert!(groups.iter().all(|group| group.steps.len() == 1));
}

#[test]
fn addresses_that_fare_alike_are_one_group() {
    let device = device(GATEWAY);
    let matrix = Asked::new(&device, &Limits::default())
        .matrix(Hook::Forward, "443/tcp".parse().unwrap())
        .unwrap();
    assert_eq!(matrix.groups[1], ["10.0.0.10"]);
    let edges: Vec<(usize, usize)> = matrix
        .edges
        .iter()
        .map(|edge| (edge.from, edge.to))
        .collect();
    assert_eq!(edges, [(0, 1), (1, 1)]);
    let many = Asked::new(&device, &Limits::default()).matrix(Hook::Forward, Service::ANY);
    assert!(many.unwrap_err().contains("--port"));
}

#[test]
fn a_change_is_told_with_both_deciding_lines() {
    let old = device(GATEWAY);
    let new = device(&GATEWAY.replace(
        "ip daddr 10.0.0.10 tcp dport 443",
        "ip daddr 10.0.0.10 tcp dport { 80, 443 }",
    ));
    let found = changes(&old, &new, &Limits::default()).unwrap();
    let [
        Change {
            opened: true,
            flow,
            witness: Some(witness),
            before,
            after,
        },
    ] = &found[..]
    else {
        panic!("{found:?}");
    };
    let field = |traffic: &Traffic, name: &str| {
        let field = traffic.fields.iter().find(|(field, _)| *field == name);
        field
            .map(|(_, values)| values.join(" "))
            .unwrap_or_default()
    };
    assert_eq!(field(flow, "dport"), "80");
    assert_eq!(field(witness, "dst"), "10.0.0.10");
    assert!(
        before[0]
            .says
            .contains("policy of inet fw forward drops it"),
        "{before:?}"
    );
    assert!(
        after[0].says.contains("inet fw forward accepts it"),
        "{after:?}"
    );
    assert_eq!(changes(&old, &old, &Limits::default()), Ok(Vec::new()));
    assert_eq!(distinguish(&old, &old, &Limits::default()), Ok(None));
    assert!(
        distinguish(&old, &new, &Limits::default())
            .unwrap()
            .is_some()
    );
}

#[test]
fn idle_rules_are_told_with_what_covers_them() {
    let text = GATEWAY.replace(
        "tcp dport { 22, 443 } accept",
        "tcp dport { 22, 443 } accept\n    tcp dport 22 ip saddr 10.0.0.0/8 accept\n    meta l4proto udp tcp dport 9 accept",
    );
    let device = device(&text);
    let idle = Asked::new(&device, &Limits::default()).shadowed().unwrap();
    let line = |step: &crate::answer::Step| match &step.at {
        ww_base::Locus::Text(span) => text
            .get(span.start as usize..span.end as usize)
            .unwrap()
            .to_owned(),
        other => panic!("{other:?}"),
    };
    let rules: Vec<String> = idle.iter().map(|one| line(&one.rule)).collect();
    assert_eq!(
        rules,
        [
            "tcp dport 22 ip saddr 10.0.0.0/8 accept",
            "meta l4proto udp tcp dport 9 accept"
        ]
    );
    let covers: Vec<String> = idle[0].covered_by.iter().map(line).collect();
    assert!(
        covers.contains(&"tcp dport { 22, 443 } accept".to_owned()),
        "{covers:?}"
    );
    assert!(idle[1].covered_by.is_empty());
}

/// One port leads to a host whose replies pass, and others to one whose replies do not.
const TWO_SERVERS: &str = "
table ip nat {
  chain pre {
    type nat hook prerouting priority -100;
    tcp dport 80 dnat to 10.0.0.10
    tcp dport 81-82 dnat to 10.0.0.11:80
  }
  chain post {
    type nat hook postrouting priority 100;
    ip saddr 10.0.0.0/24 snat to 192.0.2.1
  }
}
table ip fw {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ip saddr 10.0.0.11 tcp sport 80 drop
    ct state established accept
    ip daddr { 10.0.0.10, 10.0.0.11 } tcp dport 80 accept
    ip saddr 10.0.0.0/24 tcp dport 443 accept
  }
}
";

#[test]
fn connections_that_are_translated_and_get_no_reply_are_named() {
    let of = |from, to, service| can(TWO_SERVERS, from, to, service);
    let all = of("198.51.100.0/24", "192.0.2.1", "80-82/tcp");
    assert_eq!(all.verdict, Reachability::Partly);
    assert_eq!(all.gaps, []);
    let ports = |boxes: &[Traffic]| -> Vec<String> {
        let fields = boxes.iter().flat_map(|one| &one.fields);
        let ports = fields.filter(|(field, _)| *field == "dport");
        ports.flat_map(|(_, values)| values.clone()).collect()
    };
    assert_eq!(ports(&all.allowed), ["80"]);
    assert_eq!(ports(&all.unanswered), ["81-82"]);
    assert_eq!(
        of("198.51.100.1", "192.0.2.1", "81/tcp").verdict,
        Reachability::Blocked
    );
    let out = of("10.0.0.7", "198.51.100.1", "443/tcp");
    assert_eq!(out.verdict, Reachability::Reachable, "{out:?}");
    assert_eq!(out.unanswered, []);
}

/// What is worked out for all packets at once is what the walk of each and of its reply says.
#[test]
fn replies_fare_as_the_walk_says() {
    let device = device(TWO_SERVERS);
    let limits = Limits::default();
    let walker = Walker::new(&device.filter, None, &limits);
    let asked = Asked::new(&device, &limits);
    let mut seen = std::collections::BTreeSet::new();
    for (from, to) in [
        ("198.51.100.1", "192.0.2.1"),
        ("198.51.100.1", "10.0.0.10"),
        ("198.51.100.1", "10.0.0.11"),
        ("10.0.0.7", "198.51.100.1"),
        ("10.0.0.7", "10.0.0.11"),
    ] {
        for port in [80, 81, 82, 83, 443] {
            let (src, dst): (Place, Place) = (from.parse().unwrap(), to.parse().unwrap());
            let question = Question {
                from: &src,
                to: &dst,
                service: format!("{port}/tcp").parse().unwrap(),
                route: Some(Hook::Forward),
            };
            let verdict = asked.can(question).unwrap().verdict;
            let packet = Packet {
                iif: "a".into(),
                oif: "b".into(),
                src: from.parse().unwrap(),
                dst: to.parse().unwrap(),
                proto: protocol::TCP,
                sport: boxes::CLIENT_PORT,
                dport: port,
                tcp_flags: 2,
                icmp_type: 0,
                icmp_code: 0,
                ct_state: CtState::New,
                mark: 0,
            };
            let (_, answered) = steps::of(&device, &walker, Hook::Forward, &packet);
            let expected = if answered {
                Reachability::Reachable
            } else {
                Reachability::Blocked
            };
            assert_eq!(verdict, expected, "{packet:?}");
            seen.insert(answered);
        }
    }
    assert_eq!(seen.len(), 2);
}

/// Which of several servers a connection gets is not known: each must answer.
#[test]
fn connections_to_a_pool_need_the_replies_of_all() {
    let pool = TWO_SERVERS.replace(
        "tcp dport 80 dnat to 10.0.0.10\n",
        "tcp dport 80 dnat to 10.0.0.10-10.0.0.11\n",
    );
    let answering = pool.replace("    ip saddr 10.0.0.11 tcp sport 80 drop\n", "");
    assert_ne!(answering, pool);
    for (text, expected) in [
        (&pool, Reachability::May),
        (&answering, Reachability::Reachable),
    ] {
        let mut device = device(text);
        let own: std::net::IpAddr = "10.0.0.1".parse().unwrap();
        let at = ww_base::SourceSpan {
            source: SourceId(0),
            start: 0,
            end: 0,
        };
        device.stack.interfaces.push(ww_model::net::Interface {
            name: "lan0".into(),
            at,
            up: true,
            mtu: None,
            addresses: vec![ww_model::net::InterfaceAddress {
                address: own,
                network: ww_model::net::Prefix::new(own, 24).unwrap(),
                broadcast: None,
                at,
            }],
        });
        let (from, to): (Place, Place) = (
            "198.51.100.1".parse().unwrap(),
            "192.0.2.1".parse().unwrap(),
        );
        let question = Question {
            from: &from,
            to: &to,
            service: "80/tcp".parse().unwrap(),
            route: Some(Hook::Forward),
        };
        let limits = Limits::default();
        let answer = Asked::new(&device, &limits).can(question).unwrap();
        assert_eq!(answer.verdict, expected, "{answer:?}");
    }
}
