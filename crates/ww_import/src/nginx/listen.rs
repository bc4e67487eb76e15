//! Where a server listens, and its timers.

use super::address::Address;
use super::lower::Lowering;
use super::scope::Scope;
use super::tree::Directive;
use super::value::{has_word, none, off_at_zero, option};
use ww_base::{Gap, Setting, Span};
use ww_model::service::{Listener, Protocol, ServerSide};

/// Where nginx listens when nothing is written (nginx documentation, `listen`).
const PORT: u16 = 80;

impl<'t> Lowering<'t, '_, '_> {
    /// Adds the listeners of a server of `http`; their indices.
    pub(super) fn listeners(&mut self, scope: &Scope<'t>, server: &'t Directive) -> Vec<usize> {
        let side = self.server_side(scope);
        let hosts = server_names(scope);
        let listens = scope.own("listen");
        let first = self.program.listeners.len();
        if listens.is_empty() {
            self.program.listeners.push(Listener {
                at: server.head(),
                port: Some(PORT),
                hosts: hosts.clone(),
                protocol: Protocol::Http,
                side: side.clone(),
                tls: None,
                own_answers: Vec::new(),
            });
            self.backlog(None);
        }
        for listen in listens {
            self.backlog(Some(listen));
            let port = port(listen, Some(PORT));
            let host = Address::parse(listen.arg(0).unwrap_or_default()).host;
            self.program.bind(&host, port);
            let encrypts = has_word(listen, "ssl")
                || has_word(listen, "quic")
                || scope.one("ssl").is_some_and(|ssl| has_word(ssl, "on"));
            let known = self.program.listeners.get(first..).unwrap_or_default();
            let is_known = |one: &Listener| one.port == port && one.tls.is_some() == encrypts;
            if port.is_some() && known.iter().any(is_known) {
                continue;
            }
            let is_new = has_word(listen, "http2")
                || scope
                    .one("http2")
                    .is_some_and(|http2| has_word(http2, "on"));
            let mut side = side.clone();
            side.probe_after = self.probe_after(listen);
            if is_new {
                let name = "http2_max_concurrent_streams";
                side.max_streams = self.number(scope, name, name);
            }
            let tls = encrypts.then(|| self.tls_server(scope, listen.at));
            self.program.listeners.push(Listener {
                at: listen.at,
                port,
                hosts: hosts.clone(),
                protocol: if is_new {
                    Protocol::Http2
                } else {
                    Protocol::Http
                },
                side,
                tls,
                own_answers: Vec::new(),
            });
        }
        (first..self.program.listeners.len()).collect()
    }

    /// The backlog that a listener asks for; the smallest counts, as it is full first.
    pub(super) fn backlog(&mut self, listen: Option<&Directive>) {
        let written = listen.and_then(|listen| option(listen, "backlog"));
        let new = match (written, listen) {
            (Some((text, _)), Some(listen)) => self.number_of(text, listen.at, "backlog"),
            _ => self.default_number("listen backlog"),
        };
        let known = &mut self.program.capacity.backlog;
        let is_smaller = !known.is_written() || new.value() < known.value();
        if known.is_unknown() || (new.is_written() && is_smaller) {
            *known = new;
        }
    }

    fn server_side(&mut self, scope: &Scope<'t>) -> ServerSide {
        let keepalive = scope.one("keepalive_timeout");
        let keepalive_idle = if keepalive.is_none() && self.is_piece {
            Setting::Unknown(Gap::new(
                "`keepalive_timeout`, which the `http` block around this file may set, as nginx.conf of nginx' packages does",
                "the nginx.conf that includes this file",
            ))
        } else {
            self.time(scope, "keepalive_timeout", "keepalive_timeout")
        };
        ServerSide {
            keepalive_idle,
            keepalive_requests: self.number(scope, "keepalive_requests", "keepalive_requests"),
            max_age: self.time(scope, "keepalive_time", "keepalive_time"),
            max_age_grace: none("nginx lets the request that is under way end"),
            header: self.time(scope, "client_header_timeout", "client_header_timeout"),
            body: self.time(scope, "client_body_timeout", "client_body_timeout"),
            request: none("nginx bounds the pieces of a body, not the whole request"),
            total: none("nginx has no bound on a whole request"),
            stream_idle: none("nginx bounds silence on the side of the upstream only"),
            max_streams: none("there are no streams without HTTP/2"),
            least_ping_interval: none("nginx does not count pings"),
            statement: none("nginx has no statements"),
            idle_in_transaction: none("nginx has no transactions"),
            heartbeat: none("nginx sends no pings of its own"),
            probe_after: self.default_time("so_keepalive"),
            connections: none("nginx bounds the connections of each worker only"),
        }
    }

    /// `so_keepalive=on|off|[idle]:[interval]:[count]`.
    pub(super) fn probe_after(&mut self, listen: &Directive) -> Setting<Span> {
        match option(listen, "so_keepalive") {
            None => self.default_time("so_keepalive"),
            Some(("off", _)) => off_at_zero(Setting::set(Span::ZERO, listen.at), &Span::ZERO),
            Some((value, _)) => match value.split(':').next().filter(|idle| *idle != "on") {
                Some(idle) if !idle.is_empty() => self.time_of(idle, listen.at, "so_keepalive"),
                _ => Setting::Unknown(Gap::new(
                    "the host's net.ipv4.tcp_keepalive_time, which `so_keepalive` takes",
                    "sysctl.conf of the host",
                )),
            },
        }
    }
}

/// The port that a `listen` names; `other` where it names an address only.
pub(super) fn port(listen: &Directive, other: Option<u16>) -> Option<u16> {
    let text = listen.arg(0).unwrap_or_default();
    if text.starts_with("unix:") || text.contains(['$', '{']) {
        return None;
    }
    if !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit()) {
        return text.parse().ok();
    }
    let has_port = match text.rsplit_once(']') {
        Some((_, behind)) => behind.contains(':'),
        None => text.contains(':'),
    };
    if has_port {
        Address::parse(text).port
    } else {
        other
    }
}

/// The names of a server; the catch-all `_` and the empty name say nothing.
pub(super) fn server_names(scope: &Scope<'_>) -> Vec<String> {
    let words = scope.own("server_name").iter().flat_map(|one| &one.args);
    let names = words.map(|word| word.text.clone());
    names
        .filter(|name| !matches!(name.as_str(), "" | "_"))
        .collect()
}
