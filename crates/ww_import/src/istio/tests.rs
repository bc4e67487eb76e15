//! Objects of Istio and what they become.

use crate::Gathered;
use crate::fixture::{gathered, stand_in};
use proptest::prelude::*;
use ww_base::{Setting, Span};
use ww_model::service::{
    MeshPolicy, MeshRoute, MeshTls, Methods, Picking, Protocol, ReferenceKind, RetryOn, TlsVersion,
};

fn read(text: &str) -> Gathered {
    gathered(&[("mesh.yaml", text)])
}

/// A `VirtualService` of the namespace `shop` with this specification.
fn route(spec: &str) -> MeshRoute {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: web, namespace: shop}}\nspec: {spec}\n"
    );
    let gathered = read(&text);
    assert!(gathered.problems.is_empty(), "{:?}", gathered.problems);
    gathered.model.services.mesh.routes[0].clone()
}

/// The policies of a `DestinationRule`, and what its text says at a place.
fn policies(spec: &str) -> (Vec<MeshPolicy>, Vec<(String, String)>) {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
         metadata: {{name: web, namespace: shop}}\nspec:\n{spec}"
    );
    let gathered = read(&text);
    assert!(gathered.problems.is_empty(), "{:?}", gathered.problems);
    let mesh = gathered.model.services.mesh;
    let shadowed = mesh.shadowed.into_iter();
    let shadowed = shadowed.map(|it| {
        let place = text.get(it.at.start as usize..it.at.end as usize).unwrap();
        (it.setting, place.to_owned())
    });
    (mesh.policies, shadowed.collect())
}

#[test]
fn a_route_without_settings_has_istios_defaults() {
    let route = route("{hosts: [web], http: [{route: [{destination: {host: web}}]}]}");
    assert!(route.side.total.is_off());
    assert_eq!(route.side.retry.attempts.value(), Some(&3));
    let on = [
        RetryOn::Connect,
        RetryOn::Refused,
        RetryOn::Status(503),
        RetryOn::Grpc(1),
        RetryOn::Grpc(14),
    ];
    assert_eq!(route.side.retry.on.value().unwrap(), &on);
    assert_eq!(route.side.retry.methods.value(), Some(&Methods::All));
    assert_eq!(route.side.on_stale, Methods::None);
    assert_eq!(
        (route.name.as_str(), route.to[0].host.as_str()),
        ("shop/web", "web")
    );
    assert!(route.gateways.is_empty() && route.matches.is_none() && route.fault.is_none());
}

#[test]
fn a_route_has_the_timers_and_retries_that_are_written() {
    let route = route(
        "{hosts: [web], gateways: [mesh, gw], http: [{match: [{uri: {prefix: /api}}, {port: 80}], \
         timeout: 3s, retries: {attempts: 4, perTryTimeout: 500ms, retryOn: '5xx,429', backoff: 1s}, \
         fault: {delay: {fixedDelay: 7s}}, \
         route: [{destination: {host: web, subset: v1, port: {number: 8080}}, weight: 90}, \
         {destination: {host: old}, weight: 0}]}]}",
    );
    assert_eq!(route.side.total.value(), Some(&Span::from_secs(3)));
    let retry = &route.side.retry;
    assert_eq!(retry.attempts.value(), Some(&5));
    assert_eq!(retry.per_try.value(), Some(&Span::from_millis(500)));
    assert!(retry.on.value().unwrap().contains(&RetryOn::Status(429)));
    let backoff = retry.backoff.value().unwrap();
    assert_eq!(backoff.longest, Span::from_secs(10));
    assert_eq!(route.side.on_stale, Methods::All);
    assert_eq!(route.matches.unwrap().text, "/api or port 80");
    assert_eq!(route.gateways, ["gw", "mesh"]);
    assert!(route.fault.is_some());
    let target = &route.to[0];
    assert_eq!(
        (target.port, target.subset.as_deref()),
        (Some(8080), Some("v1"))
    );
    assert_eq!(route.to.len(), 1);
}

#[test]
fn retries_without_attempts_and_a_timeout_of_zero_switch_off() {
    let route = route(
        "{hosts: [web], http: [{timeout: 0s, retries: {}, route: [{destination: {host: web}}]}]}",
    );
    assert!(route.side.total.is_written() && route.side.total.is_off());
    assert_eq!(route.side.retry.attempts.value(), Some(&1));
    assert!(route.side.retry.attempts.is_written());
}

#[test]
fn routes_of_connections_have_no_timeout() {
    let route =
        route("{hosts: [db], tcp: [{match: [{port: 5432}], route: [{destination: {host: db}}]}]}");
    assert_eq!(route.protocol, Protocol::Tcp);
    assert!(route.side.total.is_off() && route.side.retry.attempts.is_off());
}

#[test]
fn a_policy_has_what_is_written_and_defaults() {
    let (policies, shadowed) = policies(
        "  host: web\n  trafficPolicy:\n    retryBudget: {}\n    connectionPool:\n      tcp: {maxConnections: 10, \
         connectTimeout: 2s, tcpKeepalive: {time: 60s}}\n      http: {idleTimeout: 30s, \
         maxRequestsPerConnection: 1}\n    outlierDetection: {consecutive5xxErrors: 7, \
         consecutiveGatewayErrors: 3}\n    loadBalancer: {simple: ROUND_ROBIN}\n    \
         tls: {mode: SIMPLE, sni: web.example}\n",
    );
    let [policy] = policies.as_slice() else {
        panic!("{policies:?}");
    };
    let side = &policy.side;
    assert_eq!(side.pool.value(), Some(&10));
    assert_eq!(side.connect.value(), Some(&Span::from_secs(2)));
    assert_eq!(side.probe_after.value(), Some(&Span::from_secs(60)));
    assert_eq!(side.keepalive_idle.value(), Some(&Span::from_secs(30)));
    assert_eq!(side.reuses.value(), Some(&false));
    assert_eq!(side.breaker.pending.value(), Some(&4_294_967_295));
    assert_eq!(side.retry.budget_percent.value(), Some(&20));
    assert_eq!(side.outlier.consecutive.value(), Some(&3));
    assert_eq!(side.outlier.ejection.value(), Some(&Span::from_secs(30)));
    assert_eq!(policy.picking.value(), Some(&Picking::RoundRobin));
    assert_eq!(policy.tls.value(), Some(&MeshTls::Simple));
    let client = policy.client.as_ref().unwrap();
    assert_eq!(client.sni.value().unwrap(), "web.example");
    assert!(client.verifies.is_unknown());
    assert!(shadowed.is_empty());
}

#[test]
fn a_port_takes_nothing_over_from_the_host() {
    let (policies, shadowed) = policies(
        "  host: web\n  trafficPolicy:\n    connectionPool: {tcp: {connectTimeout: 2s}, http: \
         {idleTimeout: 30s}}\n    outlierDetection: {interval: 5s}\n    portLevelSettings:\n    - \
         port: {number: 80}\n      connectionPool: {http: {idleTimeout: 4s}}\n",
    );
    let port = &policies[1];
    assert_eq!(port.port, Some(80));
    assert_eq!(port.side.keepalive_idle.value(), Some(&Span::from_secs(4)));
    assert_eq!(port.side.connect.value(), Some(&Span::from_secs(10)));
    assert!(port.side.outlier.at.is_none());
    let expected = [
        ("outlierDetection", "outlierDetection: {interval: 5s}"),
        ("connectionPool.tcp.connectTimeout", "connectTimeout: 2s"),
    ];
    let expected = expected.map(|(setting, place)| (setting.to_owned(), place.to_owned()));
    assert_eq!(shadowed, expected);
}

#[test]
fn a_subset_replaces_whole_groups_of_the_host() {
    let (policies, shadowed) = policies(
        "  host: web\n  trafficPolicy:\n    connectionPool: {tcp: {maxConnections: 5}}\n    \
         outlierDetection: {interval: 5s}\n    portLevelSettings: [{port: {number: 81}, tls: \
         {mode: DISABLE}}]\n  subsets:\n  - name: v1\n    labels: {version: v1}\n    \
         trafficPolicy: {connectionPool: {http: {maxRetries: 2}}}\n",
    );
    let subsets: Vec<&MeshPolicy> = policies.iter().filter(|it| it.subset.is_some()).collect();
    assert_eq!(subsets.len(), 2);
    let side = &subsets[0].side;
    assert_eq!(subsets[0].subset.as_ref().unwrap().labels[0].1, "v1");
    assert_eq!(side.pool.value(), Some(&4_294_967_295));
    assert_eq!(side.retry.at_once.value(), Some(&2));
    assert_eq!(side.outlier.interval.value(), Some(&Span::from_secs(5)));
    assert_eq!(subsets[1].port, Some(81));
    assert_eq!(subsets[1].tls.value(), Some(&MeshTls::Disable));
    assert!(
        shadowed
            .iter()
            .any(|(setting, _)| setting == "connectionPool.tcp.maxConnections")
    );
}

#[test]
fn a_gateway_is_a_program_with_listeners() {
    let read = read(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw}\nspec:\n  \
         selector: {istio: ingressgateway}\n  servers:\n  - port: {number: 443, name: https, \
         protocol: HTTPS}\n    hosts: [shop/web.example, '*']\n    tls: {mode: MUTUAL, \
         minProtocolVersion: TLSV1_1, cipherSuites: [AES128-SHA]}\n  - port: {number: 5432, name: \
         db, protocol: TCP}\n    hosts: ['*']\n",
    );
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    let program = &read.model.services.programs[0];
    assert_eq!(program.name, "default/gw");
    let [https, tcp] = program.listeners.as_slice() else {
        panic!("{program:?}");
    };
    assert_eq!(
        (https.port, https.hosts.as_slice()),
        (Some(443), ["web.example".to_owned()].as_slice())
    );
    assert_eq!(
        https.side.keepalive_idle.value(),
        Some(&Span::from_secs(3600))
    );
    let tls = https.tls.as_ref().unwrap();
    let versions = [TlsVersion::Tls11, TlsVersion::Tls12, TlsVersion::Tls13];
    assert_eq!(tls.versions.value().unwrap(), &versions);
    assert_eq!(tls.suites.value().unwrap(), &["AES128-SHA"]);
    assert_eq!(tls.demands_certificate.value(), Some(&true));
    assert_eq!((tcp.protocol, tcp.tls.is_none()), (Protocol::Tcp, true));
}

#[test]
fn hosts_outside_and_demands_of_peers_are_read() {
    let read = read(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e}\nspec: {hosts: \
         [api.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}\n---\n\
         apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p}\nspec: \
         {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {9090: {mode: DISABLE}}}\n",
    );
    let mesh = &read.model.services.mesh;
    assert_eq!(mesh.outside[0].ports, [(443, "TLS".to_owned())]);
    assert_eq!(mesh.peers[0].strict.value(), Some(&true));
    assert!(mesh.peers[0].ports[0].0 == 9090 && mesh.peers[0].ports[0].1.is_off());
    assert_eq!(
        mesh.peers[0].selector,
        [("app".to_owned(), "web".to_owned())]
    );
}

const NAMES: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n\
    spec: {ports: [{port: 80, name: http}]}\n---\n\
    apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d, namespace: shop}\n\
    spec: {host: web.shop.svc.cluster.local, subsets: [{name: v1}]}\n---\n\
    apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: shop}\n\
    spec: {servers: []}\n---\n";

/// The names that lead nowhere in a `VirtualService` beside one Service, subset and gateway.
fn lost(spec: &str) -> Vec<(ReferenceKind, String)> {
    let text = format!(
        "{NAMES}apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: web, namespace: shop}}\nspec: {spec}\n"
    );
    let references = read(&text).model.services.mesh.references.into_iter();
    references.map(|it| (it.kind, it.name)).collect()
}

#[test]
fn names_are_resolved_as_istio_does() {
    let of = |target: &str| {
        lost(&format!(
            "{{hosts: [x], http: [{{route: [{{destination: {target}}}]}}]}}"
        ))
    };
    assert!(of("{host: web, subset: v1, port: {number: 80}}").is_empty());
    assert!(of("{host: web.shop.svc.cluster.local}").is_empty());
    assert!(of("{host: web.other.svc.cluster.local}").is_empty());
    assert!(of("{host: api.example.com}").is_empty());
    let kind = ReferenceKind::Service;
    assert_eq!(of("{host: wbe}"), [(kind, "wbe".to_owned())]);
    let kind = ReferenceKind::Subset;
    assert_eq!(of("{host: web, subset: v2}"), [(kind, "v2".to_owned())]);
    let kind = ReferenceKind::ServicePort;
    assert_eq!(
        of("{host: web, port: {number: 81}}"),
        [(kind, "81".to_owned())]
    );
    let kind = ReferenceKind::Gateway;
    let gateways = lost("{hosts: [x], gateways: [mesh, gw, shop/gw, other/gw, wg]}");
    assert_eq!(gateways, [(kind, "wg".to_owned())]);
}

#[test]
fn a_host_whose_rule_has_no_subsets_has_none() {
    let object = |kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n---\n"
        )
    };
    let rule = object(
        "DestinationRule",
        "web",
        "{host: web, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}",
    );
    let route = |host: &str| {
        let spec = format!(
            "{{hosts: [x], http: [{{route: [{{destination: {{host: {host}, subset: v2}}}}]}}]}}"
        );
        let services = read(&(rule.clone() + &object("VirtualService", "x", &spec)))
            .model
            .services;
        let references = services.mesh.references;
        references
            .into_iter()
            .map(|one| (one.name, one.declared))
            .collect::<Vec<_>>()
    };
    assert_eq!(route("web"), [("v2".to_owned(), Vec::new())]);
    assert_eq!(route("db"), []);
}

#[test]
fn what_cannot_be_read_is_a_problem_and_not_a_default() {
    let read = read(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: \
         {hosts: [a], htpp: [], http: [{timeout: soon, retries: {attempts: '${N}'}, route: \
         [{destination: {host: a}}]}]}\n",
    );
    let messages: Vec<&str> = read.problems.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    let side = &read.model.services.mesh.routes[0].side;
    assert!(matches!(side.total, Setting::Unknown(_)));
    assert!(matches!(side.retry.attempts, Setting::Unknown(_)));
}

/// Pieces of objects, so that chance finds its way into them.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "apiVersion: networking.istio.io/v1\n",
        "kind: VirtualService\n",
        "kind: DestinationRule\n",
        "kind: Gateway\n",
        "kind: ServiceEntry\n",
        "metadata: {name: a}\n",
        "spec:\n",
        "  http:\n",
        "  - route:\n",
        "    - destination: {host: a, subset: b, port: {number: 80}}\n",
        "    timeout: 3s\n",
        "    retries: {attempts: -1}\n",
        "  hosts: [a]\n",
        "  host: a\n",
        "  trafficPolicy:\n",
        "    portLevelSettings: [{port: {number: 1}}]\n",
        "  subsets: [{name: b}]\n",
        "    outlierDetection: x\n",
        "  servers: [{port: {number: 99999}, tls: {mode: SIMPLE}}]\n",
        "---\n",
        "{",
        "]",
        "é",
    ];
    prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => ".{0,9}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_and_problems_stand_in_it(pieces in proptest::collection::vec(piece(), 0..30)) {
        let text = pieces.concat();
        stand_in(&read(&text).problems, &text);
    }
}
