//! The side of an application that accepts connections.

use super::written::Lookup;
use ww_base::{Setting, Span};
use ww_model::service::{Capacity, ServerSide};

/// Timers of the server.
pub(super) fn side(of: &Lookup<'_>) -> ServerSide {
    let mut side = ServerSide::default();
    match of.product.component.as_str() {
        "node-http" => {
            side.keepalive_idle = of.time("keepAliveTimeout");
            side.header = of.time("headersTimeout");
            side.body = of.time("requestTimeout");
            side.stream_idle = of.time("timeout");
        }
        "fastify" => {
            side.keepalive_idle = of.time("keepAliveTimeout");
            side.body = of.time("requestTimeout");
            side.stream_idle = of.time("connectionTimeout");
        }
        "gunicorn" => {
            side.keepalive_idle = of.time("keepalive");
            if is_sync(of) {
                side.keepalive_requests = of.number("requests on a connection of a sync worker");
            }
        }
        "uvicorn" => {
            side.keepalive_idle = of.time("timeout_keep_alive");
            side.heartbeat = of.time("ws_ping_interval");
        }
        "grpc-go-server" => {
            side.keepalive_idle = of.time("MaxConnectionIdle");
            side.max_age = of.time("MaxConnectionAge");
            side.max_age_grace = of.time("MaxConnectionAgeGrace");
            side.max_streams = of.number("MaxConcurrentStreams");
            side.least_ping_interval = of.time("MinTime");
            side.probe_after = of.time("Time");
        }
        "hypercorn" => {
            side.keepalive_idle = of.time("keep_alive_timeout");
            side.keepalive_requests = of.number("keep_alive_max_requests");
            side.max_streams = of.number("h2_max_concurrent_streams");
        }
        "waitress" => side.keepalive_idle = of.time("channel_timeout"),
        "aiohttp-server" => side.keepalive_idle = of.time("keepalive_timeout"),
        "puma" => {
            side.keepalive_idle = of.time("persistent_timeout");
            side.keepalive_requests = of.number("max_keep_alive");
            side.header = of.time("first_data_timeout");
        }
        "go-http-server" => {
            let read = of.time("ReadTimeout");
            side.keepalive_idle = or_where_off(of.time("IdleTimeout"), &read);
            side.header = or_where_off(of.time("ReadHeaderTimeout"), &read);
            side.body = read;
            side.total = of.time("WriteTimeout");
            side.max_streams = of.number("MaxConcurrentStreams");
        }
        _ => {}
    }
    side
}

/// Processes, threads and queues of the server.
pub(super) fn capacity(of: &Lookup<'_>) -> Capacity {
    let mut capacity = Capacity::default();
    match of.product.component.as_str() {
        "gunicorn" => {
            capacity.workers = of.number("workers");
            capacity.threads = of.number("threads");
            capacity.one_at_a_time = is_sync(of);
            capacity.backlog = of.number("backlog");
            capacity.worker_kill = of.time("timeout");
            capacity.worker_requests = of.number("max_requests");
            capacity.worker_requests_jitter = of.number("max_requests_jitter");
            if !is_sync(of) {
                capacity.worker_connections = of.number("worker_connections");
            }
        }
        "uvicorn" => {
            capacity.workers = of.number("workers");
            capacity.backlog = of.number("backlog");
            capacity.connections = of.number("limit_concurrency");
        }
        "waitress" => {
            capacity.threads = of.number("threads");
            capacity.connections = of.number("connection_limit");
        }
        "aiohttp-server" => capacity.backlog = of.number("backlog"),
        "puma" => {
            capacity.workers = of.number("workers");
            capacity.threads = of.number("threads");
            capacity.worker_kill = of.time("worker_timeout");
        }
        _ => {}
    }
    capacity
}

/// How long requests may go on once it is told to stop.
pub(super) fn grace(of: &Lookup<'_>) -> Setting<Span> {
    match of.product.component.as_str() {
        "gunicorn" | "hypercorn" => of.time("graceful_timeout"),
        "uvicorn" => of.time("timeout_graceful_shutdown"),
        "aiohttp-server" => of.time("shutdown_timeout"),
        _ => Setting::default(),
    }
}

/// Whether gunicorn's workers do one request at a time: sync ones are, unless they have threads.
fn is_sync(of: &Lookup<'_>) -> bool {
    of.word("worker_class").value().map(String::as_str) == Some("sync")
        && of.number("threads").value() == Some(&1)
}

/// A time, or the one that is in force where it is off.
fn or_where_off(own: Setting<Span>, other: &Setting<Span>) -> Setting<Span> {
    if own.is_off() { other.clone() } else { own }
}
