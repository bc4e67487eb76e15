//! A program: what it listens to, and whom it calls.

use super::{Call, ConcurrencyLimit, Product, RateLimit, TlsServer};
use std::net::{IpAddr, SocketAddr};
use ww_base::{Setting, SourceSpan, Span};

/// Index of a program in [`Services::programs`](super::Services::programs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub u32);

/// A proxy, an application, a database: whatever accepts connections or makes them, as its own
/// files configure it.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// What reports call it, as `nginx` or `api-gateway`.
    pub name: String,
    /// What it is.
    pub product: Product,
    /// Where it is declared: what configures it, or the line that starts it.
    pub at: SourceSpan,
    /// The path of the file that declares it, as the user named it; what starts it is found by it.
    pub path: String,
    /// Where it accepts connections.
    pub listeners: Vec<Listener>,
    /// Addresses of its host at which it accepts connections, where its files name them.
    pub bound_to: Vec<SocketAddr>,
    /// Whom it calls, and how.
    pub calls: Vec<Call>,
    /// How much it can do at once.
    pub capacity: Capacity,
    /// How long requests may still run once it is told to stop.
    pub grace: Setting<Span>,
    /// Limits on the rate of requests.
    pub rate_limits: Vec<RateLimit>,
    /// Limits on requests under way at once that it applies itself.
    pub concurrency_limits: Vec<ConcurrencyLimit>,
    /// Names in its files that lead nowhere.
    pub references: Vec<Reference>,
    /// Where it says that it answers with server-sent events, and does not ask proxies to pass these
    /// on at once.
    pub event_stream: Option<SourceSpan>,
    /// Times that are written without a unit and are surprisingly short or long for what they limit.
    pub bare_times: Vec<BareTime>,
    /// Settings that another one takes out of force.
    pub shadowed: Vec<Shadowed>,
    /// Names that have to be looked up for each request, while nothing says which server to ask.
    pub unresolvable: Vec<Unresolvable>,
    /// The blocks of its files in which further settings can be written.
    pub rooms: Vec<super::Room>,
}

impl Program {
    /// A program of which nothing is known but what it is and where it is declared.
    pub fn new(
        name: impl Into<String>,
        product: Product,
        at: SourceSpan,
        path: impl Into<String>,
    ) -> Program {
        Program {
            name: name.into(),
            product,
            at,
            path: path.into(),
            listeners: Vec::new(),
            bound_to: Vec::new(),
            calls: Vec::new(),
            capacity: Capacity::default(),
            grace: Setting::default(),
            rate_limits: Vec::new(),
            concurrency_limits: Vec::new(),
            references: Vec::new(),
            event_stream: None,
            bare_times: Vec::new(),
            shadowed: Vec::new(),
            unresolvable: Vec::new(),
            rooms: Vec::new(),
        }
    }

    /// Notes that it accepts connections at a host's address. All addresses together (`*`, `0.0.0.0`) and those that
    /// every host has tell no host from another.
    pub fn bind(&mut self, host: &str, port: Option<u16>) {
        if let (Ok(address), Some(port)) = (host.parse::<IpAddr>(), port)
            && !address.is_unspecified()
            && !address.is_loopback()
        {
            self.bound_to.push(SocketAddr::new(address, port));
        }
    }
}

/// A place where a program accepts connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Where it is written; the program's own place when it is the product's default.
    pub at: SourceSpan,
    /// Its port; none when it is not known or is a socket in the file system.
    pub port: Option<u16>,
    /// Names that it serves (`server_name`, host rules); empty for all.
    pub hosts: Vec<String>,
    /// What is spoken on it.
    pub protocol: super::Protocol,
    /// Its timers.
    pub side: ServerSide,
    /// How it encrypts; none when it does not.
    pub tls: Option<TlsServer>,
    /// Paths that the program answers itself, without asking anybody, with where that is written.
    pub own_answers: Vec<(String, SourceSpan)>,
}

/// Timers and bounds of the side that accepts connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerSide {
    /// A connection without a request is closed after this; the next request's first byte stops it.
    pub keepalive_idle: Setting<Span>,
    /// Requests on one connection before it is closed.
    pub keepalive_requests: Setting<u64>,
    /// Age at which a connection is closed whatever it does.
    pub max_age: Setting<Span>,
    /// How long a connection that is too old may finish what is under way.
    pub max_age_grace: Setting<Span>,
    /// Stopped by the end of the request's head.
    pub header: Setting<Span>,
    /// Stopped by every piece of the request's body.
    pub body: Setting<Span>,
    /// Stopped by the end of the request, head and body.
    pub request: Setting<Span>,
    /// Stopped by the end of the answer; a request that lasts longer is cut off.
    pub total: Setting<Span>,
    /// Stopped by every byte in either direction of a request, a stream or a tunnel.
    pub stream_idle: Setting<Span>,
    /// Streams at once on one connection (HTTP/2, HTTP/3).
    pub max_streams: Setting<u64>,
    /// Shortest time between a client's HTTP/2 pings that is put up with.
    pub least_ping_interval: Setting<Span>,
    /// Statements of a client that are cut off after this (databases).
    pub statement: Setting<Span>,
    /// A transaction that does nothing is ended after this (databases).
    pub idle_in_transaction: Setting<Span>,
    /// Time between pings that it sends to clients of a stream, as those of WebSocket.
    pub heartbeat: Setting<Span>,
    /// Time between TCP keep-alive probes of a silent connection, from the last data on.
    pub probe_after: Setting<Span>,
    /// Connections from clients at once, on all places that share this side.
    pub connections: Setting<u64>,
}

/// How much a program can do at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capacity {
    /// Processes that work on requests.
    pub workers: Setting<u64>,
    /// Threads in each of them that work on requests.
    pub threads: Setting<u64>,
    /// Whether each worker does one request at a time and nothing else meanwhile.
    pub one_at_a_time: bool,
    /// Connections from clients at once, over all of it.
    pub connections: Setting<u64>,
    /// Connections kept back for administration.
    pub reserved: Setting<u64>,
    /// Connections at once in each worker, those to others included.
    pub worker_connections: Setting<u64>,
    /// Open files of each worker.
    pub open_files: Setting<u64>,
    /// Connections that wait to be accepted.
    pub backlog: Setting<u64>,
    /// Requests that wait for a free place; none for no bound.
    pub queue: Setting<u64>,
    /// A request that keeps a worker busy for so long has it killed.
    pub worker_kill: Setting<Span>,
    /// Requests after which a worker is started anew.
    pub worker_requests: Setting<u64>,
    /// Random spread of that number.
    pub worker_requests_jitter: Setting<u64>,
}

/// A name that has to be declared somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where the name is written.
    pub at: SourceSpan,
    /// What it names.
    pub kind: ReferenceKind,
    /// The name.
    pub name: String,
    /// Names of that kind that are declared, with their places.
    pub declared: Vec<(String, SourceSpan)>,
}

/// What a [`Reference`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    /// A group of servers of a proxy (`upstream`, `backend`, cluster).
    Backend,
    /// A part of a service's pods (subset).
    Subset,
    /// A Service of Kubernetes.
    Service,
    /// A port of a Service.
    ServicePort,
    /// A gateway that routes attach to.
    Gateway,
    /// A service of a compose project.
    ComposeService,
    /// A named set of default settings.
    Defaults,
    /// A store of shared memory or a table that counters live in.
    Zone,
    /// What makes pods.
    Workload,
}

/// A time without a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BareTime {
    /// Where it is written.
    pub at: SourceSpan,
    /// The setting's name.
    pub setting: String,
    /// The number as written.
    pub number: u64,
    /// What the product takes it for.
    pub taken: Span,
    /// What it would be in the unit that other products use.
    pub meant: Span,
}

/// A name that a program has to look up while it runs and cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolvable {
    /// Where it is used.
    pub at: SourceSpan,
    /// The name.
    pub host: String,
    /// Its port.
    pub port: Option<u16>,
}

/// A setting that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadowed {
    /// The setting that has none.
    pub at: SourceSpan,
    /// Its name.
    pub setting: String,
    /// What takes it out of force.
    pub by: SourceSpan,
    /// Why, in a few words.
    pub because: String,
}
