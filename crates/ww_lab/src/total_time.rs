//! How long real proxies take in all where the server keeps silent, cannot be reached, or trickles.
//!
//! Client, proxies and servers share one namespace. Addresses that nobody answers for are behind an interface that
//! swallows what is sent to it.

use crate::error::LabError;
use crate::namespace::{INTERFACE, Namespace};
use crate::proxy;
use crate::run::in_thread;
use crate::traffic::asking::{Asking, Seen};
use crate::traffic::http_server::HttpServer;
use crate::traffic::racing::Racing;
use crate::traffic::{Stop, ms};
use crate::world::open_tap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The configuration of nginx. Every timer that matters is written; `max_fails` is 1 by default.
pub const NGINX: &str = "\
events { worker_connections 256; }
http {
    access_log off;
    proxy_connect_timeout 500ms;
    proxy_read_timeout 1s;
    upstream two-silent-until-1500ms { server 127.0.0.1:9000 fail_timeout=300s; server 127.0.0.2:9000 fail_timeout=300s; }
    upstream two-silent-until-500ms { server 127.0.0.1:9000; server 127.0.0.2:9000; }
    upstream one-unreachable { server 10.99.0.1:9000; }
    upstream two-unreachable { server 10.99.0.1:9000; server 10.99.0.2:9000; }
    upstream trickle { server 127.0.0.1:9001; }
    server {
        listen 127.0.0.1:8001;
        location / { proxy_pass http://two-silent-until-1500ms; proxy_next_upstream_timeout 1500ms; }
    }
    server {
        listen 127.0.0.1:8002;
        location / { proxy_pass http://two-silent-until-500ms; proxy_next_upstream_timeout 500ms; }
    }
    server {
        listen 127.0.0.1:8003;
        location / { proxy_pass http://one-unreachable; }
    }
    server {
        listen 127.0.0.1:8004;
        location / { proxy_pass http://two-unreachable; }
    }
    server {
        listen 127.0.0.1:8005;
        location / { proxy_pass http://trickle; proxy_read_timeout 2s; }
    }
}
";

/// The configuration of HAProxy.
pub const HAPROXY: &str = "\
global
    nbthread 1
defaults
    mode http
    timeout client 60s
    timeout connect 500ms
    timeout server 1s
    retries 3
listen unreachable
    bind 127.0.0.1:8101
    server gone 10.99.0.1:9000
listen silent
    bind 127.0.0.1:8102
    server silent 127.0.0.1:9000
listen silent-all-errors
    bind 127.0.0.1:8103
    retry-on all-retryable-errors
    server silent 127.0.0.1:9000
listen trickle
    bind 127.0.0.1:8104
    timeout server 2s
    server trickle 127.0.0.1:9001
";

/// What is asked of which proxy: its port, a name, the target.
const CASES: [(u16, &str, &str); 9] = [
    (8_001, "two-silent-until-1500ms", "/hang/1"),
    (8_002, "two-silent-until-500ms", "/hang/2"),
    (8_003, "one-unreachable", "/"),
    (8_004, "two-unreachable", "/"),
    (8_005, "trickle", TRICKLE),
    (8_101, "unreachable", "/"),
    (8_102, "silent", "/hang/3"),
    (8_103, "silent-all-errors", "/hang/4"),
    (8_104, "trickle", TRICKLE),
];

/// An answer of 300 bytes and its head, 40 bytes each half second.
const TRICKLE: &str = "/300?chunk=40&gap=500";

/// How long a request may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// One request, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The program: `nginx` or `haproxy`.
    pub program: &'static str,
    /// What the program calls its group of servers.
    pub name: &'static str,
    /// What the client saw.
    pub seen: Seen,
    /// How long it took.
    pub took: Duration,
    /// How often a server received it.
    pub arrivals: usize,
}

/// All that was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Requests, each the first of its group.
    pub cases: Vec<Case>,
    /// A second request to nginx's first group, both of whose servers have kept silent.
    pub after_silence: Case,
}

/// Measures all, in about five seconds; configurations are written into `folder`.
///
/// # Errors
/// Any [`LabError`]; [`LabError::Program`] when a proxy is missing.
pub fn measure(folder: &Path) -> Result<Measured, LabError> {
    let namespace = Namespace::create("total")?;
    let _swallows = open_tap(&namespace)?;
    for words in [
        "ip link set lo up".to_owned(),
        format!("ip addr add 10.99.0.254/24 dev {INTERFACE}"),
        format!("ip link set {INTERFACE} arp off up"),
    ] {
        namespace.command(&words)?;
    }
    let (silent, stop) = (Racing::default(), Stop::default());
    let serving = silent.clone();
    in_thread(&namespace, &stop, move |stop, ready| {
        serving.serve(9_000, stop, ready)
    })?;
    let trickling = HttpServer {
        port: 9_001,
        ..HttpServer::default()
    };
    in_thread(&namespace, &stop, move |stop, ready| {
        trickling.serve(stop, ready)
    })?;
    let measured = behind_proxies(&namespace, folder, &silent);
    stop.now();
    measured
}

fn behind_proxies(
    namespace: &Namespace,
    folder: &Path,
    silent: &Racing,
) -> Result<Measured, LabError> {
    let file = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::write(&file, text).map_err(LabError::io(format!("write {}", file.display())))?;
        Ok(file)
    };
    let _nginx = proxy::nginx(namespace, &file("nginx.conf", NGINX)?, at(8_001))?;
    let _haproxy = proxy::haproxy(namespace, &file("haproxy.cfg", HAPROXY)?, at(8_101))?;
    namespace.run(|| {
        let cases = thread::scope(|scope| {
            let running: Vec<_> = CASES
                .iter()
                .map(|case| scope.spawn(|| ask(*case, silent)))
                .collect();
            let cases = running.into_iter().map(|one| {
                one.join().unwrap_or_else(|_| {
                    Err(LabError::Capture("the thread of a client panicked".into()))
                })
            });
            cases.collect::<Result<Vec<Case>, LabError>>()
        })?;
        let after_silence = ask((8_001, "two-silent-until-1500ms", "/hang/5"), silent)?;
        Ok(Measured {
            cases,
            after_silence,
        })
    })?
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn ask((port, name, target): (u16, &'static str, &str), silent: &Racing) -> Result<Case, LabError> {
    let mut client =
        Asking::open(at(port), PATIENCE).map_err(LabError::io("connect to the proxy"))?;
    let (seen, took) = client.ask("GET", target);
    // The server notes a request a moment after it was sent, which may be after the proxy has given it up.
    thread::sleep(ms(100));
    Ok(Case {
        program: if port < 8_100 { "nginx" } else { "haproxy" },
        name,
        seen,
        took,
        arrivals: silent.arrivals(target),
    })
}
