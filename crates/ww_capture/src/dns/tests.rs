//! Queries and answers through the watch.

use super::*;
use ww_base::{Moment, Span};
use ww_evidence::{DnsOutcome, DnsTransaction, Transport};

fn endpoint(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint {
        addr: socket.ip(),
        port: socket.port(),
    }
}

fn client() -> Endpoint {
    endpoint("10.0.0.5:40000")
}

fn server() -> Endpoint {
    endpoint("10.0.0.1:53")
}

fn mark(frame: u64, ms: i64) -> Mark {
    Mark::new(frame, Moment(Span::from_millis(ms).0))
}

/// A message with one question, an A record for 10.0.0.9 when `good`.
fn message(id: u16, flags: u16, name: &str, good: bool) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend(flags.to_be_bytes());
    bytes.extend([0, 1, 0, u8::from(good), 0, 0, 0, 0]);
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    if good {
        bytes.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\x0a\0\0\x09");
    }
    bytes
}

fn query(id: u16, name: &str) -> Vec<u8> {
    message(id, 0x0100, name, false)
}

fn answer(id: u16, name: &str) -> Vec<u8> {
    message(id, 0x8180, name, true)
}

fn watch() -> DnsWatch {
    DnsWatch::new(&Limits::default())
}

fn only(dns: &Dns) -> &DnsTransaction {
    assert_eq!(dns.transactions.len(), 1);
    &dns.transactions[0]
}

#[test]
fn a_query_and_its_answer_are_one_transaction() {
    let mut watch = watch();
    watch.udp(
        mark(1, 0),
        client(),
        server(),
        &query(7, "WWW.example"),
        false,
    );
    watch.udp(
        mark(2, 30),
        server(),
        client(),
        &answer(7, "www.EXAMPLE"),
        false,
    );
    let dns = watch.finish();
    let found = only(&dns);
    assert_eq!(
        (found.client, found.server, found.transport),
        (client(), server(), Transport::Udp)
    );
    assert_eq!(
        (found.id, found.name.as_str(), found.kind),
        (7, "www.example", 1)
    );
    assert_eq!(
        (found.asked, found.answers, found.answer),
        (1, 1, Some(mark(2, 30)))
    );
    assert_eq!(
        found.outcome,
        DnsOutcome::Answered {
            rcode: 0,
            truncated: false
        }
    );
    assert_eq!(
        (found.took, found.ttl),
        (Some(Span::from_millis(30)), Some(30))
    );
    assert_eq!(
        found.addresses,
        ["10.0.0.9".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(found.filter(), "udp.port == 40000 && dns.id == 0x0007");
    assert_eq!((dns.orphan_answers, dns.malformed, dns.dropped), (0, 0, 0));
}

#[test]
fn repetitions_count_and_copies_do_not() {
    let mut watch = watch();
    let question = query(7, "a.b");
    for (frame, ms) in [(1, 0), (2, 1), (3, 5000), (4, 10_000)] {
        watch.udp(mark(frame, ms), client(), server(), &question, false);
    }
    watch.udp(
        mark(5, 10_020),
        server(),
        client(),
        &answer(7, "a.b"),
        false,
    );
    watch.udp(
        mark(6, 10_030),
        server(),
        client(),
        &answer(7, "a.b"),
        false,
    );
    let dns = watch.finish();
    let found = only(&dns);
    assert_eq!(
        (found.asked, found.query.frame(), found.last_query.frame()),
        (3, 1, 4)
    );
    assert_eq!(
        (found.answers, found.took),
        (2, Some(Span::from_millis(20)))
    );
    assert_eq!(found.waited(), Some(Span::from_millis(10_020)));
}

#[test]
fn what_differs_is_another_transaction() {
    let mut watch = watch();
    let other_socket = endpoint("10.0.0.5:40001");
    watch.udp(mark(1, 0), client(), server(), &query(7, "a.b"), false);
    watch.udp(mark(2, 10), client(), server(), &query(8, "a.b"), false);
    watch.udp(mark(3, 20), client(), server(), &query(7, "c.b"), false);
    watch.udp(mark(4, 30), other_socket, server(), &query(7, "a.b"), false);
    watch.udp(mark(5, 40), server(), client(), &answer(7, "c.b"), false);
    watch.udp(mark(6, 50), server(), client(), &answer(7, "d.b"), false);
    watch.udp(mark(7, 60), client(), server(), &query(7, "c.b"), false);
    watch.udp(mark(8, 70_000), client(), server(), &query(7, "a.b"), false);
    let dns = watch.finish();
    let answered: Vec<_> = dns
        .transactions
        .iter()
        .map(|found| (found.query.frame(), found.answer.map(Mark::frame)))
        .collect();
    let expected = [
        (1, None),
        (2, None),
        (3, Some(5)),
        (4, None),
        (7, None),
        (8, None),
    ];
    assert_eq!(answered, expected);
    assert_eq!(dns.orphan_answers, 1, "nobody asked for d.b");
}

#[test]
fn a_cut_answer_still_ends_its_question() {
    let mut watch = watch();
    watch.udp(mark(1, 0), client(), server(), &query(7, "a.b"), false);
    watch.udp(
        mark(2, 5),
        server(),
        client(),
        &answer(7, "a.b")[..14],
        true,
    );
    let dns = watch.finish();
    assert_eq!(
        only(&dns).outcome,
        DnsOutcome::Answered {
            rcode: 0,
            truncated: false
        }
    );
    assert_eq!((dns.malformed, only(&dns).addresses.len()), (0, 0));
}

#[test]
fn nonsense_and_other_operations_are_counted() {
    let mut watch = watch();
    watch.udp(mark(1, 0), client(), server(), b"\x16\x03\x01", false);
    watch.udp(
        mark(2, 1),
        client(),
        server(),
        &query(7, "a.b")[..14],
        false,
    );
    watch.udp(
        mark(3, 2),
        client(),
        server(),
        &message(9, 0x2800, "a.b", false),
        false,
    );
    let dns = watch.finish();
    assert!(dns.transactions.is_empty());
    assert_eq!(
        (dns.malformed, dns.malformed_frame, dns.other_operations),
        (2, Some(1), 1)
    );
}

#[test]
fn ports_and_multicast_decide_what_is_dns() {
    let is = |src: &str, dst: &str| is_dns_datagram(endpoint(src), endpoint(dst));
    assert!(is("10.0.0.5:40000", "10.0.0.1:53") && is("10.0.0.1:53", "10.0.0.5:40000"));
    assert!(is("10.0.0.5:40000", "10.0.0.1:5353") && is("10.0.0.1:53", "10.0.0.2:53"));
    assert!(!is("10.0.0.5:5353", "224.0.0.251:5353") && !is("[fe80::1]:5353", "[ff02::fb]:5353"));
    assert!(!is("10.0.0.5:5353", "10.0.0.6:5353") && !is("10.0.0.5:40000", "224.0.0.251:5353"));
    assert!(!is("10.0.0.5:40000", "255.255.255.255:53"));
    assert!(!is("10.0.0.5:40000", "224.0.0.252:5355") && !is("10.0.0.5:40000", "10.0.0.1:443"));
}

/// Messages with their length in front.
fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    messages
        .iter()
        .flat_map(|message| {
            [
                (message.len() as u16).to_be_bytes().to_vec(),
                message.clone(),
            ]
            .concat()
        })
        .collect()
}

#[test]
fn messages_on_a_connection_are_cut_out_whatever_the_segments() {
    let questions = framed(&[query(1, "a.b"), query(2, "c.d"), query(3, "e.f")]);
    let answers = framed(&[answer(2, "c.d"), answer(1, "a.b"), answer(3, "e.f")]);
    for step in 1..questions.len() {
        let mut watch = watch();
        let (mut frame, start) = (0, u32::MAX - 20);
        for (from, to, bytes) in [
            (client(), server(), &questions),
            (server(), client(), &answers),
        ] {
            for (nth, segment) in bytes.chunks(step).enumerate() {
                frame += 1;
                let seq = start.wrapping_add((nth * step) as u32);
                let at = mark(frame, frame as i64);
                watch.tcp(at, from, to, 4, seq, segment, false);
                watch.tcp(at, from, to, 4, seq, segment, false);
            }
        }
        let dns = watch.finish();
        let answered = |found: &DnsTransaction| found.answer.is_some() && found.stream == Some(4);
        assert_eq!(dns.transactions.len(), 3, "segments of {step}");
        assert!(dns.transactions.iter().all(answered), "segments of {step}");
        assert_eq!((dns.malformed, dns.orphan_answers), (0, 0));
    }
}

#[test]
fn after_a_hole_nothing_is_said_about_a_connection() {
    let mut watch = watch();
    let questions = framed(&[query(1, "a.b"), query(2, "c.d")]);
    watch.tcp(mark(1, 0), client(), server(), 4, 100, &questions, false);
    let answers = framed(&[answer(1, "a.b")]);
    watch.tcp(mark(2, 5), server(), client(), 4, 900, &answers, false);
    let gone = 900 + answers.len() as u32 + 1;
    watch.tcp(
        mark(3, 6),
        server(),
        client(),
        4,
        gone,
        &framed(&[answer(2, "c.d")]),
        false,
    );
    let more = 100 + questions.len() as u32;
    watch.tcp(
        mark(4, 7),
        client(),
        server(),
        4,
        more,
        &framed(&[query(3, "e.f")]),
        false,
    );
    let dns = watch.finish();
    assert_eq!(only(&dns).id, 1);
    assert_eq!(dns.dropped, 1, "its answer may have been in the hole");
}

#[test]
fn connections_and_what_is_held_of_them_are_bounded() {
    let question = framed(&[query(1, "a.b")]);
    let mut watch = watch();
    for stream in 0..1100 {
        watch.tcp(mark(1, 0), client(), server(), stream, 7, &question, false);
    }
    let dns = watch.finish();
    assert_eq!(
        (dns.transactions.len(), dns.dropped),
        (1024, 76),
        "the oldest give way"
    );

    let mut watch = self::watch();
    let begun = [vec![0xff; 2], vec![0; 60_000]].concat();
    for stream in 0..100 {
        watch.tcp(mark(1, 0), client(), server(), stream, 7, &question, false);
        let next = 7 + question.len() as u32;
        watch.tcp(mark(2, 1), client(), server(), stream, next, &begun, false);
    }
    let dns = watch.finish();
    assert_eq!(dns.transactions.len(), 69, "as many as fit 4 MiB");
    assert_eq!(dns.dropped, 31);
}

#[test]
fn open_questions_are_bounded() {
    let limits = Limits {
        dns_pending: 4,
        ..Limits::default()
    };
    let mut watch = DnsWatch::new(&limits);
    for id in 0..10 {
        watch.udp(
            mark(u64::from(id) + 1, 10),
            client(),
            server(),
            &query(id, "a.b"),
            false,
        );
    }
    watch.udp(mark(11, 20), server(), client(), &answer(9, "a.b"), false);
    let dns = watch.finish();
    let ids: Vec<u16> = dns.transactions.iter().map(|found| found.id).collect();
    assert_eq!(
        ids,
        [6, 7, 8, 9],
        "the oldest give way and are not called unanswered"
    );
    assert_eq!((dns.dropped, dns.transactions[3].answers), (6, 1));
}

#[test]
fn when_room_is_short_the_eventful_stay() {
    let limits = Limits {
        dns_transactions: 8,
        ..Limits::default()
    };
    let mut watch = DnsWatch::new(&limits);
    for id in 0..40_u16 {
        let at = i64::from(id) * 100;
        watch.udp(
            mark(u64::from(id), at),
            client(),
            server(),
            &query(id, "a.b"),
            false,
        );
        if !id.is_multiple_of(10) {
            watch.udp(
                mark(100, at + 10),
                server(),
                client(),
                &answer(id, "a.b"),
                false,
            );
        }
    }
    let dns = watch.finish();
    let unanswered: Vec<u16> = dns
        .transactions
        .iter()
        .filter(|found| found.answers == 0)
        .map(|found| found.id)
        .collect();
    assert_eq!(unanswered, [0, 10, 20, 30]);
    assert!(dns.transactions.len() <= 8);
    assert_eq!(dns.dropped + dns.transactions.len() as u64, 40);
}

#[test]
fn arbitrary_bytes_are_survived() {
    let mut watch = watch();
    let mut state = 0x9e37_79b9_u32;
    let good = framed(&[answer(1, "a.b"), query(2, "c.d")]);
    for round in 0..20_000_u32 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut bytes = good.clone();
        let length = bytes.len();
        bytes[state as usize % length] = (state >> 16) as u8;
        bytes.truncate((state >> 8) as usize % (length + 1));
        let at = mark(u64::from(round), i64::from(state >> 20));
        watch.udp(at, client(), server(), &bytes, state & 1 == 0);
        watch.tcp(
            at,
            client(),
            server(),
            state >> 22,
            state >> 28,
            &bytes,
            state & 2 == 0,
        );
    }
    let dns = watch.finish();
    assert!(dns.malformed > 0 && dns.transactions.len() + dns.dropped as usize > 0);
}
