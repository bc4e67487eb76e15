//! What the network does to packets: loses, delays, doubles, swallows.

use super::{download, lose, upload};
use crate::forge::IcmpError;
use crate::link::{Effect, Fault, Kind, Plan, Side, Which};
use crate::scenario::{Scenario, Vantage};
use crate::traffic::http_client::Requests;
use crate::traffic::ms;
use crate::truth::HarmKind;
use crate::world::address;

/// Frames longer than this do not fit where the path is narrow: 1400 bytes of IP.
const NARROW: usize = 1_414;

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = random_loss();
    all.extend(particular_loss());
    all.extend(patterns());
    all.extend(rates());
    all.extend(narrow());
    all
}

fn random_loss() -> Vec<Scenario> {
    let short = || Plan::round_trip(ms(10));
    let loss = |name, done, from, share| {
        Scenario::fault(name, "network", done)
            .seen_at(Vantage::Client, &["packet-loss"])
            .seen_at(Vantage::Server, &["packet-loss"])
            .never(&["packet-reordering", "capture-dropped-packets"])
            .plan(short())
            .with(lose(from, share))
    };
    vec![
        loss(
            "loss-download-07",
            "0.7 % of the server's packets are lost",
            Side::Server,
            0.007,
        )
        .harms(HarmKind::Loss, 12)
        .requests(download(6_000_000)),
        loss(
            "loss-download-2",
            "2 % of the server's packets are lost",
            Side::Server,
            0.02,
        )
        .harms(HarmKind::Loss, 25)
        .requests(download(4_000_000)),
        loss(
            "loss-download-5",
            "5 % of the server's packets are lost",
            Side::Server,
            0.05,
        )
        .harms(HarmKind::Loss, 40)
        .requests(download(2_000_000)),
        loss(
            "loss-upload-2",
            "2 % of the client's packets are lost",
            Side::Client,
            0.02,
        )
        .harms(HarmKind::Loss, 25)
        .requests(upload(4_000_000)),
        loss(
            "loss-upload-1-no-timestamps",
            "1 % of the client's packets are lost; no timestamps",
            Side::Client,
            0.01,
        )
        .both_sysctl("ipv4.tcp_timestamps", "0")
        .harms(HarmKind::Loss, 10)
        .requests(upload(4_000_000)),
        loss(
            "loss-download-2-no-sack",
            "2 % of the server's packets are lost; no SACK",
            Side::Server,
            0.02,
        )
        .both_sysctl("ipv4.tcp_sack", "0")
        .harms(HarmKind::Loss, 20)
        .requests(download(3_000_000)),
        loss(
            "loss-download-2-ipv6",
            "2 % of the server's packets are lost, over IPv6",
            Side::Server,
            0.02,
        )
        .over_ipv6()
        .harms(HarmKind::Loss, 25)
        .requests(download(4_000_000)),
    ]
}

fn particular_loss() -> Vec<Scenario> {
    vec![
        Scenario::fault(
            "loss-before-the-middle",
            "network",
            "2 % lost between server and a tap in the middle",
        )
        .seen_at(Vantage::Middle, &["packet-loss"])
        .never(&["packet-reordering", "capture-dropped-packets"])
        .plan(Plan::round_trip(ms(10)))
        .with(lose(Side::Server, 0.02))
        .behind(ms(10))
        .harms(HarmKind::Loss, 20)
        .requests(download(3_000_000)),
        Scenario::fault(
            "loss-of-small-answers",
            "network",
            "the last segment of every fourth answer is lost once",
        )
        .seen_at(Vantage::Client, &["retransmission-timeout-stall"])
        .seen_at(Vantage::Server, &["retransmission-timeout-stall"])
        .never(&["slow-application"])
        .with(
            Fault::new(Kind::Tail, Effect::Lose)
                .from(Side::Server)
                .which(Which::OfFlow(vec![4, 9, 14, 19, 24, 29, 34])),
        )
        .harms(HarmKind::Loss, 5)
        .requests(Requests {
            per_connection: 30,
            gaps: vec![ms(30)],
            ..download(600)
        }),
    ]
}

fn patterns() -> Vec<Scenario> {
    vec![
        Scenario::fault(
            "late-packets",
            "network",
            "3 % of the server's packets arrive 4 ms late",
        )
        .seen_at(Vantage::Client, &["packet-reordering"])
        .never(&["packet-loss"])
        .with(
            Fault::new(Kind::Tcp, Effect::Late(ms(4)))
                .from(Side::Server)
                .share(0.03),
        )
        .harms(HarmKind::Late, 50)
        .requests(download(6_000_000)),
        Scenario::fault(
            "late-packets-upload",
            "network",
            "2 % of the client's packets arrive 3 ms late",
        )
        .seen_at(Vantage::Server, &["packet-reordering"])
        .never(&["packet-loss"])
        .with(
            Fault::new(Kind::Tcp, Effect::Late(ms(3)))
                .from(Side::Client)
                .share(0.02),
        )
        .harms(HarmKind::Late, 40)
        .requests(upload(6_000_000)),
        Scenario::fault(
            "doubled-packets",
            "network",
            "3 % of the packets of both sides arrive twice",
        )
        .seen_at(Vantage::Client, &["network-duplication"])
        .never(&["packet-loss", "packet-reordering", "duplicated-capture"])
        .with(Fault::new(Kind::Tcp, Effect::Duplicate(ms(1))).share(0.03))
        .harms(HarmKind::Duplicated, 80)
        .requests(download(5_000_000)),
        Scenario::fault(
            "delay-spikes",
            "network",
            "the path stands still for 600 ms, five times; nothing is lost",
        )
        .seen_at(Vantage::Server, &["spurious-retransmission"])
        .seen_at(Vantage::Client, &["spurious-retransmission"])
        .never(&["packet-loss"])
        .with(
            Fault::new(Kind::Data, Effect::Hold(ms(600)))
                .from(Side::Server)
                .which(Which::Numbers(vec![60, 260, 460, 660, 860])),
        )
        .harms(HarmKind::Held, 5)
        .shows_at(Vantage::Client, "tcp.analysis.spurious_retransmission", 3)
        .requests(Requests {
            connections: 5,
            ..download(300_000)
        }),
    ]
}

fn rates() -> Vec<Scenario> {
    vec![
        Scenario::fault(
            "deep-queue",
            "network",
            "a link of 10 Mb/s with a queue in front of it that never fills",
        )
        .seen_at(Vantage::Client, &["queueing-delay"])
        .seen_at(Vantage::Server, &["queueing-delay"])
        .never(&["policer-loss", "packet-loss", "receive-window-limited"])
        .sysctl(Side::Server, "ipv4.tcp_wmem", "4096 16384 1000000")
        .plan(Plan::round_trip(ms(20)).bottleneck(Side::Server, 10_000_000, 4_000_000))
        .shows_at(Vantage::Server, "tcp.analysis.ack_rtt > 0.2", 100)
        .requests(download(6_000_000)),
        Scenario::fault(
            "deep-queue-overflows",
            "network",
            "a link of 10 Mb/s with a queue of 400 kB that fills",
        )
        .seen_at(Vantage::Client, &["queueing-delay"])
        .seen_at(Vantage::Server, &["queueing-delay"])
        .never(&["policer-loss"])
        .plan(Plan::round_trip(ms(20)).bottleneck(Side::Server, 10_000_000, 400_000))
        .shows_at(Vantage::Server, "tcp.analysis.ack_rtt > 0.15", 100)
        .harms(HarmKind::QueueDrop, 10)
        .requests(download(6_000_000)),
        Scenario::fault(
            "policer",
            "network",
            "a policer passes 10 Mb/s with bursts of 30 kB and queues nothing",
        )
        .seen_at(Vantage::Client, &["policer-loss"])
        .seen_at(Vantage::Server, &["policer-loss"])
        .never(&["queueing-delay", "packet-reordering"])
        .with(
            Fault::new(
                Kind::Tcp,
                Effect::Police {
                    rate_bps: 10_000_000,
                    burst_bytes: 30_000,
                },
            )
            .from(Side::Server),
        )
        .harms(HarmKind::Policed, 20)
        .requests(download(6_000_000)),
    ]
}

fn narrow() -> Vec<Scenario> {
    let too_long = || Fault::new(Kind::LongerThan(NARROW), Effect::TooLong);
    let gives_up = |bytes| Requests {
        patience: ms(5_000),
        ..download(bytes)
    };
    let too_big = Effect::Refuse {
        router: address::ROUTER.into(),
        error: IcmpError::PacketTooBig(1_400),
    };
    vec![
        Scenario::fault(
            "narrow-path-download",
            "network",
            "packets above 1400 bytes vanish on the way to the client",
        )
        .seen_at(Vantage::Client, &["path-mtu-black-hole"])
        .seen_at(Vantage::Server, &["path-mtu-black-hole"])
        .never(&["request-unanswered", "slow-application"])
        .with(too_long().from(Side::Server))
        .harms(HarmKind::MtuDrop, 5)
        .requests(Requests {
            connections: 2,
            ..download(500)
        })
        .requests(gives_up(200_000)),
        Scenario::fault(
            "narrow-path-upload",
            "network",
            "packets above 1400 bytes vanish on the way to the server",
        )
        .seen_at(Vantage::Client, &["path-mtu-black-hole"])
        .seen_at(Vantage::Server, &["path-mtu-black-hole"])
        .with(too_long().from(Side::Client))
        .harms(HarmKind::MtuDrop, 5)
        .requests(Requests {
            connections: 2,
            ..download(500)
        })
        .requests(Requests {
            patience: ms(6_000),
            ..upload(10_000)
        })
        // The capture goes on, so that it shows how long nothing came.
        .requests(download(500)),
        Scenario::clean(
            "clean-path-mtu-discovery",
            "a router says what fits, and the server obeys",
        )
        .with(Fault::new(Kind::LongerThan(NARROW), too_big).from(Side::Server))
        .requests(download(500_000)),
    ]
}
