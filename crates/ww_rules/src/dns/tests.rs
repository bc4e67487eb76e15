//! What pages cannot show: severity, owner, lost time and gaps.

use crate::consult;
use std::net::{IpAddr, Ipv4Addr};
use ww_base::{Limits, Moment, Span};
use ww_evidence::{Capture, DnsOutcome, DnsTransaction, Endpoint, InterfaceDrops, Mark, Transport};
use ww_finding::{Finding, Outcome, Owner, Severity};

/// A capture of transactions, each begun `ms` after its start; frames are numbered in that order.
fn capture(transactions: Vec<DnsTransaction>, lasts: Span) -> Capture {
    let mut capture = Capture {
        frames: 1000,
        last: Moment(0) + lasts,
        ..Capture::default()
    };
    capture.dns.transactions = transactions;
    capture
}

fn mark(ms: i64) -> Mark {
    let at = Moment(0) + Span::from_millis(ms);
    Mark::new(ms as u64 + 1, at)
}

/// A question that was never answered.
fn silent(name: &str, ms: i64) -> DnsTransaction {
    let endpoint = |last, port| Endpoint {
        addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
        port,
    };
    DnsTransaction {
        client: endpoint(5, 40_000 + (ms % 20_000) as u16),
        server: endpoint(53, 53),
        transport: Transport::Udp,
        stream: None,
        id: 7,
        name: name.to_owned(),
        kind: 1,
        query: mark(ms),
        last_query: mark(ms),
        asked: 1,
        answer: None,
        answers: 0,
        outcome: DnsOutcome::Unanswered,
        took: None,
        records: 0,
        addresses: Vec::new(),
        ttl: None,
        answer_bytes: 0,
        edns_size: None,
        recursion_available: true,
        extended_error: None,
    }
}

/// A question answered `took` ms later with an RCODE.
fn answered(name: &str, ms: i64, took: i64, rcode: u16) -> DnsTransaction {
    DnsTransaction {
        answer: Some(mark(ms + took)),
        answers: 1,
        took: Some(Span::from_millis(took)),
        outcome: DnsOutcome::Answered {
            rcode,
            truncated: false,
        },
        records: u16::from(rcode == 0),
        ..silent(name, ms)
    }
}

fn repeated(mut asked: DnsTransaction, times: u32, every_ms: i64) -> DnsTransaction {
    let later = Span::from_millis(every_ms).times(i64::from(times) - 1);
    asked.asked = times;
    asked.last_query.at = asked.last_query.at + later;
    if let Some(answer) = &mut asked.answer {
        answer.at = answer.at + later;
    }
    asked
}

fn findings(capture: Capture) -> Vec<Finding> {
    consult(&[capture], &Limits::default()).0
}

/// The only finding.
fn only(transactions: Vec<DnsTransaction>) -> Finding {
    let mut found = findings(capture(transactions, Span::from_secs(60)));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

#[test]
fn a_lookup_that_waits_for_both_address_types_costs_the_wait_once() {
    let ipv4 = repeated(answered("a.example", 0, 10, 0), 2, 5000);
    let ipv6 = DnsTransaction {
        kind: 28,
        id: 8,
        ..ipv4.clone()
    };
    let found = only(vec![ipv4, ipv6]);
    assert_eq!((found.rule, found.count), ("dns-unanswered", 2));
    assert_eq!(
        (found.lost, found.severity),
        (Span::from_secs(5), Severity::Medium)
    );
}

#[test]
fn who_never_answers_is_told_from_who_ignores_some_names_and_from_loss() {
    let asked = || repeated(silent("a.example", 0), 3, 1000);
    let dead = only(vec![asked()]);
    assert_eq!(
        (dead.owner, dead.severity),
        (Owner::Unknown, Severity::High)
    );
    let stubborn = only(vec![asked(), answered("b.example", 5000, 10, 0)]);
    assert_eq!(
        (stubborn.owner, stubborn.severity),
        (Owner::Server, Severity::Medium)
    );
    let lost = only(vec![repeated(answered("a.example", 0, 10, 0), 2, 5000)]);
    assert_eq!(
        (lost.owner, lost.severity),
        (Owner::Network, Severity::Medium)
    );
}

#[test]
fn one_question_that_nobody_repeats_is_no_outage() {
    assert_eq!(only(vec![silent("a.example", 0)]).severity, Severity::Low);
}

#[test]
fn a_dead_server_is_one_finding_with_the_time_until_the_next_was_asked() {
    let other = Endpoint {
        addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 54)),
        port: 53,
    };
    let next = DnsTransaction {
        server: other,
        ..answered("a.example", 2000, 10, 0)
    };
    let found = only(vec![silent("a.example", 0), next]);
    assert_eq!((found.lost, found.count), (Span::from_secs(2), 1));
    assert!(
        found.headline.contains("10.0.0.53:53 never answered"),
        "{}",
        found.headline
    );
}

#[test]
fn several_silent_servers_are_one_cause() {
    let other = Endpoint {
        addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 54)),
        port: 53,
    };
    let second = DnsTransaction {
        server: other,
        ..silent("a.example", 1000)
    };
    let found = only(vec![silent("a.example", 0), second]);
    assert!(
        found.headline.starts_with("No DNS server answered"),
        "{}",
        found.headline
    );
}

#[test]
fn what_a_lossy_capture_missed_is_a_gap() {
    let mut lossy = capture(vec![silent("a.example", 0)], Span::from_secs(60));
    lossy.quality.drops.push(InterfaceDrops {
        by_system: 50,
        ..InterfaceDrops::default()
    });
    let (found, outcomes) = consult(&[lossy], &Limits::default());
    assert!(found.iter().all(|one| one.rule != "dns-unanswered"));
    let outcome = outcomes
        .iter()
        .find(|(rule, _)| *rule == "dns-unanswered")
        .unwrap();
    assert!(matches!(outcome.1, Outcome::NotChecked(_)));
}

#[test]
fn slowness_is_graded_by_how_long_and_how_often() {
    let quick =
        |count: i64| (0..count).map(|nth| answered(&format!("q{nth}.example"), nth * 100, 5, 0));
    let slow = |count: i64, took: i64| {
        (0..count)
            .map(move |nth| answered(&format!("s{nth}.example"), 20_000 + nth * 3000, took, 0))
    };
    let graded = |fast, late, took| only(quick(fast).chain(slow(late, took)).collect());
    assert_eq!(graded(20, 1, 300).severity, Severity::Info);
    assert_eq!(graded(20, 1, 1500).severity, Severity::Low);
    assert_eq!(graded(20, 5, 300).severity, Severity::Low);
    let worst = graded(20, 5, 1500);
    assert_eq!((worst.severity, worst.count), (Severity::Medium, 5));
    assert_eq!(
        worst.lost,
        Span::from_millis(5 * (1500 - 5)),
        "beyond what is usual"
    );
    assert!(
        findings(capture(
            quick(20).chain(slow(5, 190)).collect(),
            Span::from_secs(60)
        ))
        .is_empty()
    );
}

#[test]
fn failures_are_graded_by_what_became_of_the_lookup() {
    let failed = |name, ms| answered(name, ms, 10, 2);
    assert_eq!(
        only(vec![failed("a.example", 0)]).severity,
        Severity::Medium
    );
    assert_eq!(
        only(vec![failed("a.example", 0), failed("b.example", 100)]).severity,
        Severity::High
    );
    let mended = only(vec![
        failed("a.example", 0),
        answered("a.example", 100, 10, 0),
    ]);
    assert_eq!(
        (mended.severity, mended.lost),
        (Severity::Low, Span::from_millis(100))
    );
    let refused = DnsTransaction {
        recursion_available: false,
        ..answered("a.example", 0, 1, 5)
    };
    assert!(only(vec![refused]).headline.ends_with("no recursion"));
    let transfer = DnsTransaction {
        kind: 252,
        ..answered("a.example", 0, 1, 5)
    };
    assert_eq!(only(vec![transfer]).severity, Severity::Info);
    let reverse = DnsTransaction {
        kind: 12,
        ..answered("1.2.0.192.in-addr.arpa", 0, 1, 2)
    };
    assert_eq!(only(vec![reverse]).severity, Severity::Low);
}

#[test]
fn missing_names_become_a_finding_by_number_or_by_habit() {
    let missing = |name: &str, ms| answered(name, ms, 2, 3);
    let graded = |names: &[(&str, i64)]| {
        only(names.iter().map(|&(name, ms)| missing(name, ms)).collect()).severity
    };
    assert_eq!(graded(&[("a.example", 0)]), Severity::Info);
    assert_eq!(
        graded(&[("a.example", 0), ("b.example", 9), ("c.example", 20)]),
        Severity::Low
    );
    assert_eq!(
        graded(&[
            ("a.example", 0),
            ("b.example", 50_000),
            ("c.example", 150_000)
        ]),
        Severity::Info
    );
    assert_eq!(
        graded(&[("a.example", 0), ("a.example", 4000), ("a.example", 8000)]),
        Severity::Low
    );
    assert_eq!(
        graded(&[("qhxkzjw", 0), ("zzkqpfh", 1), ("hhqzvbn", 2)]),
        Severity::Info,
        "made up by a browser"
    );
    let suffixes = [
        ("a.example.x", 0),
        ("a.example.y", 5),
        ("a.example.z", 10),
        ("a.example", 15),
    ];
    assert_eq!(
        graded(&suffixes),
        Severity::Info,
        "one name, tried with suffixes, and missing"
    );
}
