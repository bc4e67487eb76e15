//! The keep-alive race between two real programs, captured: a proxy keeps connections to a server for longer than the
//! server does, and requests meet the close.
//!
//! The proxy runs on the client's host with its clients, the server on the other one. Their configuration files are
//! given, so that what a capture shows can be held against what the files say.

use crate::capture::Capture;
use crate::error::LabError;
use crate::link::Plan;
use crate::process::Program;
use crate::proxy;
use crate::traffic::asking::{Asking, Seen};
use crate::traffic::ms;
use crate::world::{Hosts, World, address};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The link's round trip: a close is under way for half of it.
const ROUND_TRIP: Duration = ms(400);

/// A client sends its second request this long after its first answer, so that it meets the close half way. The answer
/// took half a round trip, and so does the close: every wait within a round trip below the idle time will do.
const WAITS: [Duration; 3] = [ms(1_720), ms(1_800), ms(1_880)];

/// Where the proxy listens.
const PROXY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8_000);

/// Where the server listens.
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(address::SERVER), 8_080);

/// Rounds until a request has failed; a busy machine may miss the moment.
const ROUNDS: usize = 5;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program with its configuration file.
#[derive(Debug, Clone, Copy)]
pub enum Configured<'a> {
    /// nginx.
    Nginx(&'a Path),
    /// HAProxy.
    Haproxy(&'a Path),
}

/// Runs the proxy before the server until requests have failed in the race; `file` is the capture of it, taken at the
/// proxy. How many failed.
///
/// # Errors
/// Any [`LabError`]; [`LabError::Capture`] when no request met the close.
pub fn record(
    proxy: Configured<'_>,
    server: Configured<'_>,
    file: &Path,
) -> Result<usize, LabError> {
    let world = World::build(&Hosts::default(), vec![Plan::round_trip(ROUND_TRIP)], 1)?;
    let _server = start(server, &world.server, SERVER)?;
    let _proxy = start(proxy, &world.client, PROXY)?;
    for _ in 0..ROUNDS {
        let capture = Capture::start(&world.client, file)?;
        let failed = world.client.run(race)?;
        thread::sleep(ROUND_TRIP);
        capture.stop()?;
        if failed > 0 {
            return Ok(failed);
        }
    }
    Err(LabError::Capture(format!(
        "no request met a close in {ROUNDS} rounds"
    )))
}

fn start(
    program: Configured<'_>,
    namespace: &crate::namespace::Namespace,
    listens: SocketAddr,
) -> Result<Program, LabError> {
    match program {
        Configured::Nginx(config) => proxy::nginx(namespace, config, listens),
        Configured::Haproxy(config) => proxy::haproxy(namespace, config, listens),
    }
}

/// Every client asks, waits until the proxy's connection to the server is about to be closed, and orders; how many
/// orders failed.
fn race() -> usize {
    thread::scope(|scope| {
        let clients: Vec<_> = WAITS
            .iter()
            .map(|wait| scope.spawn(move || has_failed(*wait)))
            .collect();
        let failed = clients.into_iter().map(thread::ScopedJoinHandle::join);
        failed.filter(|failed| matches!(failed, Ok(true))).count()
    })
}

/// Whether an order met the close.
fn has_failed(wait: Duration) -> bool {
    let ask = |method| {
        let mut client = Asking::open(PROXY, PATIENCE).ok()?;
        Some(client.ask(method, "/").0)
    };
    if ask("GET") != Some(Seen::Answer(200)) {
        return false;
    }
    thread::sleep(wait);
    ask("POST").is_some_and(|seen| seen != Seen::Answer(200))
}
