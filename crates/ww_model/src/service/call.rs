//! A call: the client's side of a hop.

use super::{HealthCheck, Methods, Outlier, Passive, Retry, TlsClient};
use crate::service::Breaker;
use ww_base::{Setting, SourceSpan, Span};

/// Whom a program calls, and how it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Where it is written.
    pub at: SourceSpan,
    /// What reports call it: the group of servers, the service, the pool.
    pub name: String,
    /// Which requests take it; none for all that the program makes.
    pub matches: Option<WrittenMatch>,
    /// The listeners that such requests come in by, as indices; empty when they begin here.
    pub from: Vec<usize>,
    /// Who is called; several are alternatives.
    pub to: Vec<Target>,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether requests are long streams: WebSocket, server-sent events, streaming gRPC.
    pub streams: Setting<bool>,
    /// Timers, pool, retries.
    pub side: ClientSide,
    /// How a target is picked.
    pub picking: Setting<Picking>,
    /// Probes of the targets.
    pub checks: Vec<HealthCheck>,
    /// What is learnt about the targets from requests.
    pub passive: Passive,
    /// How it encrypts; none when it does not.
    pub tls: Option<TlsClient>,
}

/// Which requests take a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenMatch {
    /// Where it is written.
    pub at: SourceSpan,
    /// The path or its beginning, or what else decides, as written.
    pub text: String,
}

/// One server of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it is written.
    pub at: SourceSpan,
    /// A name or an address; empty when a variable decides.
    pub host: String,
    /// Its port; none when it is the protocol's own or not known.
    pub port: Option<u16>,
    /// Whether it serves only when others do not.
    pub is_backup: bool,
    /// Whether a name is looked up again while the program runs.
    pub resolves_again: Setting<bool>,
    /// The part of the service's pods that is meant (mesh).
    pub subset: Option<String>,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.x.
    Http,
    /// HTTP/2, without gRPC.
    Http2,
    /// gRPC.
    Grpc,
    /// WebSocket.
    WebSocket,
    /// FastCGI, uwsgi, SCGI, AJP.
    Gateway,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// Redis.
    Redis,
    /// MongoDB.
    Mongo,
    /// AMQP, Kafka and other brokers.
    Broker,
    /// Bytes that nobody on the way looks into.
    Tcp,
    /// Datagrams.
    Udp,
    /// Not known.
    #[default]
    Unknown,
}

impl Protocol {
    /// Whether it is HTTP in one of its versions.
    pub fn is_http(self) -> bool {
        matches!(
            self,
            Protocol::Http | Protocol::Http2 | Protocol::Grpc | Protocol::WebSocket
        )
    }

    /// Whether it is spoken with a database.
    pub fn is_database(self) -> bool {
        matches!(
            self,
            Protocol::Postgres | Protocol::Mysql | Protocol::Redis | Protocol::Mongo
        )
    }
}

/// Timers, pool and retries of the side that calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientSide {
    /// Whether connections are kept and used again.
    pub reuses: Setting<bool>,
    /// An idle connection of the pool is closed after this.
    pub keepalive_idle: Setting<Span>,
    /// Requests on one connection before it is closed.
    pub keepalive_requests: Setting<u64>,
    /// Idle connections that are kept, for each process and group of targets.
    pub keepalive_connections: Setting<u64>,
    /// Age at which a connection of the pool is replaced.
    pub max_lifetime: Setting<Span>,
    /// Connections at once, for each process.
    pub pool: Setting<u64>,
    /// Connections that are kept open when there is nothing to do, for each process.
    pub pool_idle: Setting<u64>,
    /// Connections at once to one target.
    pub pool_per_target: Setting<u64>,
    /// How long a request waits for a connection of the pool.
    pub pool_wait: Setting<Span>,
    /// Requests that may wait for one.
    pub pool_queue: Setting<u64>,
    /// Stopped by the connection being there; over one try.
    pub connect: Setting<Span>,
    /// Stopped by the first byte of the answer.
    pub first_byte: Setting<Span>,
    /// Stopped by every byte of the answer. A server that trickles never meets it.
    pub stream_idle: Setting<Span>,
    /// Stopped by the end of the answer; over all tries.
    pub total: Setting<Span>,
    /// Time between probes (TCP keep-alive, HTTP/2 PING, a pool's own) of a silent connection.
    pub probe_after: Setting<Span>,
    /// Whether a connection of the pool is tested before it is used.
    pub tests_before_use: Setting<bool>,
    /// Time that sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`).
    pub unacknowledged: Setting<Span>,
    /// Whether the first request of a caller's connection may go by one that was used before. Where it
    /// may not, a close is met only by a request behind it, whose caller sees its own connection closed.
    pub first_on_kept: Setting<bool>,
    /// What happens to a request that meets a connection which the server has closed.
    pub on_stale: Methods,
    /// Retries.
    pub retry: Retry,
    /// Bounds on what is under way, and when it stops calling.
    pub breaker: Breaker,
    /// When one target is left out for a while.
    pub outlier: Outlier,
    /// Whether the answer is collected before it is passed on.
    pub buffers_answers: Setting<bool>,
    /// Whether the request is collected before it is passed on.
    pub buffers_requests: Setting<bool>,
    /// Whether `Upgrade` is passed on, as WebSocket needs.
    pub passes_upgrade: Setting<bool>,
    /// Streams at once on one connection.
    pub max_streams: Setting<u64>,
    /// Whether the time that is left is told to the callee.
    pub passes_deadline: Setting<bool>,
    /// Time between two lookups of a target's name, where names are looked up again; off where the
    /// answer of DNS says how long it holds.
    pub lookup_every: Setting<Span>,
}

/// How a target is picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Picking {
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests.
    LeastRequests,
    /// By chance.
    Random,
    /// By a hash of the request: equal ones go to the same target. Another number of targets gives
    /// nearly all requests another one.
    Hash,
    /// By a hash of the request that gives only a few requests another target when one comes or goes.
    ConsistentHash,
    /// By the client's address, also where a proxy in front tells it.
    ClientAddress,
    /// By the address of the connection's other end: that of the proxy, where one is in front.
    PeerAddress,
    /// By a cookie: a session stays where it began.
    Cookie,
    /// The first that can.
    First,
}
