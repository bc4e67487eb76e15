//! `DestinationRule`: pools, breakers, outlier detection and TLS of connections to a host.
//!
//! Which settings are in force: those of a subset take the place of the host's, group by group;
//! those of a port replace all groups, and what they leave out is the default (istio/api
//! 2026-08-22, `destination_rule.proto`, `TrafficPolicy`; pilot's `MergeSubsetTrafficPolicy`).

use super::{Object, product};
use crate::document::View;
use crate::service::written::{self, Entry, entry, list, zero_is_off};
use crate::service::{Intake, Named, Notation, User};
use ww_base::{Gap, Locus, Setting, SourceSpan, Sourced};
use ww_model::service::{
    self, Breaker, ClientSide, Layout, MeshPolicy, MeshTls, Outlier, Picking, ReferenceKind, Retry,
    Room, Shadowed, Subset, TlsClient,
};

const KEYS: [&str; 5] = [
    "host",
    "trafficPolicy",
    "subsets",
    "exportTo",
    "workloadSelector",
];
const POLICY_KEYS: [&str; 8] = [
    "loadBalancer",
    "connectionPool",
    "outlierDetection",
    "tls",
    "portLevelSettings",
    "tunnel",
    "proxyProtocol",
    "retryBudget",
];
const TCP_KEYS: [&str; 5] = [
    "maxConnections",
    "connectTimeout",
    "tcpKeepalive",
    "maxConnectionDuration",
    "idleTimeout",
];
const HTTP_KEYS: [&str; 8] = [
    "http1MaxPendingRequests",
    "http2MaxRequests",
    "maxRequestsPerConnection",
    "maxRetries",
    "idleTimeout",
    "h2UpgradePolicy",
    "useClientProtocol",
    "maxConcurrentStreams",
];
const OUTLIER_KEYS: [&str; 9] = [
    "splitExternalLocalOriginErrors",
    "consecutiveLocalOriginFailures",
    "consecutiveGatewayErrors",
    "consecutive5xxErrors",
    "consecutiveErrors",
    "interval",
    "baseEjectionTime",
    "maxEjectionPercent",
    "minHealthPercent",
];

/// Groups of settings that are replaced as wholes.
const GROUPS: [&str; 5] = [
    "connectionPool",
    "outlierDetection",
    "loadBalancer",
    "tls",
    "retryBudget",
];

/// What the object is as a place for further settings.
const ROOM: &str = "DestinationRule";

const OF_A_PORT: &str = "settings of a port take nothing over from those of the host";
const OF_A_SUBSET: &str = "a group of settings of a subset replaces the host's as a whole";

pub(super) fn destination_rule(object: Object<'_>, intake: &mut Intake<'_>) {
    intake.known_keys(object.spec, "a DestinationRule", &KEYS);
    let host_text = written::text(object.spec, &["host"]).unwrap_or_default();
    let host = object.host(host_text);
    if let (Some(host), Some((at, _))) = (&host, entry(object.spec, &["host"])) {
        intake.names.require(host.clone(), at, User::Mesh);
    }
    let rule = Rule {
        object,
        host: host_text,
    };
    let policy = object.spec.get("trafficPolicy");
    let of_host = Groups::of(policy, intake);
    let at = entry(object.spec, &["trafficPolicy"]).map_or(object.spec.at(), |(at, _)| at);
    rule.add(at, None, None, of_host, intake);
    let room = object.spec.room(ROOM, at);
    intake.services.rooms.extend(room);
    let ports = ports(policy);
    for (port, view) in &ports {
        let of_port = Groups::of(Some(*view), intake);
        of_host.shadowed_by_port(of_port, view.at(), intake);
        rule.add(view.at(), Some(*port), None, of_port, intake);
    }
    if list(object.spec, "subsets").next().is_none()
        && let Some(host) = wild_host(object, host_text)
    {
        // The host's subsets are in view, and there is none.
        let none = host.part(ReferenceKind::Subset, "");
        intake.names.declare(none, object.spec.at());
    }
    for subset in list(object.spec, "subsets") {
        rule.subset(subset, of_host, &ports, intake);
        let name = entry(subset, &["name"]);
        if let (Some((at, name)), Some(host)) = (name, wild_host(object, host_text)) {
            let part = name.text().unwrap_or_default();
            let name = host.part(ReferenceKind::Subset, part);
            intake.names.declare(name, at);
        }
    }
}

/// The host as a name; one with a wildcard stands for all that end so.
fn wild_host(object: Object<'_>, host: &str) -> Option<Named> {
    let wild = host.starts_with('*');
    let name = || Named::object(ReferenceKind::Service, None, host);
    object.host(host).or_else(|| wild.then(name))
}

/// The settings of single ports.
fn ports(policy: Option<View<'_>>) -> Vec<(u16, View<'_>)> {
    let settings = policy.into_iter();
    let settings = settings.flat_map(|policy| list(policy, "portLevelSettings"));
    settings
        .filter_map(|view| Some((written::port(view, &["port", "number"])?, view)))
        .collect()
}

/// A `DestinationRule` with its host.
#[derive(Clone, Copy)]
struct Rule<'t> {
    object: Object<'t>,
    host: &'t str,
}

impl Rule<'_> {
    fn subset(
        self,
        view: View<'_>,
        of_host: Groups<'_>,
        host_ports: &[(u16, View<'_>)],
        intake: &mut Intake<'_>,
    ) {
        let known = ["name", "labels", "trafficPolicy"];
        intake.known_keys(view, "a subset of a DestinationRule", &known);
        let labels = view.get("labels").into_iter();
        let labels = labels.flat_map(View::entries).filter_map(|(key, value)| {
            let value = value.text()?.to_owned();
            Some((key.to_owned(), value))
        });
        let subset = Subset {
            at: view.at(),
            name: written::text(view, &["name"])
                .unwrap_or_default()
                .to_owned(),
            labels: labels.collect(),
        };
        let policy = view.get("trafficPolicy");
        let own = Groups::of(policy, intake);
        let whole = own.or(of_host);
        own.shadow_beside(of_host, OF_A_SUBSET, intake);
        self.add(view.at(), None, Some(subset.clone()), whole, intake);
        let ports = ports(policy);
        for (port, view) in &ports {
            let of_port = Groups::of(Some(*view), intake);
            whole.shadowed_by_port(of_port, view.at(), intake);
            self.add(
                view.at(),
                Some(*port),
                Some(subset.clone()),
                of_port,
                intake,
            );
        }
        for (port, settings) in host_ports {
            if ports.iter().all(|(own, _)| own != port) {
                let groups = own.or(Groups::of(Some(*settings), intake));
                self.add(view.at(), Some(*port), Some(subset.clone()), groups, intake);
            }
        }
    }

    fn add(
        self,
        at: SourceSpan,
        port: Option<u16>,
        subset: Option<Subset>,
        groups: Groups<'_>,
        intake: &mut Intake<'_>,
    ) {
        if port.is_some() || subset.is_some() {
            intake.services.rooms.push(closed(at));
        }
        let policy = MeshPolicy {
            at,
            name: self.object.full_name(),
            namespace: self.object.home(),
            host: self.host.to_owned(),
            port,
            subset,
            side: side(groups, intake),
            picking: picking(groups.0[LOAD_BALANCER], intake),
            tls: mode(groups.0[TLS], intake),
            client: client(groups.0[TLS], intake),
        };
        intake.services.mesh.policies.push(policy);
    }
}

/// Settings of a port or a subset are no place for one more key: a group that is begun there takes
/// the host's own group out of force.
fn closed(at: SourceSpan) -> Room {
    Room {
        kind: ROOM.to_owned(),
        block: at,
        at,
        before: String::new(),
        after: String::new(),
        layout: Layout::Block,
        entries: vec![service::Entry {
            name: "trafficPolicy".to_owned(),
            room: None,
        }],
    }
}

const POOL: usize = 0;
const OUTLIER: usize = 1;
const LOAD_BALANCER: usize = 2;
const TLS: usize = 3;
const BUDGET: usize = 4;

/// What a policy writes, in the order of [`GROUPS`].
#[derive(Clone, Copy)]
struct Groups<'t>([Entry<'t>; 5]);

impl<'t> Groups<'t> {
    fn of(policy: Option<View<'t>>, intake: &mut Intake<'_>) -> Groups<'t> {
        let Some(policy) = policy else {
            return Groups([None; 5]);
        };
        let known = [POLICY_KEYS.as_slice(), &["port"]].concat();
        intake.known_keys(policy, "a trafficPolicy", &known);
        Groups(GROUPS.map(|group| policy.get_with_key(group)))
    }

    /// These groups, and the other's where one is not written.
    fn or(self, other: Groups<'t>) -> Groups<'t> {
        let mut groups = self.0;
        for (group, other) in groups.iter_mut().zip(other.0) {
            *group = group.or(other);
        }
        Groups(groups)
    }

    /// Notes what has no effect on a port because that has settings of its own.
    fn shadowed_by_port(self, of_port: Groups<'_>, by: SourceSpan, intake: &mut Intake<'_>) {
        for ((group, mine), own) in GROUPS.iter().zip(self.0).zip(of_port.0) {
            if let (Some((at, _)), None) = (mine, own) {
                intake.services.mesh.shadowed.push(Shadowed {
                    at,
                    setting: (*group).to_owned(),
                    by,
                    because: OF_A_PORT.to_owned(),
                });
            }
        }
        of_port.shadow_beside(self, OF_A_PORT, intake);
    }

    /// Notes the other's settings inside groups that both write, where they are missing here.
    fn shadow_beside(self, other: Groups<'_>, because: &str, intake: &mut Intake<'_>) {
        let pairs = GROUPS.iter().zip(self.0).zip(other.0);
        for ((group, own), other) in pairs.take(LOAD_BALANCER) {
            let (Some((by, own)), Some((_, other))) = (own, other) else {
                continue;
            };
            for (path, at) in leaves(other) {
                let keys: Vec<&str> = path.iter().map(String::as_str).collect();
                if entry(own, &keys).is_none() {
                    intake.services.mesh.shadowed.push(Shadowed {
                        at,
                        setting: format!("{group}.{}", path.join(".")),
                        by,
                        because: because.to_owned(),
                    });
                }
            }
        }
    }
}

/// Settings of a group: their keys one below the other, and where they stand.
fn leaves(group: View<'_>) -> Vec<(Vec<String>, SourceSpan)> {
    let mut found = Vec::new();
    for (key, value) in group.entries() {
        let inner = value.entries().filter(|_| matches!(key, "tcp" | "http"));
        let before = found.len();
        found.extend(inner.filter_map(|(inner, _)| {
            let (at, _) = value.get_with_key(inner)?;
            Some((vec![key.to_owned(), inner.to_owned()], at))
        }));
        if found.len() == before
            && let Some((at, _)) = group.get_with_key(key)
        {
            found.push((vec![key.to_owned()], at));
        }
    }
    found
}

/// Timers, pool, breaker and outlier detection.
fn side(groups: Groups<'_>, intake: &mut Intake<'_>) -> ClientSide {
    let product = product();
    let defaults = intake.defaults;
    let pool = groups.0[POOL].map(|(_, view)| view);
    let group = |key: &str| pool.and_then(|pool| pool.get(key));
    for (key, known) in [("tcp", TCP_KEYS.as_slice()), ("http", &HTTP_KEYS)] {
        if let Some(view) = group(key) {
            intake.known_keys(view, "a connectionPool", known);
        }
    }
    let of = |keys: &[&str]| pool.and_then(|pool| entry(pool, keys));
    let mut time = |keys: &[&str]| {
        let default = defaults.time(&product, &setting(keys));
        zero_is_off(intake.time(of(keys), Notation::Go, default))
    };
    let connect = time(&["tcp", "connectTimeout"]);
    let max_lifetime = time(&["tcp", "maxConnectionDuration"]);
    let stream_idle = time(&["tcp", "idleTimeout"]);
    let keepalive_idle = time(&["http", "idleTimeout"]);
    let none = defaults.time(&product, "connectionPool.tcp.tcpKeepalive");
    let probe_after = match of(&["tcp", "tcpKeepalive"]) {
        None => none,
        Some((_, view)) => {
            let unset = Setting::Unknown(Gap::new(
                "the time before the first keep-alive probe",
                "`time` in tcpKeepalive, or net.ipv4.tcp_keepalive_time of the node",
            ));
            intake.time(entry(view, &["time"]), Notation::Go, unset)
        }
    };
    let mut number = |keys: &[&str]| {
        let default = defaults.number(&product, &setting(keys));
        intake.number(of(keys), default)
    };
    let connections = number(&["tcp", "maxConnections"]);
    let pending = number(&["http", "http1MaxPendingRequests"]);
    let requests = number(&["http", "http2MaxRequests"]);
    let keepalive_requests = zero_is_off(number(&["http", "maxRequestsPerConnection"]));
    let max_streams = number(&["http", "maxConcurrentStreams"]);
    let at_once = number(&["http", "maxRetries"]);
    ClientSide {
        reuses: match (&keepalive_requests, keepalive_requests.span()) {
            (Setting::Set(Sourced { value: 1, .. }), Some(at)) => Setting::set(false, at),
            _ => defaults.flag(&product, "connectionPool.reuse"),
        },
        keepalive_idle,
        keepalive_requests,
        max_lifetime,
        pool: connections.clone(),
        pool_queue: pending.clone(),
        connect,
        stream_idle,
        probe_after,
        max_streams,
        retry: Retry {
            at_once,
            budget_percent: budget(groups.0[BUDGET], intake),
            ..Retry::default()
        },
        breaker: Breaker {
            at: groups.0[POOL].map(|(at, _)| at),
            connections,
            pending,
            requests,
            ..Breaker::default()
        },
        outlier: outlier(groups.0[OUTLIER], intake),
        ..ClientSide::default()
    }
}

/// Retries at once as a share of the requests; none where no budget is written.
fn budget(group: Entry<'_>, intake: &mut Intake<'_>) -> Setting<u64> {
    let Some((_, view)) = group else {
        return intake.defaults.number(&product(), "retryBudget");
    };
    let default = intake.defaults.number(&product(), "retryBudget.percent");
    intake.number(entry(view, &["percent"]), default)
}

/// The name of a setting of the pool in the default tables.
fn setting(keys: &[&str]) -> String {
    format!("connectionPool.{}", keys.join("."))
}

/// Outlier detection; nothing of it is on where it is not written.
fn outlier(group: Entry<'_>, intake: &mut Intake<'_>) -> Outlier {
    let Some((at, view)) = group else {
        return Outlier::default();
    };
    intake.known_keys(view, "an outlierDetection", &OUTLIER_KEYS);
    let product = product();
    let defaults = intake.defaults;
    let name = |key: &str| format!("outlierDetection.{key}");
    let mut time = |key: &str| {
        let default = defaults.time(&product, &name(key));
        intake.time(entry(view, &[key]), Notation::Go, default)
    };
    let (interval, ejection) = (time("interval"), time("baseEjectionTime"));
    let mut number = |key: &str, of: &str| {
        let default = defaults.number(&product, &name(of));
        intake.number(entry(view, &[key]), default)
    };
    let errors = "consecutive5xxErrors";
    let counted = [errors, "consecutiveGatewayErrors", "consecutiveErrors"];
    let counted = counted.map(|key| number(key, errors));
    Outlier {
        at: Some(at),
        consecutive: lowest(counted),
        interval,
        ejection,
        max_percent: number("maxEjectionPercent", "maxEjectionPercent"),
        keeps_one_out: defaults.flag(&product, "outlierDetection.alwaysEjectOneHost"),
        panic_percent: number("minHealthPercent", "minHealthPercent"),
    }
}

/// The count that is met first: the lowest of those that are written and not zero, which switches
/// one off; the first one where none is.
fn lowest(counts: [Setting<u64>; 3]) -> Setting<u64> {
    let [first, ..] = counts.clone();
    let written = counts.into_iter().filter(Setting::is_written);
    let lowest = written
        .filter(|count| count.value().is_some_and(|count| *count > 0))
        .min_by_key(|count| count.value().copied());
    lowest.unwrap_or_else(|| zero_is_off(first))
}

fn picking(group: Entry<'_>, intake: &mut Intake<'_>) -> Setting<Picking> {
    let default = || {
        let word = intake.defaults.word(&product(), "loadBalancer.simple");
        word.map(|_| Picking::LeastRequests)
    };
    let Some((at, view)) = group else {
        return default();
    };
    if let Some((at, hash)) = view.get_with_key("consistentHash") {
        let picking = if hash.get("httpCookie").is_some() {
            Picking::Cookie
        } else if hash.get("useSourceIp").is_some_and(View::is_true) {
            Picking::ClientAddress
        } else {
            Picking::ConsistentHash
        };
        return Setting::set(picking, at);
    }
    match written::text(view, &["simple"]) {
        Some("ROUND_ROBIN") => Setting::set(Picking::RoundRobin, at),
        Some("LEAST_REQUEST" | "LEAST_CONN") => Setting::set(Picking::LeastRequests, at),
        Some("RANDOM") => Setting::set(Picking::Random, at),
        Some("PASSTHROUGH") => Setting::Off(Locus::Text(at)),
        _ => default(),
    }
}

fn mode(group: Entry<'_>, intake: &mut Intake<'_>) -> Setting<MeshTls> {
    let Some((_, view)) = group else {
        return Setting::default();
    };
    let says = "DISABLE, SIMPLE, MUTUAL or ISTIO_MUTUAL";
    intake.read_entry(
        entry(view, &["mode"]),
        says,
        Setting::default(),
        |text| match text {
            "DISABLE" => Some(MeshTls::Disable),
            "SIMPLE" => Some(MeshTls::Simple),
            "MUTUAL" => Some(MeshTls::Mutual),
            "ISTIO_MUTUAL" => Some(MeshTls::IstioMutual),
            _ => None,
        },
    )
}

/// How the proxy encrypts with certificates that are not the mesh's.
fn client(group: Entry<'_>, intake: &mut Intake<'_>) -> Option<TlsClient> {
    let (at, view) = group?;
    let mode = written::text(view, &["mode"])?;
    if !matches!(mode, "SIMPLE" | "MUTUAL") {
        return None;
    }
    let of = |key: &str| entry(view, &[key]);
    let authority = of("caCertificates").or_else(|| of("credentialName"));
    let by_version = Setting::Unknown(Gap::new(
        "whether Istio verifies certificates when no caCertificates are named",
        "VERIFY_CERTIFICATE_AT_CLIENT of istiod",
    ));
    let verifies = match (
        intake.flag(of("insecureSkipVerify"), Setting::default()),
        authority,
    ) {
        (Setting::Set(Sourced { value: true, at }), _) => {
            Setting::Set(Sourced { value: false, at })
        }
        (_, Some((at, _))) => Setting::set(true, at),
        _ => by_version,
    };
    let sni = of("sni").map(|(at, name)| Setting::set(name.text().unwrap_or("").to_owned(), at));
    Some(TlsClient {
        at: Some(at),
        verifies,
        checks_name: of("subjectAltNames")
            .map_or_else(Setting::default, |(at, _)| Setting::set(true, at)),
        sni: sni.unwrap_or_default(),
        shows_certificate: Setting::set(mode == "MUTUAL", at),
        versions: Setting::default(),
    })
}
