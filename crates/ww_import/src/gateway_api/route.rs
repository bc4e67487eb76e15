//! Routes: `HTTPRoute`, `GRPCRoute`, `TLSRoute`, `TCPRoute` and `UDPRoute`.

use super::{GROUP, Object, Parent, Route, RouteCall, full_name, gateway_name};
use crate::document::View;
use crate::service::written::{self, entry, list, zero_is_off};
use crate::service::{Intake, Named, Notation};
use ww_base::{Setting, SourceSpan, Span};
use ww_model::service::{
    Backoff, Call, ClientSide, Methods, Passive, Picking, Protocol, ReferenceKind, Retry, RetryOn,
    Target, WrittenMatch,
};

const KEYS: [&str; 5] = [
    "parentRefs",
    "hostnames",
    "rules",
    "useDefaultGateways",
    "hostname",
];
const RULE_KEYS: [&str; 7] = [
    "name",
    "matches",
    "filters",
    "backendRefs",
    "timeouts",
    "retry",
    "sessionPersistence",
];

pub(super) fn read(kind: &str, object: Object<'_>, path: &str, intake: &mut Intake<'_>) {
    intake.known_keys(object.spec, "a route", &KEYS);
    let protocol = match kind {
        "HTTPRoute" => Protocol::Http,
        "GRPCRoute" => Protocol::Grpc,
        "UDPRoute" => Protocol::Udp,
        _ => Protocol::Tcp,
    };
    let mut calls = Vec::new();
    for rule in list(object.spec, "rules") {
        intake.known_keys(rule, "a rule of a route", &RULE_KEYS);
        if rule.get("backendRefs").is_some() {
            calls.push(call(object, rule, protocol, intake));
        }
    }
    let parents = list(object.spec, "parentRefs").map(|view| parent(object, view));
    let route = Route {
        at: object.view.at(),
        path: path.to_owned(),
        namespace: object.namespace().unwrap_or("default").to_owned(),
        parents: parents.collect(),
        calls,
    };
    intake.gateways.routes.push(route);
}

fn parent(object: Object<'_>, view: View<'_>) -> Parent {
    let name = written::text(view, &["name"]).unwrap_or_default();
    let namespace = written::text(view, &["namespace"]).or(object.namespace());
    let group = written::text(view, &["group"]).unwrap_or(GROUP);
    let kind = written::text(view, &["kind"]).unwrap_or("Gateway");
    let is_gateway = group == GROUP && kind == "Gateway";
    Parent {
        at: view.at(),
        gateway: is_gateway.then(|| gateway_name(namespace, name)),
        service: (kind == "Service").then(|| name.to_owned()),
        full_name: full_name(namespace, name),
        section: written::text(view, &["sectionName"]).map(str::to_owned),
        port: written::port(view, &["port"]),
    }
}

/// The call of a rule; settings that are not written are left open, as the product decides them.
fn call(
    object: Object<'_>,
    rule: View<'_>,
    protocol: Protocol,
    intake: &mut Intake<'_>,
) -> RouteCall {
    let mut to = Vec::new();
    let mut services = Vec::new();
    for backend in list(rule, "backendRefs") {
        if written::text(backend, &["weight"]) != Some("0") {
            target(object, backend, &mut to, &mut services);
        }
    }
    let open = Setting::default;
    let request = intake.time(entry(rule, &["timeouts", "request"]), Notation::Go, open());
    let keys = ["timeouts", "backendRequest"];
    let per_try = intake.time(entry(rule, &keys), Notation::Go, Setting::default());
    let mut retry = retry(rule, intake);
    retry.per_try = zero_is_off(per_try);
    let side = ClientSide {
        total: zero_is_off(request),
        on_stale: match retry.on.value() {
            Some(on) if on.contains(&RetryOn::Reset) => Methods::All,
            _ => Methods::None,
        },
        retry,
        ..ClientSide::default()
    };
    RouteCall {
        call: Call {
            at: rule.at(),
            name: object.full_name(),
            matches: matches(object, rule),
            from: Vec::new(),
            to,
            protocol,
            streams: Setting::default(),
            side,
            picking: session(rule),
            checks: Vec::new(),
            passive: Passive::default(),
            tls: None,
        },
        services,
        has_retry: rule.get("retry").is_some(),
    }
}

/// A Service that is called; something of another kind is no target that could be followed.
fn target(
    object: Object<'_>,
    backend: View<'_>,
    to: &mut Vec<Target>,
    services: &mut Vec<(Named, SourceSpan)>,
) {
    let kind = written::text(backend, &["kind"]).unwrap_or("Service");
    let Some((at, name)) = backend.get_with_key("name") else {
        return;
    };
    if kind != "Service" {
        return;
    }
    let name = name.text().unwrap_or_default();
    let namespace = written::text(backend, &["namespace"]).or(object.namespace());
    let service = Named::object(ReferenceKind::Service, namespace, name);
    if let Some((at, port)) = backend.get_with_key("port") {
        let port = port.text().unwrap_or_default();
        let port = service.clone().part(ReferenceKind::ServicePort, port);
        services.push((port, at));
    }
    services.push((service, at));
    to.push(Target {
        at: backend.at(),
        host: format!("{name}.{}", namespace.unwrap_or("default")),
        port: written::port(backend, &["port"]),
        is_backup: false,
        resolves_again: Setting::default(),
        subset: None,
    });
}

/// The conditions of a rule: paths and methods where they decide, with the names that are served.
fn matches(object: Object<'_>, rule: View<'_>) -> Option<WrittenMatch> {
    let (at, conditions) = rule.get_with_key("matches").or_else(|| {
        let hosts = object.spec.get_with_key("hostnames");
        hosts.map(|(at, _)| (at, rule))
    })?;
    let words: Vec<String> = conditions.items().map(condition).collect();
    let hosts = written::texts(object.spec, "hostnames").join(", ");
    let text = match (hosts.is_empty(), words.is_empty()) {
        (true, _) => words.join(" or "),
        (false, true) => hosts,
        (false, false) => format!("{hosts}: {}", words.join(" or ")),
    };
    Some(WrittenMatch { at, text })
}

fn condition(view: View<'_>) -> String {
    let path = written::text(view, &["path", "value"]);
    let method = view.get("method").map(|method| {
        let part = |key| written::text(method, &[key]);
        let named = [part("service"), part("method")].into_iter().flatten();
        let named: Vec<&str> = named.collect();
        method.text().map_or_else(|| named.join("/"), str::to_owned)
    });
    let others = ["headers", "queryParams"];
    let others = others.into_iter().filter(|key| view.get(key).is_some());
    let words = path.map(str::to_owned).into_iter().chain(method);
    let words: Vec<String> = words.chain(others.map(str::to_owned)).collect();
    words.join(" ")
}

/// What is retried: with a `retry`, broken connections and the statuses that are written
/// (gateway-api GEP-1731).
fn retry(rule: View<'_>, intake: &mut Intake<'_>) -> Retry {
    let Some((at, view)) = rule.get_with_key("retry") else {
        return Retry::default();
    };
    let known = ["codes", "attempts", "backoff"];
    intake.known_keys(view, "retry of an HTTPRoute", &known);
    let codes = list(view, "codes").filter_map(|code| code.text()?.parse().ok());
    let broken = [
        RetryOn::Connect,
        RetryOn::Refused,
        RetryOn::Reset,
        RetryOn::Timeout,
    ];
    let on = broken.into_iter().chain(codes.map(RetryOn::Status));
    let on = Setting::set(on.collect(), at);
    let again = intake.number(entry(view, &["attempts"]), Setting::default());
    let first = intake.time(entry(view, &["backoff"]), Notation::Go, Setting::default());
    Retry {
        attempts: again.map(|count| count.saturating_add(1)),
        on,
        backoff: first.map(backoff),
        ..Retry::default()
    }
}

/// Pauses that are at least as long as written.
pub(super) fn backoff(first: Span) -> Backoff {
    Backoff {
        first,
        longest: first.times(10),
        factor: 2.0,
        jitter: true,
    }
}

/// A session stays with a target.
fn session(rule: View<'_>) -> Setting<Picking> {
    let Some((at, view)) = rule.get_with_key("sessionPersistence") else {
        return Setting::default();
    };
    let picking = match written::text(view, &["type"]) {
        Some("Header") => Picking::Hash,
        _ => Picking::Cookie,
    };
    Setting::set(picking, at)
}
