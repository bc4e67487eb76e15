//! What proxies do with a request that meets a connection which the server closes at that very moment: the keep-alive
//! race, made certain.
//!
//! Client, proxies and server share one namespace and speak over its loopback interface.

use crate::error::LabError;
use crate::namespace::Namespace;
use crate::process::Program;
use crate::proxy;
use crate::run::in_thread;
use crate::traffic::asking::{Asking, Seen};
use crate::traffic::racing::Racing;
use crate::traffic::{Ending, Stop};
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// A proxy with settings that decide what becomes of such a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// What the proxy calls its group of servers; its name in tables.
    pub name: &'static str,
    /// The program.
    pub program: &'static str,
    /// The lines that differ.
    pub lines: &'static str,
}

const fn setup(program: &'static str, name: &'static str, lines: &'static str) -> Setup {
    Setup {
        name,
        program,
        lines,
    }
}

/// Every proxy and setting that is measured.
pub const SETUPS: [Setup; 11] = [
    setup("nginx", "nginx-default", ""),
    setup(
        "nginx",
        "nginx-non-idempotent",
        "proxy_next_upstream error timeout non_idempotent;",
    ),
    setup("nginx", "nginx-off", "proxy_next_upstream off;"),
    setup("haproxy", "haproxy-never", "http-reuse never"),
    setup("haproxy", "haproxy-safe", "http-reuse safe"),
    setup("haproxy", "haproxy-aggressive", "http-reuse aggressive"),
    setup("haproxy", "haproxy-always", "http-reuse always"),
    setup(
        "haproxy",
        "haproxy-safe-all-errors",
        "http-reuse safe\n    retry-on all-retryable-errors",
    ),
    setup(
        "haproxy",
        "haproxy-always-all-errors",
        "http-reuse always\n    retry-on all-retryable-errors",
    ),
    setup(
        "haproxy",
        "haproxy-always-empty-response",
        "http-reuse always\n    retry-on conn-failure empty-response",
    ),
    setup(
        "haproxy",
        "haproxy-always-spare-post",
        "http-reuse always\n    retry-on conn-failure empty-response\n    \
         http-request disable-l7-retry if METH_POST",
    ),
];

/// By which connection of the client the request comes that meets the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By the one that has carried a request before.
    Same,
    /// By a new one.
    New,
}

/// One request, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The proxy and its settings.
    pub setup: Setup,
    /// The connection that it comes by.
    pub by: By,
    /// Its method.
    pub method: &'static str,
    /// How the server closes.
    pub ending: Ending,
    /// What the client sees.
    pub seen: Seen,
    /// How often the server received it.
    pub arrivals: usize,
}

/// The port of the server.
const SERVER: u16 = 9_000;

/// The first port of the proxies; each setting has one.
const PROXIES: u16 = 8_000;

/// How long a request may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Warm-ups before one is given up.
const WARM_UPS: usize = 20;

/// Measures every row for one program, `nginx` or `haproxy`; its configuration is written into `folder`.
///
/// # Errors
/// Any [`LabError`]; [`LabError::Program`] when the program is missing.
pub fn measure(program: &str, folder: &Path) -> Result<Vec<Row>, LabError> {
    let namespace = Namespace::create("stale")?;
    namespace.command("ip link set lo up")?;
    let (server, stop) = (Racing::default(), Stop::default());
    let serving = server.clone();
    in_thread(&namespace, &stop, move |stop, ready| {
        serving.serve(SERVER, stop, ready)
    })?;
    let rows = start(&namespace, program, folder)
        .and_then(|_proxy| namespace.run(|| measure_all(program, &server))?);
    stop.now();
    rows
}

/// The configuration of one program: a place to connect to for each setting.
pub fn config(program: &str) -> String {
    let mut text = match program {
        "nginx" => "events { worker_connections 256; }\nhttp {\n    access_log off;\n".to_owned(),
        _ => "global\n    nbthread 1\ndefaults\n    mode http\n    timeout connect 10s\n    timeout client 60s\n    \
              timeout server 60s\n    timeout http-keep-alive 60s\n"
            .to_owned(),
    };
    for (port, Setup { name, lines, .. }) in of(program) {
        // Writing into a string cannot fail.
        let _ = match program {
            "nginx" => write!(
                text,
                "    upstream {name} {{ server 127.0.0.1:{SERVER}; keepalive 8; }}\n    \
                 server {{\n        listen 127.0.0.1:{port};\n        location / {{\n            \
                 proxy_pass http://{name};\n            proxy_http_version 1.1;\n            \
                 proxy_set_header Connection \"\";\n            {lines}\n        }}\n    }}\n"
            ),
            _ => write!(
                text,
                "listen {name}\n    bind 127.0.0.1:{port}\n    {lines}\n    \
                 server racing 127.0.0.1:{SERVER}\n"
            ),
        };
    }
    if program == "nginx" {
        text.push_str("}\n");
    }
    text
}

/// The settings of one program, with the ports at which they are tried.
fn of(program: &str) -> impl Iterator<Item = (u16, &'static Setup)> {
    (PROXIES..)
        .zip(&SETUPS)
        .filter(move |(_, setup)| setup.program == program)
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn start(namespace: &Namespace, program: &str, folder: &Path) -> Result<Program, LabError> {
    let file = folder.join(format!("{program}.cfg"));
    fs::write(&file, config(program)).map_err(LabError::io(format!("write {}", file.display())))?;
    let first = of(program).next().map_or(PROXIES, |(port, _)| port);
    match program {
        "nginx" => proxy::nginx(namespace, &file, at(first)),
        _ => proxy::haproxy(namespace, &file, at(first)),
    }
}

fn measure_all(program: &str, server: &Racing) -> Result<Vec<Row>, LabError> {
    let mut rows = Vec::new();
    for (port, setup) in of(program) {
        for by in [By::Same, By::New] {
            for method in ["GET", "PUT", "POST"] {
                for (ending, word) in [(Ending::Fin, "fin"), (Ending::Rst, "rst")] {
                    let target = format!("/{word}/{}", rows.len());
                    let seen = meet(port, by, (method, &target), server)?;
                    rows.push(Row {
                        setup: *setup,
                        by,
                        method,
                        ending,
                        seen,
                        arrivals: server.arrivals(&target),
                    });
                }
            }
        }
    }
    Ok(rows)
}

/// Lets one request meet the close; what the client sees.
fn meet(
    port: u16,
    by: By,
    (method, target): (&str, &str),
    server: &Racing,
) -> Result<Seen, LabError> {
    if !server.part(PATIENCE) {
        return Err(LabError::Capture(
            "the proxy holds on to connections that the server has closed".into(),
        ));
    }
    let mut client = warm(port)?;
    if by == By::New {
        client = open(port)?;
    }
    match client.ask(method, target).0 {
        Seen::Nothing => Err(silent()),
        seen => Ok(seen),
    }
}

/// A connection of the client that has carried a request, so that the proxy keeps one to the server.
fn warm(port: u16) -> Result<Asking, LabError> {
    for _ in 0..WARM_UPS {
        let mut client = open(port)?;
        match client.ask("GET", "/warm").0 {
            Seen::Answer(200) => return Ok(client),
            Seen::Nothing => break,
            _ => {}
        }
    }
    Err(silent())
}

fn silent() -> LabError {
    LabError::Capture("the proxy leaves a request without an answer".into())
}

fn open(port: u16) -> Result<Asking, LabError> {
    Asking::open(at(port), PATIENCE).map_err(LabError::io("connect to the proxy"))
}
