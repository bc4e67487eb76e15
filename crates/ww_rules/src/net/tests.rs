//! What pages cannot show: captures of several interfaces, proxies, ranks of severity.

use crate::consult;
use std::net::{IpAddr, Ipv4Addr};
use ww_base::{Limits, Moment, Span};
use ww_evidence::{ArpClaim, Capture, LoopSighting, Mark};
use ww_finding::{Finding, Severity};

fn found(capture: Capture, rule: &str) -> Vec<Finding> {
    let (findings, _) = consult(&[capture], &Limits::default());
    findings
        .into_iter()
        .filter(|finding| finding.rule == rule)
        .collect()
}

fn host(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

fn at(frame: u64) -> Mark {
    Mark::new(frame, Moment(0) + Span::from_secs(frame as i64))
}

fn claim(ip: u8, mac: u8, frames: [u64; 2], takeovers: u32) -> ArpClaim {
    ArpClaim {
        ip: host(ip),
        mac: [2, 0, 0, 0, 0, mac],
        count: 5,
        unsolicited: 0,
        takeovers,
        first: at(frames[0]),
        last: at(frames[1]),
    }
}

fn looping(interfaces: u32, passes: u32) -> Capture {
    let mut capture = Capture {
        fragmented: 1,
        ..Capture::default()
    };
    capture.quality.interfaces = interfaces;
    capture.loops.push(LoopSighting {
        src: host(1),
        dst: host(9),
        passes,
        ttl_first: 64,
        ttl_last: 64 - passes as u8,
        first: at(1),
        last: at(1 + u64::from(passes)),
        turn: Span::from_millis(1),
    });
    capture
}

#[test]
fn three_routers_on_one_machine_are_no_loop() {
    assert_eq!(found(looping(1, 3), "routing-loop").len(), 1);
    assert!(found(looping(4, 4), "routing-loop").is_empty());
    assert_eq!(found(looping(4, 20), "routing-loop").len(), 1);
}

#[test]
fn a_card_that_answers_for_many_is_a_proxy_and_a_remark() {
    let mut capture = Capture {
        arp_packets: 40,
        ..Capture::default()
    };
    capture.arp = (1..=10).map(|ip| claim(ip, 99, [1, 50], 2)).collect();
    capture
        .arp
        .extend((1..=3).map(|ip| claim(ip, ip, [2, 40], 3)));
    let findings = found(capture, "arp-conflict");
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].severity, Severity::Info);
    assert_eq!(findings[0].count, 15);
}

#[test]
fn two_cards_that_take_an_address_in_turn_are_a_conflict() {
    let mut capture = Capture {
        arp_packets: 10,
        ..Capture::default()
    };
    capture.arp = vec![claim(1, 1, [1, 50], 2), claim(1, 2, [2, 60], 3)];
    let findings = found(capture, "arp-conflict");
    assert_eq!(findings[0].severity, Severity::High);
    assert!(
        findings[0].headline.contains("5 times"),
        "{}",
        findings[0].headline
    );
}

#[test]
fn a_fail_over_and_the_return_are_no_conflict() {
    let mut capture = Capture {
        arp_packets: 10,
        ..Capture::default()
    };
    capture.arp = vec![claim(1, 1, [1, 50], 1), claim(1, 2, [20, 40], 1)];
    assert!(found(capture, "arp-conflict").is_empty());
}
