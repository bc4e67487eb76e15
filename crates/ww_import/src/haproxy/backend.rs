//! A backend as a call.

use super::frontend::probe_after;
use super::lower::{Lowering, Routes};
use super::proxy::Proxy;
use super::server::{Server, servers};
use super::value::none;
use ww_base::{Gap, Locus, Setting};
use ww_model::service::{
    Call, ClientSide, Methods, Outlier, Passive, Picking, Protocol, Retry, RetryOn,
};

/// Options that ask servers in their own protocol.
const PROTOCOLS: [(&str, Protocol); 3] = [
    ("redis-check", Protocol::Redis),
    ("mysql-check", Protocol::Mysql),
    ("pgsql-check", Protocol::Postgres),
];

impl<'t> Lowering<'t, '_, '_> {
    /// Adds the call of a backend; none where it has no servers.
    pub(super) fn call(&mut self, proxy: &Proxy<'t>, routes: Routes) {
        let servers = servers(proxy);
        let Some(first) = servers.first() else {
            return;
        };
        let to = servers.iter();
        let to = to.flat_map(|server| std::iter::repeat_n(server.target(), server.count()));
        let to = to.collect();
        let is_learning = "HAProxy learns from probes; requests count with `observe` only";
        let call = Call {
            at: proxy.section.head.at,
            name: proxy.section.name.clone(),
            matches: routes.matches,
            from: routes.from,
            to,
            protocol: protocol(proxy, first),
            streams: match routes.streams {
                Some(at) => Setting::set(true, at),
                None => Setting::default(),
            },
            side: self.client_side(proxy, &servers, routes.streams.is_some()),
            picking: self.picking(proxy),
            checks: self.checks(proxy, &servers),
            passive: Passive {
                max_fails: match judged_elsewhere(&servers) {
                    Some(gap) => Setting::Unknown(gap),
                    None => none(is_learning),
                },
                by_target: Vec::new(),
                fail_timeout: none(is_learning),
                is_shared: none(is_learning),
                slow_start: self.server_time(&servers, "slowstart"),
            },
            tls: self.tls_client(&servers),
        };
        self.program.calls.push(call);
    }

    fn client_side(
        &mut self,
        proxy: &Proxy<'t>,
        servers: &[Server<'t>],
        streams: bool,
    ) -> ClientSide {
        let server = self.timeout(proxy, "server");
        let is_http = proxy.is_http();
        let tunnel = self.first_timeout(proxy, &["tunnel", "server"]);
        let (retry, on_stale) = self.retries(proxy);
        let buffered = proxy.option("http-buffer-request");
        let passed_on = "HAProxy passes on what comes";
        ClientSide {
            reuses: self.reuses(proxy, servers),
            first_on_kept: self.first_on_kept(proxy, on_stale),
            keepalive_idle: none(
                "HAProxy closes half of the idle connections at each pool-purge-delay, none for its age",
            ),
            keepalive_requests: self.server_bound(servers, "max-reuse", "max-reuse"),
            keepalive_connections: self.server_bound(servers, "pool-max-conn", "pool-max-conn"),
            max_lifetime: none("HAProxy closes no connection for its age"),
            pool: none("HAProxy bounds connections of each server only"),
            pool_idle: none("HAProxy opens no connection ahead"),
            pool_per_target: self.server_bound(servers, "maxconn", "server maxconn"),
            pool_wait: self.first_timeout(proxy, &["queue", "connect"]),
            pool_queue: self.server_bound(servers, "maxqueue", "maxqueue"),
            connect: self.timeout(proxy, "connect"),
            first_byte: server.clone(),
            stream_idle: if is_http && !streams { server } else { tunnel },
            total: none("HAProxy bounds silence, not a whole answer"),
            probe_after: probe_after(proxy, &["srvtcpka", "tcpka"]),
            unacknowledged: self.server_time(servers, "tcp-ut"),
            on_stale,
            retry,
            outlier: self.outlier(servers),
            buffers_answers: none(passed_on),
            buffers_requests: match buffered {
                Some(line) => Setting::set(true, line.at),
                None => none(passed_on),
            },
            passes_upgrade: if is_http {
                self.intake.defaults.flag(&self.product, "Upgrade")
            } else {
                none("bytes are passed on as they are")
            },
            passes_deadline: none("HAProxy tells nobody how much time is left"),
            ..ClientSide::default()
        }
    }

    /// Whether idle connections to servers are used for other requests.
    fn reuses(&mut self, proxy: &Proxy<'t>, servers: &[Server<'t>]) -> Setting<bool> {
        if !proxy.is_http() {
            return none("each connection of a client has one of its own");
        }
        let closing = ["httpclose", "forceclose", "http-server-close"];
        if let Some(line) = closing.iter().find_map(|name| proxy.option(name)) {
            return Setting::set(false, line.at);
        }
        let pools = servers
            .iter()
            .filter_map(|server| server.value("pool-max-conn"));
        let mut empty = pools.filter(|(word, _)| word.text == "0");
        if let Some((_, line)) = empty.next() {
            return Setting::set(false, line.at);
        }
        match proxy.one(&["http-reuse"]) {
            // The connection lives on, but for the same client only.
            Some(line) if line.word(1) == "never" => Setting::Off(Locus::Text(line.at)),
            Some(line) => Setting::set(true, line.at),
            None => self.default_word("http-reuse").map(|word| word != "never"),
        }
    }

    /// `safe` lets the first request of a client have a connection that was used before only where
    /// HAProxy can send it again (measured with 2.6).
    fn first_on_kept(&mut self, proxy: &Proxy<'t>, on_stale: Methods) -> Setting<bool> {
        let may = |word: &str| match word {
            "never" => false,
            "safe" => on_stale != Methods::None,
            _ => true,
        };
        match proxy.one(&["http-reuse"]) {
            Some(line) => Setting::set(may(line.word(1)), line.at),
            None => self.default_word("http-reuse").map(|word| may(&word)),
        }
    }

    /// Retries, and what becomes of a request that meets a connection which the server has closed:
    /// it is sent again only where `retry-on` says so.
    fn retries(&mut self, proxy: &Proxy<'t>) -> (Retry, Methods) {
        let retries = self.number_of(proxy.one(&["retries"]), "retries");
        let on = match proxy.one(&["retry-on"]) {
            Some(line) => Setting::set(line.rest(1), line.at),
            None => self.default_word("retry-on"),
        };
        let on = on.map(|words| retried(&words));
        let known = on.value().cloned().unwrap_or_default();
        let after_sending = known.iter().any(|one| *one != RetryOn::Connect);
        let spares_writes = proxy
            .everywhere("http-request")
            .any(|line| line.word(1) == "disable-l7-retry");
        let methods = match (after_sending, spares_writes) {
            (false, _) => Methods::None,
            (true, true) => Methods::Idempotent,
            (true, false) => Methods::All,
        };
        let on_stale = if known.contains(&RetryOn::Reset) {
            methods
        } else {
            Methods::None
        };
        let none_at_all = "HAProxy has no budget of retries";
        let retry = Retry {
            attempts: retries.map(|retries| retries.saturating_add(1)),
            methods: on.clone().map(|_| methods),
            on,
            per_try: none("HAProxy bounds silence within a try, not the try"),
            until: none("HAProxy counts tries only"),
            backoff: Setting::default(),
            budget_percent: none(none_at_all),
            at_once: none(none_at_all),
            tries_each_address: none(
                "HAProxy tries as often as `retries` says, however many addresses there are",
            ),
            elsewhere: match proxy.option("redispatch") {
                Some(line) => Setting::set(true, line.at),
                None => self
                    .intake
                    .defaults
                    .flag(&self.product, "option redispatch"),
            },
            heeds_retry_after: none("HAProxy does not read Retry-After"),
        };
        (retry, on_stale)
    }

    fn picking(&mut self, proxy: &Proxy<'t>) -> Setting<Picking> {
        let cookie = proxy.one(&["cookie"]);
        if let Some(line) = cookie {
            return Setting::set(Picking::Cookie, line.at);
        }
        let Some(line) = proxy.one(&["balance"]) else {
            return self
                .default_word("balance")
                .map(|word| match word.as_str() {
                    "random" => Picking::Random,
                    _ => Picking::RoundRobin,
                });
        };
        let picking = match line.word(1).split('(').next().unwrap_or_default() {
            "" | "roundrobin" | "static-rr" => Picking::RoundRobin,
            "leastconn" => Picking::LeastRequests,
            "first" => Picking::First,
            "source" if self.is_told_clients() => Picking::ClientAddress,
            "source" => Picking::PeerAddress,
            "random" => Picking::Random,
            "uri" | "url_param" | "hdr" | "hash" | "rdp-cookie" if is_consistent(proxy) => {
                Picking::ConsistentHash
            }
            "uri" | "url_param" | "hdr" | "hash" | "rdp-cookie" => Picking::Hash,
            other => {
                return Setting::Unknown(Gap::new(
                    format!("how `balance {other}` picks a server"),
                    "the documentation of the version in use",
                ));
            }
        };
        Setting::set(picking, line.at)
    }

    /// Whether a proxy in front tells the addresses of its clients: by the PROXY protocol, or by a
    /// header that takes the place of the address.
    fn is_told_clients(&self) -> bool {
        let mut lines = self.sections.iter().flat_map(|section| &section.lines);
        lines.any(|line| {
            let mut words = line.words.iter().map(|word| word.text.as_str());
            words.any(|word| {
                matches!(
                    word,
                    "accept-proxy" | "set-src" | "expect-proxy" | "expect-netscaler-cip"
                )
            })
        })
    }

    /// `observe`: failed requests count as failed probes.
    fn outlier(&mut self, servers: &[Server<'t>]) -> Outlier {
        let Some((_, line)) = servers.iter().find_map(|server| server.value("observe")) else {
            return Outlier::default();
        };
        Outlier {
            at: Some(line.at),
            consecutive: self.server_bound(servers, "error-limit", "error-limit"),
            ..Outlier::default()
        }
    }
}

/// Whether a hash gives only a few requests another server when one comes or goes.
fn is_consistent(proxy: &Proxy<'_>) -> bool {
    proxy
        .one(&["hash-type"])
        .is_some_and(|line| line.word(1) == "consistent")
}

/// What is spoken with the servers of a backend.
fn protocol(proxy: &Proxy<'_>, first: &Server<'_>) -> Protocol {
    let checked = PROTOCOLS
        .iter()
        .find(|(name, _)| proxy.option(name).is_some());
    let word = |name: &str| first.value(name).map_or("", |(word, _)| &*word.text);
    let is_gateway = proxy.one(&["use-fcgi-app"]).is_some() || word("proto") == "fcgi";
    match checked {
        Some((_, protocol)) if !proxy.is_http() => *protocol,
        _ if !proxy.is_http() => Protocol::Tcp,
        _ if is_gateway => Protocol::Gateway,
        _ if word("proto") == "h2" || word("alpn").starts_with("h2") => Protocol::Http2,
        _ => Protocol::Http,
    }
}

/// What makes HAProxy try again, from the words of `retry-on`.
fn retried(words: &str) -> Vec<RetryOn> {
    let mut on = Vec::new();
    for word in words.split_whitespace() {
        match word {
            "conn-failure" => on.push(RetryOn::Connect),
            "empty-response" => on.push(RetryOn::Reset),
            "response-timeout" => on.push(RetryOn::Timeout),
            "0rtt-rejected" => on.push(RetryOn::Refused),
            "all-retryable-errors" => {
                on.extend([RetryOn::Connect, RetryOn::Reset, RetryOn::Timeout]);
                on.extend([500, 502, 503, 504].map(RetryOn::Status));
            }
            other => on.extend(other.parse().ok().map(RetryOn::Status)),
        }
    }
    on
}

/// That a server's state comes from somewhere else than its own probe and requests: from the
/// server that it tracks, or from an agent.
fn judged_elsewhere(servers: &[Server<'_>]) -> Option<Gap> {
    let is_judged = servers
        .iter()
        .any(|server| server.value("track").is_some() || server.flag("agent-check").is_some());
    is_judged.then(|| {
        Gap::new(
            "what the tracked server or the agent finds out about the servers",
            "the check of the tracked server, or what the agent reports",
        )
    })
}
