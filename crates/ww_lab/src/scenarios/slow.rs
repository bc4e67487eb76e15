//! Connections that work and are slow: who waits for whom.

use super::{download, upload};
use crate::link::Plan;
use crate::scenario::{Scenario, Vantage};
use crate::traffic::http_client::Requests;
use crate::traffic::http_server::HttpServer;
use crate::traffic::{Reading, ms};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = applications();
    all.extend(windows());
    all
}

fn asking(target: &str) -> Requests {
    Requests {
        target: target.into(),
        ..Requests::default()
    }
}

fn applications() -> Vec<Scenario> {
    let both_ends = |scenario: Scenario, rule: &'static str| {
        scenario
            .seen_at(Vantage::Client, &[rule])
            .seen_at(Vantage::Server, &[rule])
    };
    vec![
        both_ends(
            Scenario::fault(
                "slow-answers",
                "application",
                "the server thinks 0.8 s about each of six requests",
            ),
            "slow-application",
        )
        .never(&["packet-loss", "retransmission-timeout-stall"])
        .shows("http.time > 0.75", 6)
        .requests(Requests {
            per_connection: 6,
            gaps: vec![ms(100)],
            ..asking("/2000?think=800")
        }),
        Scenario::fault(
            "slow-answers-some",
            "application",
            "every request to /slow takes 1.5 s, others none",
        )
        .seen_at(Vantage::Client, &["slow-application"])
        .shows("http.time > 1.4", 6)
        .requests(Requests {
            per_connection: 10,
            gaps: vec![ms(50)],
            ..download(2_000)
        })
        .requests(Requests {
            parallel: 3,
            per_connection: 2,
            ..asking("/2000?think=1500")
        })
        .requests(Requests {
            per_connection: 10,
            gaps: vec![ms(50)],
            ..download(2_000)
        }),
        both_ends(
            Scenario::fault(
                "no-answer",
                "application",
                "the server accepts the request and never answers",
            ),
            "request-unanswered",
        )
        .never(&["path-mtu-black-hole", "syn-unanswered"])
        .shows("frame.time_delta > 4", 1)
        .requests(Requests {
            connections: 2,
            ..download(1_000)
        })
        .requests(Requests {
            patience: ms(5_000),
            ..asking("/1000?hang")
        }),
        both_ends(
            Scenario::fault(
                "paced-answer",
                "application",
                "the server writes 12 kB every 100 ms",
            ),
            "sender-limited-transfer",
        )
        .never(&["receive-window-limited", "packet-loss"])
        .shows("tcp.srcport == 80 && frame.time_delta > 0.05", 20)
        .requests(asking("/500000?chunk=12000&gap=100")),
        both_ends(
            Scenario::fault(
                "write-write-read",
                "application",
                "the client writes head and body apart, with Nagle's algorithm on, 50 times",
            ),
            "nagle-delayed-ack",
        )
        .never(&["slow-application", "packet-loss"])
        .plan(Plan::round_trip(ms(2)))
        .shows("frame.time_delta > 0.03", 40)
        .requests(Requests {
            per_connection: 50,
            no_delay: false,
            body: vec![100, 100],
            gaps: vec![ms(5)],
            ..asking("/50")
        }),
    ]
}

fn windows() -> Vec<Scenario> {
    let still = Reading {
        first_pause: ms(2_500),
        chunk: 16_384,
        pause: ms(2),
    };
    vec![
        Scenario::fault(
            "small-receive-buffer",
            "client",
            "the client has a receive buffer of 12 kB, 60 ms round trip",
        )
        .seen_at(Vantage::Client, &["receive-window-limited"])
        .seen_at(Vantage::Server, &["receive-window-limited"])
        .never(&["packet-loss", "sender-limited-transfer"])
        .plan(Plan::round_trip(ms(60)))
        .shows_at(Vantage::Server, "tcp.analysis.window_full", 20)
        .requests(Requests {
            receive_buffer: Some(12_000),
            ..download(600_000)
        }),
        Scenario::fault(
            "small-receive-buffer-upload",
            "server",
            "the server has a receive buffer of 16 kB, 50 ms",
        )
        .seen_at(Vantage::Client, &["receive-window-limited"])
        .plan(Plan::round_trip(ms(50)))
        .http(HttpServer {
            receive_buffer: Some(16_000),
            ..HttpServer::default()
        })
        .shows("tcp.analysis.window_full", 20)
        .requests(upload(800_000)),
        Scenario::fault(
            "reader-stops",
            "client",
            "the client reads nothing for 2.5 s, then slowly",
        )
        .seen_at(Vantage::Client, &["zero-window-stall"])
        .seen_at(Vantage::Server, &["zero-window-stall"])
        .never(&["packet-loss", "network-duplication"])
        .shows("tcp.analysis.zero_window", 1)
        .requests(Requests {
            receive_buffer: Some(60_000),
            reading: still,
            ..download(1_500_000)
        }),
        Scenario::fault(
            "reader-stops-upload",
            "server",
            "the server reads nothing for 2.5 s, then slowly",
        )
        .seen_at(Vantage::Client, &["zero-window-stall"])
        .never(&["packet-loss"])
        .http(HttpServer {
            receive_buffer: Some(60_000),
            reading: still,
            ..HttpServer::default()
        })
        .shows("tcp.analysis.zero_window", 1)
        .requests(upload(1_500_000)),
        Scenario::fault(
            "short-flows-far-away",
            "network",
            "200 kB per connection over a round trip of 250 ms",
        )
        .seen_at(Vantage::Client, &["slow-start-limited"])
        .seen_at(Vantage::Server, &["slow-start-limited"])
        .never(&["packet-loss", "receive-window-limited", "connection-churn"])
        .plan(Plan::round_trip(ms(250)))
        .shows("frame.time_delta > 0.15", 12)
        .requests(Requests {
            connections: 4,
            ..download(200_000)
        }),
    ]
}
