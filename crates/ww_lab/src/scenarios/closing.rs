//! Connections that end when they should not, or do not end when they should.

use super::download;
use crate::link::{Effect, Fault, Forgetting, Kind, Plan, Side, Which};
use crate::scenario::{Scenario, Vantage, Work};
use crate::traffic::http_client::Requests;
use crate::traffic::http_server::HttpServer;
use crate::traffic::{Ending, ms};
use crate::truth::HarmKind;

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = idle();
    all.extend(resets());
    all
}

fn idle() -> Vec<Scenario> {
    // The server counts from its answer; with 80 ms of round trip a request sent 1960 ms after the answer arrived
    // meets the close at 2000 ms half way.
    let crossing = || Requests {
        parallel: 3,
        connections: 2,
        per_connection: 3,
        gaps: vec![ms(300), ms(1_960)],
        ..download(400)
    };
    let harmless = || Requests {
        connections: 2,
        hold: ms(2_300),
        ..download(400)
    };
    let server = |ending| HttpServer {
        idle: Some((ms(2_000), ending)),
        ..HttpServer::default()
    };
    let closes = |name, done, ending| {
        Scenario::fault(name, "server", done)
            .seen_at(Vantage::Client, &["idle-connection-reset"])
            .seen_at(Vantage::Server, &["idle-connection-reset"])
            .never(&[
                "reset-injected",
                "aborted-by-application",
                "half-open-connection",
            ])
            .plan(Plan::round_trip(ms(80)))
            .http(server(ending))
            .shows("tcp.flags.reset == 1", 3)
            .then(Work::Together(vec![
                Work::Requests(crossing()),
                Work::Requests(harmless()),
            ]))
    };
    let forget = |then| {
        Fault::new(
            Kind::Tcp,
            Effect::Forget {
                after: ms(3_000),
                then,
            },
        )
    };
    let pooled = || Requests {
        parallel: 3,
        per_connection: 4,
        gaps: vec![ms(200), ms(300), ms(3_500)],
        patience: ms(4_000),
        ..download(400)
    };
    vec![
        Scenario::clean(
            "clean-idle-close",
            "the server closes idle connections after 2 s, and nobody minds",
        )
        .http(server(Ending::Fin))
        .requests(Requests {
            parallel: 3,
            connections: 2,
            hold: ms(2_300),
            ..download(400)
        }),
        closes(
            "idle-close-fin",
            "the server closes after 2 s of silence with FIN; requests cross it",
            Ending::Fin,
        ),
        closes(
            "idle-close-rst",
            "the server closes after 2 s of silence with RST; requests cross it",
            Ending::Rst,
        ),
        Scenario::fault(
            "state-lost-silently",
            "middlebox",
            "a middlebox forgets connections after 3 s of silence",
        )
        .seen_at(Vantage::Client, &["idle-connection-dropped"])
        .never(&["packet-loss", "path-mtu-black-hole", "request-unanswered"])
        .with(forget(Forgetting::Silent))
        .harms(HarmKind::Forgotten, 6)
        .requests(pooled())
        .requests(download(400)),
        Scenario::fault(
            "state-lost-with-reset",
            "middlebox",
            "a middlebox forgets after 3 s and resets the client",
        )
        .seen_at(
            Vantage::Client,
            &["idle-connection-dropped", "idle-connection-reset"],
        )
        .with(forget(Forgetting::Reset { ttl: 250 }))
        .harms(HarmKind::Forgotten, 3)
        .shows("tcp.flags.reset == 1", 3)
        .requests(pooled())
        .requests(download(400)),
    ]
}

fn resets() -> Vec<Scenario> {
    let reset = |ttl| {
        Fault::new(Kind::Data, Effect::ForgeReset { ttl })
            .from(Side::Server)
            .which(Which::OfFlow(vec![90]))
    };
    let lost_close = || Fault::new(Kind::Reset, Effect::Lose).which(Which::OfFlow(vec![1]));
    vec![
        Scenario::fault("forged-reset", "middlebox", "a middlebox resets downloads half way with forged segments")
            .seen_at(Vantage::Client, &["reset-injected"])
            .seen_at(Vantage::Server, &["reset-injected"])
            .never(&["aborted-by-application"])
            .with(reset(99))
            .harms(HarmKind::ResetForged, 3).shows("tcp.flags.reset == 1", 3)
.requests(Requests { connections: 3, between: ms(200), ..download(400_000) }),
        Scenario::fault("server-aborts", "application", "the server resets the connection in the middle of its answer")
            .seen_at(Vantage::Client, &["aborted-by-application"])
            .never(&["reset-injected", "idle-connection-reset"])
            .shows("tcp.flags.reset == 1", 4)
.requests(Requests {
                connections: 4,
                target: "/200000?abort=60000".into(),
                between: ms(150),
                ..Requests::default()
            }),
        Scenario::fault("client-aborts", "application", "the client closes with most of the answer unread")
            .seen_at(Vantage::Client, &["aborted-by-application"])
            .seen_at(Vantage::Server, &["aborted-by-application"])
            .never(&["reset-injected"])
            .shows("tcp.flags.reset == 1", 4)
.requests(Requests {
                connections: 4,
                abort_after: Some(30_000),
                between: ms(150),
                ..download(3_000_000)
            }),
        Scenario::fault("peer-rebooted", "server", "the server forgot the connections; their next request is reset")
            .seen_at(Vantage::Client, &["half-open-connection"])
            .never(&["reset-injected", "packet-loss"])
            .http(HttpServer { idle: Some((ms(500), Ending::Rst)), ..HttpServer::default() })
            .with(lost_close().from(Side::Server))
            .harms(HarmKind::Loss, 3).shows("tcp.flags.reset == 1", 3)
.requests(Requests {
                parallel: 3,
                per_connection: 2,
                gaps: vec![ms(1_500)],
                ..download(400)
            }),
        Scenario::fault(
            "port-reused",
            "client",
            "a port is used again while the server still holds the old connection: its reset was lost",
        )
        .seen_at(Vantage::Client, &["port-reuse-collision"])
        .seen_at(Vantage::Server, &["port-reuse-collision"])
        .never(&["syn-unanswered", "accept-queue-overflow"])
        .with(lost_close().from(Side::Client))
        .harms(HarmKind::Loss, 3).shows("tcp.analysis.reused_ports", 3)
.requests(Requests { from_port: Some(40_000), parallel: 3, ending: Ending::Rst, ..download(400) })
        .then(Work::Wait(ms(700)))
        .requests(Requests { from_port: Some(40_000), parallel: 3, ..download(400) }),
    ]
}
