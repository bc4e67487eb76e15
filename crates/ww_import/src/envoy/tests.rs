//! Files of Envoy and what they become.

use crate::fixture::{gathered as read, stand_in};
use crate::{Format, recognise};
use proptest::prelude::*;
use ww_base::{Setting, SourceSpan, Span};
use ww_model::service::{
    CheckKind, Listener, Methods, Picking, Program, Protocol, RetryOn, TlsVersion,
};

/// The program of a bootstrap with a route, the manager's other fields, and a cluster.
fn bootstrap(manager: &str, route: &str, cluster: &str) -> String {
    format!(
        "static_resources:\n  listeners:\n  - address: {{socket_address: {{address: 0.0.0.0, \
         port_value: 8080}}}}\n    filter_chains:\n    - filters:\n      - name: http\n        \
         typed_config:\n          \"@type\": type.googleapis.com/envoy.extensions.filters.network.\
         http_connection_manager.v3.HttpConnectionManager\n          stat_prefix: x\n{manager}          \
         route_config:\n            virtual_hosts:\n            - name: v\n              domains: \
         ['*']\n              routes:\n              - {route}\n  clusters:\n  - name: api\n    \
         type: STRICT_DNS\n{cluster}    load_assignment: {{cluster_name: api, endpoints: \
         [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: api, port_value: \
         9000}}}}}}}}]}}]}}\n"
    )
}

const ROUTE: &str = "{match: {prefix: /api}, route: {cluster: api}}";

fn program(text: &str) -> Program {
    let gathered = read(&[("proxy/envoy.yaml", text)]);
    assert!(gathered.problems.is_empty(), "{:?}", gathered.problems);
    gathered.model.services.programs[0].clone()
}

fn said(text: &str, at: Option<SourceSpan>) -> &str {
    let at = at.unwrap();
    text.get(at.start as usize..at.end as usize).unwrap()
}

#[test]
fn a_route_without_settings_has_envoys_defaults() {
    let program = program(&bootstrap("", ROUTE, ""));
    let listener = &program.listeners[0];
    assert_eq!(
        (listener.port, listener.protocol),
        (Some(8080), Protocol::Http)
    );
    let side = &listener.side;
    assert_eq!(side.keepalive_idle.value(), Some(&Span::from_secs(3600)));
    assert_eq!(side.stream_idle.value(), Some(&Span::from_secs(300)));
    assert!(side.header.is_off() && side.request.is_off() && side.total.is_off());
    let call = &program.calls[0];
    assert_eq!(
        (call.name.as_str(), call.from.as_slice()),
        ("api", [0].as_slice())
    );
    assert_eq!(call.matches.as_ref().unwrap().text, "/api");
    assert_eq!(
        (call.to[0].host.as_str(), call.to[0].port),
        ("api", Some(9000))
    );
    assert_eq!(call.to[0].resolves_again.value(), Some(&true));
    let side = &call.side;
    assert_eq!(side.total.value(), Some(&Span::from_secs(15)));
    assert_eq!(side.stream_idle.value(), Some(&Span::from_secs(300)));
    assert_eq!(side.connect.value(), Some(&Span::from_secs(5)));
    assert_eq!(side.keepalive_idle.value(), Some(&Span::from_secs(3600)));
    assert_eq!(side.retry.attempts.value(), Some(&1));
    assert_eq!(side.retry.at_once.value(), Some(&3));
    assert_eq!(side.pool.value(), Some(&1024));
    assert_eq!(side.passes_upgrade.value(), Some(&false));
    assert!(side.outlier.at.is_none() && call.tls.is_none() && call.checks.is_empty());
    assert_eq!(call.picking.value(), Some(&Picking::RoundRobin));
}

#[test]
fn a_route_has_the_timers_and_retries_that_are_written() {
    let text = bootstrap(
        "          stream_idle_timeout: 60s\n          request_timeout: 9s\n          \
         commonHttpProtocolOptions: {idleTimeout: 90s}\n          http2_protocol_options: \
         {max_concurrent_streams: 100}\n",
        "{match: {path: /ws}, route: {cluster: api, timeout: 0s, upgrade_configs: [{upgrade_type: \
         websocket}], retry_policy: {retry_on: '5xx,retriable-status-codes', retriable_status_codes: \
         [429], num_retries: 3, per_try_timeout: 0.5s, retry_back_off: {base_interval: 1s, \
         max_interval: 4s}}}}",
        "",
    );
    let program = program(&text);
    let side = &program.listeners[0].side;
    assert_eq!(side.keepalive_idle.value(), Some(&Span::from_secs(90)));
    assert_eq!(said(&text, side.request.span()), "request_timeout: 9s");
    assert_eq!(side.max_streams.value(), Some(&100));
    let call = &program.calls[0];
    assert!(call.side.total.is_off());
    assert_eq!(said(&text, call.side.total.span()), "timeout: 0s");
    assert_eq!(call.side.stream_idle.value(), Some(&Span::from_secs(60)));
    assert_eq!(call.streams.value(), Some(&true));
    assert_eq!(call.side.passes_upgrade.value(), Some(&true));
    let retry = &call.side.retry;
    assert_eq!(retry.attempts.value(), Some(&4));
    assert_eq!(retry.per_try.value(), Some(&Span::from_millis(500)));
    let on = retry.on.value().unwrap();
    assert!(on.contains(&RetryOn::Status(429)) && on.contains(&RetryOn::ServerError));
    assert_eq!(retry.backoff.value().unwrap().longest, Span::from_secs(4));
    assert_eq!(call.side.on_stale, Methods::All);
}

#[test]
fn a_cluster_has_its_pool_checks_and_breaker() {
    let program = program(&bootstrap(
        "",
        ROUTE,
        "    connect_timeout: 0.25s\n    lb_policy: LEAST_REQUEST\n    typed_extension_protocol_options:\n      \
         envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n        \"@type\": \
         type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n        \
         common_http_protocol_options: {idle_timeout: 30s, max_requests_per_connection: 1}\n        \
         explicit_http_config: {http2_protocol_options: {connection_keepalive: {interval: 20s, timeout: \
         2s}}}\n    circuit_breakers: {thresholds: [{priority: HIGH, max_connections: 1}, \
         {max_connections: 7, retry_budget: {budget_percent: {value: 25.0}}}]}\n    \
         outlier_detection: {consecutive_5xx: 3}\n    health_checks: [{timeout: 1s, interval: 5s, \
         unhealthy_threshold: 2, healthy_threshold: 1, http_health_check: {path: /ok, \
         expected_statuses: [{start: 200, end: 300}]}}]\n",
    ));
    let call = &program.calls[0];
    let side = &call.side;
    assert_eq!(call.protocol, Protocol::Http2);
    assert_eq!(side.connect.value(), Some(&Span::from_millis(250)));
    assert_eq!(side.keepalive_idle.value(), Some(&Span::from_secs(30)));
    assert_eq!(side.probe_after.value(), Some(&Span::from_secs(20)));
    assert_eq!(side.reuses.value(), Some(&false));
    assert_eq!(side.breaker.connections.value(), Some(&7));
    assert_eq!(side.breaker.requests.value(), Some(&1024));
    assert_eq!(side.retry.budget_percent.value(), Some(&25));
    assert_eq!(side.outlier.consecutive.value(), Some(&3));
    assert_eq!(side.outlier.panic_percent.value(), Some(&50));
    assert_eq!(call.picking.value(), Some(&Picking::LeastRequests));
    let check = &call.checks[0];
    assert!(matches!(&check.kind, CheckKind::Http { path, .. } if path == "/ok"));
    assert_eq!(check.interval.value(), Some(&Span::from_secs(5)));
    assert_eq!(
        (check.fall.value(), check.statuses.as_slice()),
        (Some(&2), [(200, 299)].as_slice())
    );
}

#[test]
fn tls_of_a_cluster_verifies_only_with_an_authority() {
    let tls = |context: &str| {
        let cluster = format!(
            "    transport_socket:\n      name: tls\n      typed_config:\n        \"@type\": \
             type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n{context}"
        );
        program(&bootstrap("", ROUTE, &cluster)).calls[0]
            .tls
            .clone()
            .unwrap()
    };
    let bare = tls("");
    assert_eq!(bare.versions.value().unwrap(), &[TlsVersion::Tls12]);
    assert_eq!(bare.verifies.value(), Some(&false));
    assert!(bare.sni.is_off());
    let options = "    upstream_http_protocol_options: {auto_sni: true}\n";
    let cluster = format!(
        "{options}    transport_socket:\n      name: tls\n      typed_config: {{\"@type\": \
         type.googleapis.com/a.UpstreamTlsContext}}\n"
    );
    let call = program(&bootstrap("", ROUTE, &cluster)).calls[0].clone();
    assert!(call.tls.unwrap().sni.is_unknown());
    let whole = tls(
        "        sni: api.internal\n        common_tls_context: {tls_params: \
         {tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3}, validation_context: {trusted_ca: {filename: ca.pem}, \
         match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: api}}]}}\n",
    );
    assert_eq!(
        (whole.verifies.value(), whole.checks_name.value()),
        (Some(&true), Some(&true))
    );
    assert_eq!(whole.sni.value().unwrap(), "api.internal");
    assert_eq!(whole.versions.value().unwrap(), &[TlsVersion::Tls13]);
}

#[test]
fn certificate_files_of_listeners_are_read() {
    let socket = "    - transport_socket:\n        name: tls\n        typed_config: {\"@type\": \
         type.googleapis.com/a.DownstreamTlsContext, common_tls_context: {tls_certificates: \
         [{certificate_chain: {filename: /etc/a.pem}, private_key: {filename: /etc/a.key}}, \
         {certificate_chain: {inline_string: x}}]}}\n      filters:";
    let text = bootstrap("", ROUTE, "").replace("    - filters:", socket);
    let tls = program(&text).listeners[0].tls.clone().unwrap();
    let [file] = &tls.certificates[..] else {
        panic!("{tls:?}");
    };
    assert_eq!(file.path, "/etc/a.pem");
    assert!(said(&text, Some(file.at)).contains("filename"));
}

#[test]
fn answers_of_its_own_rate_limits_and_lost_clusters_are_noted() {
    let text = bootstrap(
        "          http_filters:\n          - name: limit\n            typed_config:\n              \
         \"@type\": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit\n              \
         token_bucket: {max_tokens: 10, tokens_per_fill: 5, fill_interval: 2s}\n              \
         filter_enabled: {default_value: {numerator: 100}}\n              \
         filter_enforced: {default_value: {numerator: 100}}\n",
        "{match: {path: /ok}, direct_response: {status: 200}}\n              - {match: {prefix: /}, \
         route: {weighted_clusters: {clusters: [{name: api, weight: 1}, {name: lost, weight: 1}, \
         {name: none, weight: 0}]}}}",
        "",
    );
    let program = program(&text);
    let listener: &Listener = &program.listeners[0];
    assert_eq!(listener.own_answers[0].0, "/ok");
    let limit = &program.rate_limits[0];
    assert_eq!(limit.per_second.value(), Some(&2.5));
    assert_eq!(
        (limit.burst.value(), limit.refused.value().unwrap().0),
        (Some(&10), 429)
    );
    let [reference] = program.references.as_slice() else {
        panic!("{:?}", program.references);
    };
    assert_eq!(reference.name, "lost");
    assert_eq!(said(&text, Some(reference.at)), "name: lost");
    assert_eq!(reference.declared[0].0, "api");
}

#[test]
fn names_are_looked_up_as_often_as_is_written() {
    let every = |options: &str| {
        let program = program(&bootstrap("", ROUTE, options));
        let call = program.calls[0].clone();
        assert_eq!(call.to[0].resolves_again.value(), Some(&true));
        call.side.lookup_every
    };
    let default = every("");
    assert_eq!(default.value(), Some(&Span::from_secs(5)));
    assert!(!default.is_written());
    let rate = "    dns_refresh_rate: 300s\n";
    assert_eq!(every(rate).value(), Some(&Span::from_secs(300)));
    let by_answer = format!("{rate}    respect_dns_ttl: true\n");
    assert!(every(&by_answer).is_off());
}

#[test]
fn a_cluster_of_the_extension_for_names_looks_them_up() {
    let text = "static_resources:\n  listeners:\n  - address: {socket_address: {address: '::', port_value: \
                80}}\n    filter_chains:\n    - filters:\n      - name: t\n        typed_config: \
                {\"@type\": type.googleapis.com/a.TcpProxy, cluster: api}\n  clusters:\n  - name: api\n    \
                cluster_type:\n      name: envoy.clusters.dns\n      typed_config: {\"@type\": \
                type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster, dns_refresh_rate: 120s}\n    \
                load_assignment: {endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: \
                {address: api.example.com, port_value: 80}}}}]}]}\n";
    let call = &program(text).calls[0];
    assert_eq!(call.to[0].resolves_again.value(), Some(&true));
    assert_eq!(call.side.lookup_every.value(), Some(&Span::from_secs(120)));
}

#[test]
fn connections_of_tcp_are_passed_on() {
    let text = "static_resources:\n  listeners:\n  - address: {socket_address: {address: '::', port_value: \
                5432}}\n    filter_chains:\n    - filters:\n      - name: p\n        typed_config: \
                {\"@type\": type.googleapis.com/a.PostgresProxy, stat_prefix: p}\n      - name: t\n        \
                typed_config: {\"@type\": type.googleapis.com/a.TcpProxy, cluster: db, idle_timeout: \
                0s}\n  clusters:\n  - {name: db, type: STATIC, hosts: [{socket_address: {address: \
                10.0.0.1, port_value: 5432}}]}\n";
    let program = program(text);
    let call = &program.calls[0];
    assert_eq!(call.protocol, Protocol::Postgres);
    assert!(call.side.stream_idle.is_off() && program.listeners[0].side.stream_idle.is_off());
    assert_eq!(call.to[0].host, "10.0.0.1");
}

#[test]
fn resources_belong_to_the_bootstrap_that_reads_them() {
    let bootstrap = "dynamic_resources:\n  cds_config: {path: /var/lib/envoy/cds.yaml}\n  lds_config: \
                     {path_config_source: {path: /var/lib/envoy/lds.yaml}}\n";
    let clusters = "resources:\n- \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\n  name: \
                    web\n  type: STRICT_DNS\n  load_assignment: {endpoints: [{lb_endpoints: [{endpoint: \
                    {address: {socket_address: {address: web, port_value: 1}}}}]}]}\n";
    let listeners = "resources:\n- \"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n  \
                     address: {socket_address: {address: 0.0.0.0, port_value: 10000}}\n  filter_chains:\n  \
                     - filters:\n        name: h\n        typed_config: {\"@type\": \
                     type.googleapis.com/a.HttpConnectionManager, route_config: {virtual_hosts: [{domains: \
                     ['*'], routes: [{match: {prefix: /}, route: {cluster: web}}]}]}}\n";
    let gathered = read(&[
        ("e/configs/cds.yaml", clusters),
        ("e/configs/lds.yaml", listeners),
        ("e/envoy.yaml", bootstrap),
    ]);
    assert!(gathered.problems.is_empty(), "{:?}", gathered.problems);
    let [program] = gathered.model.services.programs.as_slice() else {
        panic!("one program");
    };
    assert_eq!(program.path, "e/envoy.yaml");
    assert_eq!(program.calls[0].to[0].host, "web");
    assert_eq!(program.calls[0].from, [0]);
}

#[test]
fn what_is_filled_in_later_is_a_problem_where_a_value_is_needed() {
    let text = bootstrap(
        "",
        "{match: {prefix: /}, route: {cluster: '${NAME}', timeout: '${TIME}'}}",
        "",
    );
    let gathered = read(&[("envoy.tmpl.yaml", &text)]);
    assert_eq!(gathered.problems.len(), 1, "{:?}", gathered.problems);
    let program = &gathered.model.services.programs[0];
    assert!(program.references.is_empty());
    assert!(matches!(program.calls[0].side.total, Setting::Unknown(_)));
    let text = text.replace("timeout: '${TIME}'", "tiemout: 3s");
    let gathered = read(&[("envoy.yaml", &text)]);
    assert!(gathered.problems[0].message.contains("tiemout"));
}

#[test]
fn files_of_envoy_are_told_by_their_words() {
    let json = b"{\"static_resources\": {\"listeners\": []}}";
    assert_eq!(recognise("x.json", json), Format::Envoy);
    assert_eq!(
        recognise("bootstrap.yaml", b"static_resources: {}\n"),
        Format::Envoy
    );
    let resources =
        b"resources:\n- \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\n";
    assert_eq!(recognise("cds.yaml", resources), Format::Envoy);
    let kustomization = b"resources:\n- a.yaml\n";
    assert_eq!(
        recognise("kustomization.yaml", kustomization),
        Format::Kubernetes
    );
}

/// Pieces of files, so that chance finds its way into them.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "static_resources:\n",
        "  listeners:\n",
        "  - filter_chains: [{filters: [{typed_config: {'@type': a.TcpProxy, cluster: x}}]}]\n",
        "  - filter_chains: [{filters: [{typed_config: {'@type': a.HttpConnectionManager, route_config: {virtual_hosts: [{routes: [{route: {cluster: é}}]}]}}}]}]\n",
        "  clusters:\n",
        "  - name: x\n",
        "    health_checks: [{}]\n",
        "    connect_timeout: ${X}\n",
        "    transport_socket: {typed_config: {transport_socket: {typed_config: {}}}}\n",
        "resources: [{'@type': a.Cluster}]\n",
        "---\n",
        "{",
        "\t",
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
        let text = format!("static_resources:\n{}", pieces.concat());
        stand_in(&read(&[("envoy.yaml", &text)]).problems, &text);
    }
}
