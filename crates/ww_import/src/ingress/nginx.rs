//! ingress-nginx: annotations, then the controller's `ConfigMap`, then its defaults.

use super::Words;
use crate::nginx::PEER;
use crate::service::written::{lacking, zero_is_off};
use crate::service::{Intake, Notation};
use ww_base::{Gap, Locus, Order, Setting, SourceSpan, Sourced, Span};
use ww_model::service::{
    Call, ClientSide, ConcurrencyLimit, Counter, Listener, Methods, Picking, Product, Program,
    Protocol, RateLimit, Refused, Retry, RetryOn, ServerSide, TlsClient, TlsServer, TlsVersion,
};

pub(super) const COMPONENT: &str = "ingress-nginx";

/// What annotations of ingress-nginx begin with.
pub(super) const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// Annotations that are read.
const READ: [&str; 24] = [
    "affinity",
    "backend-protocol",
    "limit-burst-multiplier",
    "limit-connections",
    "limit-rpm",
    "limit-rps",
    "load-balance",
    "proxy-buffering",
    "proxy-connect-timeout",
    "proxy-next-upstream",
    "proxy-next-upstream-timeout",
    "proxy-next-upstream-tries",
    "proxy-read-timeout",
    "proxy-request-buffering",
    "proxy-send-timeout",
    "proxy-ssl-name",
    "proxy-ssl-protocols",
    "proxy-ssl-secret",
    "proxy-ssl-server-name",
    "proxy-ssl-verify",
    "service-upstream",
    "auth-tls-secret",
    "auth-tls-verify-client",
    "upstream-hash-by",
];

/// Beginnings of annotations that say nothing about timers, targets or TLS.
const OTHERS: [&str; 39] = [
    "affinity-",
    "app-root",
    "auth-",
    "canary",
    "client-body-buffer-size",
    "configuration-snippet",
    "connection-proxy-header",
    "cors-",
    "custom-",
    "default-backend",
    "denylist-",
    "disable-",
    "enable-",
    "force-ssl-redirect",
    "from-to-www-redirect",
    "global-rate-limit",
    "http2-push-preload",
    "limit-",
    "mirror-",
    "modsecurity-",
    "opentelemetry",
    "opentracing",
    "permanent-redirect",
    "preserve-trailing-slash",
    "proxy-body-size",
    "proxy-buffer",
    "proxy-busy-buffers-size",
    "proxy-cookie-",
    "proxy-http-version",
    "proxy-max-temp-file-size",
    "proxy-redirect-",
    "proxy-ssl-",
    "rewrite-",
    "satisfy",
    "server-",
    "session-cookie-",
    "ssl-",
    "stream-snippet",
    "temporal-redirect",
];

/// Further annotations of that kind.
const MORE: [&str; 8] = [
    "upstream-",
    "use-regex",
    "whitelist-source-range",
    "x-forwarded-prefix",
    "influxdb-",
    "jwt",
    "relative-redirects",
    "secure-backends",
];

/// Names annotations that are not known, each once in all files.
pub(super) fn name_unknown(annotations: &Words, intake: &mut Intake<'_>) {
    for (key, (at, _)) in annotations {
        let Some(name) = key.strip_prefix(PREFIX) else {
            continue;
        };
        let mut others = OTHERS.iter().chain(&MORE);
        if !READ.contains(&name) && !others.any(|other| name.starts_with(other)) {
            intake.unknown_word("the annotations of ingress-nginx", name, *at);
        }
    }
}

fn product() -> Product {
    Product::named(COMPONENT)
}

/// What the controller does for all Ingress objects.
pub(super) fn settings(program: &mut Program, config: &Words, intake: &mut Intake<'_>) {
    let empty = Words::new();
    let settings = Settings::new(&empty, config);
    program.grace = settings.time("worker-shutdown-timeout", Notation::Nginx, intake);
    let connections = settings.number("max-worker-connections", intake);
    program.capacity.worker_connections = zero_is_off(connections);
}

/// The words that are in force for an Ingress.
#[derive(Clone, Copy)]
pub(super) struct Settings<'w> {
    annotations: &'w Words,
    config: &'w Words,
}

impl<'w> Settings<'w> {
    pub(super) fn new(annotations: &'w Words, config: &'w Words) -> Settings<'w> {
        Settings {
            annotations,
            config,
        }
    }

    /// The annotation, or what the `ConfigMap` says.
    fn word(self, name: &str) -> Option<(SourceSpan, &'w str)> {
        let annotation = self.annotations.get(&format!("{PREFIX}{name}"));
        let word = annotation.or_else(|| self.config.get(name));
        word.map(|(at, text)| (*at, text.trim()))
    }

    /// A value; the default where nothing is written.
    fn value<T>(
        self,
        name: &str,
        says: &str,
        default: Setting<T>,
        intake: &mut Intake<'_>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Setting<T> {
        let Some((at, text)) = self.word(name) else {
            return default;
        };
        if let Some(value) = read(text) {
            return Setting::set(value, at);
        }
        let message = format!("`{name}` of ingress-nginx has to be {says}, not `{text}`");
        intake.malformed(at, message);
        Setting::Unknown(Gap::new(format!("what `{text}` means"), says))
    }

    fn time(self, name: &str, notation: Notation, intake: &mut Intake<'_>) -> Setting<Span> {
        let default = intake.defaults.time(&product(), name);
        let read = |text: &str| notation.parse(text);
        zero_is_off(self.value(name, "a time in seconds", default, intake, read))
    }

    fn number(self, name: &str, intake: &mut Intake<'_>) -> Setting<u64> {
        let default = intake.defaults.number(&product(), name);
        let read = |text: &str| text.parse().ok();
        self.value(name, "a number", default, intake, read)
    }

    fn flag(self, name: &str, intake: &mut Intake<'_>) -> Setting<bool> {
        let default = intake.defaults.flag(&product(), name);
        self.value(name, "on or off", default, intake, |text| match text {
            "on" | "true" => Some(true),
            "off" | "false" => Some(false),
            _ => None,
        })
    }

    /// Fills in timers, retries, TLS and how targets are picked.
    pub(super) fn complete(self, call: &mut Call, intake: &mut Intake<'_>) {
        let defaults = intake.defaults;
        let read = self.time("proxy-read-timeout", Notation::Nginx, intake);
        let retry = self.retry(intake);
        call.side = ClientSide {
            reuses: defaults.flag(&product(), "upstream-keepalive"),
            keepalive_idle: self.time("upstream-keepalive-timeout", Notation::Nginx, intake),
            keepalive_requests: self.number("upstream-keepalive-requests", intake),
            keepalive_connections: self.number("upstream-keepalive-connections", intake),
            max_lifetime: self.time("upstream-keepalive-time", Notation::Nginx, intake),
            connect: self.time("proxy-connect-timeout", Notation::Nginx, intake),
            first_byte: read.clone(),
            stream_idle: read,
            total: lacking("nginx bounds no request as a whole"),
            on_stale: match (retry.on.value(), retry.methods.value()) {
                (Some(on), Some(methods)) if on.contains(&RetryOn::Reset) => *methods,
                _ => Methods::None,
            },
            retry,
            buffers_answers: self.flag("proxy-buffering", intake),
            buffers_requests: self.flag("proxy-request-buffering", intake),
            passes_upgrade: defaults.flag(&product(), "upgrade"),
            ..ClientSide::default()
        };
        self.protocol(call, intake);
        call.picking = self.picking(intake);
        for target in &mut call.to {
            target.resolves_again = defaults.flag(&product(), "endpoints");
        }
    }

    fn protocol(self, call: &mut Call, intake: &mut Intake<'_>) {
        let Some((at, word)) = self.word("backend-protocol") else {
            return;
        };
        let (protocol, is_encrypted) = match word.to_ascii_uppercase().as_str() {
            "HTTP" | "AUTO_HTTP" => (Protocol::Http, false),
            "HTTPS" => (Protocol::Http, true),
            "GRPC" => (Protocol::Grpc, false),
            "GRPCS" => (Protocol::Grpc, true),
            "FCGI" | "AJP" => (Protocol::Gateway, false),
            _ => {
                let message =
                    format!("backend-protocol is HTTP, HTTPS, GRPC, GRPCS or FCGI, not `{word}`");
                return intake.malformed(at, message);
            }
        };
        call.protocol = protocol;
        if is_encrypted {
            call.tls = Some(self.tls(at, intake));
        }
    }

    fn tls(self, at: SourceSpan, intake: &mut Intake<'_>) -> TlsClient {
        let verifies = self.flag("proxy-ssl-verify", intake);
        let names = self.flag("proxy-ssl-server-name", intake);
        let name = self.word("proxy-ssl-name");
        let sni = match (names, name) {
            (Setting::Set(Sourced { value: false, at }), _) => Setting::Off(at),
            (
                Setting::Default {
                    value: false,
                    because,
                },
                _,
            ) => Setting::Off(Locus::Assumed {
                by: because.citation,
            }),
            (_, Some((at, name))) => Setting::set(name.to_owned(), at),
            _ => Setting::default(),
        };
        let secret = self.word("proxy-ssl-secret");
        TlsClient {
            at: Some(at),
            checks_name: verifies.clone(),
            verifies,
            sni,
            shows_certificate: secret.map_or_else(
                || lacking("ingress-nginx shows a certificate only with proxy-ssl-secret"),
                |(at, _)| Setting::set(true, at),
            ),
            versions: Setting::default(),
        }
    }

    /// How an endpoint is picked; with `service-upstream` the Service picks, not the controller.
    fn picking(self, intake: &mut Intake<'_>) -> Setting<Picking> {
        if let Some((at, "true")) = self.word("service-upstream") {
            return Setting::Off(Locus::Text(at));
        }
        if let Some((at, _)) = self.word("upstream-hash-by") {
            return Setting::set(Picking::ConsistentHash, at);
        }
        if let Some((at, "cookie")) = self.word("affinity") {
            return Setting::set(Picking::Cookie, at);
        }
        match self.word("load-balance") {
            Some((at, "round_robin")) => Setting::set(Picking::RoundRobin, at),
            Some((at, "ewma")) => Setting::set(Picking::LeastRequests, at),
            _ => {
                let word = intake.defaults.word(&product(), "load-balance");
                word.map(|_| Picking::RoundRobin)
            }
        }
    }

    fn retry(self, intake: &mut Intake<'_>) -> Retry {
        let name = "proxy-next-upstream";
        let default = intake.defaults.word(&product(), name);
        let words = self.value(name, "conditions", default, intake, |text| {
            Some(text.to_owned())
        });
        let all = words
            .value()
            .is_some_and(|it| it.contains("non_idempotent"));
        let tries = self.number("proxy-next-upstream-tries", intake);
        Retry {
            attempts: match tries {
                Setting::Set(Sourced {
                    value: 0,
                    at: Locus::Text(at),
                }) => Setting::Unknown(Gap::new(
                    format!(
                        "how many endpoints there are: tries are not bounded (byte {})",
                        at.start
                    ),
                    "a number for proxy-next-upstream-tries",
                )),
                tries => tries,
            },
            methods: words.clone().map(|_| {
                if all {
                    Methods::All
                } else {
                    Methods::Idempotent
                }
            }),
            on: words.map(|text| conditions(&text)),
            per_try: lacking("nginx bounds no try as a whole"),
            until: self.time("proxy-next-upstream-timeout", Notation::Nginx, intake),
            backoff: lacking("nginx makes no pause between tries"),
            budget_percent: lacking("nginx has no budget of retries"),
            elsewhere: intake.defaults.flag(&product(), "next-endpoint"),
            ..Retry::default()
        }
    }

    /// Timers and TLS of the side of clients.
    pub(super) fn complete_listener(self, listener: &mut Listener, intake: &mut Intake<'_>) {
        listener.side = ServerSide {
            keepalive_idle: self.time("keep-alive", Notation::Nginx, intake),
            keepalive_requests: self.number("keep-alive-requests", intake),
            header: self.time("client-header-timeout", Notation::Nginx, intake),
            body: self.time("client-body-timeout", Notation::Nginx, intake),
            max_streams: self.number("http2-max-concurrent-streams", intake),
            ..ServerSide::default()
        };
        if let Some(tls) = &mut listener.tls {
            self.tls_server(tls, intake);
        }
    }

    fn tls_server(self, tls: &mut TlsServer, intake: &mut Intake<'_>) {
        let default = intake.defaults.word(&product(), "ssl-protocols");
        let read = |text: &str| Some(versions(text));
        let default = default.map(|text| versions(&text));
        tls.versions = self.value("ssl-protocols", "versions", default, intake, read);
        if let Some((at, text)) = self.word("ssl-ciphers") {
            let suites = text.split(':').map(str::to_owned).collect();
            tls.suites = Setting::set(suites, at);
        }
        tls.demands_certificate = match (
            self.word("auth-tls-secret"),
            self.word("auth-tls-verify-client"),
        ) {
            (Some((at, _)), Some((_, "off" | "optional" | "optional_no_ca"))) => {
                Setting::set(false, at)
            }
            (Some((at, _)), _) => Setting::set(true, at),
            (None, _) => lacking("ingress-nginx demands certificates only with auth-tls-secret"),
        };
    }

    /// What rate limits count: nginx' variable that the ConfigMap names.
    fn limit_key(self, intake: &mut Intake<'_>) -> Setting<String> {
        let name = "limit-conn-zone-variable";
        let default = intake.defaults.word(&product(), name);
        self.value(name, "a variable", default, intake, |text| {
            Some(text.to_owned())
        })
    }

    /// Limits on the rate of requests, counted by the client's address unless told otherwise.
    pub(super) fn rate_limits(self, intake: &mut Intake<'_>) -> Vec<RateLimit> {
        let mut limits = Vec::new();
        for (name, seconds) in [("limit-rps", 1.0), ("limit-rpm", 60.0)] {
            let Some((at, text)) = self.word(name) else {
                continue;
            };
            let Ok(count) = text.parse::<u32>() else {
                intake.malformed(at, format!("`{name}` has to be a number, not `{text}`"));
                continue;
            };
            if count == 0 {
                continue;
            }
            let multiplier = self.number("limit-burst-multiplier", intake);
            let status = self.number("limit-req-status-code", intake);
            limits.push(RateLimit {
                at,
                per_second: Setting::set(f64::from(count) / seconds, at),
                burst: multiplier.map(|times| times.saturating_mul(u64::from(count))),
                delays: intake.defaults.flag(&product(), "limit-delay"),
                at_once: lacking("ingress-nginx writes `nodelay`"),
                refused: status.map(|status| Refused(u16::try_from(status).unwrap_or(503))),
                counter: self.counter(intake),
            });
        }
        limits
    }

    /// The limit on connections of one address that have a request under way.
    pub(super) fn concurrency_limit(self, intake: &mut Intake<'_>) -> Option<ConcurrencyLimit> {
        let (at, text) = self.word("limit-connections")?;
        let Ok(most) = text.parse::<u64>() else {
            let message = format!("`limit-connections` has to be a number, not `{text}`");
            intake.malformed(at, message);
            return None;
        };
        let status = self.number("limit-conn-status-code", intake);
        (most > 0).then(|| ConcurrencyLimit {
            at,
            at_once: Setting::set(most, at),
            refused: status.map(|status| Refused(u16::try_from(status).unwrap_or(503))),
            counter: self.counter(intake),
        })
    }

    /// Whom limits count: the address of the client unless told otherwise.
    fn counter(self, intake: &mut Intake<'_>) -> Counter {
        let key = self.limit_key(intake);
        Counter {
            is_peer_address: key.value().is_some_and(|key| PEER.contains(&key.as_str())),
            key,
            real_address: self.real_address(intake),
        }
    }

    /// Whether the client's address comes from a header or the PROXY protocol.
    fn real_address(self, intake: &mut Intake<'_>) -> Setting<bool> {
        let proxy = self.flag("use-proxy-protocol", intake);
        let header = self.flag("use-forwarded-headers", intake);
        if proxy.value() == Some(&true) {
            proxy
        } else {
            header
        }
    }
}

/// Conditions of `proxy_next_upstream` (`ngx_http_proxy_module`).
fn conditions(text: &str) -> Vec<RetryOn> {
    let mut on = Vec::new();
    for word in text.split_whitespace() {
        match word {
            "error" => on.extend([RetryOn::Connect, RetryOn::Reset]),
            "timeout" => on.push(RetryOn::Timeout),
            "invalid_header" => on.push(RetryOn::Reset),
            _ => {
                let status = word.strip_prefix("http_").and_then(|it| it.parse().ok());
                on.extend(status.map(RetryOn::Status));
            }
        }
    }
    on.put_in_order();
    on.dedup();
    on
}

fn versions(text: &str) -> Vec<TlsVersion> {
    let version = |word: &str| match word {
        "SSLv2" => Some(TlsVersion::Ssl2),
        "SSLv3" => Some(TlsVersion::Ssl3),
        "TLSv1" => Some(TlsVersion::Tls10),
        "TLSv1.1" => Some(TlsVersion::Tls11),
        "TLSv1.2" => Some(TlsVersion::Tls12),
        "TLSv1.3" => Some(TlsVersion::Tls13),
        _ => None,
    };
    text.split_whitespace().filter_map(version).collect()
}
