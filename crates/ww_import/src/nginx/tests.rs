mod include;

use super::read;
use crate::fixture::{stand_in, texts};
use crate::service::Intake;
use proptest::prelude::*;
use ww_base::{Limits, Locus, Problem, ProblemKind, Setting, SourceId, Span};
use ww_model::service::{
    Call, Methods, Picking, Program, Protocol, ReferenceKind, Refused, RetryOn, TlsVersion,
};

/// What texts with these paths declare.
fn programs(files: &[(&str, &str)]) -> (Vec<Program>, Vec<Problem>) {
    let texts = texts(files);
    let limits = Limits::default();
    let mut intake = Intake::new(&limits);
    read(&texts, &mut intake);
    let (services, problems) = intake.finish();
    (services.programs, problems)
}

/// The program of one text without problems.
fn program(text: &str) -> Program {
    let (mut programs, problems) = programs(&[("nginx.conf", text)]);
    assert_eq!(problems, [], "{text}");
    assert_eq!(programs.len(), 1, "{text}");
    programs.remove(0)
}

/// The only call of a server with these directives, in a configuration with others before it.
fn call(http: &str, location: &str) -> Call {
    let text = format!("events {{}} http {{ {http} server {{ location / {{ {location} }} }} }}");
    let mut calls = program(&text).calls;
    assert_eq!(calls.len(), 1, "{text}");
    calls.remove(0)
}

/// The text that a setting points at.
fn quoted<'t, T>(text: &'t str, setting: &Setting<T>) -> &'t str {
    let at = setting.span().expect("a place");
    text.get(at.start as usize..at.end as usize).unwrap()
}

fn secs(seconds: i64) -> Span {
    Span::from_secs(seconds)
}

#[test]
fn a_location_takes_what_is_set_around_it() {
    let text = "events { worker_connections 1024; }
worker_processes 4;
worker_rlimit_nofile 8192;
worker_shutdown_timeout 30s;
http {
    proxy_read_timeout 20s;
    proxy_connect_timeout 2;
    server {
        listen 8080 backlog=1024;
        server_name shop.example _;
        keepalive_timeout 10s;
        client_header_timeout 5s;
        location /api/ {
            proxy_read_timeout 1m;
            proxy_pass http://api:3000/;
        }
        location /slow { proxy_pass http://10.0.0.1; }
    }
}
";
    let program = program(text);
    let listener = &program.listeners[0];
    assert_eq!(listener.port, Some(8080));
    assert_eq!(listener.hosts, ["shop.example"]);
    assert_eq!(listener.side.keepalive_idle.value(), Some(&secs(10)));
    assert_eq!(
        quoted(text, &listener.side.keepalive_idle),
        "keepalive_timeout 10s;"
    );
    assert_eq!(listener.side.header.value(), Some(&secs(5)));
    assert_eq!(listener.side.body.value(), Some(&secs(60)));
    assert!(!listener.side.body.is_written());
    assert!(listener.side.total.is_off());
    let [api, slow] = &program.calls[..] else {
        panic!("{:?}", program.calls);
    };
    assert_eq!(api.name, "api:3000");
    assert_eq!((&*api.to[0].host, api.to[0].port), ("api", Some(3000)));
    assert_eq!(api.to[0].resolves_again.value(), Some(&false));
    assert_eq!(api.from, [0]);
    assert_eq!(api.matches.as_ref().unwrap().text, "/api/");
    assert_eq!(api.side.first_byte.value(), Some(&secs(60)));
    assert_eq!(
        quoted(text, &api.side.stream_idle),
        "proxy_read_timeout 1m;"
    );
    assert_eq!(api.side.connect.value(), Some(&secs(2)));
    assert!(api.side.total.is_off() && api.side.reuses.is_off());
    assert_eq!((&*slow.to[0].host, slow.to[0].port), ("10.0.0.1", Some(80)));
    assert_eq!(slow.side.first_byte.value(), Some(&secs(20)));
    let capacity = &program.capacity;
    assert_eq!(capacity.workers.value(), Some(&4));
    assert_eq!(capacity.worker_connections.value(), Some(&1024));
    assert_eq!(capacity.open_files.value(), Some(&8192));
    assert_eq!(capacity.backlog.value(), Some(&1024));
    assert_eq!(program.grace.value(), Some(&secs(30)));
}

#[test]
fn defaults_come_from_the_table() {
    let program = program("events {} http { server { location / { proxy_pass http://a; } } }");
    let listener = &program.listeners[0];
    assert_eq!(listener.port, Some(80));
    assert_eq!(listener.side.keepalive_idle.value(), Some(&secs(75)));
    assert_eq!(listener.side.max_age.value(), Some(&secs(3600)));
    assert_eq!(program.capacity.workers.value(), Some(&1));
    assert_eq!(program.capacity.backlog.value(), Some(&511));
    assert!(program.capacity.open_files.is_unknown());
    assert!(program.grace.is_off());
    let side = &program.calls[0].side;
    assert_eq!(side.connect.value(), Some(&secs(60)));
    assert_eq!(side.buffers_answers.value(), Some(&true));
    assert!(side.probe_after.is_off());
    assert!(side.retry.until.is_off());
    assert_eq!(side.retry.attempts.value(), Some(&1));
    let on = [RetryOn::Connect, RetryOn::Reset, RetryOn::Timeout];
    assert_eq!(side.retry.on.value().unwrap(), &on);
    assert_eq!(side.on_stale, Methods::Idempotent);
    assert!(side.passes_upgrade.is_off());
}

#[test]
fn a_group_has_servers_and_what_is_learnt_about_them() {
    let http = "upstream api { zone api 64k; least_conn; keepalive 16; keepalive_timeout 4s;
        server a:81 max_fails=3 fail_timeout=30s max_conns=9; server b; server c backup; server d down; }";
    let location =
        "proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection \"\";";
    let call = call(http, location);
    assert_eq!(call.name, "api");
    let hosts: Vec<(&str, Option<u16>, bool)> = call
        .to
        .iter()
        .map(|to| (&*to.host, to.port, to.is_backup))
        .collect();
    let expected = [
        ("a", Some(81), false),
        ("b", Some(80), false),
        ("c", Some(80), true),
    ];
    assert_eq!(hosts, expected);
    assert_eq!(call.picking.value(), Some(&Picking::LeastRequests));
    assert_eq!(call.passive.max_fails.value(), Some(&1));
    let by_target = call.passive.by_target.iter();
    let by_target: Vec<_> = by_target.map(|it| it.max_fails.value().copied()).collect();
    assert_eq!(by_target, [Some(3), Some(1), Some(1)]);
    assert_eq!(call.passive.by_target[0].at, call.to[0].at);
    assert_eq!(call.passive.fail_timeout.value(), Some(&secs(10)));
    assert_eq!(call.passive.is_shared.value(), Some(&true));
    assert_eq!(call.side.reuses.value(), Some(&true));
    assert_eq!(call.side.keepalive_idle.value(), Some(&secs(4)));
    assert_eq!(call.side.keepalive_connections.value(), Some(&16));
    assert_eq!(call.side.pool_per_target.value(), Some(&9));
    assert_eq!(call.side.retry.attempts.value(), Some(&3));
}

#[test]
fn the_only_server_of_a_group_is_never_taken_out() {
    let call = call("upstream api { server a; }", "proxy_pass http://api;");
    assert!(call.passive.max_fails.is_off());
    assert_eq!(call.passive.is_shared.value(), Some(&false));
    assert!(call.picking.value().is_some());
}

/// Whether connections to a group with this in it are used again, for a location with that in it.
fn reuses(group: &str, location: &str) -> Setting<bool> {
    let http = format!(
        "map $http_upgrade $up {{ default upgrade; '' close; }} upstream api {{ server a; {group} }}"
    );
    let location = format!("proxy_pass http://api; {location}");
    call(&http, &location).side.reuses
}

#[test]
fn connections_are_kept_by_three_directives_or_by_the_version() {
    let empty = "proxy_http_version 1.1; proxy_set_header Connection '';";
    let either = |setting: Setting<bool>| {
        let Setting::Either(values) = setting else {
            panic!("{setting:?} does not depend on the version");
        };
        values
            .into_iter()
            .map(|(value, _)| value)
            .collect::<Vec<_>>()
    };
    assert_eq!(reuses("keepalive 8;", empty).value(), Some(&true));
    assert_eq!(either(reuses("keepalive 8;", "")), [false, true]);
    assert_eq!(either(reuses("", empty)), [false, true]);
    assert_eq!(either(reuses("", "")), [false, true]);
    assert_eq!(reuses("keepalive 0;", empty).value(), Some(&false));
    let old = "proxy_http_version 1.0;";
    assert_eq!(reuses("keepalive 8;", old).value(), Some(&false));
    let close = "proxy_http_version 1.1; proxy_set_header Connection close;";
    assert_eq!(reuses("keepalive 8;", close).value(), Some(&false));
    let mapped = "proxy_http_version 1.1; proxy_set_header Connection $up;";
    assert_eq!(reuses("keepalive 8;", mapped).value(), Some(&false));
    let passed = "proxy_http_version 1.1; proxy_set_header Connection $http_connection;";
    assert!(reuses("keepalive 8;", passed).is_unknown());
}

#[test]
fn the_version_that_is_stated_decides_defaults() {
    let text = "events {} http { upstream api { server a; } server { location / { proxy_pass http://api; } } }";
    let reuses = |version: &str| {
        let limits = Limits::default();
        let mut intake = Intake::new(&limits);
        let version = ww_base::Sourced {
            value: ww_model::service::Version::parse(version).unwrap(),
            at: Locus::Assumed { by: "test".into() },
        };
        let facts = &mut intake.services.facts;
        facts.versions.push(("nginx".to_owned(), version));
        read(&texts(&[("nginx.conf", text)]), &mut intake);
        let (services, _) = intake.finish();
        services.programs[0].calls[0].side.reuses.value().copied()
    };
    assert_eq!(reuses("1.27.0"), Some(false));
    assert_eq!(reuses("1.29.7"), Some(true));
}

#[test]
fn fastcgi_keeps_connections_when_it_is_told_to() {
    let http = "upstream php { server unix:/run/php.sock; keepalive 4; }";
    let closed = call(http, "fastcgi_pass php;");
    assert_eq!(closed.protocol, Protocol::Gateway);
    assert_eq!(closed.side.reuses.value(), Some(&false));
    assert_eq!(closed.to[0].host, "unix:/run/php.sock");
    let kept = call(http, "fastcgi_pass php; fastcgi_keep_conn on;");
    assert_eq!(kept.side.reuses.value(), Some(&true));
    let uwsgi = call("", "uwsgi_pass app:9000; uwsgi_read_timeout 5s;");
    assert!(uwsgi.side.reuses.is_off());
    assert_eq!(uwsgi.side.first_byte.value(), Some(&secs(5)));
    let grpc = call("", "grpc_pass grpcs://api;");
    assert_eq!(grpc.protocol, Protocol::Grpc);
    assert_eq!(grpc.to[0].port, Some(443));
    assert!(grpc.tls.is_some());
}

#[test]
fn the_next_server_is_asked_as_often_as_is_said() {
    let http = "upstream api { server a; server b; server c; }";
    let retry = |words: &str| call(http, &format!("proxy_pass http://api; {words}")).side;
    let off = retry("proxy_next_upstream off;");
    assert_eq!(off.retry.attempts.value(), Some(&1));
    assert_eq!(off.on_stale, Methods::None);
    let bounded = retry("proxy_next_upstream_tries 2; proxy_next_upstream_timeout 3s;");
    assert_eq!(bounded.retry.attempts.value(), Some(&2));
    assert_eq!(bounded.retry.until.value(), Some(&secs(3)));
    let all = retry("proxy_next_upstream error http_502 non_idempotent;");
    let on = [RetryOn::Connect, RetryOn::Reset, RetryOn::Status(502)];
    assert_eq!(all.retry.on.value().unwrap(), &on);
    assert_eq!(all.retry.methods.value(), Some(&Methods::All));
    assert_eq!(all.on_stale, Methods::All);
    assert_eq!(
        retry("proxy_next_upstream timeout;").on_stale,
        Methods::None
    );
    let loose = retry("proxy_next_upstream_tries 0; proxy_next_upstream_timeout 0;");
    assert_eq!(loose.retry.attempts.value(), Some(&3));
    assert!(loose.retry.until.is_off());
}

#[test]
fn websockets_need_three_directives() {
    let upgrade = "proxy_pass http://a; proxy_set_header Upgrade $http_upgrade;";
    let without = call("", upgrade);
    assert_eq!(without.side.passes_upgrade.value(), Some(&false));
    let connection = format!("{upgrade} proxy_set_header Connection upgrade;");
    let Setting::Either(_) = call("", &connection).side.passes_upgrade else {
        panic!("the default of proxy_http_version is known");
    };
    let all = call("", &format!("{connection} proxy_http_version 1.1;"));
    assert_eq!(all.side.passes_upgrade.value(), Some(&true));
    assert_eq!(all.streams.value(), Some(&true));
    assert_eq!(all.protocol, Protocol::WebSocket);
}

#[test]
fn lists_are_replaced_as_a_whole() {
    let text =
        "events {} http { server { proxy_set_header Connection ''; proxy_set_header Host $host;
        location / { proxy_pass http://a; proxy_set_header host x; } } }";
    let shadowed = program(text).shadowed;
    assert_eq!(shadowed.len(), 1);
    assert_eq!(shadowed[0].setting, "proxy_set_header Connection");
    let by = shadowed[0].by;
    let by = text.get(by.start as usize..by.end as usize).unwrap();
    assert_eq!(by, "proxy_set_header host x;");
}

#[test]
fn variables_are_followed_where_they_are_set() {
    let http = "map $host $pool { default one; b two; } upstream one { server a; } upstream two { server b; }";
    let mapped = call(http, "proxy_pass http://$pool;");
    let hosts: Vec<&str> = mapped.to.iter().map(|to| &*to.host).collect();
    assert_eq!(hosts, ["a", "b"]);
    let set = call(
        "",
        "resolver 10.0.0.2; set $api http://api:80; proxy_pass $api$uri;",
    );
    assert_eq!((&*set.to[0].host, set.to[0].port), ("api", Some(80)));
    assert_eq!(set.to[0].resolves_again.value(), Some(&true));
    let free = call("", "proxy_pass http://$arg_host;");
    assert_eq!((&*free.to[0].host, free.to[0].port), ("", None));
    assert!(free.side.reuses.is_unknown() && free.side.retry.attempts.is_unknown());
}

#[test]
fn names_that_no_server_is_asked_for_are_listed() {
    let unresolvable = |inside: &str| {
        let text = format!("events {{}} http {{ server {{ location / {{ {inside} }} }} }}");
        let names = program(&text).unresolvable.into_iter();
        names.map(|name| (name.host, name.port)).collect::<Vec<_>>()
    };
    let lost = unresolvable("set $api api:8000; proxy_pass http://$api;");
    assert_eq!(lost, [("api".to_owned(), Some(8000))]);
    let lost = unresolvable("proxy_pass http://api$request_uri;");
    assert_eq!(lost, [("api".to_owned(), Some(80))]);
    for fine in [
        "resolver 10.0.0.2; set $api api:8000; proxy_pass http://$api;",
        "include /etc/nginx/resolvers/*.conf; set $api api:8000; proxy_pass http://$api;",
        "proxy_pass http://api;",
        "proxy_pass http://10.0.0.5$request_uri;",
        "proxy_pass http://$arg_host;",
    ] {
        assert_eq!(unresolvable(fine), [], "{fine}");
    }
}

#[test]
fn what_nginx_answers_itself_is_listed() {
    let text = "events {} http { server { root /srv;
        location = /health { return 200 ok; }
        location /static/ { expires 1d; }
        location ~ \\.php$ { fastcgi_pass php:9000; }
        location / { try_files $uri @app; }
        location @app { proxy_pass http://a; }
        location /lua { content_by_lua_block { ngx.say('}') } }
        location /old { rewrite ^ /new last; }
        location /mixed { if ($arg_a) { proxy_pass http://b; } }
    } }";
    let program = program(text);
    let answers = program.listeners[0].own_answers.iter();
    let paths: Vec<&str> = answers.map(|(path, _)| &**path).collect();
    assert_eq!(paths, ["/health", "/static/"]);
    let conditional = program.calls.last().unwrap();
    let matches = conditional.matches.as_ref().unwrap();
    assert_eq!(matches.text, "/mixed if ($arg_a)");
}

#[test]
fn encryption_is_read_on_both_sides() {
    let text = "events {} http { server { listen 443 ssl http2; ssl_protocols TLSv1 TLSv1.2;
        ssl_ciphers A:!B; ssl_verify_client on;
        ssl_certificate rsa.pem; ssl_certificate /etc/ec.pem; ssl_certificate $ssl_server_name.pem;
        location / { proxy_pass https://api; proxy_ssl_verify on; proxy_ssl_server_name on; proxy_ssl_name x; }
        location /b { proxy_pass https://api; } } }";
    let program = program(text);
    let listener = &program.listeners[0];
    assert_eq!(listener.protocol, Protocol::Http2);
    assert_eq!(listener.side.max_streams.value(), Some(&128));
    let tls = listener.tls.as_ref().unwrap();
    assert_eq!(
        tls.versions.value().unwrap(),
        &[TlsVersion::Tls10, TlsVersion::Tls12]
    );
    assert_eq!(tls.suites.value().unwrap(), &["A", "!B"]);
    assert_eq!(tls.demands_certificate.value(), Some(&true));
    let files = tls.certificates.iter().map(|file| file.path.as_str());
    assert_eq!(files.collect::<Vec<_>>(), ["rsa.pem", "/etc/ec.pem"]);
    let one = program.calls[0].tls.as_ref().unwrap();
    assert_eq!(one.verifies.value(), Some(&true));
    assert_eq!(one.checks_name.value(), Some(&true));
    assert_eq!(one.sni.value().map(String::as_str), Some("x"));
    let two = program.calls[1].tls.as_ref().unwrap();
    assert_eq!(two.verifies.value(), Some(&false));
    assert!(two.sni.is_off() && !two.versions.is_written());
}

#[test]
fn rate_limits_say_what_they_count() {
    let text = "events {} http { limit_req_zone $binary_remote_addr zone=a:1m rate=90r/m;
        limit_req_zone $http_key zone=b:1m rate=5r/s; limit_req_status 429;
        server { limit_req zone=a burst=20 nodelay; set_real_ip_from 10.0.0.0/8;
            location / { limit_req zone=b; limit_req zone=c; return 200; } } }";
    let program = program(text);
    let [one, two, three] = &program.rate_limits[..] else {
        panic!("{:?}", program.rate_limits);
    };
    assert_eq!(one.per_second.value(), Some(&1.5));
    assert_eq!(one.burst.value(), Some(&20));
    assert_eq!(one.delays.value(), Some(&false));
    assert_eq!(one.refused.value(), Some(&Refused(429)));
    assert!(one.counter.is_peer_address && one.counter.real_address.value() == Some(&true));
    assert_eq!(
        (two.burst.value(), two.delays.value()),
        (Some(&0), Some(&true))
    );
    assert!(!two.counter.is_peer_address);
    assert!(three.per_second.is_unknown());
    assert_eq!(program.references.len(), 1);
    let reference = &program.references[0];
    assert_eq!(
        (reference.kind, &*reference.name),
        (ReferenceKind::Zone, "c")
    );
    assert_eq!(reference.declared.len(), 2);
}

#[test]
fn each_address_of_a_name_is_tried_unless_one_try_is_all() {
    let tries = |written: &str| {
        let text = format!(
            "events {{}} http {{ upstream api {{ server api:80; }} server {{ {written} \
             location / {{ proxy_pass http://api; }} }} }}"
        );
        program(&text).calls[0]
            .side
            .retry
            .tries_each_address
            .clone()
    };
    for written in [
        "",
        "proxy_next_upstream_tries 0;",
        "proxy_next_upstream_tries 2;",
    ] {
        assert_eq!(tries(written).value(), Some(&true), "{written}");
    }
    for written in ["proxy_next_upstream_tries 1;", "proxy_next_upstream off;"] {
        assert!(tries(written).is_off(), "{written}");
    }
}

#[test]
fn limits_on_what_is_under_way_say_what_they_count() {
    let text = "events {} http { limit_conn_zone $binary_remote_addr zone=each:1m;
        limit_conn_zone $server_name zone=all:1m;
        server { limit_conn each 5; limit_conn all 500;
            location /a { limit_conn each 2; limit_conn_status 429; return 200; }
            location /b { limit_conn each 1; limit_conn_dry_run on; return 200; } } }";
    let program = program(text);
    let [each, all, inner] = &program.concurrency_limits[..] else {
        panic!("{:?}", program.concurrency_limits);
    };
    assert_eq!(each.at_once.value(), Some(&5));
    assert_eq!(each.refused.value(), Some(&Refused(503)));
    assert!(each.counter.is_peer_address && each.counter.real_address.is_off());
    assert_eq!(
        all.counter.key.value().map(String::as_str),
        Some("$server_name")
    );
    assert!(!all.counter.is_peer_address && inner.refused.is_written());
    assert!(program.rate_limits.is_empty() && program.references.is_empty());
}

#[test]
fn a_name_that_is_no_group_is_noted_where_there_are_groups() {
    let text = "events {} http { upstream api { server a; } server {
        location / { proxy_pass http://apis; } location /b { proxy_pass http://b:80; } } }";
    let references = program(text).references;
    assert_eq!(references.len(), 1);
    assert_eq!(references[0].name, "apis");
    assert_eq!(references[0].declared[0].0, "api");
}

#[test]
fn streams_of_bytes_are_calls_too() {
    let text = "events {} stream { upstream db { server a:5432; server b:5432; }
        server { listen 5432; proxy_pass db; proxy_timeout 1h; proxy_connect_timeout 1s; }
        server { listen 53 udp; proxy_pass 10.0.0.2:53; } }";
    let program = program(text);
    let [db, dns] = &program.calls[..] else {
        panic!("{:?}", program.calls);
    };
    assert_eq!(program.listeners[0].port, Some(5432));
    assert_eq!(
        program.listeners[0].side.stream_idle.value(),
        Some(&secs(3600))
    );
    assert_eq!(db.protocol, Protocol::Tcp);
    assert_eq!(db.side.connect.value(), Some(&secs(1)));
    assert_eq!(db.side.stream_idle.value(), Some(&secs(3600)));
    assert_eq!(db.side.retry.attempts.value(), Some(&2));
    assert_eq!(db.side.retry.on.value().unwrap(), &[RetryOn::Connect]);
    assert_eq!(dns.protocol, Protocol::Udp);
    assert_eq!(dns.from, [1]);
    assert_eq!(dns.side.stream_idle.value(), Some(&secs(600)));
}

#[test]
fn numbers_without_a_unit_that_look_like_milliseconds_are_noted() {
    let program = program(
        "events {} http { server { location / { proxy_pass http://a; proxy_read_timeout 60000; } } }",
    );
    let [bare] = &program.bare_times[..] else {
        panic!("{:?}", program.bare_times);
    };
    assert_eq!(
        (bare.number, bare.taken, bare.meant),
        (60_000, secs(60_000), secs(60))
    );
}

#[test]
fn a_rendered_value_is_not_known_before() {
    let text = "events {} http { server { listen ${PORT}; keepalive_timeout ${IDLE};
        location / { proxy_pass http://${API_HOST}:${API_PORT}; } } }";
    let program = program(text);
    assert_eq!(program.listeners[0].port, None);
    assert!(program.listeners[0].side.keepalive_idle.is_unknown());
    assert_eq!(program.calls[0].to[0].host, "");
}

proptest! {
    #[test]
    fn any_text_is_read_and_problems_stand_inside_it(
        words in proptest::collection::vec(
            prop_oneof![
                "[a-z$]{1,4}",
                Just("events {".to_owned()), Just("http {".to_owned()),
                Just("server {".to_owned()), Just("stream {".to_owned()),
                Just("location / {".to_owned()), Just("upstream u {".to_owned()),
                Just("proxy_pass http://u;".to_owned()), Just("server a:1;".to_owned()),
                Just("include x.conf;".to_owned()), Just("proxy_read_timeout".to_owned()),
                Just("}".to_owned()), Just(";".to_owned()), Just("{".to_owned()),
                Just("\"".to_owned()), Just("\\".to_owned()), Just("#".to_owned()),
                Just("x_by_lua_block {".to_owned()), Just("${a}".to_owned()),
            ],
            0..60,
        ),
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut text = words.join(" ").into_bytes();
        text.extend(bytes);
        let texts = texts(&[("x.conf", &text)]);
        let limits = Limits::default();
        let mut intake = Intake::new(&limits);
        read(&texts, &mut intake);
        stand_in(&intake.finish().1, &text);
    }
}

#[test]
fn addresses_of_a_host_are_told_from_those_that_every_host_has() {
    let program = program(
        "http { server { listen 10.0.0.5:8080; listen 10.0.0.6; listen 127.0.0.1:81; listen 82; listen *:83; \
         listen [2001:db8::1]:84; listen [::]:85; return 204; } }",
    );
    let bound: Vec<String> = program.bound_to.iter().map(ToString::to_string).collect();
    assert_eq!(bound, ["10.0.0.5:8080", "10.0.0.6:80", "[2001:db8::1]:84"]);
}
