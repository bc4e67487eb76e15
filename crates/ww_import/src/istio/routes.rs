//! `VirtualService`: where requests for a host go, for how long, and how often.

use super::{NETWORKING, Object, product};
use crate::document::View;
use crate::service::written::{self, Entry, entry, lacking, list, zero_is_off};
use crate::service::{Intake, Named, Notation, User, words};
use ww_base::{Order, Setting, Span};
use ww_model::service::{
    Backoff, ClientSide, MeshRoute, Methods, Product, Protocol, ReferenceKind, Retry, RetryOn,
    Target, WrittenMatch,
};

const KEYS: [&str; 6] = ["hosts", "gateways", "http", "tls", "tcp", "exportTo"];
const HTTP_KEYS: [&str; 19] = [
    "name",
    "match",
    "route",
    "redirect",
    "directResponse",
    "delegate",
    "rewrite",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirrors",
    "mirrorPercent",
    "mirrorPercentage",
    "corsPolicy",
    "headers",
    "websocketUpgrade",
    "appendHeaders",
    "removeResponseHeaders",
];
const RETRY_KEYS: [&str; 6] = [
    "attempts",
    "perTryTimeout",
    "retryOn",
    "retryRemoteLocalities",
    "retryIgnorePreviousHosts",
    "backoff",
];

/// The word for the calls inside the mesh among names of gateways.
const MESH: &str = "mesh";

pub(super) fn virtual_service(object: Object<'_>, intake: &mut Intake<'_>) {
    intake.known_keys(object.spec, "VirtualService", &KEYS);
    for gateway in list(object.spec, "gateways") {
        require_gateway(object, gateway, intake);
    }
    for route in list(object.spec, "http") {
        http(object, route, intake);
    }
    for key in ["tls", "tcp"] {
        for route in list(object.spec, key) {
            stream(object, route, intake);
        }
    }
}

fn require_gateway(object: Object<'_>, gateway: View<'_>, intake: &mut Intake<'_>) {
    let name = gateway.text().unwrap_or_default();
    if name == MESH || name.is_empty() || written::is_template(name) {
        return;
    }
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (object.namespace(), name),
    };
    let name = Named::object(ReferenceKind::Gateway, namespace, name).of_api(NETWORKING);
    intake.names.require(name, gateway.at(), User::Mesh);
}

/// A route of HTTP requests; one that answers itself or is delegated calls nobody.
fn http(object: Object<'_>, route: View<'_>, intake: &mut Intake<'_>) {
    intake.known_keys(route, "a VirtualService's HTTP route", &HTTP_KEYS);
    if route.get("route").is_none() {
        return;
    }
    let product = product();
    let none = intake.defaults.time(&product, "timeout");
    let timeout = intake.time(entry(route, &["timeout"]), Notation::Go, none);
    let retry = retry(route, &product, intake);
    let upgrade = intake.defaults.flag(&product, "websocketUpgrade");
    let side = ClientSide {
        total: zero_is_off(timeout),
        on_stale: words::on_stale(retry.on.value()),
        retry,
        passes_upgrade: intake.flag(entry(route, &["websocketUpgrade"]), upgrade),
        ..ClientSide::default()
    };
    let fault = entry(route, &["fault"]).map(|(at, _)| at);
    let route = MeshRoute {
        side,
        fault,
        ..bare(object, route, Protocol::Http, intake)
    };
    intake.services.mesh.routes.push(route);
}

/// A route of connections, by their address or the name that TLS asks for.
fn stream(object: Object<'_>, route: View<'_>, intake: &mut Intake<'_>) {
    intake.known_keys(route, "a VirtualService's TCP route", &["match", "route"]);
    let by = "a route of connections in Istio has no timeout and no retries";
    let side = ClientSide {
        total: lacking(by),
        retry: Retry {
            attempts: lacking(by),
            ..Retry::default()
        },
        ..ClientSide::default()
    };
    let route = MeshRoute {
        side,
        ..bare(object, route, Protocol::Tcp, intake)
    };
    intake.services.mesh.routes.push(route);
}

/// What every route has: hosts, gateways, conditions, destinations.
fn bare(
    object: Object<'_>,
    route: View<'_>,
    protocol: Protocol,
    intake: &mut Intake<'_>,
) -> MeshRoute {
    let mut to = Vec::new();
    for target in list(route, "route") {
        to.extend(destination(object, target, intake));
    }
    MeshRoute {
        at: route.at(),
        name: object.full_name(),
        namespace: object.home(),
        hosts: written::texts(object.spec, "hosts"),
        gateways: gateways(object, route),
        matches: conditions(route),
        to,
        protocol,
        side: ClientSide::default(),
        fault: None,
        is_exclusive: true,
    }
}

/// The gateways of the route's own conditions where all of them name some, or those of the object;
/// none where it is about calls inside the mesh only.
fn gateways(object: Object<'_>, route: View<'_>) -> Vec<String> {
    let own: Vec<Vec<String>> = list(route, "match")
        .map(|condition| written::texts(condition, "gateways"))
        .collect();
    let mut names = if own.is_empty() || own.iter().any(Vec::is_empty) {
        written::texts(object.spec, "gateways")
    } else {
        own.concat()
    };
    names.put_in_order();
    names.dedup();
    if names == [MESH] {
        names.clear();
    }
    names
}

/// The conditions in words: the path where it decides, or what else does.
fn conditions(route: View<'_>) -> Option<WrittenMatch> {
    let (_, all) = route.get_with_key("match")?;
    let words: Vec<String> = all.items().map(condition).collect();
    (!words.is_empty()).then(|| WrittenMatch {
        at: all.at(),
        text: words.join(" or "),
    })
}

fn condition(view: View<'_>) -> String {
    let path = view.get("uri").and_then(|uri| uri.entries().next());
    if let Some(path) = path.and_then(|(_, path)| path.text()) {
        return path.to_owned();
    }
    let words = view.entries().map(|(key, value)| {
        let inner: Vec<&str> = value.entries().map(|(key, _)| key).collect();
        match value.text() {
            Some(text) => format!("{key} {text}"),
            None if inner.is_empty() => key.to_owned(),
            None => format!("{key} {}", inner.join(", ")),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Where a share of the requests goes; none where that share is nothing.
fn destination(object: Object<'_>, route: View<'_>, intake: &mut Intake<'_>) -> Option<Target> {
    if written::text(route, &["weight"]) == Some("0") {
        return None;
    }
    let Some(target) = route.get("destination") else {
        intake.malformed(route.at(), "a route's destination is missing");
        return None;
    };
    let host = written::text(target, &["host"]).unwrap_or_default();
    let subset = written::text(target, &["subset"]);
    let port = written::port(target, &["port", "number"]);
    require(object, target, intake);
    let resolves_again = intake.defaults.flag(&product(), "destination.host");
    Some(Target {
        at: target.at(),
        host: host.to_owned(),
        port,
        is_backup: false,
        resolves_again,
        subset: subset.map(str::to_owned),
    })
}

/// Notes the names that a destination uses: host, subset and port.
fn require(object: Object<'_>, target: View<'_>, intake: &mut Intake<'_>) {
    let Some((host_at, host)) = target.get_with_key("host") else {
        return;
    };
    let Some(host) = object.host(host.text().unwrap_or_default()) else {
        return;
    };
    if let Some((at, subset)) = target.get_with_key("subset") {
        let subset = subset.text().unwrap_or_default();
        let name = host.clone().part(ReferenceKind::Subset, subset);
        intake.names.require(name, at, User::Mesh);
    }
    if let Some((at, number)) = entry(target, &["port", "number"]) {
        let number = number.text().unwrap_or_default();
        let name = host.clone().part(ReferenceKind::ServicePort, number);
        intake.names.require(name, at, User::Mesh);
    }
    intake.names.require(host, host_at, User::Mesh);
}

/// Retries of a route: what is written, or what Istio does where nothing is.
fn retry(route: View<'_>, product: &Product, intake: &mut Intake<'_>) -> Retry {
    let defaults = intake.defaults;
    let written = entry(route, &["retries"]);
    let view = written.map(|(_, view)| view);
    if let Some(view) = view {
        intake.known_keys(view, "retries of a VirtualService", &RETRY_KEYS);
    }
    let of = |key: &str| -> Entry<'_> { view.and_then(|view| view.get_with_key(key)) };
    let again = match (of("attempts"), written) {
        (None, Some((at, _))) => Setting::set(0, at),
        (attempts, _) => intake.number(attempts, defaults.number(product, "retries.attempts")),
    };
    let none = defaults.time(product, "retries.perTryTimeout");
    let per_try = intake.time(of("perTryTimeout"), Notation::Go, none);
    let first = defaults.time(product, "retries.backoff");
    let first = intake.time(of("backoff"), Notation::Go, first);
    let elsewhere = defaults.flag(product, "retries.retryIgnorePreviousHosts");
    Retry {
        attempts: again.map(|count| count.saturating_add(1)),
        on: conditions_of_retry(of("retryOn"), product, intake),
        methods: defaults
            .word(product, "retries.methods")
            .map(|_| Methods::All),
        per_try: zero_is_off(per_try),
        until: defaults.time(product, "retries.until"),
        backoff: first.map(backoff),
        budget_percent: defaults.number(product, "retryBudget"),
        at_once: Setting::default(),
        tries_each_address: lacking(
            "a mesh tries as often as the route says, however many addresses there are",
        ),
        elsewhere: intake.flag(of("retryIgnorePreviousHosts"), elsewhere),
        heeds_retry_after: defaults.flag(product, "retries.retryAfter"),
    }
}

/// Pauses between tries from the first one: Envoy doubles them, up to ten times the first, and
/// takes a random part.
fn backoff(first: Span) -> Backoff {
    Backoff {
        first,
        longest: first.times(10),
        factor: 2.0,
        jitter: true,
    }
}

fn conditions_of_retry(
    entry: Entry<'_>,
    product: &Product,
    intake: &mut Intake<'_>,
) -> Setting<Vec<RetryOn>> {
    let read = |text: &str| words::retry_on(text, &[503]).0;
    let default = || intake.defaults.word(product, "retries.retryOn");
    let Some((at, value)) = entry else {
        return default().map(|text| read(&text));
    };
    let text = value.text().unwrap_or_default();
    if text.is_empty() {
        return default().map(|text| read(&text));
    }
    let (on, unknown) = words::retry_on(text, &[503]);
    for word in unknown {
        intake.unsupported(at, format!("wirewise does not know `{word}` of retryOn"));
    }
    Setting::set(on, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::defaults;

    #[test]
    fn defaults_of_retries_have_rows() {
        let product = product();
        let on = defaults().word(&product, "retries.retryOn");
        let (on, unknown) = words::retry_on(on.value().unwrap(), &[503]);
        assert!(on.contains(&RetryOn::Status(503)) && unknown.is_empty());
    }
}
