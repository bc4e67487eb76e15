//! Consultations made by hand, with something of every kind in them.
#![allow(
    dead_code,
    reason = "each test file is a program of its own and uses its part"
)]

use ww_base::{FrameRange, Gap, Locus, Problem, ProblemKind, SourceId, SourceSpan, Span};
use ww_evidence::Capture;
use ww_finding::{
    Class, Consultation, Edit, Exhibit, Finding, Fix, Input, InputKind, Layer, Outcome, Owner,
    Safety, Severity, Support,
};
use ww_report::{Sources, Traffic, verdict};

const CAPTURE: SourceId = SourceId(0);
const CONFIG: SourceId = SourceId(1);
const CONFIG_TEXT: &str =
    "upstream app {\n    server 10.0.0.5:3000;\n    keepalive_timeout 60s;\n}\n";

pub(crate) fn sources(inputs: &[Input]) -> Sources<'_> {
    Sources::new(inputs).with_text(CONFIG, CONFIG_TEXT)
}

fn found() -> Outcome {
    Outcome::Found {
        findings: 1,
        gaps: Vec::new(),
    }
}

/// Findings of every severity, every kind of place, gaps and problems.
pub(crate) fn full() -> Consultation {
    let findings = vec![
        idle_connection_reset(),
        retransmission_timeout(),
        port_scan(),
        truncated_capture(),
    ];
    let outcomes = vec![
        ("truncated-capture", found()),
        (
            "arp-conflict",
            Outcome::NotChecked(vec![absent("ARP traffic")]),
        ),
        ("idle-connection-reset", found()),
        ("nagle-delayed-ack", Outcome::NotChecked(vec![handshakes()])),
        (
            "slow-start-limited",
            Outcome::NotChecked(vec![handshakes()]),
        ),
        ("path-mtu-black-hole", Outcome::Clean),
        (
            "dns-slow",
            Outcome::NotChecked(vec![absent("DNS traffic in clear")]),
        ),
        (
            "dns-unanswered",
            Outcome::NotChecked(vec![absent("DNS traffic in clear")]),
        ),
        (
            "certificate-expired",
            Outcome::NotChecked(vec![Gap::new(
                "the server's certificate (TLS 1.3 hides it)",
                "wirewise diagnose https://…",
            )]),
        ),
    ];
    let gaps = vec![Gap::new(
        "12 connections beyond the 131,072 that are held at once",
        "split the capture by time (editcap -i 60) and look at the parts",
    )];
    consultation(
        findings,
        outcomes,
        gaps,
        vec![
            Problem {
                at: frames(456, 456, ""),
                kind: ProblemKind::Malformed,
                message: "the file ends inside frame 456; the frames before it are judged".into(),
            },
            Problem {
                at: Locus::Text(SourceSpan {
                    source: CONFIG,
                    start: 15,
                    end: 18,
                }),
                kind: ProblemKind::Unsupported,
                message: "the directive is not read yet".into(),
            },
        ],
    )
}

pub(crate) fn nothing_found() -> Consultation {
    consultation(
        Vec::new(),
        vec![
            (
                "arp-conflict",
                Outcome::NotChecked(vec![absent("ARP traffic")]),
            ),
            ("idle-connection-reset", Outcome::Clean),
        ],
        Vec::new(),
        Vec::new(),
    )
}

pub(crate) fn unjudged() -> Consultation {
    consultation(
        vec![truncated_capture()],
        vec![
            ("truncated-capture", found()),
            ("nagle-delayed-ack", Outcome::NotChecked(vec![handshakes()])),
        ],
        Vec::new(),
        Vec::new(),
    )
}

fn consultation(
    findings: Vec<Finding>,
    outcomes: Vec<(&'static str, Outcome)>,
    gaps: Vec<Gap>,
    problems: Vec<Problem>,
) -> Consultation {
    let traffic = Traffic {
        frames: 456,
        connections: 48,
        ..Traffic::of(&[Capture::default()])
    };
    let mut inputs = vec![Input {
        path: "incident.pcapng".into(),
        kind: InputKind::Capture,
        bytes: 123_456,
        frames: 456,
    }];
    if !problems.is_empty() {
        inputs.push(Input {
            path: "nginx.conf".into(),
            kind: InputKind::Capture,
            bytes: CONFIG_TEXT.len() as u64,
            frames: 0,
        });
    }
    Consultation {
        inputs,
        verdict: verdict(&findings, &outcomes, &gaps, &traffic),
        findings,
        outcomes,
        gaps,
        problems,
    }
}

fn absent(what: &str) -> Gap {
    Gap::new(what, "a capture that contains it")
}

fn handshakes() -> Gap {
    Gap::new(
        "the handshakes of 3 connections: their window scale is not known",
        "a capture that starts before the connections do",
    )
}

fn frames(first: u64, last: u64, filter: &str) -> Locus {
    Locus::Frames(FrameRange {
        source: CAPTURE,
        first,
        last,
        filter: filter.into(),
    })
}

fn shows(at: Locus, says: &str) -> Exhibit {
    Exhibit {
        at,
        says: says.into(),
    }
}

fn idle_connection_reset() -> Finding {
    Finding {
        rule: "idle-connection-reset",
        layer: Layer::Tcp,
        class: Class::Connectivity,
        severity: Severity::High,
        support: Support::Observed,
        owner: Owner::Server,
        headline: "10.0.0.5:3000 closes idle connections after 5.0 s; 3 requests were sent into the close and reset".into(),
        count: 3,
        lost: Span(412_500_400),
        exhibits: vec![
            shows(
                frames(118, 121, "tcp.stream eq 4"),
                "request at 118, RST at 120, 0.4 ms later",
            ),
            shows(
                Locus::Text(SourceSpan { source: CONFIG, start: 45, end: 66 }),
                "upstream connections kept idle for 60 s",
            ),
            shows(frames(340, 340, "tcp.stream eq 9"), "the same on another connection"),
            shows(
                Locus::Probe { source: CAPTURE, step: 3 },
                "the server closes after 5.0 s",
            ),
            shows(Locus::Assumed { by: "RFC 9112".into() }, "either side may close at any time"),
        ],
        refuter: "a capture at the server that shows no FIN before frame 118".into(),
        fixes: vec![
            Fix {
                title: "Close idle upstream connections before the server does: keepalive_timeout 4s".into(),
                safety: Safety::Safe,
                edits: vec![Edit {
                    span: SourceSpan { source: CONFIG, start: 63, end: 66 },
                    replace_with: "4s".into(),
                }],
            },
            Fix::advice("Raise the server's idle timeout above 60 s"),
        ],
    }
}

fn retransmission_timeout() -> Finding {
    Finding {
        rule: "retransmission-timeout-stall",
        layer: Layer::Tcp,
        class: Class::Performance,
        severity: Severity::Low,
        support: Support::Corroborated,
        owner: Owner::Network,
        headline:
            "The last segments of 2 answers of 10.0.0.9:443 were lost and repeated after 210 ms"
                .into(),
        count: 2,
        lost: Span::from_millis(420),
        exhibits: vec![shows(
            frames(201, 230, "tcp.stream eq 7 && tcp.analysis.rto"),
            "210 ms of silence, then segment 201 again",
        )],
        refuter: "frame 230 carrying the IP-ID of frame 201".into(),
        fixes: vec![Fix::advice(
            "Enable tail loss probes on 10.0.0.9 (RACK-TLP, RFC 8985)",
        )],
    }
}

fn port_scan() -> Finding {
    Finding {
        rule: "port-scan",
        layer: Layer::Tcp,
        class: Class::Security,
        severity: Severity::Info,
        support: Support::Heuristic,
        owner: Owner::Client,
        headline: "10.0.0.66 tried 25 ports of 10.0.0.5, 2 of them open".into(),
        count: 1,
        lost: Span::ZERO,
        exhibits: Vec::new(),
        refuter: "a list of services that 10.0.0.66 is meant to watch".into(),
        fixes: Vec::new(),
    }
}

fn truncated_capture() -> Finding {
    Finding {
        rule: "truncated-capture",
        layer: Layer::Capture,
        class: Class::Capture,
        severity: Severity::Info,
        support: Support::Observed,
        owner: Owner::Capture,
        headline: "17 of 456 frames were cut to at most 96 bytes when captured; headers are judged, payload beyond the cut is not".into(),
        count: 17,
        lost: Span::ZERO,
        exhibits: vec![shows(
            Locus::Whole(CAPTURE),
            "a snap length of 96 bytes in its header",
        )],
        refuter: "a capture of the same traffic without a snap length".into(),
        fixes: vec![Fix::advice("Capture whole frames: tcpdump -s 0")],
    }
}
