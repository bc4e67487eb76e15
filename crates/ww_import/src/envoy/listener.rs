//! Listeners: filter chains with what is spoken on them, and for how long.

use super::program::{Draft, Pending};
use super::{below, cluster, config, known, list, of, product, route, text_of, tls, type_of};
use crate::document::View;
use crate::service::written::{is_template, lacking, zero_is_off};
use crate::service::{Intake, Notation};
use ww_base::{Setting, SourceSpan};
use ww_model::service::{
    Call, ClientSide, Counter, Listener, Passive, Protocol, RateLimit, Refused, Retry, ServerSide,
};

pub(super) fn read(view: View<'_>, draft: &mut Draft, intake: &mut Intake<'_>) {
    known::keys(view, "a listener of Envoy", &known::LISTENER, intake);
    let port = of(view, &["address", "socket_address", "port_value"]);
    let port = port.and_then(|(at, value)| {
        let text = value.text().unwrap_or_default();
        let port = text.trim().parse().ok();
        if port.is_none() && !is_template(text) {
            intake.malformed(at, "`port_value` is a number up to 65535");
        }
        port
    });
    let default = below(view, &["default_filter_chain"]);
    for chain in list(view, "filter_chains").into_iter().chain(default) {
        filter_chain(view, chain, port, draft, intake);
    }
}

/// A filter chain is a listener of its own: it has its own names, certificates and filters.
fn filter_chain(
    view: View<'_>,
    chain: View<'_>,
    port: Option<u16>,
    draft: &mut Draft,
    intake: &mut Intake<'_>,
) {
    let names = below(chain, &["filter_chain_match", "server_names"]);
    let names = names.into_iter().flat_map(View::items);
    let mut listener = Listener {
        at: chain.at(),
        port,
        hosts: names.filter_map(View::text).map(str::to_owned).collect(),
        protocol: Protocol::Unknown,
        side: ServerSide::default(),
        tls: tls::server(chain, intake),
        own_answers: Vec::new(),
    };
    listener.side.probe_after = cluster::keepalive(view, &["tcp_keepalive"], intake);
    let filters = list(chain, "filters");
    let spoken = filters
        .iter()
        .find_map(|filter| sniffed(type_of(config(*filter)?)));
    for filter in filters {
        let Some(config) = config(filter) else {
            continue;
        };
        match type_of(config) {
            "HttpConnectionManager" => {
                http(config, listener, draft, intake);
                return;
            }
            "TcpProxy" => {
                tcp(
                    config,
                    spoken.unwrap_or(Protocol::Tcp),
                    listener,
                    draft,
                    intake,
                );
                return;
            }
            "RedisProxy" => {
                redis(config, listener, draft, intake);
                return;
            }
            _ => {}
        }
    }
    listener.protocol = spoken.unwrap_or_default();
    draft.add_listener(listener);
}

/// What is spoken, by a filter that looks into it.
fn sniffed(filter: &str) -> Option<Protocol> {
    match filter {
        "MySQLProxy" => Some(Protocol::Mysql),
        "PostgresProxy" => Some(Protocol::Postgres),
        "MongoProxy" => Some(Protocol::Mongo),
        "KafkaBroker" => Some(Protocol::Broker),
        _ => None,
    }
}

/// HTTP: timers of connections and streams, and routes.
fn http(config: View<'_>, listener: Listener, draft: &mut Draft, intake: &mut Intake<'_>) {
    known::keys(
        config,
        "an HTTP connection manager",
        &known::MANAGER,
        intake,
    );
    let room = config.room("connection manager", listener.at);
    intake.services.rooms.extend(room);
    let mut listener = listener;
    listener.protocol = match text_of(config, &["codec_type"]) {
        Some("HTTP2") => Protocol::Http2,
        _ => Protocol::Http,
    };
    let probe_after = std::mem::take(&mut listener.side.probe_after);
    listener.side = side(config, intake);
    if !listener.side.probe_after.is_written() {
        listener.side.probe_after = probe_after;
    }
    let index = draft.add_listener(listener);
    for filter in list(config, "http_filters") {
        let limit = super::config(filter).filter(|it| type_of(*it) == "LocalRateLimit");
        if let Some(limit) = limit.and_then(|limit| rate_limit(limit, intake)) {
            draft.program().rate_limits.push(limit);
        }
    }
    if let Some(routes) = below(config, &["route_config"]) {
        route::configuration(routes, &[(index, config)], draft, intake);
    }
    if let Some(name) = text_of(config, &["rds", "route_config_name"]) {
        draft.asks_for.push((name.to_owned(), index));
    }
}

fn side(config: View<'_>, intake: &mut Intake<'_>) -> ServerSide {
    let product = product();
    let defaults = intake.defaults;
    let mut time = |keys: &[&str]| {
        let default = defaults.time(&product, &format!("http.{}", keys.join(".")));
        zero_is_off(intake.time(of(config, keys), Notation::Protobuf, default))
    };
    let common = "common_http_protocol_options";
    let http2 = "http2_protocol_options";
    let mut side = ServerSide {
        keepalive_idle: time(&[common, "idle_timeout"]),
        max_age: time(&[common, "max_connection_duration"]),
        max_age_grace: time(&["drain_timeout"]),
        total: time(&[common, "max_stream_duration"]),
        header: time(&["request_headers_timeout"]),
        request: time(&["request_timeout"]),
        stream_idle: time(&["stream_idle_timeout"]),
        probe_after: time(&[http2, "connection_keepalive", "interval"]),
        ..ServerSide::default()
    };
    let none = defaults.number(&product, "http.max_requests_per_connection");
    let requests = of(config, &[common, "max_requests_per_connection"]);
    side.keepalive_requests = zero_is_off(intake.number(requests, none));
    let streams = of(config, &[http2, "max_concurrent_streams"]);
    side.max_streams = intake.number(streams, Setting::default());
    side
}

/// A limit that is in force; one that is not enabled or not enforced is none, as Envoy does so for
/// no request unless told to.
fn rate_limit(config: View<'_>, intake: &mut Intake<'_>) -> Option<RateLimit> {
    let (at, bucket) = of(config, &["token_bucket"])?;
    below(config, &["filter_enabled"])?;
    below(config, &["filter_enforced"])?;
    let defaults = intake.defaults;
    let one = defaults.number(&product(), "token_bucket.tokens_per_fill");
    let tokens = intake.number(of(bucket, &["tokens_per_fill"]), one);
    let interval = of(bucket, &["fill_interval"]);
    let interval = intake.time(interval, Notation::Protobuf, Setting::default());
    let per_second = match (tokens.value(), interval.value()) {
        (Some(tokens), Some(interval)) if interval.0 > 0 => {
            Setting::set(*tokens as f64 / interval.as_secs(), at)
        }
        _ => Setting::default(),
    };
    let status = defaults.number(&product(), "local_rate_limit.status");
    let status = intake.number(of(config, &["status", "code"]), status);
    Some(RateLimit {
        at,
        per_second,
        burst: intake.number(of(bucket, &["max_tokens"]), Setting::default()),
        delays: defaults.flag(&product(), "local_rate_limit.delay"),
        at_once: lacking("a local rate limit of Envoy lets no request wait"),
        refused: status.map(|status| Refused(u16::try_from(status).unwrap_or(429))),
        counter: Counter {
            key: lacking("a local rate limit of Envoy counts all requests together"),
            ..Counter::default()
        },
    })
}

/// Connections that are passed on as they are.
fn tcp(
    config: View<'_>,
    protocol: Protocol,
    listener: Listener,
    draft: &mut Draft,
    intake: &mut Intake<'_>,
) {
    let product = product();
    let mut listener = listener;
    listener.protocol = protocol;
    let defaults = intake.defaults;
    let mut time = |key: &str| {
        let default = defaults.time(&product, &format!("tcp_proxy.{key}"));
        zero_is_off(intake.time(of(config, &[key]), Notation::Protobuf, default))
    };
    let idle = time("idle_timeout");
    listener.side.stream_idle = idle.clone();
    listener.side.max_age = time("max_downstream_connection_duration");
    let once = defaults.number(&product, "tcp_proxy.max_connect_attempts");
    let attempts = intake.number(of(config, &["max_connect_attempts"]), once);
    let index = draft.add_listener(listener);
    let call = Call {
        side: ClientSide {
            stream_idle: idle,
            total: lacking("Envoy bounds no connection of TCP as a whole"),
            retry: Retry {
                attempts,
                ..Retry::default()
            },
            ..ClientSide::default()
        },
        ..call(config.at(), vec![index], protocol)
    };
    push(config, call, draft);
}

/// Redis: the cluster of the catch-all route and those of prefixes.
fn redis(config: View<'_>, listener: Listener, draft: &mut Draft, intake: &mut Intake<'_>) {
    let mut listener = listener;
    listener.protocol = Protocol::Redis;
    let index = draft.add_listener(listener);
    let entry = of(config, &["settings", "op_timeout"]);
    let total = intake.time(entry, Notation::Protobuf, Setting::default());
    let Some(routes) = below(config, &["prefix_routes"]) else {
        return;
    };
    let all = below(routes, &["catch_all_route"]);
    for route in list(routes, "routes").into_iter().chain(all) {
        let mut call = call(route.at(), vec![index], Protocol::Redis);
        call.side.total = total.clone();
        push(route, call, draft);
    }
}

/// Adds a call with the clusters that its configuration names.
fn push(config: View<'_>, mut call: Call, draft: &mut Draft) {
    let clusters = route::clusters(config);
    if clusters.is_empty() {
        return;
    }
    call.name = route::names(&clusters);
    draft.routes.push(Pending {
        call,
        clusters,
        configuration: None,
        own_answer: None,
    });
}

/// A call of which only place, listeners and protocol are known.
pub(super) fn call(at: SourceSpan, from: Vec<usize>, protocol: Protocol) -> Call {
    Call {
        at,
        name: String::new(),
        matches: None,
        from,
        to: Vec::new(),
        protocol,
        streams: Setting::default(),
        side: ClientSide::default(),
        picking: Setting::default(),
        checks: Vec::new(),
        passive: Passive::default(),
        tls: None,
    }
}
