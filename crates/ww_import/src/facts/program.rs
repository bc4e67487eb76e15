//! Programs and load balancers that no file configures.

use super::fields::Fields;
use crate::service::Intake;
use ww_base::{Locus, Setting, SourceSpan, Sourced, Span};
use ww_model::service::{
    Call, Capacity, ClientSide, Listener, Methods, Passive, Product, Program, Protocol, Retry,
    ServerSide, Target, Version,
};

/// What may be spoken, by its word.
const PROTOCOLS: &[(&str, Protocol)] = &[
    ("http", Protocol::Http),
    ("http2", Protocol::Http2),
    ("grpc", Protocol::Grpc),
    ("websocket", Protocol::WebSocket),
    ("postgres", Protocol::Postgres),
    ("mysql", Protocol::Mysql),
    ("redis", Protocol::Redis),
    ("mongo", Protocol::Mongo),
    ("broker", Protocol::Broker),
    ("tcp", Protocol::Tcp),
    ("udp", Protocol::Udp),
];

/// Which requests are tried again, by the word.
const METHODS: &[(&str, Methods)] = &[
    ("none", Methods::None),
    ("safe", Methods::Safe),
    ("idempotent", Methods::Idempotent),
    ("all", Methods::All),
];

/// One entry of `programs`.
pub(super) fn program(fields: &Fields<'_>, path: &str, intake: &mut Intake<'_>) -> Option<Program> {
    let known = [
        "name",
        "component",
        "version",
        "listeners",
        "calls",
        "workers",
        "threads",
        "connections",
        "queue",
        "grace",
    ];
    fields.known(&known, intake);
    let name = fields.name(intake)?;
    let product = product(fields, path, intake);
    let mut program = Program::new(name, product, fields.at(), path);
    for listener in fields.tables("listeners", intake) {
        let listener = self::listener(&listener, &program.product, intake);
        program.listeners.push(listener);
    }
    for call in fields.tables("calls", intake) {
        let call = self::call(&call, &program.product, intake);
        program.calls.push(call);
    }
    program.capacity = Capacity {
        workers: fields.number("workers", intake),
        threads: fields.number("threads", intake),
        connections: fields.number("connections", intake),
        queue: fields.number("queue", intake),
        ..Capacity::default()
    };
    program.grace = fields.time("grace", intake);
    Some(program)
}

/// The component, with the version stated here or for all of it.
fn product(fields: &Fields<'_>, path: &str, intake: &mut Intake<'_>) -> Product {
    let component = fields.text("component", intake).unwrap_or_default();
    let mut product = intake.product(&component, path);
    if let Some((written, at)) = fields.spanned_words("version", intake).into_iter().next() {
        match Version::parse(&written) {
            Some(value) => {
                let at = Locus::Text(at);
                product.version = Some(Sourced { value, at });
            }
            None => intake.malformed(at, "a version has to begin with a number, as \"1.25.3\""),
        }
    }
    product
}

fn listener(fields: &Fields<'_>, product: &Product, intake: &mut Intake<'_>) -> Listener {
    let known = [
        "port",
        "hosts",
        "protocol",
        "keepalive_idle",
        "keepalive_requests",
        "max_age",
        "header",
        "body",
        "request",
        "total",
        "stream_idle",
        "max_streams",
        "max_age_grace",
        "least_ping_interval",
        "heartbeat",
        "probe_after",
    ];
    fields.known(&known, intake);
    let time = |key, intake: &mut Intake<'_>| {
        let default = default_time(product, key, intake);
        fields.time(key, intake).or(default)
    };
    let side = ServerSide {
        keepalive_idle: time("keepalive_idle", intake),
        keepalive_requests: fields.number("keepalive_requests", intake),
        max_age: time("max_age", intake),
        header: time("header", intake),
        body: time("body", intake),
        request: time("request", intake),
        total: time("total", intake),
        stream_idle: time("stream_idle", intake),
        max_streams: fields.number("max_streams", intake),
        max_age_grace: fields.time("max_age_grace", intake),
        least_ping_interval: fields.time("least_ping_interval", intake),
        heartbeat: fields.time("heartbeat", intake),
        probe_after: fields.time("probe_after", intake),
        ..ServerSide::default()
    };
    Listener {
        at: fields.at(),
        port: port(fields, intake),
        hosts: fields.words("hosts", intake),
        protocol: protocol(fields, intake),
        side,
        tls: None,
        own_answers: Vec::new(),
    }
}

fn call(fields: &Fields<'_>, product: &Product, intake: &mut Intake<'_>) -> Call {
    let known = [
        "to",
        "name",
        "protocol",
        "keepalive",
        "keepalive_idle",
        "max_lifetime",
        "pool",
        "pool_wait",
        "connect",
        "first_byte",
        "stream_idle",
        "total",
        "probe_after",
        "attempts",
        "methods",
        "streams",
    ];
    fields.known(&known, intake);
    let targets = fields.spanned_words("to", intake);
    if targets.is_empty() {
        intake.malformed(fields.at(), "a call needs `to`, as \"api:8080\"");
    }
    let to: Vec<Target> = targets.iter().map(|(text, at)| target(text, *at)).collect();
    let first = to.first().map(|target| target.host.clone());
    let name = fields.text("name", intake).or(first).unwrap_or_default();
    Call {
        at: fields.at(),
        name,
        matches: None,
        from: Vec::new(),
        to,
        protocol: protocol(fields, intake),
        streams: fields.flag("streams", intake),
        side: client_side(fields, product, intake),
        picking: Setting::default(),
        checks: Vec::new(),
        passive: Passive::default(),
        tls: None,
    }
}

fn client_side(fields: &Fields<'_>, product: &Product, intake: &mut Intake<'_>) -> ClientSide {
    let time = |key, intake: &mut Intake<'_>| {
        let default = default_time(product, key, intake);
        fields.time(key, intake).or(default)
    };
    ClientSide {
        reuses: fields.flag("keepalive", intake),
        keepalive_idle: time("keepalive_idle", intake),
        max_lifetime: fields.time("max_lifetime", intake),
        pool: fields.number("pool", intake),
        pool_wait: fields.time("pool_wait", intake),
        connect: fields.time("connect", intake),
        first_byte: time("first_byte", intake),
        stream_idle: time("stream_idle", intake),
        total: fields.time("total", intake),
        probe_after: fields.time("probe_after", intake),
        retry: Retry {
            attempts: fields.number("attempts", intake),
            methods: fields.word("methods", METHODS, intake),
            ..Retry::default()
        },
        ..ClientSide::default()
    }
}

/// The default of a load balancer that no file configures; of other products the files say what is
/// in force.
fn default_time(product: &Product, key: &str, intake: &Intake<'_>) -> Setting<Span> {
    let setting = match (product.component.as_str(), key) {
        ("aws-alb", "keepalive_idle" | "stream_idle" | "first_byte") => {
            "idle_timeout.timeout_seconds"
        }
        ("aws-alb", "max_age") => "client_keep_alive.seconds",
        _ => return Setting::default(),
    };
    intake.defaults.time(product, setting)
}

fn protocol(fields: &Fields<'_>, intake: &mut Intake<'_>) -> Protocol {
    let protocol = fields.word("protocol", PROTOCOLS, intake);
    protocol.value().copied().unwrap_or_default()
}

fn port(fields: &Fields<'_>, intake: &mut Intake<'_>) -> Option<u16> {
    let port = fields.number("port", intake);
    let number = *port.value()?;
    let port_number = u16::try_from(number).ok().filter(|number| *number > 0);
    if let (None, Some(at)) = (port_number, port.span()) {
        intake.malformed(at, "a port is a number from 1 to 65535");
    }
    port_number
}

/// `host` or `host:port`.
fn target(text: &str, at: SourceSpan) -> Target {
    let split = text
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = split.map_or((text, None), |(host, port)| (host, Some(port)));
    Target {
        at,
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        is_backup: false,
        resolves_again: Setting::default(),
        subset: None,
    }
}
