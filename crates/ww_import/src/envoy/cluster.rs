//! Clusters: whom Envoy calls, with which pool, breaker, checks and TLS.

use super::{below, config, known, list, of, product, text_of, tls, type_of};
use crate::document::View;
use crate::service::written::{Entry, lacking, zero_is_off};
use crate::service::{Intake, Notation};
use std::net::IpAddr;
use ww_base::{Gap, Setting, SourceSpan, Sourced, Span};
use ww_model::service::{
    Breaker, CheckKind, ClientSide, HealthCheck, Outlier, Passive, Picking, Retry, Target,
    TlsClient,
};

/// A cluster, apart from the routes that lead to it.
pub(super) struct Cluster {
    /// Where its name is written.
    pub(super) at: SourceSpan,
    pub(super) targets: Vec<Target>,
    pub(super) side: ClientSide,
    pub(super) picking: Setting<Picking>,
    pub(super) checks: Vec<HealthCheck>,
    pub(super) passive: Passive,
    pub(super) tls: Option<TlsClient>,
    pub(super) is_http2: bool,
}

pub(super) fn read(view: View<'_>, at: SourceSpan, intake: &mut Intake<'_>) -> Cluster {
    known::keys(view, "a cluster of Envoy", &known::CLUSTER, intake);
    let room = view.room("cluster", view.at());
    intake.services.rooms.extend(room);
    let options = Options::of(view);
    let tls = tls::client(view, options.upstream, intake);
    let checks = list(view, "health_checks").into_iter();
    let checks = checks.map(|check| health_check(check, tls.as_ref(), intake));
    let checks = checks.collect();
    let window = below(view, &["round_robin_lb_config"])
        .or_else(|| below(view, &["least_request_lb_config"]));
    let window = window.and_then(|it| of(it, &["slow_start_config", "slow_start_window"]));
    Cluster {
        at,
        targets: targets(view, intake),
        side: side(view, &options, intake),
        picking: picking(view, intake),
        checks,
        passive: Passive {
            max_fails: lacking("Envoy learns from requests with outlier_detection only"),
            slow_start: intake.time(window, Notation::Protobuf, Setting::default()),
            ..Passive::default()
        },
        tls,
        is_http2: options.http2.is_some(),
    }
}

/// Where a cluster's options of HTTP stand: in the extension, or in fields of the cluster that came
/// before it.
struct Options<'t> {
    common: Option<View<'t>>,
    http2: Option<View<'t>>,
    upstream: Option<View<'t>>,
}

impl<'t> Options<'t> {
    fn of(cluster: View<'t>) -> Options<'t> {
        let extensions = below(cluster, &["typed_extension_protocol_options"]);
        let mut extensions = extensions.into_iter().flat_map(View::entries);
        let extension = extensions.find(|(_, it)| type_of(*it) == "HttpProtocolOptions");
        let extension = extension.map(|(_, options)| options);
        let inside = |keys: &[&str]| extension.and_then(|it| below(it, keys));
        let own = |key: &str| below(cluster, &[key]);
        let explicit = ["explicit_http_config", "http2_protocol_options"];
        let auto = ["auto_config", "http2_protocol_options"];
        Options {
            common: inside(&["common_http_protocol_options"])
                .or_else(|| own("common_http_protocol_options")),
            http2: inside(&explicit)
                .or_else(|| inside(&auto))
                .or_else(|| own("http2_protocol_options")),
            upstream: inside(&["upstream_http_protocol_options"])
                .or_else(|| own("upstream_http_protocol_options")),
        }
    }

    fn common(&self, key: &str) -> Entry<'t> {
        self.common.and_then(|common| of(common, &[key]))
    }

    fn http2(&self, keys: &[&str]) -> Entry<'t> {
        self.http2.and_then(|http2| of(http2, keys))
    }
}

fn targets(cluster: View<'_>, intake: &mut Intake<'_>) -> Vec<Target> {
    let kind = of(cluster, &["type"]);
    let resolves = match kind.and_then(|(at, kind)| Some((at, kind.text()?))) {
        Some((at, "STRICT_DNS" | "LOGICAL_DNS" | "strict_dns" | "logical_dns")) => {
            Setting::set(true, at)
        }
        Some((at, "STATIC" | "static")) => Setting::set(false, at),
        _ => match dns_cluster(cluster) {
            Some(dns) => Setting::set(true, dns.at()),
            None => Setting::default(),
        },
    };
    let mut targets = Vec::new();
    let mut add = |address: Option<View<'_>>, at, is_backup| {
        let socket = address.and_then(|it| below(it, &["socket_address"]));
        let Some(socket) = socket else {
            return;
        };
        let host = text_of(socket, &["address"]).unwrap_or_default();
        let is_address = host.parse::<IpAddr>().is_ok();
        targets.push(Target {
            at,
            host: host.to_owned(),
            port: text_of(socket, &["port_value"]).and_then(|it| it.trim().parse().ok()),
            is_backup,
            resolves_again: if is_address {
                Setting::default()
            } else {
                resolves.clone()
            },
            subset: None,
        });
    };
    let assignment = below(cluster, &["load_assignment"]);
    for locality in assignment.map_or_else(Vec::new, |it| list(it, "endpoints")) {
        let priority = text_of(locality, &["priority"]).unwrap_or("0");
        for endpoint in list(locality, "lb_endpoints") {
            let address = below(endpoint, &["endpoint", "address"]);
            add(address, endpoint.at(), priority != "0");
        }
    }
    for host in list(cluster, "hosts") {
        add(Some(host), host.at(), false);
    }
    let is_custom = below(cluster, &["cluster_type"]).is_some();
    if targets.is_empty() && assignment.is_none() && kind.is_none() && !is_custom {
        let message = "neither a type nor endpoints of this cluster are written";
        intake.unsupported(cluster.at(), message);
    }
    targets
}

fn side(cluster: View<'_>, options: &Options<'_>, intake: &mut Intake<'_>) -> ClientSide {
    let product = product();
    let defaults = intake.defaults;
    let mut time = |entry: Entry<'_>, name: &str| {
        let default = defaults.time(&product, name);
        zero_is_off(intake.time(entry, Notation::Protobuf, default))
    };
    let connect = time(of(cluster, &["connect_timeout"]), "cluster.connect_timeout");
    let keepalive_idle = time(options.common("idle_timeout"), "cluster.idle_timeout");
    let age = "max_connection_duration";
    let max_lifetime = time(options.common(age), "cluster.max_connection_duration");
    let pings = ["connection_keepalive", "interval"];
    let pings = time(
        options.http2(&pings),
        "cluster.connection_keepalive.interval",
    );
    let keys = ["upstream_connection_options", "tcp_keepalive"];
    let probes = keepalive(cluster, &keys, intake);
    let requests = "max_requests_per_connection";
    let entry = options
        .common(requests)
        .or_else(|| of(cluster, &[requests]));
    let none = defaults.number(&product, "cluster.max_requests_per_connection");
    let keepalive_requests = zero_is_off(intake.number(entry, none));
    let streams = options.http2(&["max_concurrent_streams"]);
    let mut side = ClientSide {
        reuses: match (&keepalive_requests, keepalive_requests.span()) {
            (Setting::Set(Sourced { value: 1, .. }), Some(at)) => Setting::set(false, at),
            _ => defaults.flag(&product, "cluster.reuse"),
        },
        keepalive_idle,
        keepalive_requests,
        max_lifetime,
        connect,
        probe_after: if probes.is_written() { probes } else { pings },
        max_streams: intake.number(streams, Setting::default()),
        outlier: outlier(cluster, intake),
        buffers_answers: defaults.flag(&product, "cluster.buffers"),
        buffers_requests: defaults.flag(&product, "cluster.buffers"),
        lookup_every: lookup_every(cluster, intake),
        ..ClientSide::default()
    };
    breaker(cluster, &mut side, intake);
    side
}

/// The options of a cluster that follows names, where they stand in an extension.
fn dns_cluster(cluster: View<'_>) -> Option<View<'_>> {
    let extension = below(cluster, &["cluster_type"])?;
    config(extension).filter(|it| type_of(*it) == "DnsCluster")
}

/// Time between two lookups of the names of a cluster.
fn lookup_every(cluster: View<'_>, intake: &mut Intake<'_>) -> Setting<Span> {
    let product = product();
    let defaults = intake.defaults;
    let holder = dns_cluster(cluster).unwrap_or(cluster);
    let by_answer = "respect_dns_ttl";
    let default = defaults.flag(&product, &format!("cluster.{by_answer}"));
    if let Setting::Set(Sourced { value: true, at }) =
        intake.flag(of(holder, &[by_answer]), default)
    {
        return Setting::Off(at);
    }
    let default = defaults.time(&product, "cluster.dns_refresh_rate");
    let entry = of(holder, &["dns_refresh_rate"]);
    intake.time(entry, Notation::Protobuf, default)
}

/// Time before the first TCP keep-alive probe. Where probes are on without a time, the kernel's is
/// in force.
pub(super) fn keepalive(holder: View<'_>, keys: &[&str], intake: &mut Intake<'_>) -> Setting<Span> {
    let Some((_, options)) = of(holder, keys) else {
        return intake.defaults.time(&product(), "tcp_keepalive");
    };
    let of_kernel = Setting::Unknown(Gap::new(
        "the time before the first keep-alive probe",
        "`keepalive_time`, or net.ipv4.tcp_keepalive_time of the host",
    ));
    let entry = of(options, &["keepalive_time"]);
    intake.time(entry, Notation::Seconds, of_kernel)
}

/// Bounds of the default priority.
fn breaker(cluster: View<'_>, side: &mut ClientSide, intake: &mut Intake<'_>) {
    let product = product();
    let defaults = intake.defaults;
    let thresholds = below(cluster, &["circuit_breakers"]);
    let thresholds = thresholds.map_or_else(Vec::new, |it| list(it, "thresholds"));
    let of_default = thresholds.into_iter().find(|it| {
        let priority = text_of(*it, &["priority"]);
        priority.is_none_or(|word| word == "DEFAULT")
    });
    let entry = |keys: &[&str]| of_default.and_then(|it| of(it, keys));
    let mut number = |key: &str| {
        let default = defaults.number(&product, &format!("circuit_breakers.{key}"));
        intake.number(entry(&[key]), default)
    };
    let connections = number("max_connections");
    let pending = number("max_pending_requests");
    let requests = number("max_requests");
    let retries = number("max_retries");
    side.pool = connections.clone();
    side.pool_queue = pending.clone();
    side.breaker = Breaker {
        at: of_default.map(View::at),
        connections,
        pending,
        requests,
        ..Breaker::default()
    };
    let has_budget = entry(&["retry_budget"]).is_some();
    let row = if has_budget {
        "retry_budget.budget_percent"
    } else {
        "retry_budget"
    };
    let default = defaults.number(&product, row);
    let percent = entry(&["retry_budget", "budget_percent", "value"]);
    side.retry = Retry {
        budget_percent: intake.number(percent, default),
        at_once: retries,
        ..Retry::default()
    };
}

/// Outlier detection; nothing of it is on where it is not written.
fn outlier(cluster: View<'_>, intake: &mut Intake<'_>) -> Outlier {
    let Some((at, view)) = of(cluster, &["outlier_detection"]) else {
        return Outlier::default();
    };
    known::keys(
        view,
        "an outlier_detection of Envoy",
        &known::OUTLIER,
        intake,
    );
    let product = product();
    let defaults = intake.defaults;
    let name = |key: &str| format!("outlier_detection.{key}");
    let mut time = |key: &str| {
        let default = defaults.time(&product, &name(key));
        intake.time(of(view, &[key]), Notation::Protobuf, default)
    };
    let (interval, ejection) = (time("interval"), time("base_ejection_time"));
    let mut number = |key: &str| {
        let default = defaults.number(&product, &name(key));
        intake.number(of(view, &[key]), default)
    };
    let (consecutive, max_percent) = (number("consecutive_5xx"), number("max_ejection_percent"));
    let one = "always_eject_one_host";
    let keeps_one_out = defaults.flag(&product, &name(one));
    let keeps_one_out = intake.flag(of(view, &[one]), keeps_one_out);
    let panic = ["common_lb_config", "healthy_panic_threshold", "value"];
    let default = defaults.number(&product, "healthy_panic_threshold");
    Outlier {
        at: Some(at),
        consecutive: zero_is_off(consecutive),
        interval,
        ejection,
        max_percent,
        keeps_one_out,
        panic_percent: intake.number(of(cluster, &panic), default),
    }
}

fn picking(cluster: View<'_>, intake: &mut Intake<'_>) -> Setting<Picking> {
    if below(cluster, &["load_balancing_policy"]).is_some() {
        return Setting::default();
    }
    let default = intake.defaults.word(&product(), "lb_policy");
    let default = default.map(|_| Picking::RoundRobin);
    let says = "ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH or MAGLEV";
    let entry = of(cluster, &["lb_policy"]).filter(|(_, word)| {
        let other = ["CLUSTER_PROVIDED", "LOAD_BALANCING_POLICY_CONFIG"];
        word.text().is_none_or(|word| !other.contains(&word))
    });
    intake.read_entry(entry, says, default, |word| {
        match word.to_ascii_uppercase().as_str() {
            "ROUND_ROBIN" => Some(Picking::RoundRobin),
            "LEAST_REQUEST" => Some(Picking::LeastRequests),
            "RANDOM" => Some(Picking::Random),
            "RING_HASH" | "MAGLEV" => Some(Picking::ConsistentHash),
            _ => None,
        }
    })
}

fn health_check(view: View<'_>, tls: Option<&TlsClient>, intake: &mut Intake<'_>) -> HealthCheck {
    known::keys(
        view,
        "a health check of Envoy",
        &known::HEALTH_CHECK,
        intake,
    );
    let mut time = |key: &str| {
        let entry = of(view, &[key]);
        if entry.is_none() {
            intake.malformed(view.at(), format!("a health check of Envoy has a `{key}`"));
        }
        intake.time(entry, Notation::Protobuf, Setting::default())
    };
    let (interval, timeout) = (time("interval"), time("timeout"));
    let mut number = |key: &str| intake.number(of(view, &[key]), Setting::default());
    let (fall, rise) = (number("unhealthy_threshold"), number("healthy_threshold"));
    let http = below(view, &["http_health_check"]);
    let kind = if let Some(http) = http {
        CheckKind::Http {
            path: text_of(http, &["path"]).unwrap_or_default().to_owned(),
            host: text_of(http, &["host"]).map(str::to_owned),
        }
    } else if below(view, &["grpc_health_check"]).is_some() {
        CheckKind::Grpc
    } else if below(view, &["custom_health_check"]).is_some() {
        CheckKind::Protocol
    } else {
        CheckKind::Connect
    };
    let ranges = http.map_or_else(Vec::new, |http| list(http, "expected_statuses"));
    let ranges = ranges.into_iter().filter_map(|range| {
        let first: u16 = text_of(range, &["start"])?.parse().ok()?;
        let behind: u16 = text_of(range, &["end"])?.parse().ok()?;
        Some((first, behind.saturating_sub(1)))
    });
    HealthCheck {
        at: view.at(),
        kind,
        elsewhere: None,
        interval,
        timeout,
        fall,
        rise,
        statuses: ranges.collect(),
        encrypts: match tls.and_then(|tls| tls.at) {
            Some(at) => Setting::set(true, at),
            None => intake.defaults.flag(&product(), "health_check.tls"),
        },
    }
}
