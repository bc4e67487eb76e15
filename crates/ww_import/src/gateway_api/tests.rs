//! Objects of the Gateway API and what they become.

use crate::Gathered;
use crate::fixture::{gathered, stand_in};
use proptest::prelude::*;
use ww_base::Span;
use ww_model::service::{Methods, Picking, Protocol, ReferenceKind, RetryOn};

fn read(text: &str) -> Gathered {
    gathered(&[("gateway.yaml", text)])
}

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, \
    namespace: edge}\nspec:\n  gatewayClassName: CLASS\n  listeners:\n  - {name: http, port: 80, \
    protocol: HTTP}\n  - {name: https, hostname: a.example, port: 443, protocol: HTTPS, tls: \
    {certificateRefs: [{name: c}]}}\n---\n";

/// An `HTTPRoute` with a rule, attached to the gateway.
fn route(rule: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r, namespace: \
         shop}}\nspec:\n  parentRefs: [{{name: gw, namespace: edge, sectionName: https}}]\n  \
         hostnames: [a.example]\n  rules:\n  - {rule}\n---\n"
    )
}

const RULE: &str = "{matches: [{path: {value: /api}}], timeouts: {request: 10s, backendRequest: 2s}, \
    retry: {codes: [503], attempts: 3, backoff: 100ms}, sessionPersistence: {type: Cookie}, \
    backendRefs: [{name: api, port: 8080}, {name: old, port: 1, weight: 0}]}";

#[test]
fn a_route_is_a_call_of_its_gateway_whatever_comes_first() {
    let texts = [
        format!("{GATEWAY}{}", route(RULE)),
        format!("{}{GATEWAY}", route(RULE)),
    ];
    for text in texts {
        let read = read(&text.replace("CLASS", "eg"));
        assert!(read.problems.is_empty(), "{:?}", read.problems);
        let [program] = read.model.services.programs.as_slice() else {
            panic!("{:?}", read.model.services.programs);
        };
        assert_eq!(
            (program.name.as_str(), program.product.component.as_str()),
            ("edge/gw", "")
        );
        let call = &program.calls[0];
        assert_eq!(call.from, [1]);
        assert_eq!(call.matches.as_ref().unwrap().text, "a.example: /api");
        assert_eq!((call.to.len(), call.to[0].host.as_str()), (1, "api.shop"));
        assert_eq!(call.side.total.value(), Some(&Span::from_secs(10)));
        let retry = &call.side.retry;
        assert_eq!(retry.per_try.value(), Some(&Span::from_secs(2)));
        assert_eq!(retry.attempts.value(), Some(&4));
        assert!(retry.on.value().unwrap().contains(&RetryOn::Status(503)));
        assert_eq!(call.side.on_stale, Methods::All);
        assert_eq!(call.picking.value(), Some(&Picking::Cookie));
        assert!(call.side.connect.is_unknown());
        assert!(program.listeners[1].tls.is_some());
    }
}

#[test]
fn the_class_says_which_products_defaults_hold() {
    let class = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: eg}\n\
                 spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}\n---\n";
    let rule = route("{backendRefs: [{name: api, port: 80}]}");
    let side = |class_name: &str| {
        let text = format!("{class}{GATEWAY}{rule}").replace("CLASS", class_name);
        read(&text).model.services.programs[0].calls[0].side.clone()
    };
    let envoy = side("eg");
    assert_eq!(envoy.total.value(), Some(&Span::from_secs(15)));
    assert_eq!(envoy.retry.attempts.value(), Some(&1));
    assert_eq!(envoy.connect.value(), Some(&Span::from_secs(10)));
    let istio = side("istio");
    assert!(istio.total.is_off());
    assert_eq!(istio.retry.attempts.value(), Some(&3));
}

#[test]
fn routes_of_other_protocols_are_read() {
    let text = "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: g}\nspec: \
                {parentRefs: [{name: gw}], rules: [{matches: [{method: {service: shop.Cart, method: \
                Add}}], backendRefs: [{name: cart, port: 1}]}]}\n---\n\
                apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute\nmetadata: {name: t}\n\
                spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: db, port: 5432}]}]}\n";
    let read = read(text);
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    let [program] = read.model.services.programs.as_slice() else {
        panic!("one gateway that is not in the files");
    };
    assert_eq!(program.name, "default/gw");
    let [grpc, tcp] = program.calls.as_slice() else {
        panic!("{program:?}");
    };
    assert_eq!(grpc.matches.as_ref().unwrap().text, "shop.Cart/Add");
    assert_eq!(
        (grpc.protocol, tcp.protocol),
        (Protocol::Grpc, Protocol::Tcp)
    );
    assert!(program.references.is_empty());
}

#[test]
fn a_route_for_a_service_is_one_of_the_mesh() {
    let rule = route("{timeouts: {request: 3s}, backendRefs: [{name: api, port: 80}]}");
    let parent = "{name: api, kind: Service, group: ''}";
    let text = rule.replace("{name: gw, namespace: edge, sectionName: https}", parent);
    let services = read(&text).model.services;
    assert!(services.programs.is_empty());
    let route = &services.mesh.routes[0];
    assert_eq!(
        (route.hosts.as_slice(), route.namespace.as_str()),
        (["api".to_owned()].as_slice(), "shop")
    );
    assert_eq!(route.side.total.value(), Some(&Span::from_secs(3)));
}

#[test]
fn policies_encrypt_calls_to_their_service() {
    let policy = "apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: \
                  p, namespace: shop}\nspec: {targetRefs: [{group: '', kind: Service, name: api}], \
                  validation: {hostname: api.internal, wellKnownCACertificates: System}}\n---\n";
    let read = read(&format!("{}{policy}{GATEWAY}", route(RULE)));
    let tls = read.model.services.programs[0].calls[0]
        .tls
        .clone()
        .unwrap();
    assert_eq!(tls.verifies.value(), Some(&true));
    assert_eq!(tls.sni.value().unwrap(), "api.internal");
}

#[test]
fn names_that_lead_nowhere_are_references() {
    let other = GATEWAY.replace("name: gw,", "name: wg,");
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\nspec: \
                   {ports: [{port: 80}]}\n---\n";
    let read = read(&format!("{other}{service}{}", route(RULE)));
    let programs = &read.model.services.programs;
    let lost: Vec<(ReferenceKind, &str)> = programs
        .iter()
        .flat_map(|program| &program.references)
        .map(|reference| (reference.kind, reference.name.as_str()))
        .collect();
    let expected = [
        (ReferenceKind::Gateway, "gw"),
        (ReferenceKind::ServicePort, "8080"),
    ];
    assert_eq!(lost, expected);
}

/// Pieces of objects, so that chance finds its way into them.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "apiVersion: gateway.networking.k8s.io/v1\n",
        "kind: Gateway\n",
        "kind: HTTPRoute\n",
        "kind: BackendTLSPolicy\n",
        "metadata: {name: gw}\n",
        "spec:\n",
        "  listeners: [{name: a, port: 99999}]\n",
        "  parentRefs: [{name: gw, sectionName: a}]\n",
        "  rules: [{backendRefs: [{name: a, port: b}], timeouts: {request: é}, retry: {attempts: -1}}]\n",
        "  targetRefs: [{kind: Service, name: a}]\n",
        "---\n",
        "{",
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
