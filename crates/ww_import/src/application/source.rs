//! What source code makes and calls: servers, clients, pools, addresses.

use super::attempts;
use super::code::{Code, Kind, Language};
use super::expr::Expr;
use super::known::{FIELDS, Known, NODE_SERVER, Unit};
use super::written::{Construct, Value, Written};
use crate::service::address;
use ww_base::SourceSpan;

/// What the sources of an application say.
#[derive(Default)]
pub(super) struct Found {
    pub(super) constructs: Vec<Construct>,
    /// Settings that are assigned to a server.
    pub(super) assigned: Vec<Written>,
    /// Ports that it listens on.
    pub(super) ports: Vec<(u16, SourceSpan)>,
    /// Whether the port is the variable `PORT` first.
    pub(super) reads_port: bool,
    /// Where a type of answers is server-sent events.
    pub(super) event_stream: Option<SourceSpan>,
    /// Whether proxies are asked to pass answers on at once (`X-Accel-Buffering`).
    pub(super) is_unbuffered: bool,
    /// Addresses in texts that no construct is about.
    pub(super) addresses: Vec<(String, SourceSpan)>,
}

/// The methods of HTTP as client libraries name their functions.
const METHODS: [&str; 8] = [
    "get", "post", "put", "delete", "patch", "head", "options", "request",
];

impl Found {
    /// Reads a source.
    pub(super) fn read(&mut self, code: &Code<'_>) {
        for index in 0..code.len() {
            match code.language {
                Language::JavaScript => self.javascript(code, index),
                Language::Python => self.python(code, index),
                Language::Go => self.go(code, index),
                Language::Java | Language::Ruby => {}
            }
            self.lone_address(code, index);
            self.events(code, index);
        }
    }

    /// Notes `text/event-stream` where it is the type of an answer, not one that a client asks for.
    fn events(&mut self, code: &Code<'_>, index: usize) {
        let Some(token) = code.get(index).filter(|token| token.kind == Kind::Text) else {
            return;
        };
        self.is_unbuffered |= token.text.eq_ignore_ascii_case("x-accel-buffering");
        let names = ["content-type", "content_type", "media_type", "mimetype"];
        let before = (1..4).filter_map(|back| code.get(index.checked_sub(back)?));
        let is_type = before
            .map(|token| token.text.to_ascii_lowercase())
            .any(|word| names.contains(&word.as_str()));
        if token.text.starts_with("text/event-stream") && is_type && self.event_stream.is_none() {
            self.event_stream = Some(code.span(index, index));
        }
        if code.language == Language::Java {
            self.java(code);
        }
    }

    fn javascript(&mut self, code: &Code<'_>, index: usize) {
        let Some(word) = code.word(index) else {
            return;
        };
        let is_method = index > 0 && code.is(index - 1, ".");
        if is_method && code.is(index + 1, "=") && !code.is(index + 2, "=") {
            self.assigned.extend(assignment(code, index, NODE_SERVER));
        }
        let calls = code.is(index + 1, "(");
        match word {
            "createServer" if calls => self.call("node-http", code, index, NODE_SERVER),
            "fastify" | "Fastify" if calls && !is_method => {
                self.call("fastify", code, index, FIELDS);
            }
            "listen" if calls && is_method => self.listens(code, index + 2),
            "express" if calls && !is_method => self.call("node-http", code, index, &[]),
            "Agent" if calls && is_of(code, index, &["http", "https"]) => {
                self.call("node-http-agent", code, index, FIELDS);
            }
            "setGlobalDispatcher" if calls => {
                self.assigned
                    .push(opened(code, index, "undici", "headersTimeout"));
            }
            "axios" if calls && !is_method => self.call("axios", code, index, FIELDS),
            "axios" if code.is(index + 1, ".") && code.is(index + 3, "(") => {
                let name = code.word(index + 2).unwrap_or_default();
                if name == "create" || METHODS.contains(&name) {
                    self.call("axios", code, index + 2, FIELDS);
                }
            }
            "fetch" if calls && !is_method => self.call("undici", code, index, FIELDS),
            "got" if calls && !is_method => self.call("got", code, index, FIELDS),
            "got" if code.is(index + 1, ".") && code.is(index + 3, "(") => {
                self.call("got", code, index + 2, FIELDS);
            }
            "get" | "request" if calls && is_of(code, index, &["http", "https"]) => {
                self.call("node-http-agent", code, index, &[]);
            }
            "Pool" if calls && code.is(index.wrapping_sub(1), "new") => {
                self.call("pg-pool", code, index, FIELDS);
            }
            "Server" if calls && !is_method && code.is(index.wrapping_sub(1), "new") => {
                self.call("socket.io", code, index, FIELDS);
            }
            "createPool" if calls => self.call("mysql2", code, index, FIELDS),
            "PORT" if is_method && code.is(index.wrapping_sub(2), "env") => {
                self.reads_port = true;
                let or = [["|", "|"], ["?", "?"]];
                if or.iter().any(|or| code.are(index + 1, or)) {
                    self.port_at(code, index + 3);
                }
            }
            _ => {}
        }
    }

    fn python(&mut self, code: &Code<'_>, index: usize) {
        let Some(word) = code.word(index) else {
            return;
        };
        let method = code.word(index + 2).filter(|_| code.is(index + 1, "."));
        let calls = |at: usize| code.is(at, "(");
        match (word, method) {
            ("requests", Some(name)) if calls(index + 3) && METHODS.contains(&name) => {
                self.call("requests", code, index + 2, FIELDS);
                self.again(code, index, name);
            }
            ("httpx", Some(name)) if calls(index + 3) && is_of_httpx(name) => {
                self.call("httpx", code, index + 2, FIELDS);
                self.again(code, index, name);
            }
            ("uvicorn", Some("run")) if calls(index + 3) => {
                self.call("uvicorn", code, index + 2, FIELDS);
                self.port_of_call(code, index + 3);
            }
            ("web", Some("run_app")) if calls(index + 3) => {
                self.call("aiohttp-server", code, index + 2, FIELDS);
                self.port_of_call(code, index + 3);
            }
            ("aiohttp", Some("ClientSession")) if calls(index + 3) => {
                self.call("aiohttp-client", code, index + 2, &[]);
            }
            ("redis", Some("Redis" | "StrictRedis")) if calls(index + 3) => {
                self.call("redis-py", code, index + 2, FIELDS);
                self.host_of_call(code, index + 3, "redis", 6379);
            }
            ("Redis" | "StrictRedis", None)
                if calls(index + 1) && !code.is(index.wrapping_sub(1), ".") =>
            {
                self.call("redis-py", code, index, FIELDS);
                self.host_of_call(code, index + 1, "redis", 6379);
            }
            ("create_engine" | "create_async_engine", None) if calls(index + 1) => {
                self.call("sqlalchemy", code, index, FIELDS);
            }
            _ => {}
        }
    }

    fn go(&mut self, code: &Code<'_>, index: usize) {
        self.grpc(code, index);
        if !code.are(index, &["http", "."]) {
            return;
        }
        let open = index + 3;
        let Some(name) = code.word(index + 2) else {
            return;
        };
        match name {
            "Server" if code.is(open, "{") => {
                self.literal("go-http-server", code, index, open);
                for (name, _, first, last) in code.fields(open) {
                    if name == "Addr" {
                        self.go_address(code, first, last);
                    }
                }
            }
            "Client" if code.is(open, "{") => self.literal("go-http-client", code, index, open),
            "Transport" if code.is(open, "{") => {
                self.literal("go-http-client", code, index, open);
                if let Some(made) = self.constructs.last_mut() {
                    made.component = TRANSPORT;
                    unlimited(made);
                }
            }
            "ListenAndServe" | "ListenAndServeTLS" if code.is(open, "(") => {
                self.call("go-http-server", code, index + 2, &[]);
                let end = code.end_of_part(open + 1, code.closing(open));
                self.go_address(code, open + 1, end.saturating_sub(1));
            }
            "Get" | "Post" | "Head" | "PostForm" if code.is(open, "(") => {
                self.call("go-http-client", code, index + 2, &[]);
            }
            _ => {}
        }
    }

    /// What is made of gRPC in Go: servers, channels, and their keep-alive.
    fn grpc(&mut self, code: &Code<'_>, index: usize) {
        let (Some(package), Some(name)) = (code.word(index), code.word(index + 2)) else {
            return;
        };
        let open = index + 3;
        let is_literal = code.is(open, "{");
        match (package, name) {
            _ if !code.is(index + 1, ".") => {}
            ("grpc", "NewServer") if code.is(open, "(") => {
                self.call("grpc-go-server", code, index + 2, &[]);
            }
            ("grpc", "MaxConcurrentStreams") if code.is(open, "(") => {
                let close = code.closing(open);
                self.assigned.push(Written {
                    component: "grpc-go-server",
                    setting: "MaxConcurrentStreams",
                    value: value(code, open + 1, close.saturating_sub(1), Unit::Count),
                    at: code.span(index, close),
                });
            }
            ("grpc", "Dial" | "NewClient" | "DialContext") if code.is(open, "(") => {
                self.channel(code, index + 2);
            }
            ("keepalive", "ServerParameters" | "EnforcementPolicy") if is_literal => {
                let known = fields("grpc-go-server", code, open, FIELDS);
                self.assigned.extend(known);
            }
            ("keepalive", "ClientParameters") if is_literal => {
                let known = fields("grpc-go-client", code, open, FIELDS);
                self.assigned.extend(known);
            }
            ("net", "Listen") if code.is(open, "(") => {
                let close = code.closing(open);
                let first = code.end_of_part(open + 1, close) + 1;
                if first < close {
                    self.go_address(code, first, close.saturating_sub(1));
                }
            }
            _ => {}
        }
    }

    /// Notes a channel of gRPC, with the way in which it picks a server, where a text names that.
    fn channel(&mut self, code: &Code<'_>, name: usize) {
        self.call("grpc-go-client", code, name, &[]);
        let (open, close) = (name + 1, code.closing(name + 1));
        let texts = (open..close).filter_map(|index| Some((index, code.get(index)?)));
        let mut texts = texts.filter(|(_, token)| token.kind == Kind::Text);
        let end = code.end_of_part(open + 1, close).saturating_sub(1);
        let target = code.quoted(open + 1, end).unwrap_or_default();
        let target = target.trim_start_matches("dns:///");
        let target = target.trim_start_matches("passthrough:///");
        let Some(made) = self.constructs.last_mut() else {
            return;
        };
        if target.contains(':') {
            let address = Expr::Text(format!("grpc://{target}"));
            made.address = Some((address, code.span(open + 1, end)));
        }
        if let Some((index, _)) = texts.find(|(_, token)| token.text.contains("round_robin")) {
            self.assigned.push(Written {
                component: "grpc-go-client",
                setting: "loadBalancingPolicy",
                value: Value::Word("round_robin".to_owned()),
                at: code.span(index, index),
            });
        }
    }

    /// Notes a call; the name stands at a place, its bracket behind it.
    fn call(&mut self, component: &'static str, code: &Code<'_>, name: usize, known: &[Known]) {
        let open = name + 1;
        let close = code.closing(open);
        let mut values = fields(component, code, open, known);
        let mut part = open + 1;
        while part < close {
            if code.is(part, "{") {
                values.extend(fields(component, code, part, known));
            }
            part = code.end_of_part(part, close) + 1;
        }
        self.constructs.push(Construct {
            component,
            at: code.span(name, close),
            address: address_in(code, open, close),
            values,
            attempts: None,
            method: None,
        });
    }

    /// Notes that the last call is made again, if it is.
    fn again(&mut self, code: &Code<'_>, index: usize, method: &str) {
        if let Some(made) = self.constructs.last_mut() {
            made.attempts = attempts::of_python(code, index);
            made.method = METHODS.contains(&method).then(|| method.to_owned());
        }
    }

    fn literal(&mut self, component: &'static str, code: &Code<'_>, first: usize, open: usize) {
        self.constructs.push(Construct {
            component,
            at: code.span(first, code.closing(open)),
            address: None,
            values: fields(component, code, open, FIELDS),
            attempts: None,
            method: None,
        });
    }

    /// Notes the port of `listen(3000, …)`.
    fn listens(&mut self, code: &Code<'_>, first: usize) {
        self.call("listen", code, first - 2, &[]);
        if code.is(first, "{") {
            for (name, _, value, _) in code.fields(first) {
                if name == "port" {
                    self.port_at(code, value);
                }
            }
        } else {
            self.port_at(code, first);
        }
    }

    fn port_at(&mut self, code: &Code<'_>, index: usize) {
        let number = match code.get(index) {
            Some(token) if token.kind == Kind::Text => token.text.parse().ok(),
            Some(_) => code.product(index, index).map(|(number, _)| number),
            None => None,
        };
        let port = number.filter(|port| port.fract() == 0.0 && (1.0..65536.0).contains(port));
        if let Some(port) = port {
            let port = (port as u16, code.span(index, index));
            if self.ports.iter().all(|(known, _)| *known != port.0) {
                self.ports.push(port);
            }
        }
    }

    fn port_of_call(&mut self, code: &Code<'_>, open: usize) {
        for (name, _, first, last) in code.fields(open) {
            if name == "port" && first == last {
                self.port_at(code, first);
            }
        }
    }

    /// The address of a call that takes host and port apart.
    fn host_of_call(&mut self, code: &Code<'_>, open: usize, scheme: &str, usual: u16) {
        let (mut host, mut port) = (None, Expr::Number(f64::from(usual)));
        for (name, _, first, last) in code.fields(open) {
            match name {
                "host" => host = Some((Expr::of(code, first, last), code.span(first, last))),
                "port" => port = Expr::of(code, first, last),
                _ => {}
            }
        }
        let host = host.filter(|(host, _)| !host.is_open());
        if let (Some((host, at)), Some(made)) = (host, self.constructs.last_mut()) {
            let text = |text: &str| Expr::Text(text.to_owned());
            let parts = vec![text(scheme), text("://"), host, text(":"), port];
            made.address = Some((Expr::Joined(parts), at));
        }
    }

    /// The port of `":8080"`.
    fn go_address(&mut self, code: &Code<'_>, first: usize, last: usize) {
        let text = code.quoted(first, last).unwrap_or_default();
        if let Some(port) = text.rsplit(':').next().and_then(|port| port.parse().ok()) {
            self.ports.push((port, code.span(first, last)));
        }
    }

    /// Notes an address that stands alone, as in a constant.
    fn lone_address(&mut self, code: &Code<'_>, index: usize) {
        let token = code.get(index).filter(|token| token.kind == Kind::Text);
        if let Some(token) = token
            && address::is_inner(token.text)
        {
            let at = code.span(index, index);
            self.addresses.push((token.text.to_owned(), at));
        }
    }
}

/// The name under which literals of Go's `http.Transport` are kept: what they do not set is not what
/// the default transport has.
pub(super) const TRANSPORT: &str = "go-http-transport";

/// In a transport of its own, times and numbers that are not set are without a bound.
fn unlimited(made: &mut Construct) {
    for setting in ["IdleConnTimeout", "MaxIdleConns"] {
        if made.values.iter().all(|written| written.setting != setting) {
            made.values.push(Written {
                component: "go-http-client",
                setting,
                value: Value::Off,
                at: made.at,
            });
        }
    }
}

/// Whether a function of HTTPX calls, or makes what does.
fn is_of_httpx(name: &str) -> bool {
    METHODS.contains(&name) || ["Client", "AsyncClient"].contains(&name)
}

/// Whether a word is called on one of these names.
fn is_of(code: &Code<'_>, index: usize, names: &[&str]) -> bool {
    let name = index.checked_sub(2).and_then(|before| code.word(before));
    code.is(index.wrapping_sub(1), ".") && name.is_some_and(|name| names.contains(&name))
}

fn opened(
    code: &Code<'_>,
    index: usize,
    component: &'static str,
    setting: &'static str,
) -> Written {
    let close = code.closing(index + 1);
    Written {
        component,
        setting,
        value: Value::Open("setGlobalDispatcher(…)".to_owned()),
        at: code.span(index, close),
    }
}

fn assignment(code: &Code<'_>, name: usize, known: &[Known]) -> Option<Written> {
    let word = code.word(name)?;
    let (component, _, setting, unit) = known.iter().find(|(_, it, ..)| *it == word)?;
    let last = code.end_of_statement(name + 2);
    let begin = (0..2).fold(name, |begin, _| {
        let is_part = begin >= 2 && code.is(begin - 1, ".") && code.word(begin - 2).is_some();
        if is_part { begin - 2 } else { begin }
    });
    Some(Written {
        component,
        setting,
        value: value(code, name + 2, last, *unit),
        at: code.span(begin, last),
    })
}

/// The known fields directly inside a bracket.
fn fields(component: &'static str, code: &Code<'_>, open: usize, known: &[Known]) -> Vec<Written> {
    let mut written = Vec::new();
    for (name, at, first, last) in code.fields(open) {
        let is_it = |known: &&Known| known.0 == component && known.1 == name;
        let Some((_, _, setting, unit)) = known.iter().find(is_it) else {
            continue;
        };
        let at = code.span(at, last);
        let is_pair = code.language == Language::Python && code.is(first, "(");
        if is_pair && component == "requests" {
            written.extend(connect_and_read(code, first, last, at));
            continue;
        }
        let value = value(code, first, last, *unit);
        if component == "requests" {
            written.push(Written {
                component,
                setting: "connect timeout",
                value: value.clone(),
                at,
            });
        }
        written.push(Written {
            component,
            setting,
            value,
            at,
        });
    }
    written
}

/// `timeout=(connect, read)`.
fn connect_and_read(code: &Code<'_>, open: usize, close: usize, at: SourceSpan) -> Vec<Written> {
    let comma = code.end_of_part(open + 1, close);
    let one = |setting, first: usize, last: usize| Written {
        component: "requests",
        setting,
        value: value(code, first, last, Unit::Seconds),
        at,
    };
    vec![
        one("connect timeout", open + 1, comma.saturating_sub(1)),
        one("timeout", comma + 1, close.saturating_sub(1)),
    ]
}

pub(super) fn value(code: &Code<'_>, first: usize, last: usize, unit: Unit) -> Value {
    if let Some((number, written)) = code.product(first, last) {
        return unit.of_number(number, written);
    }
    let lone = code
        .get(first)
        .filter(|token| first == last && (token.kind == Kind::Word || token.kind == Kind::Text));
    let word = lone.map(|token| unit.of_word(token.text));
    if let Some(word) = word.filter(|word| !matches!(word, Value::Open(_))) {
        return word;
    }
    let words = (first..=last).filter_map(|index| code.get(index));
    let words: Vec<&str> = words.map(|token| token.text).take(12).collect();
    let words = words.join(" ");
    let expr = Expr::of(code, first, last);
    if expr.is_open() {
        Value::Open(words)
    } else {
        Value::Later(expr, unit, words)
    }
}

/// The address that is the first argument of a call, or its `url` or `baseURL`.
fn address_in(code: &Code<'_>, open: usize, close: usize) -> Option<(Expr, SourceSpan)> {
    let end = code.end_of_part(open + 1, close);
    let first = open + 1;
    let mut places = vec![(first, end.saturating_sub(1))];
    let inner = if code.is(first, "{") { first } else { open };
    for (name, _, first, last) in code.fields(inner) {
        if ["url", "baseURL", "base_url"].contains(&name) {
            places.push((first, last));
        }
    }
    places.into_iter().find_map(|(first, last)| {
        let expr = Expr::of(code, first, last);
        let is_other = match &expr {
            Expr::Text(text) => !address::is_address(text),
            Expr::Number(_) => true,
            expr => expr.is_open(),
        };
        (!is_other).then(|| (expr, code.span(first, last)))
    })
}
