//! Settings of servers and clients by the words that languages, commands and variables have for them.

use super::written::{Value, time};

/// What a setting is, and what a bare number in it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
    /// Seconds, where 0 switches it off.
    SecondsOrOff,
    /// Milliseconds, where 0 switches it off.
    MillisOrOff,
    Count,
    /// A number, where 0 switches it off.
    CountOrOff,
    Flag,
    Word,
}

/// One word for a setting: component, the word, the setting's name in the default table, its unit.
pub(super) type Known = (&'static str, &'static str, &'static str, Unit);

const SECOND: i64 = 1_000_000_000;
const MILLI: i64 = 1_000_000;

impl Unit {
    /// The value of a number; a unit of time that is written with it goes before this one.
    pub(super) fn of_number(self, number: f64, written_unit: Option<i64>) -> Value {
        let count = || {
            if number.fract() == 0.0 && (0.0..1e15).contains(&number) {
                Value::Number(number as u64)
            } else {
                Value::Open(number.to_string())
            }
        };
        match self {
            Unit::SecondsOrOff | Unit::MillisOrOff | Unit::CountOrOff if number == 0.0 => {
                Value::Off
            }
            Unit::Seconds | Unit::SecondsOrOff => time(number, written_unit.unwrap_or(SECOND)),
            Unit::Millis | Unit::MillisOrOff => time(number, written_unit.unwrap_or(MILLI)),
            Unit::Count | Unit::CountOrOff => count(),
            Unit::Flag | Unit::Word => Value::Open(number.to_string()),
        }
    }

    /// The value of a word.
    pub(super) fn of_word(self, word: &str) -> Value {
        if let Ok(number) = word.parse::<f64>() {
            return self.of_number(number, None);
        }
        match (self, word) {
            (Unit::Flag, "true" | "True") => Value::Flag(true),
            (Unit::Flag, "false" | "False") => Value::Flag(false),
            (_, "None" | "Infinity") => Value::Off,
            (Unit::Word, _) => Value::Word(word.to_owned()),
            _ => Value::Open(word.to_owned()),
        }
    }
}

/// Options of commands: the words that follow dashes.
pub(super) const OPTIONS: &[Known] = &[
    ("gunicorn", "--keep-alive", "keepalive", Unit::Seconds),
    ("gunicorn", "--timeout", "timeout", Unit::SecondsOrOff),
    ("gunicorn", "-t", "timeout", Unit::SecondsOrOff),
    (
        "gunicorn",
        "--graceful-timeout",
        "graceful_timeout",
        Unit::Seconds,
    ),
    ("gunicorn", "--workers", "workers", Unit::Count),
    ("gunicorn", "-w", "workers", Unit::Count),
    ("gunicorn", "--threads", "threads", Unit::Count),
    ("gunicorn", "--worker-class", "worker_class", Unit::Word),
    ("gunicorn", "-k", "worker_class", Unit::Word),
    (
        "gunicorn",
        "--worker-connections",
        "worker_connections",
        Unit::Count,
    ),
    (
        "gunicorn",
        "--max-requests",
        "max_requests",
        Unit::CountOrOff,
    ),
    (
        "gunicorn",
        "--max-requests-jitter",
        "max_requests_jitter",
        Unit::CountOrOff,
    ),
    ("gunicorn", "--backlog", "backlog", Unit::Count),
    (
        "uvicorn",
        "--timeout-keep-alive",
        "timeout_keep_alive",
        Unit::Seconds,
    ),
    (
        "uvicorn",
        "--timeout-graceful-shutdown",
        "timeout_graceful_shutdown",
        Unit::Seconds,
    ),
    (
        "uvicorn",
        "--ws-ping-interval",
        "ws_ping_interval",
        Unit::SecondsOrOff,
    ),
    ("uvicorn", "--backlog", "backlog", Unit::Count),
    ("uvicorn", "--workers", "workers", Unit::Count),
    (
        "uvicorn",
        "--limit-concurrency",
        "limit_concurrency",
        Unit::Count,
    ),
    (
        "hypercorn",
        "--keep-alive",
        "keep_alive_timeout",
        Unit::Seconds,
    ),
    (
        "hypercorn",
        "--graceful-timeout",
        "graceful_timeout",
        Unit::Seconds,
    ),
    (
        "waitress",
        "--channel-timeout",
        "channel_timeout",
        Unit::Seconds,
    ),
    ("waitress", "--threads", "threads", Unit::Count),
    (
        "waitress",
        "--connection-limit",
        "connection_limit",
        Unit::Count,
    ),
    ("puma", "-w", "workers", Unit::Count),
    ("puma", "--workers", "workers", Unit::Count),
    (
        "puma",
        "--persistent-timeout",
        "persistent_timeout",
        Unit::Seconds,
    ),
];

/// Environment variables that servers read.
pub(super) const VARIABLES: &[Known] = &[
    ("gunicorn", "WEB_CONCURRENCY", "workers", Unit::Count),
    ("uvicorn", "WEB_CONCURRENCY", "workers", Unit::Count),
    ("puma", "WEB_CONCURRENCY", "workers", Unit::Count),
    (
        "uvicorn",
        "UVICORN_TIMEOUT_KEEP_ALIVE",
        "timeout_keep_alive",
        Unit::Seconds,
    ),
    (
        "uvicorn",
        "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN",
        "timeout_graceful_shutdown",
        Unit::Seconds,
    ),
    ("uvicorn", "UVICORN_BACKLOG", "backlog", Unit::Count),
    ("uvicorn", "UVICORN_WORKERS", "workers", Unit::Count),
    (
        "uvicorn",
        "UVICORN_LIMIT_CONCURRENCY",
        "limit_concurrency",
        Unit::Count,
    ),
];

/// Names in `gunicorn.conf.py`.
pub(super) const GUNICORN_FILE: &[Known] = &[
    ("gunicorn", "keepalive", "keepalive", Unit::Seconds),
    ("gunicorn", "timeout", "timeout", Unit::SecondsOrOff),
    (
        "gunicorn",
        "graceful_timeout",
        "graceful_timeout",
        Unit::Seconds,
    ),
    ("gunicorn", "workers", "workers", Unit::Count),
    ("gunicorn", "threads", "threads", Unit::Count),
    ("gunicorn", "worker_class", "worker_class", Unit::Word),
    (
        "gunicorn",
        "worker_connections",
        "worker_connections",
        Unit::Count,
    ),
    ("gunicorn", "max_requests", "max_requests", Unit::CountOrOff),
    (
        "gunicorn",
        "max_requests_jitter",
        "max_requests_jitter",
        Unit::CountOrOff,
    ),
    ("gunicorn", "backlog", "backlog", Unit::Count),
];

/// Words in `puma.rb`.
pub(super) const PUMA_FILE: &[Known] = &[
    (
        "puma",
        "persistent_timeout",
        "persistent_timeout",
        Unit::Seconds,
    ),
    (
        "puma",
        "first_data_timeout",
        "first_data_timeout",
        Unit::Seconds,
    ),
    ("puma", "worker_timeout", "worker_timeout", Unit::Seconds),
    ("puma", "workers", "workers", Unit::Count),
];

/// Fields of servers in JavaScript: assigned, or options of `createServer`.
pub(super) const NODE_SERVER: &[Known] = &[
    (
        "node-http",
        "keepAliveTimeout",
        "keepAliveTimeout",
        Unit::MillisOrOff,
    ),
    (
        "node-http",
        "headersTimeout",
        "headersTimeout",
        Unit::MillisOrOff,
    ),
    (
        "node-http",
        "requestTimeout",
        "requestTimeout",
        Unit::MillisOrOff,
    ),
];

/// Names of options and arguments, by the component whose call or literal they stand in.
pub(super) const FIELDS: &[Known] = &[
    (
        "fastify",
        "keepAliveTimeout",
        "keepAliveTimeout",
        Unit::MillisOrOff,
    ),
    (
        "fastify",
        "requestTimeout",
        "requestTimeout",
        Unit::MillisOrOff,
    ),
    (
        "fastify",
        "connectionTimeout",
        "connectionTimeout",
        Unit::MillisOrOff,
    ),
    ("node-http-agent", "keepAlive", "keepAlive", Unit::Flag),
    ("node-http-agent", "timeout", "timeout", Unit::Millis),
    ("node-http-agent", "maxSockets", "maxSockets", Unit::Count),
    (
        "node-http-agent",
        "maxFreeSockets",
        "maxFreeSockets",
        Unit::Count,
    ),
    ("axios", "timeout", "timeout", Unit::MillisOrOff),
    (
        "pg-pool",
        "idleTimeoutMillis",
        "idleTimeoutMillis",
        Unit::MillisOrOff,
    ),
    (
        "pg-pool",
        "connectionTimeoutMillis",
        "connectionTimeoutMillis",
        Unit::MillisOrOff,
    ),
    ("pg-pool", "max", "max", Unit::Count),
    ("mysql2", "idleTimeout", "idleTimeout", Unit::Millis),
    ("mysql2", "connectTimeout", "connectTimeout", Unit::Millis),
    ("mysql2", "connectionLimit", "connectionLimit", Unit::Count),
    ("mysql2", "queueLimit", "queueLimit", Unit::CountOrOff),
    ("requests", "timeout", "timeout", Unit::Seconds),
    ("urllib3", "timeout", "timeout", Unit::Seconds),
    ("httpx", "timeout", "timeout.read", Unit::Seconds),
    (
        "uvicorn",
        "timeout_keep_alive",
        "timeout_keep_alive",
        Unit::Seconds,
    ),
    (
        "uvicorn",
        "timeout_graceful_shutdown",
        "timeout_graceful_shutdown",
        Unit::Seconds,
    ),
    (
        "uvicorn",
        "ws_ping_interval",
        "ws_ping_interval",
        Unit::SecondsOrOff,
    ),
    ("uvicorn", "backlog", "backlog", Unit::Count),
    ("uvicorn", "workers", "workers", Unit::Count),
    (
        "uvicorn",
        "limit_concurrency",
        "limit_concurrency",
        Unit::Count,
    ),
    (
        "aiohttp-server",
        "keepalive_timeout",
        "keepalive_timeout",
        Unit::Seconds,
    ),
    (
        "aiohttp-server",
        "shutdown_timeout",
        "shutdown_timeout",
        Unit::Seconds,
    ),
    ("sqlalchemy", "pool_size", "pool_size", Unit::Count),
    ("sqlalchemy", "max_overflow", "max_overflow", Unit::Count),
    ("sqlalchemy", "pool_timeout", "pool_timeout", Unit::Seconds),
    ("sqlalchemy", "pool_recycle", "pool_recycle", Unit::Seconds),
    ("sqlalchemy", "pool_pre_ping", "pool_pre_ping", Unit::Flag),
    (
        "redis-py",
        "socket_timeout",
        "socket_timeout",
        Unit::Seconds,
    ),
    (
        "redis-py",
        "socket_connect_timeout",
        "socket_connect_timeout",
        Unit::Seconds,
    ),
    (
        "go-http-server",
        "ReadTimeout",
        "ReadTimeout",
        Unit::SecondsOrOff,
    ),
    (
        "go-http-server",
        "ReadHeaderTimeout",
        "ReadHeaderTimeout",
        Unit::SecondsOrOff,
    ),
    (
        "go-http-server",
        "WriteTimeout",
        "WriteTimeout",
        Unit::SecondsOrOff,
    ),
    (
        "go-http-server",
        "IdleTimeout",
        "IdleTimeout",
        Unit::SecondsOrOff,
    ),
    ("socket.io", "pingInterval", "pingInterval", Unit::Millis),
    (
        "grpc-go-server",
        "MaxConnectionIdle",
        "MaxConnectionIdle",
        Unit::SecondsOrOff,
    ),
    (
        "grpc-go-server",
        "MaxConnectionAge",
        "MaxConnectionAge",
        Unit::SecondsOrOff,
    ),
    (
        "grpc-go-server",
        "MaxConnectionAgeGrace",
        "MaxConnectionAgeGrace",
        Unit::SecondsOrOff,
    ),
    ("grpc-go-server", "Time", "Time", Unit::SecondsOrOff),
    ("grpc-go-server", "MinTime", "MinTime", Unit::SecondsOrOff),
    ("grpc-go-client", "Time", "Time", Unit::SecondsOrOff),
    ("go-http-client", "Timeout", "Timeout", Unit::SecondsOrOff),
    (
        "go-http-client",
        "IdleConnTimeout",
        "IdleConnTimeout",
        Unit::SecondsOrOff,
    ),
    (
        "go-http-client",
        "ResponseHeaderTimeout",
        "ResponseHeaderTimeout",
        Unit::SecondsOrOff,
    ),
    (
        "go-http-client",
        "MaxIdleConns",
        "MaxIdleConns",
        Unit::CountOrOff,
    ),
    (
        "go-http-client",
        "MaxIdleConnsPerHost",
        "MaxIdleConnsPerHost",
        Unit::Count,
    ),
    (
        "go-http-client",
        "MaxConnsPerHost",
        "MaxConnsPerHost",
        Unit::CountOrOff,
    ),
];
