//! Connections, one line each: who, how it ended, how long, how much, what it lost.

mod loss;
mod state;
mod table;

use crate::Sources;
use crate::json::{InputEntry, ProblemEntry, SCHEMA_VERSION, Tool, document, millis};
use serde::Serialize;
use ww_base::Problem;
use ww_evidence::{Capture, SideId, SymptomKind, TcpFlow};

use loss::Losses;
pub use state::State;

/// The connections as an aligned table, a line each, in the order of their first frames.
pub fn table(captures: &[Capture], sources: &Sources<'_>) -> String {
    let mut text = String::new();
    for capture in captures {
        if captures.len() > 1 {
            text.push_str(&sources.name(capture.source));
            text.push('\n');
        }
        text.push_str(&table::of(&capture.tcp));
    }
    text
}

/// The connections as a JSON document.
///
/// # Errors
/// When a value cannot be serialised, which no value of these types can cause.
pub fn json(
    captures: &[Capture],
    problems: &[Problem],
    sources: &Sources<'_>,
) -> serde_json::Result<String> {
    let connections = captures.iter().flat_map(|capture| {
        let path = sources.path(capture.source);
        capture
            .tcp
            .iter()
            .map(move |flow| Connection::new(path, flow))
    });
    document(&Listing {
        schema_version: SCHEMA_VERSION,
        tool: Tool::THIS,
        inputs: InputEntry::all(sources.inputs()),
        connections: connections.collect(),
        problems: ProblemEntry::all(problems, sources),
    })
}

/// The whole document.
#[derive(Debug, Serialize)]
struct Listing<'a> {
    schema_version: u32,
    tool: Tool,
    inputs: Vec<InputEntry<'a>>,
    connections: Vec<Connection<'a>>,
    problems: Vec<ProblemEntry<'a>>,
}

/// One connection. Times in milliseconds, payload in bytes counted once per sequence number.
#[derive(Debug, Serialize)]
struct Connection<'a> {
    path: &'a str,
    stream: u32,
    client: String,
    server: String,
    state: &'static str,
    from_start: bool,
    first_frame: u64,
    last_frame: u64,
    duration_ms: f64,
    client_bytes: u64,
    server_bytes: u64,
    rtt_ms: Option<f64>,
    retransmissions: u32,
    exchanges: u32,
    lost_ms: f64,
    main_loss: Option<&'static str>,
    filter: String,
}

impl<'a> Connection<'a> {
    fn new(path: &'a str, flow: &TcpFlow) -> Connection<'a> {
        let losses = Losses::of(flow);
        Connection {
            path,
            stream: flow.stream,
            client: flow.client.to_string(),
            server: flow.server.to_string(),
            state: State::of(flow).word(),
            from_start: flow.from_start(),
            first_frame: flow.first.frame(),
            last_frame: flow.last.frame(),
            duration_ms: millis(flow.duration()),
            client_bytes: flow.sent_by_client.bytes,
            server_bytes: flow.sent_by_server.bytes,
            rtt_ms: flow.rtt.map(millis),
            retransmissions: retransmissions(flow),
            exchanges: flow.exchanges.answered,
            lost_ms: millis(losses.total()),
            main_loss: losses.main(),
            filter: flow.filter(),
        }
    }
}

/// Segments that were sent again, handshake included, by either side.
fn retransmissions(flow: &TcpFlow) -> u32 {
    let repeated = [
        SymptomKind::LossBefore,
        SymptomKind::LossAfter,
        SymptomKind::Needless,
    ];
    let data: u32 = repeated
        .iter()
        .flat_map(|&kind| [SideId::Client, SideId::Server].map(|side| flow.count(kind, side)))
        .sum();
    let handshake = [flow.handshake.syn, flow.handshake.syn_ack]
        .iter()
        .flatten()
        .map(|segment| segment.count.saturating_sub(1))
        .sum::<u32>();
    data.saturating_add(handshake)
}
