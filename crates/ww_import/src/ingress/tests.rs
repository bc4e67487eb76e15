//! Ingress objects and what they become.

use crate::Gathered;
use crate::fixture::{gathered, stand_in};
use proptest::prelude::*;
use ww_base::{Setting, Span};
use ww_model::service::{
    CheckKind, Methods, Picking, Program, Protocol, ReferenceKind, RetryOn, TlsVersion,
};

fn read(text: &str) -> Gathered {
    gathered(&[("ingress.yaml", text)])
}

/// The program of an Ingress with these annotations, behind other objects.
fn program(before: &str, class: &str, annotations: &str) -> Program {
    let text = format!(
        "{before}apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  \
         namespace: shop\n  annotations: {{{annotations}}}\nspec:\n  ingressClassName: {class}\n  \
         tls: [{{hosts: [a.example], secretName: s}}]\n  rules:\n  - host: a.example\n    http:\n      \
         paths:\n      - path: /api\n        backend: {{service: {{name: api, port: {{number: \
         80}}}}}}\n"
    );
    let gathered = read(&text);
    assert!(gathered.problems.is_empty(), "{:?}", gathered.problems);
    gathered.model.services.programs[0].clone()
}

#[test]
fn an_ingress_is_a_call_with_the_defaults_of_its_controller() {
    let program = program("", "nginx", "");
    assert_eq!(program.name, "ingress-nginx");
    assert_eq!(program.product.component, "ingress-nginx");
    assert_eq!(program.grace.value(), Some(&Span::from_secs(240)));
    let call = &program.calls[0];
    let side = &call.side;
    assert_eq!(side.connect.value(), Some(&Span::from_secs(5)));
    assert_eq!(side.first_byte.value(), Some(&Span::from_secs(60)));
    assert_eq!(side.keepalive_idle.value(), Some(&Span::from_secs(60)));
    assert_eq!(side.keepalive_connections.value(), Some(&320));
    assert_eq!(side.retry.attempts.value(), Some(&3));
    assert_eq!(side.retry.methods.value(), Some(&Methods::Idempotent));
    let on = [RetryOn::Connect, RetryOn::Reset, RetryOn::Timeout];
    assert_eq!(side.retry.on.value().unwrap(), &on);
    assert_eq!(side.on_stale, Methods::Idempotent);
    assert_eq!(side.buffers_answers.value(), Some(&false));
    assert!(side.retry.until.is_off() && call.tls.is_none());
    assert_eq!(call.matches.as_ref().unwrap().text, "a.example/api");
    assert_eq!(
        (call.to[0].host.as_str(), call.to[0].port),
        ("api.shop", Some(80))
    );
    assert_eq!(call.from, [0, 1]);
    let https = &program.listeners[1];
    assert_eq!(https.port, Some(443));
    assert_eq!(
        https.side.keepalive_idle.value(),
        Some(&Span::from_secs(75))
    );
    let versions = [TlsVersion::Tls12, TlsVersion::Tls13];
    assert_eq!(
        https.tls.as_ref().unwrap().versions.value().unwrap(),
        &versions
    );
}

#[test]
fn an_annotation_counts_before_the_config_map_and_that_before_the_default() {
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ingress-nginx-controller}\ndata: \
                  {proxy-read-timeout: '90', keep-alive: '30', proxy-connect-timeout: '9', \
                  limit-conn-zone-variable: $http_x_api_key, ssl-protocols: TLSv1.1}\n---\n";
    let program = program(
        config,
        "nginx",
        "nginx.ingress.kubernetes.io/proxy-connect-timeout: '2', \
         nginx.ingress.kubernetes.io/proxy-next-upstream: error http_502 non_idempotent, \
         nginx.ingress.kubernetes.io/limit-rps: '10', \
         nginx.ingress.kubernetes.io/proxy-next-upstream-timeout: '4'",
    );
    let limit = &program.rate_limits[0];
    assert_eq!(limit.counter.key.value().unwrap(), "$http_x_api_key");
    assert!(!limit.counter.is_peer_address);
    let side = &program.calls[0].side;
    assert_eq!(side.connect.value(), Some(&Span::from_secs(2)));
    assert_eq!(side.first_byte.value(), Some(&Span::from_secs(90)));
    assert_eq!(side.retry.methods.value(), Some(&Methods::All));
    assert!(
        side.retry
            .on
            .value()
            .unwrap()
            .contains(&RetryOn::Status(502))
    );
    assert_eq!(side.retry.until.value(), Some(&Span::from_secs(4)));
    let listener = &program.listeners[1];
    assert_eq!(
        listener.side.keepalive_idle.value(),
        Some(&Span::from_secs(30))
    );
    let versions = [TlsVersion::Tls11];
    assert_eq!(
        listener.tls.as_ref().unwrap().versions.value().unwrap(),
        &versions
    );
}

#[test]
fn backends_are_encrypted_picked_and_limited_as_annotations_say() {
    let program = program(
        "",
        "nginx",
        "nginx.ingress.kubernetes.io/backend-protocol: GRPCS, \
         nginx.ingress.kubernetes.io/upstream-hash-by: $request_uri, \
         nginx.ingress.kubernetes.io/limit-connections: '8', \
         nginx.ingress.kubernetes.io/limit-rps: '10'",
    );
    let call = &program.calls[0];
    assert_eq!(call.protocol, Protocol::Grpc);
    let tls = call.tls.as_ref().unwrap();
    assert_eq!(tls.verifies.value(), Some(&false));
    assert!(tls.sni.is_off());
    assert_eq!(call.picking.value(), Some(&Picking::ConsistentHash));
    let limit = &program.rate_limits[0];
    assert_eq!(limit.burst.value(), Some(&50));
    assert_eq!(limit.refused.value().unwrap().0, 503);
    assert_eq!(limit.counter.real_address.value(), Some(&false));
    assert_eq!(limit.counter.key.value().unwrap(), "$binary_remote_addr");
    assert!(limit.counter.is_peer_address);
    let bound = &program.concurrency_limits[0];
    assert_eq!(bound.at_once.value(), Some(&8));
    assert_eq!(bound.refused.value().unwrap().0, 503);
    assert!(bound.counter.is_peer_address);
}

#[test]
fn an_ingress_of_aws_is_a_load_balancer() {
    let program = program(
        "",
        "alb",
        "alb.ingress.kubernetes.io/load-balancer-attributes: 'a.b=c,idle_timeout.timeout_seconds=600', \
         alb.ingress.kubernetes.io/healthcheck-path: /health, \
         alb.ingress.kubernetes.io/healthcheck-interval-seconds: '15', \
         alb.ingress.kubernetes.io/success-codes: '200,301-302'",
    );
    assert_eq!(program.product.component, "aws-alb");
    assert_eq!(program.name, "shop/web");
    let call = &program.calls[0];
    assert_eq!(
        call.side.keepalive_idle.value(),
        Some(&Span::from_secs(600))
    );
    let idle = &program.listeners[0].side.keepalive_idle;
    assert_eq!(idle.value(), Some(&Span::from_secs(600)));
    let check = &call.checks[0];
    let kind = CheckKind::Http {
        path: "/health".to_owned(),
        host: None,
    };
    assert_eq!(check.kind, kind);
    assert_eq!(check.interval.value(), Some(&Span::from_secs(15)));
    assert_eq!(check.fall.value(), Some(&2));
    assert_eq!(check.rise.value(), Some(&2));
    assert_eq!(check.statuses, [(200, 200), (301, 302)]);
}

#[test]
fn of_a_controller_that_is_not_known_nothing_is_assumed() {
    let class = "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\n\
                 spec: {controller: nginx.org/ingress-controller}\n---\n";
    for (before, name) in [("", "traefik"), (class, "nginx")] {
        let program = program(before, name, "");
        assert_eq!(
            (program.name.as_str(), program.product.component.as_str()),
            (name, "")
        );
        assert!(program.calls[0].side.connect.is_unknown());
    }
}

#[test]
fn a_backend_that_no_service_has_leads_nowhere() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\nspec: \
                   {ports: [{port: 8080, name: http}]}\n---\n";
    let references = program(service, "nginx", "").references;
    let [reference] = references.as_slice() else {
        panic!("{references:?}");
    };
    assert_eq!(
        (reference.kind, reference.name.as_str()),
        (ReferenceKind::ServicePort, "80")
    );
    let other = service.replace("name: api,", "name: ipa,");
    let references = program(&other, "nginx", "").references;
    assert_eq!(references[0].kind, ReferenceKind::Service);
    assert_eq!(references[0].declared[0].0, "ipa");
}

#[test]
fn a_value_that_cannot_be_read_is_a_problem_and_not_a_default() {
    let read = read(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  annotations:\n    \
         nginx.ingress.kubernetes.io/proxy-read-timeout: soon\n    \
         nginx.ingress.kubernetes.io/proxy-raed-timeout: '9'\nspec:\n  defaultBackend: {service: \
         {name: api, port: {number: 80}}}\n",
    );
    assert_eq!(read.problems.len(), 2, "{:?}", read.problems);
    let side = &read.model.services.programs[0].calls[0].side;
    assert!(matches!(side.first_byte, Setting::Unknown(_)));
}

/// Pieces of objects, so that chance finds its way into them.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "apiVersion: networking.k8s.io/v1\n",
        "kind: Ingress\n",
        "kind: ConfigMap\n",
        "metadata: {name: ingress-nginx-controller, annotations: {nginx.ingress.kubernetes.io/limit-rps: x}}\n",
        "metadata: {name: a, annotations: {alb.ingress.kubernetes.io/load-balancer-attributes: 'a=b,idle_timeout.timeout_seconds=-1'}}\n",
        "data: {keep-alive: 'é'}\n",
        "spec:\n",
        "  ingressClassName: nginx\n",
        "  rules: [{host: a, http: {paths: [{path: /, backend: {service: {name: a}}}]}}]\n",
        "  defaultBackend: {serviceName: a, servicePort: 99999}\n",
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
