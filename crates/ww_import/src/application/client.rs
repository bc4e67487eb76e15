//! The side of an application that calls.

use super::java;
use super::written::{Construct, Lookup};
use ww_base::{Because, Gap, Locus, Setting, Span};
use ww_model::service::{Backoff, ClientSide, Methods, Protocol, Retry};

/// Packages that call, by what they speak, and the component that each is.
pub(super) const CLIENTS: &[(&str, &str, Protocol)] = &[
    ("axios", "axios", Protocol::Http),
    ("got", "got", Protocol::Http),
    ("undici", "undici", Protocol::Http),
    ("requests", "requests", Protocol::Http),
    ("httpx", "httpx", Protocol::Http),
    ("urllib3", "urllib3", Protocol::Http),
    ("aiohttp", "aiohttp-client", Protocol::Http),
    ("pg", "pg-pool", Protocol::Postgres),
    ("sqlalchemy", "sqlalchemy", Protocol::Postgres),
    ("flask-sqlalchemy", "sqlalchemy", Protocol::Postgres),
    ("mysql2", "mysql2", Protocol::Mysql),
    ("sqlalchemy", "sqlalchemy", Protocol::Mysql),
    ("flask-sqlalchemy", "sqlalchemy", Protocol::Mysql),
    ("ioredis", "ioredis", Protocol::Redis),
    ("redis", "redis-py", Protocol::Redis),
    ("mongodb", "mongodb", Protocol::Mongo),
    ("mongoose", "mongodb", Protocol::Mongo),
    ("pymongo", "mongodb", Protocol::Mongo),
];

/// Timers, pool and retries of a client; those of Node's agent are looked up in the second place, as
/// its libraries share it, and those of Go's transport in the third.
pub(super) fn side(of: &Lookup<'_>, agent: &Lookup<'_>, transport: &Lookup<'_>) -> ClientSide {
    let mut side = ClientSide::default();
    match of.product.component.as_str() {
        "axios" | "got" => {
            with_agent(&mut side, agent);
            side.total = of.time("timeout");
            if of.product.component == "got" {
                side.retry.attempts = of.number("retry.limit").map(|retries| retries + 1);
            }
        }
        "node-http-agent" => with_agent(&mut side, agent),
        "undici" => {
            side.keepalive_idle = of.time("keepAliveTimeout");
            side.connect = of.time("connectTimeout");
            side.first_byte = of.time("headersTimeout");
            side.stream_idle = of.time("bodyTimeout");
        }
        "requests" => {
            side.connect = of.time("connect timeout");
            side.first_byte = of.time("timeout");
            side.stream_idle = of.time("timeout");
            side.total = off_like(&side.first_byte);
            side.keepalive_idle = of.time("pool idle");
            side.keepalive_connections = of.number("pool_maxsize");
            side.retry.attempts = of.number("max_retries").map(|retries| retries + 1);
        }
        "urllib3" => {
            side.first_byte = of.time("timeout");
            side.stream_idle = of.time("timeout");
            side.keepalive_idle = of.time("pool idle");
            side.keepalive_connections = of.number("maxsize");
            side.retry.attempts = of.number("retries").map(|retries| retries + 1);
            side.on_stale = Methods::Idempotent;
        }
        "httpx" => {
            side.connect = of.time("timeout.connect");
            side.first_byte = of.time("timeout.read");
            side.stream_idle = of.time("timeout.read");
            side.pool_wait = of.time("timeout.pool");
            side.keepalive_idle = of.time("keepalive_expiry");
            side.pool = of.number("max_connections");
            side.keepalive_connections = of.number("max_keepalive_connections");
            side.retry.attempts = of.number("retries").map(|retries| retries + 1);
        }
        "aiohttp-client" => {
            side.total = of.time("timeout.total");
            side.connect = of.time("timeout.sock_connect");
            side.keepalive_idle = of.time("keepalive_timeout");
            side.pool = of.number("limit");
            side.on_stale = Methods::Idempotent;
        }
        "go-http-client" => {
            side.total = of.time("Timeout");
            side.first_byte = transport.time("ResponseHeaderTimeout");
            side.keepalive_idle = transport.time("IdleConnTimeout");
            side.keepalive_connections = transport.number("MaxIdleConnsPerHost");
            side.pool_per_target = transport.number("MaxConnsPerHost");
            side.connect = transport.time("Dialer.Timeout");
            side.on_stale = Methods::Idempotent;
        }
        java::REST | java::JDK => with_java(&mut side, of),
        "grpc-go-client" => {
            side.reuses = of.flag("channel");
            side.keepalive_idle = of.time("idle timeout");
            side.probe_after = of.time("Time");
        }
        _ => with_database(&mut side, of),
    }
    side
}

/// Clients of Java: neither has a bound over the whole answer.
fn with_java(side: &mut ClientSide, of: &Lookup<'_>) {
    side.connect = of.time("connect timeout");
    if of.product.component == java::JDK {
        side.first_byte = of.time("request timeout");
        return;
    }
    side.first_byte = of.time("receive timeout");
    side.stream_idle = of.time("receive timeout");
    side.total = Setting::Off(Locus::Assumed {
        by: "Jakarta RESTful Web Services 2.1: a client has a connect and a read timeout only"
            .to_owned(),
    });
    let is_retried = |construct: &&&Construct| {
        let mut values = construct.values.iter();
        values.any(|written| written.setting == "retries")
    };
    if of.constructs.iter().find(is_retried).is_none() {
        side.retry.attempts = Setting::Off(Locus::Assumed {
            by: "Jakarta RESTful Web Services 2.1: a client makes one try".to_owned(),
        });
    }
}

/// Adds the loop in which the program makes a call again.
pub(super) fn again(construct: &Construct, retry: &mut Retry) {
    let Some(attempts) = &construct.attempts else {
        return;
    };
    let at = attempts.at;
    let gap = |what: &str| {
        Gap::new(
            format!("{what} of the loop around the call"),
            "a number in the loop, or a statement in wirewise.toml",
        )
    };
    let own = retry.attempts.value().copied().unwrap_or(1);
    retry.attempts = match attempts.count {
        Some(count) => Setting::set(count.saturating_mul(own), at),
        None => Setting::Unknown(gap("the number of tries")),
    };
    retry.on = match &attempts.on {
        Some(on) => Setting::set(on.clone(), at),
        None => Setting::Unknown(gap("the failures that are caught")),
    };
    let safe = ["get", "head", "options"];
    let is_safe = construct
        .method
        .as_deref()
        .is_some_and(|it| safe.contains(&it));
    retry.methods = if is_safe {
        Setting::set(Methods::Safe, at)
    } else {
        Setting::default()
    };
    retry.backoff = match attempts.pause {
        Some(Span::ZERO) => Setting::Off(Locus::Text(at)),
        Some(pause) => Setting::set(
            Backoff {
                first: pause,
                longest: pause,
                factor: 1.0,
                jitter: false,
            },
            at,
        ),
        None => Setting::Unknown(gap("the pause")),
    };
}

fn with_agent(side: &mut ClientSide, agent: &Lookup<'_>) {
    side.reuses = agent.flag("keepAlive");
    side.keepalive_idle = agent.time("timeout");
    side.keepalive_connections = agent.number("maxFreeSockets");
    side.pool_per_target = agent.number("maxSockets");
}

fn with_database(side: &mut ClientSide, of: &Lookup<'_>) {
    match of.product.component.as_str() {
        "pg-pool" => {
            side.keepalive_idle = of.time("idleTimeoutMillis");
            side.pool_wait = of.time("connectionTimeoutMillis");
            side.pool = of.number("max");
        }
        "mysql2" => {
            side.keepalive_idle = of.time("idleTimeout");
            side.connect = of.time("connectTimeout");
            side.pool = of.number("connectionLimit");
            side.pool_queue = of.number("queueLimit");
        }
        "ioredis" => {
            side.connect = of.time("connectTimeout");
            side.retry.attempts = of.number("maxRetriesPerRequest").map(|retries| retries + 1);
        }
        "redis-py" => {
            side.connect = of.time("socket_connect_timeout");
            side.stream_idle = of.time("socket_timeout");
        }
        "sqlalchemy" => {
            side.pool_idle = of.number("pool_size");
            side.pool = sum(of.number("pool_size"), of.number("max_overflow"));
            side.pool_wait = of.time("pool_timeout");
            side.max_lifetime = of.time("pool_recycle");
            side.keepalive_idle = Setting::Off(Locus::Assumed {
                by: "SQLAlchemy closes no connection of its pool for being idle".to_owned(),
            });
            side.tests_before_use = of.flag("pool_pre_ping");
        }
        "mongodb" => {
            side.keepalive_idle = of.time("maxIdleTimeMS");
            side.stream_idle = of.time("socketTimeoutMS");
            side.pool_wait = of.time("waitQueueTimeoutMS");
            side.pool = of.number("maxPoolSize");
        }
        _ => {}
    }
}

/// Nothing bounds the whole where nothing bounds the wait for the answer; where that is bounded, the
/// library has no such timer either, but what is written says so only of the wait.
fn off_like<T: Clone>(of: &Setting<T>) -> Setting<T> {
    if of.is_off() {
        of.clone()
    } else {
        Setting::default()
    }
}

/// Connections that are kept and those beyond; written if one of them is.
fn sum(kept: Setting<u64>, beyond: Setting<u64>) -> Setting<u64> {
    let (Some(first), Some(second)) = (kept.value().copied(), beyond.value().copied()) else {
        return Setting::default();
    };
    let whole = first.saturating_add(second);
    if beyond.is_written() && !kept.is_written() {
        return beyond.map(|_| whole);
    }
    match kept {
        Setting::Default { because, .. } => Setting::Default {
            value: whole,
            because: Because {
                directive: format!("{} + max_overflow", because.directive),
                ..because
            },
        },
        kept => kept.map(|_| whole),
    }
}

/// The constructs of a component.
pub(super) fn of<'a>(all: &'a [Construct], component: &str) -> Vec<&'a Construct> {
    all.iter().filter(|it| it.component == component).collect()
}
