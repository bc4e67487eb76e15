use super::*;
use crate::checksum;
use crate::forge::{IcmpError, option};
use crate::packet::fixture::tcp_frame;
use std::net::{IpAddr, Ipv4Addr};

const MS: Duration = Duration::from_millis(1);

fn data(number: u32) -> Vec<u8> {
    tcp_frame(flag::ACK | flag::PSH, number, 1, &[], &[0; 100])
}

fn number(frame: &[u8]) -> u32 {
    Packet::parse(frame).unwrap().tcp().unwrap().seq
}

/// Offers `count` data segments one millisecond apart and returns what leaves, with times in milliseconds.
fn run(link: &mut Link, count: u32) -> Vec<(u128, u32)> {
    for index in 0..count {
        link.offer(MS * index, Side::Client, data(index));
    }
    drain(link)
        .iter()
        .map(|delivery| (delivery.due.as_millis(), number(&delivery.frame)))
        .collect()
}

fn drain(link: &mut Link) -> Vec<Delivery> {
    std::iter::from_fn(|| link.take_due(Duration::MAX)).collect()
}

#[test]
fn nothing_leaves_before_its_time() {
    let mut link = Link::new(Plan::round_trip(MS * 20), 1);
    link.offer(MS * 5, Side::Server, data(7));
    assert_eq!(link.next_due(), Some(MS * 15));
    assert!(link.take_due(MS * 14).is_none());
    let delivery = link.take_due(MS * 15).unwrap();
    assert_eq!((delivery.to, number(&delivery.frame)), (Side::Client, 7));
    assert!(link.next_due().is_none());
}

#[test]
fn numbered_losses_hit_exactly_those_packets() {
    let lose = Fault::new(Kind::Data, Effect::Lose).which(Which::Numbers(vec![2, 4]));
    let mut link = Link::new(Plan::default().fault(lose), 1);
    let numbers: Vec<u32> = run(&mut link, 5)
        .into_iter()
        .map(|(_, number)| number)
        .collect();
    assert_eq!(numbers, [0, 2, 4]);
    let lost: Vec<u32> = link
        .take_log()
        .iter()
        .filter_map(|harm| Some(harm.packet.as_ref()?.tcp()?.seq))
        .collect();
    assert_eq!(lost, [1, 3]);
}

#[test]
fn counting_per_flow_starts_again_with_each_flow() {
    let lose = Fault::new(Kind::Data, Effect::Lose).which(Which::OfFlow(vec![1]));
    let mut link = Link::new(Plan::default().fault(lose), 1);
    let mut other_flow = data(1);
    crate::packet::put(&mut other_flow, 34, &50_000_u16.to_be_bytes());
    for frame in [data(0), other_flow.clone(), data(2), other_flow] {
        link.offer(MS, Side::Client, frame);
    }
    assert_eq!(drain(&mut link).len(), 2);
}

#[test]
fn random_loss_follows_its_share_and_its_seed() {
    let lossy = |seed| {
        let lose = Fault::new(Kind::Data, Effect::Lose).share(0.05);
        run(&mut Link::new(Plan::default().fault(lose), seed), 10_000)
    };
    let arrived = lossy(3).len();
    assert!(
        (9_350..9_650).contains(&arrived),
        "{arrived} of 10000 arrived at 5 % loss"
    );
    assert_eq!(lossy(3), lossy(3));
    assert_ne!(lossy(3), lossy(4));
}

#[test]
fn a_late_packet_is_overtaken_and_a_held_one_is_not() {
    let second = || Which::Numbers(vec![2]);
    let late = Fault::new(Kind::Data, Effect::Late(MS * 3)).which(second());
    let order = run(&mut Link::new(Plan::default().fault(late), 1), 5);
    assert_eq!(order, [(0, 0), (2, 2), (3, 3), (4, 1), (4, 4)]);
    let hold = Fault::new(Kind::Data, Effect::Hold(MS * 3)).which(second());
    let order = run(&mut Link::new(Plan::default().fault(hold), 1), 6);
    assert_eq!(order, [(0, 0), (4, 1), (4, 2), (4, 3), (4, 4), (5, 5)]);
}

#[test]
fn a_duplicate_arrives_twice() {
    let twice = Fault::new(Kind::Data, Effect::Duplicate(MS)).which(Which::Numbers(vec![1]));
    let mut link = Link::new(Plan::default().fault(twice), 1);
    assert_eq!(run(&mut link, 3), [(0, 0), (1, 0), (1, 1), (2, 2)]);
    assert_eq!(link.take_log().len(), 1);
}

#[test]
fn a_bottleneck_spaces_packets_and_drops_at_its_tail() {
    // 154-byte frames at 154 kB/s take 1 ms each; three fit into the queue.
    let plan = Plan::default().bottleneck(Side::Client, 154 * 8 * 1_000, 154 * 3);
    let mut link = Link::new(plan, 1);
    for index in 0..5 {
        link.offer(Duration::ZERO, Side::Client, data(index));
    }
    let times: Vec<u128> = drain(&mut link)
        .iter()
        .map(|delivery| delivery.due.as_millis())
        .collect();
    assert_eq!(times, [1, 2, 3]);
    let log = link.take_log();
    assert_eq!(
        log.iter()
            .filter(|harm| harm.kind == HarmKind::QueueDrop)
            .count(),
        2
    );
}

#[test]
fn a_policer_never_delays() {
    let police = Effect::Police {
        rate_bps: 154 * 8 * 500,
        burst_bytes: 154 * 2,
    };
    let mut link = Link::new(Plan::default().fault(Fault::new(Kind::Any, police)), 1);
    // One packet per millisecond against tokens for one every two: two of burst, then every other.
    let numbers: Vec<u32> = run(&mut link, 8)
        .into_iter()
        .map(|(_, number)| number)
        .collect();
    assert_eq!(numbers, [0, 1, 2, 4, 6]);
}

#[test]
fn a_forgetful_middlebox_drops_until_the_next_syn() {
    let forget = Effect::Forget {
        after: MS * 10,
        then: Forgetting::Reset { ttl: 33 },
    };
    let mut link = Link::new(Plan::default().fault(Fault::new(Kind::Tcp, forget)), 1);
    for (at, from) in [
        (0, Side::Client),
        (9, Side::Client),
        (30, Side::Client),
        (31, Side::Client),
    ] {
        link.offer(MS * at, from, data(at));
    }
    link.offer(MS * 40, Side::Client, tcp_frame(flag::SYN, 40, 0, &[], b""));
    link.offer(MS * 41, Side::Client, data(41));
    let deliveries = drain(&mut link);
    let to = |side| {
        let frames = deliveries
            .iter()
            .filter(move |delivery| delivery.to == side);
        frames
            .map(|delivery| Packet::parse(&delivery.frame).unwrap())
            .collect::<Vec<_>>()
    };
    let arrived: Vec<u32> = to(Side::Server)
        .iter()
        .map(|packet| packet.tcp().unwrap().seq)
        .collect();
    assert_eq!(arrived, [0, 9, 40, 41]);
    let resets = to(Side::Client);
    assert_eq!(resets.len(), 2);
    assert!(
        resets
            .iter()
            .all(|packet| packet.ttl == 33 && packet.tcp().unwrap().has(flag::RST))
    );
}

#[test]
fn refused_packets_are_answered_and_stripped_ones_go_on() {
    let router = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 254));
    let refuse = Effect::Refuse {
        router,
        error: IcmpError::AdministrativelyProhibited,
    };
    let plan = Plan::default()
        .fault(Fault::new(
            Kind::Syn,
            Effect::StripOptions(vec![option::MSS]),
        ))
        .fault(Fault::new(Kind::Data, refuse));
    let mut link = Link::new(plan, 1);
    link.offer(
        MS,
        Side::Client,
        tcp_frame(flag::SYN, 1, 0, &[2, 4, 5, 0xb4], b""),
    );
    link.offer(MS, Side::Client, data(2));
    let deliveries = drain(&mut link);
    assert_eq!(
        deliveries.iter().map(|d| d.to).collect::<Vec<_>>(),
        [Side::Server, Side::Client]
    );
    assert!(
        deliveries
            .iter()
            .all(|delivery| checksum::is_right(&delivery.frame))
    );
    let kinds: Vec<HarmKind> = link.take_log().iter().map(|harm| harm.kind).collect();
    assert_eq!(kinds, [HarmKind::OptionsChanged, HarmKind::IcmpAnswered]);
}

#[test]
fn forged_resets_reach_both_ends_and_the_receiver_first() {
    let reset =
        Fault::new(Kind::Data, Effect::ForgeReset { ttl: 99 }).which(Which::Numbers(vec![1]));
    let mut link = Link::new(Plan::default().fault(reset), 1);
    link.offer(MS, Side::Client, data(5));
    let deliveries = drain(&mut link);
    let is_reset = |delivery: &Delivery| {
        Packet::parse(&delivery.frame)
            .unwrap()
            .tcp()
            .unwrap()
            .has(flag::RST)
    };
    let seen: Vec<(Side, bool)> = deliveries.iter().map(|d| (d.to, is_reset(d))).collect();
    assert_eq!(
        seen,
        [
            (Side::Server, true),
            (Side::Client, true),
            (Side::Server, false)
        ]
    );
}
