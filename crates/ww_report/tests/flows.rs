//! The list of connections.

mod sample;

use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};
use ww_base::{Moment, SourceId, Span};
use ww_evidence::{
    Capture, Endpoint, Exchanges, Handshake, Mark, Orientation, Repeated, Side, SideId, Symptom,
    SymptomKind, TcpFlow, Vantage,
};
use ww_report::Sources;

fn mark(frame: u64, ms: i64) -> Mark {
    Mark {
        frame,
        at: Moment(ms * 1_000_000),
    }
}

fn repeated(frame: u64, ms: i64, count: u32) -> Repeated {
    Repeated {
        first: mark(frame, ms),
        last: mark(frame, ms),
        count,
    }
}

fn endpoint(host: u8, port: u16) -> Endpoint {
    Endpoint {
        addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)),
        port,
    }
}

/// A connection that was asked for, and nothing else.
fn asked(stream: u32) -> TcpFlow {
    TcpFlow {
        stream,
        client: endpoint(5, 40_000 + stream as u16),
        server: endpoint(1, 80),
        orientation: Orientation::BySyn,
        first: mark(1, 0),
        last: mark(9, 7000),
        handshake: Handshake {
            syn: Some(repeated(1, 0, 4)),
            ..Handshake::default()
        },
        sent_by_client: Side {
            frames: 4,
            ..Side::default()
        },
        sent_by_server: Side::default(),
        vantage: Vantage::Unknown,
        rtt: None,
        symptoms: Vec::new(),
        exchanges: Exchanges::default(),
        close: None,
        idle_break: None,
        longest_idle: Span::ZERO,
        reuse: None,
    }
}

/// A connection that did its work and lost time.
fn served(stream: u32) -> TcpFlow {
    let symptom = |kind, lost_ms| Symptom {
        kind,
        side: SideId::Server,
        count: 2,
        bytes: 2800,
        lost: Span::from_millis(lost_ms),
        worst: Span::from_millis(lost_ms),
        frames: vec![5],
        worst_frame: 5,
        last_frame: 5,
    };
    TcpFlow {
        handshake: Handshake {
            syn: Some(repeated(1, 0, 1)),
            syn_ack: Some(repeated(2, 20, 1)),
            ack: Some(mark(3, 20)),
            ..Handshake::default()
        },
        sent_by_client: Side {
            frames: 20,
            bytes: 412,
            fin: Some(mark(8, 6000)),
            ..Side::default()
        },
        sent_by_server: Side {
            frames: 30,
            bytes: 1_234_567,
            fin: Some(mark(9, 7000)),
            ..Side::default()
        },
        rtt: Some(Span::from_micros(20_100)),
        symptoms: vec![
            symptom(SymptomKind::TailTimeout, 410),
            symptom(SymptomKind::LossAfter, 20),
        ],
        exchanges: Exchanges {
            answered: 3,
            ..Exchanges::default()
        },
        ..asked(stream)
    }
}

fn capture() -> Capture {
    let middle = TcpFlow {
        handshake: Handshake::default(),
        ..served(2)
    };
    Capture {
        source: SourceId(0),
        tcp: vec![asked(0), served(1), middle],
        ..Capture::default()
    }
}

#[test]
fn the_table_is_aligned() {
    let consultation = sample::nothing_found();
    let sources = Sources::new(&consultation.inputs);
    assert_eq!(
        ww_report::flows::table(&[capture()], &sources),
        "\
stream  client → server               state                 duration   sent  received      rtt  retrans  exchanges    lost  mostly to
     0  10.0.0.5:40000 → 10.0.0.1:80  no answer               7.00 s    0 B       0 B        -        3          0       -  -
     1  10.0.0.5:40001 → 10.0.0.1:80  closed                  7.00 s  412 B    1.2 MB  20.1 ms        2          3  430 ms  timeout at the tail
     2  10.0.0.5:40002 → 10.0.0.1:80  closed, start unseen    7.00 s  412 B    1.2 MB  20.1 ms        2          3  430 ms  timeout at the tail
"
    );
}

#[test]
fn the_json_has_one_entry_per_connection() {
    let consultation = sample::nothing_found();
    let sources = Sources::new(&consultation.inputs);
    let text = ww_report::flows::json(&[capture()], &[], &sources).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["inputs"][0]["path"], "incident.pcapng");
    let connection = &json["connections"][1];
    assert_eq!(connection["path"], "incident.pcapng");
    assert_eq!(connection["client"], "10.0.0.5:40001");
    assert_eq!(connection["state"], "closed");
    assert_eq!(connection["rtt_ms"], 20.1);
    assert_eq!(connection["lost_ms"], 430.0);
    assert_eq!(connection["main_loss"], "timeout at the tail");
    assert_eq!(connection["filter"], "tcp.stream eq 1");
    assert_eq!(json["connections"][0]["rtt_ms"], Value::Null);
}
