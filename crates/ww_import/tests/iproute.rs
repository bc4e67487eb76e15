//! The output of ip on a router, and the ways that packets take on it.
#![expect(clippy::unwrap_used, reason = "helpers are not in a test function")]

use proptest::prelude::*;
use ww_base::{Limits, Partial, ProblemKind, SourceId};
use ww_import::iproute;
use ww_model::filter::Family;
use ww_model::net::{Decision, Question, RouteKind, Stack, TableId};

const ROUTER: &str = include_str!("../testdata/iproute/router.json");

fn read(text: &str) -> Partial<Stack> {
    iproute::read(SourceId(0), text.as_bytes(), &Limits::default())
}

fn question(destination: &str) -> Question<'static> {
    Question {
        source: Some("10.0.0.9".parse().unwrap()),
        destination: destination.parse().unwrap(),
        in_interface: "lan",
        out_interface: None,
        mark: 0,
        protocol: 6,
        source_port: 40_000,
        destination_port: 443,
    }
}

/// The kind of the route, its gateway and interface.
fn way(question: &Question<'_>) -> String {
    let stack = read(ROUTER).value;
    match stack.decide(question) {
        Decision::Route(route) => {
            let hop = route.hops.first().cloned().unwrap_or_default();
            let gateway = hop.gateway.map_or("-".to_owned(), |one| one.to_string());
            let out = hop.interface.unwrap_or_default();
            format!("{:?} {gateway} {out}", route.kind)
        }
        Decision::Refused(rule) => format!("refused by {}", rule.priority),
        Decision::Unknown(rule) => format!("depends on {}", rule.priority),
        Decision::NoRoute => "nowhere".to_owned(),
    }
}

#[test]
fn everything_ip_says_is_read() {
    let read = read(ROUTER);
    assert_eq!(read.problems, []);
    let stack = read.value;
    let names: Vec<&str> = stack
        .interfaces
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["lo", "lan", "wan"]);
    assert_eq!(stack.interfaces[1].addresses.len(), 3);
    assert_eq!(
        stack.interfaces[1].addresses[1].network.to_string(),
        "10.9.0.2/32"
    );
    assert!(!stack.interfaces[2].up);
    assert_eq!(stack.all_rules_of, [Family::Ip4, Family::Ip6]);
    assert_eq!(stack.rules.len(), 10);
    assert!(stack.owns("2001:db8::1".parse().unwrap()));
    for route in &stack.routes {
        let text = &ROUTER.as_bytes()[route.at.start as usize..route.at.end as usize];
        assert!(text.starts_with(b"{") && text.ends_with(b"}"));
    }
}

#[test]
fn packets_take_the_ways_that_linux_would_send_them() {
    assert_eq!(way(&question("10.0.0.77")), "Unicast - lan");
    assert_eq!(way(&question("10.0.0.1")), "Local - lan");
    assert_eq!(way(&question("10.5.1.1")), "Unicast 10.0.0.2 lan");
    assert_eq!(way(&question("10.6.1.1")), "Blackhole - ");
    assert_eq!(way(&question("10.12.1.1")), "Unicast fe80::1 lan");
    assert_eq!(way(&question("10.66.1.1")), "refused by 3");
    assert_eq!(way(&question("198.51.100.7")), "Unicast 10.0.0.254 lan");
    assert_eq!(way(&question("192.0.2.1")), "Unicast 10.0.0.253 lan");
    let marked = Question {
        mark: 0x301,
        ..question("198.51.100.7")
    };
    assert_eq!(way(&marked), "refused by 32762");
    let bound = Question {
        out_interface: Some("wan"),
        ..question("198.51.100.7")
    };
    assert_eq!(way(&bound), "depends on 4");
    let six = Question {
        source: Some("2001:db8:1::9".parse().unwrap()),
        ..question("2001:db8:9::1")
    };
    assert_eq!(way(&six), "Unicast 2001:db8::2 lan");
    assert_eq!(way(&question("2001:db8:9::1")), "Unicast - lan");
}

#[test]
fn what_cannot_be_read_is_told() {
    let text = r#"[{"dst":"10.0.0.0/33","dev":"a"},{"dst":"10.1.0.0/16","tos":"0x10"},{"x":1},
        {"dst":"10.2.0.0/16","type":"odd"},{"dst":"10.3.0.0/16","dev":"a","table":"guests"},{"x" 1}]"#;
    let read = read(text);
    assert_eq!(read.value.routes.len(), 1);
    assert!(read.value.routes[0].table > TableId(1 << 31));
    assert_eq!(read.value.routes[0].kind, RouteKind::Unicast);
    let kinds: Vec<ProblemKind> = read.problems.iter().map(|told| told.kind).collect();
    assert_eq!(kinds, [ProblemKind::Malformed; 5]);
}

#[test]
fn a_text_cut_anywhere_is_told_of() {
    for cut in (1..ROUTER.trim_end().len() - 1).step_by(11) {
        let Some(text) = ROUTER.get(..cut) else {
            continue;
        };
        let closed = text.trim_end().ends_with(']') && !text.trim_end().ends_with("[]");
        let read = read(text);
        assert!(closed || !read.problems.is_empty(), "{cut}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let limits = Limits::default();
        let _ = iproute::read(SourceId(0), &bytes, &limits);
        let _ = ww_import::wireguard::read(SourceId(0), &bytes, "wg0", &limits);
    }
}
