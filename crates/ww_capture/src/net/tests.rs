use super::*;
use crate::decode::{Arp, FragmentReport, IncompleteDatagram, Quoted};
use std::net::{IpAddr, Ipv4Addr};
use ww_base::{Moment, Span};
use ww_evidence::{FragmentLoss, IcmpMeaning};

fn at(frame: u64, ms: i64) -> Mark {
    Mark::new(frame, Moment(0) + Span::from_millis(ms))
}

fn host(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

fn endpoint(last: u8, port: u16) -> Endpoint {
    Endpoint {
        addr: host(last),
        port,
    }
}

fn header(src: u8, dst: u8, ttl: u8, protocol: u8) -> IpHeader {
    IpHeader {
        src: host(src),
        dst: host(dst),
        ttl,
        id: Some(7),
        dont_fragment: false,
        traffic_class: 0,
        total_len: 60,
        protocol,
    }
}

fn arp(operation: u16, mac: u8, sender: u8, target: u8) -> Arp {
    let address = |last| {
        if last == 0 {
            Ipv4Addr::UNSPECIFIED
        } else {
            Ipv4Addr::new(10, 0, 0, last)
        }
    };
    Arp {
        operation,
        sender_mac: [2, 0, 0, 0, 0, mac],
        sender_ip: address(sender),
        target_mac: [0; 6],
        target_ip: address(target),
    }
}

fn icmp(v6: bool, kind: u8, code: u8, quoted: Option<Quoted>) -> Icmp<'static> {
    Icmp {
        v6,
        kind,
        code,
        rest: 0,
        mtu: None,
        echo: None,
        quoted,
        payload: &[],
    }
}

fn quote(src: u8, dst: u8, ports: (u16, u16)) -> Quoted {
    Quoted {
        src: host(src),
        dst: host(dst),
        ttl: 1,
        id: Some(7),
        dont_fragment: false,
        total_len: 60,
        protocol: 17,
        ports: Some(ports),
        tcp_seq: None,
        tcp_flags: None,
    }
}

#[test]
fn both_directions_of_a_datagram_flow_are_one() {
    let mut watch = UdpWatch::new(&Limits::default());
    watch.datagram(at(1, 0), endpoint(1, 4000), endpoint(2, 53), 30);
    watch.datagram(at(2, 1), endpoint(1, 4001), endpoint(2, 53), 31);
    watch.datagram(at(3, 2), endpoint(2, 53), endpoint(1, 4000), 90);
    let mut gaps = Vec::new();
    let flows = watch.finish(&mut gaps);
    assert_eq!(flows.len(), 2);
    assert_eq!((flows[0].datagrams, flows[0].bytes), ([1, 1], [30, 90]));
    assert_eq!(
        (flows[0].client, flows[0].last.frame()),
        (endpoint(1, 4000), 3)
    );
    assert_eq!(flows[1].datagrams, [1, 0]);
    assert!(gaps.is_empty());
}

#[test]
fn more_flows_than_the_bound_are_a_gap() {
    let limits = Limits {
        flows: 100,
        ..Limits::default()
    };
    let mut watch = UdpWatch::new(&limits);
    for port in 0..5000 {
        watch.datagram(at(1, 0), endpoint(1, port), endpoint(2, 53), 1);
    }
    // A flow that is held is still counted when the list is full.
    watch.datagram(at(2, 0), endpoint(1, 99), endpoint(2, 53), 1);
    let mut gaps = Vec::new();
    let flows = watch.finish(&mut gaps);
    assert_eq!(flows.len(), 100);
    assert_eq!(flows[99].datagrams[0], 2);
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].missing.contains("4900"), "{gaps:?}");
}

#[test]
fn many_flows_are_all_found_again() {
    let mut watch = UdpWatch::new(&Limits::default());
    for _ in 0..2 {
        for number in 0..60_000u32 {
            let src = Endpoint {
                addr: IpAddr::from(Ipv4Addr::from_bits(number)),
                port: 1,
            };
            watch.datagram(at(1, 0), src, endpoint(2, 53), 1);
        }
    }
    let flows = watch.finish(&mut Vec::new());
    assert_eq!(flows.len(), 60_000);
    assert!(flows.iter().all(|flow| flow.datagrams == [2, 0]));
}

#[test]
fn equal_errors_are_counted_once() {
    let mut watch = IcmpWatch::new(&Limits::default());
    let unreachable = icmp(false, 3, 1, Some(quote(1, 9, (4000, 53))));
    watch.icmp(at(5, 0), host(254), host(1), &unreachable, None);
    watch.icmp(
        at(6, 1),
        host(254),
        host(1),
        &icmp(false, 3, 1, Some(quote(1, 9, (4001, 53)))),
        None,
    );
    watch.icmp(at(7, 2), host(254), host(1), &unreachable, None);
    watch.icmp(at(8, 3), host(1), host(9), &icmp(false, 8, 0, None), None);
    let (errors, timeouts) = watch.finish(&mut Vec::new());
    assert_eq!(
        errors.iter().map(|error| error.count).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!((errors[0].first.frame(), errors[0].last.frame()), (5, 7));
    assert_eq!(errors[0].meaning, IcmpMeaning::HostUnreachable);
    assert!(timeouts.is_empty());
}

#[test]
fn types_and_codes_mean_what_the_rfcs_say() {
    let cases = [
        (false, 3, 0, Some(IcmpMeaning::NetUnreachable)),
        (false, 3, 3, Some(IcmpMeaning::PortUnreachable)),
        (false, 3, 4, Some(IcmpMeaning::TooBig)),
        (false, 3, 13, Some(IcmpMeaning::Prohibited)),
        (false, 11, 0, Some(IcmpMeaning::TimeExceeded)),
        (false, 11, 1, Some(IcmpMeaning::ReassemblyTimeExceeded)),
        (false, 5, 1, Some(IcmpMeaning::Redirect)),
        (false, 12, 0, Some(IcmpMeaning::Other)),
        (false, 0, 0, None),
        (true, 1, 1, Some(IcmpMeaning::Prohibited)),
        (true, 1, 4, Some(IcmpMeaning::PortUnreachable)),
        (true, 2, 0, Some(IcmpMeaning::TooBig)),
        (true, 3, 0, Some(IcmpMeaning::TimeExceeded)),
        (true, 128, 0, None),
        (true, 136, 0, None),
    ];
    for (v6, kind, code, expected) in cases {
        assert_eq!(meaning(v6, kind, code), expected, "{v6} {kind}/{code}");
    }
}

#[test]
fn two_hosts_that_claim_one_address_take_it_in_turn() {
    let mut watch = ArpWatch::new(&Limits::default());
    for round in 0..3 {
        let frame = 10 * round + 1;
        watch.arp(at(frame, round as i64 * 1000), &arp(1, 1, 1, 9));
        watch.arp(at(frame + 1, round as i64 * 1000 + 1), &arp(2, 9, 9, 1));
        watch.arp(at(frame + 2, round as i64 * 1000 + 2), &arp(2, 8, 9, 1));
    }
    let mut capture = Capture::default();
    watch.finish(&mut capture);
    let claims: Vec<_> = capture
        .arp
        .iter()
        .map(|claim| {
            (
                claim.ip,
                claim.mac[5],
                claim.count,
                claim.takeovers,
                claim.unsolicited,
            )
        })
        .collect();
    assert_eq!(
        claims,
        [
            (host(1), 1, 3, 0, 0),
            (host(9), 9, 3, 2, 0),
            (host(9), 8, 3, 3, 0)
        ]
    );
    assert_eq!(capture.arp_packets, 9);
    assert!(capture.arp_unanswered.is_empty());
}

#[test]
fn a_request_without_a_reply_is_unanswered_and_a_probe_claims_nothing() {
    let mut watch = ArpWatch::new(&Limits::default());
    watch.arp(at(1, 0), &arp(1, 1, 1, 9));
    watch.arp(at(2, 1000), &arp(1, 1, 1, 9));
    watch.arp(at(3, 1500), &arp(1, 5, 0, 5));
    watch.arp(at(4, 2000), &arp(1, 4, 4, 4));
    let mut capture = Capture::default();
    watch.finish(&mut capture);
    assert_eq!(capture.arp_unanswered[0], (host(9), 2, at(1, 0)));
    let claimed: Vec<_> = capture
        .arp
        .iter()
        .map(|claim| (claim.ip, claim.unsolicited))
        .collect();
    assert_eq!(claimed, [(host(1), 0), (host(4), 1)]);
}

#[test]
fn neighbour_advertisements_claim_their_target() {
    let target: std::net::Ipv6Addr = "fe80::9".parse().unwrap();
    let mut payload = target.octets().to_vec();
    payload.extend([2, 1, 2, 0, 0, 0, 0, 9]);
    let mut watch = ArpWatch::new(&Limits::default());
    let asker: IpAddr = "fe80::1".parse().unwrap();
    let solicitation = Icmp {
        kind: 135,
        payload: &payload[..16],
        ..icmp(true, 135, 0, None)
    };
    watch.neighbour(at(1, 0), asker, None, &solicitation);
    let advertisement = Icmp {
        rest: 0x6000_0000,
        payload: &payload,
        ..icmp(true, 136, 0, None)
    };
    watch.neighbour(at(2, 1), target.into(), None, &advertisement);
    let cut = Icmp {
        payload: &payload[..18],
        ..advertisement
    };
    watch.neighbour(at(3, 2), target.into(), Some([2, 0, 0, 0, 0, 9]), &cut);
    let mut capture = Capture::default();
    watch.finish(&mut capture);
    assert_eq!(capture.arp.len(), 1);
    assert_eq!(
        (
            capture.arp[0].mac[5],
            capture.arp[0].count,
            capture.arp[0].unsolicited
        ),
        (9, 2, 0)
    );
}

#[test]
fn a_falling_hop_limit_is_a_loop_and_one_router_is_not() {
    let mut watch = LoopWatch::new(&Limits::default());
    for (number, ttl) in [64, 62, 60, 58].into_iter().enumerate() {
        let mark = at(number as u64 + 1, number as i64);
        watch.packet(&Passing::of(mark, &header(1, 9, ttl, 17), 60, 5));
    }
    watch.packet(&Passing::of(at(5, 4), &header(1, 8, 64, 17), 60, 5));
    watch.packet(&Passing::of(at(6, 4), &header(1, 8, 63, 17), 60, 5));
    // The same packet sent again is no pass.
    for number in 7..20 {
        watch.packet(&Passing::of(
            at(number, number as i64),
            &header(1, 7, 64, 17),
            60,
            5,
        ));
    }
    let sightings = watch.finish(&mut Vec::new());
    assert_eq!(sightings.len(), 1);
    let seen = &sightings[0];
    assert_eq!((seen.passes, seen.ttl_first, seen.ttl_last), (4, 64, 58));
    assert_eq!(
        (seen.first.frame(), seen.last.frame(), seen.turn),
        (1, 4, Span::from_millis(1))
    );
}

#[test]
fn rising_hop_limits_are_a_traceroute() {
    let mut watch = ProbeWatch::new(&Limits::default());
    for ttl in 1..=5 {
        watch.packet(at(u64::from(ttl), 0), &header(1, 9, ttl, 17), false);
    }
    watch.packet(at(6, 0), &header(1, 8, 64, 1), true);
    watch.packet(at(7, 0), &header(1, 7, 64, 17), false);
    let probes = watch.finish(&mut Vec::new());
    assert_eq!(probes.len(), 2);
    assert!(probes[0].is_traceroute());
    assert_eq!(
        (probes[0].ttl_min, probes[0].ttl_max, probes[0].low_values),
        (1, 5, 5)
    );
    assert!(!probes[1].is_traceroute());
}

fn lost(id: u32, missing: Vec<(u32, Option<u32>)>) -> IncompleteDatagram {
    IncompleteDatagram {
        src: host(1),
        dst: host(2),
        protocol: 17,
        id,
        ports: None,
        first_frame: u64::from(id),
        last_frame: u64::from(id) + 1,
        frames: 2,
        first_at: Moment(0),
        last_at: Moment(1),
        missing,
        evicted: id == 3,
    }
}

#[test]
fn an_incomplete_datagram_says_what_is_missing_and_who_complained() {
    let report = FragmentReport {
        incomplete: vec![
            lost(5, vec![(0, Some(8)), (16, None)]),
            lost(4, vec![(8, Some(16))]),
            lost(3, vec![]),
        ],
        evicted: 1,
        ..FragmentReport::default()
    };
    let timeout = ReassemblyTimeout {
        src: host(1),
        dst: host(2),
        id: Some(4),
        frame: 20,
    };
    let losses: Vec<FragmentLoss> = losses(&report, &[timeout]);
    assert_eq!(
        losses.iter().map(|loss| loss.id).collect::<Vec<_>>(),
        [4, 5]
    );
    assert_eq!(
        (
            losses[0].first_seen,
            losses[0].last_seen,
            losses[0].missing_from
        ),
        (true, true, 8)
    );
    assert_eq!(
        (
            losses[1].first_seen,
            losses[1].last_seen,
            losses[1].missing_from
        ),
        (false, false, 0)
    );
    assert_eq!(
        (losses[0].timeout_reported, losses[1].timeout_reported),
        (Some(20), None)
    );
    assert!(fragments::gap(&report).is_some());
}

#[test]
fn a_digest_depends_on_every_byte_and_on_the_length() {
    assert_ne!(digest(&[0]), digest(&[0, 0]));
    assert_ne!(digest(b"abcdefghi"), digest(b"abcdefghj"));
    assert_eq!(digest(b"abcdefghi"), digest(b"abcdefghi"));
}

/// Limits that keep three of everything but flows.
fn three() -> Limits {
    Limits {
        network_events: 3,
        ..Limits::default()
    }
}

#[test]
fn full_lists_become_gaps_and_keep_what_came_first() {
    let limits = three();
    let mut icmp_watch = IcmpWatch::new(&limits);
    let mut arp_watch = ArpWatch::new(&limits);
    let mut probe_watch = ProbeWatch::new(&limits);
    let mut loop_watch = LoopWatch::new(&limits);
    for number in 1..=10u8 {
        let mark = at(u64::from(number), 0);
        let error = icmp(false, 3, 1, Some(quote(1, number, (4000, 53))));
        icmp_watch.icmp(mark, host(254), host(1), &error, None);
        arp_watch.arp(mark, &arp(2, number, number, 200));
        probe_watch.packet(mark, &header(1, number, 1, 17), false);
        for ttl in [64, 63, 62] {
            loop_watch.packet(&Passing::of(mark, &header(1, number, ttl, 17), 60, 1));
        }
    }
    let mut gaps = Vec::new();
    assert_eq!(icmp_watch.finish(&mut gaps).0.len(), 3);
    assert_eq!(probe_watch.finish(&mut gaps).len(), 3);
    assert_eq!(loop_watch.finish(&mut gaps).len(), 3);
    assert_eq!(gaps.len(), 3, "{gaps:?}");
    let mut capture = Capture::default();
    arp_watch.finish(&mut capture);
    assert_eq!(capture.arp.len(), 3);
    assert_eq!(capture.arp[0].ip, host(1));
    assert_eq!(capture.gaps.len(), 1);
}

#[test]
fn keys_that_collide_cost_a_bounded_search_and_are_refused_in_the_end() {
    let mut index = index::Index::default();
    let placed = (0..1000)
        .filter(|&position| index.insert(7 << 32, position))
        .count();
    assert!((64..1000).contains(&placed), "{placed}");
    assert_eq!(index.find(7 << 32, |position| position == 3), Some(3));
    assert_eq!(index.find(8 << 32, |_| true), None);
}

#[test]
fn frames_of_random_bytes_are_taken() {
    let mut decoder = crate::decode::Decoder::new(&three());
    let mut watch = NetWatch::new(&three());
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u8
    };
    for number in 1..=20_000 {
        let mut data: Vec<u8> = (0..60).map(|_| next()).collect();
        // Ethernet with IPv4 (UDP, ICMP), IPv6 (ICMPv6) or ARP, so that the watchers see something.
        let (kind, offset, value): (u16, usize, u8) = match number % 4 {
            0 => (0x0800, 23, 17),
            1 => (0x0800, 23, 1),
            2 => (0x86dd, 20, 58),
            _ => (0x0806, 14, 0),
        };
        data[12..14].copy_from_slice(&kind.to_be_bytes());
        data[14] = if kind == 0x0800 { 0x45 } else { 0x60 };
        data[offset] = value;
        if kind == 0x0800 {
            data[16..18].copy_from_slice(&46u16.to_be_bytes());
            data[20..22].fill(0);
        }
        let frame = crate::decode::RawFrame {
            number,
            at: Moment(number as i64),
            link: 1,
            wire_len: 60,
            data: &data,
        };
        let decoded = decoder.decode(frame);
        watch.frame(at(number, 0), &decoded, 60, Some(1));
    }
    let mut capture = Capture::default();
    watch.finish(&decoder.finish(), &mut capture);
    assert!(capture.udp.len() > 1000, "{}", capture.udp.len());
    assert_eq!(capture.icmp.len(), 3);
    assert_eq!(capture.probes.len(), 3);
}
