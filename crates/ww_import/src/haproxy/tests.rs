use super::read;
use crate::fixture::{stand_in, texts};
use crate::service::Intake;
use proptest::prelude::*;
use ww_base::{Limits, Locus, Problem, ProblemKind, Setting, Span};
use ww_model::service::{
    Call, CheckKind, Methods, Picking, Program, Protocol, ReferenceKind, Refused, RetryOn,
    TlsVersion,
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
    let (mut programs, problems) = programs(&[("haproxy.cfg", text)]);
    assert_eq!(problems, [], "{text}");
    assert_eq!(programs.len(), 1, "{text}");
    programs.remove(0)
}

/// The call of a backend with these lines.
fn call(lines: &str) -> Call {
    let text = format!("backend b\n  mode http\n  server s 10.0.0.1:80\n{lines}\n");
    program(&text).calls.remove(0)
}

/// The text that a setting points at.
fn quoted<'t, T>(text: &'t str, setting: &Setting<T>) -> &'t str {
    let at = setting.span().expect("a place");
    text.get(at.start as usize..at.end as usize).unwrap()
}

fn secs(seconds: i64) -> Span {
    Span::from_secs(seconds)
}

const SHOP: &str = "global
    maxconn 4000
    nbthread 4
    hard-stop-after 30s
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 20s   # the slowest report
frontend web
    bind *:80
    bind :443 ssl crt /etc/x.pem alpn h2,http/1.1 ssl-min-ver TLSv1.2
    timeout http-keep-alive 5s
    acl is_api path_beg /api
    acl is_up path /up
    http-request return status 200 if is_up
    use_backend api if is_api
    use_backend gone if { path /gone }
    default_backend static
backend api
    timeout server 1m
    retries 2
    balance leastconn
    option httpchk GET /health
    http-check expect status 200-299
    default-server inter 5s fall 2
    server a api1:8080 check maxconn 50
    server b api2:8080 check backup
    server c api3:8080 disabled
backend static
    server s 10.0.0.9:80
backend unused
    server u 10.0.0.8:80
";

#[test]
fn a_proxy_takes_what_the_defaults_before_it_set() {
    let program = program(SHOP);
    assert_eq!(program.capacity.connections.value(), Some(&4000));
    assert_eq!(program.capacity.threads.value(), Some(&4));
    assert_eq!(program.grace.value(), Some(&secs(30)));
    let [plain, secure] = &program.listeners[..] else {
        panic!("{:?}", program.listeners);
    };
    assert_eq!((plain.port, secure.port), (Some(80), Some(443)));
    assert_eq!(plain.side.keepalive_idle.value(), Some(&secs(5)));
    assert_eq!(plain.side.header.value(), Some(&secs(30)));
    assert_eq!(quoted(SHOP, &plain.side.header), "timeout client 30s");
    assert!(plain.side.total.is_off() && plain.tls.is_none());
    assert_eq!(secure.protocol, Protocol::Http2);
    assert_eq!(secure.side.max_streams.value(), Some(&100));
    let tls = secure.tls.as_ref().unwrap();
    let versions = [TlsVersion::Tls12, TlsVersion::Tls13];
    assert_eq!(tls.versions.value().unwrap(), &versions);
    let files: Vec<&str> = tls.certificates.iter().map(|file| &*file.path).collect();
    assert_eq!(files, ["/etc/x.pem"]);
    let based = SHOP
        .replace("global", "global\n    crt-base /etc/certs/")
        .replace("crt /etc/x.pem", "crt a.pem crt /b.pem");
    let tls = self::program(&based).listeners[1].tls.clone().unwrap();
    let files: Vec<&str> = tls.certificates.iter().map(|file| &*file.path).collect();
    assert_eq!(files, ["/etc/certs/a.pem", "/b.pem"]);
    let answers: Vec<&str> = plain.own_answers.iter().map(|(path, _)| &**path).collect();
    assert_eq!(answers, ["/up"]);
    let names: Vec<&str> = program.calls.iter().map(|call| &*call.name).collect();
    assert_eq!(names, ["api", "static"]);
    assert_eq!(program.references.len(), 1);
    let gone = &program.references[0];
    assert_eq!((gone.kind, &*gone.name), (ReferenceKind::Backend, "gone"));
    assert_eq!(gone.declared.len(), 3);
}

#[test]
fn a_backend_is_a_call_with_its_servers() {
    let program = program(SHOP);
    let [api, rest] = &program.calls[..] else {
        panic!("{:?}", program.calls);
    };
    assert_eq!(api.from, [0, 1]);
    assert_eq!(api.matches.as_ref().unwrap().text, "if is_api");
    assert_eq!(rest.matches, None);
    let hosts: Vec<(&str, Option<u16>, bool)> = api
        .to
        .iter()
        .map(|to| (&*to.host, to.port, to.is_backup))
        .collect();
    let expected = [("api1", Some(8080), false), ("api2", Some(8080), true)];
    assert_eq!(hosts, expected);
    assert_eq!(api.to[0].resolves_again.value(), Some(&false));
    assert_eq!(api.picking.value(), Some(&Picking::LeastRequests));
    let side = &api.side;
    assert_eq!(side.connect.value(), Some(&secs(2)));
    assert_eq!(side.first_byte.value(), Some(&secs(60)));
    assert_eq!(quoted(SHOP, &side.stream_idle), "timeout server 1m");
    assert_eq!(side.pool_wait.value(), Some(&secs(2)));
    assert_eq!(side.pool_per_target.value(), Some(&50));
    assert_eq!(side.retry.attempts.value(), Some(&3));
    assert_eq!(side.reuses.value(), Some(&true));
    assert!(side.total.is_off() && side.pool_queue.is_off());
    let [check] = &api.checks[..] else {
        panic!("{:?}", api.checks);
    };
    let kind = CheckKind::Http {
        path: "/health".into(),
        host: None,
    };
    assert_eq!(check.kind, kind);
    assert_eq!(check.interval.value(), Some(&secs(5)));
    assert_eq!(check.timeout.value(), Some(&secs(5)));
    assert_eq!(check.fall.value(), Some(&2));
    assert_eq!(check.rise.value(), Some(&2));
    assert_eq!(check.statuses, [(200, 299)]);
    assert!(rest.checks.is_empty());
    assert_eq!(rest.side.first_byte.value(), Some(&secs(20)));
}

#[test]
fn what_is_not_set_has_no_end() {
    let program = program("listen x\n  bind :5432\n  server db db:5432\n");
    let listener = &program.listeners[0];
    assert_eq!(listener.protocol, Protocol::Tcp);
    let idle = &listener.side.stream_idle;
    let Setting::Off(Locus::Assumed { by }) = idle else {
        panic!("{idle:?}");
    };
    assert!(by.contains("timeout client"), "{by}");
    let call = &program.calls[0];
    assert_eq!((call.name.as_str(), &call.from[..]), ("x", &[0][..]));
    assert!(call.side.connect.is_off() && call.side.first_byte.is_off());
    assert_eq!(call.side.retry.attempts.value(), Some(&4));
    assert!(call.side.reuses.is_off());
    assert_eq!(call.side.retry.elsewhere.value(), Some(&false));
    assert!(program.grace.is_off());
}

#[test]
fn requests_are_sent_again_only_where_retry_on_says_so() {
    let plain = call("").side;
    assert_eq!(plain.on_stale, Methods::None);
    assert_eq!(plain.retry.on.value().unwrap(), &[RetryOn::Connect]);
    assert_eq!(plain.retry.methods.value(), Some(&Methods::None));
    let all = call("retry-on all-retryable-errors\n option redispatch").side;
    assert_eq!(all.on_stale, Methods::All);
    assert!(
        all.retry
            .on
            .value()
            .unwrap()
            .contains(&RetryOn::Status(503))
    );
    assert_eq!(all.retry.elsewhere.value(), Some(&true));
    let spared =
        "retry-on conn-failure empty-response\n http-request disable-l7-retry if METH_POST";
    let spared = call(spared).side;
    assert_eq!(spared.on_stale, Methods::Idempotent);
    assert_eq!(spared.retry.methods.value(), Some(&Methods::Idempotent));
}

#[test]
fn connections_to_servers_are_used_again_unless_something_closes_them() {
    let reuses = |lines: &str| call(lines).side.reuses.value().copied();
    assert_eq!(reuses(""), Some(true));
    assert!(call("http-reuse never").side.reuses.is_off());
    assert_eq!(reuses("http-reuse always"), Some(true));
    assert_eq!(reuses("option http-server-close"), Some(false));
    assert_eq!(reuses("option httpclose\n no option httpclose"), Some(true));
    assert_eq!(reuses("default-server pool-max-conn 0"), Some(false));
}

#[test]
fn the_first_request_of_a_client_may_meet_a_close_where_connections_are_shared() {
    let first = |lines: &str| call(lines).side.first_on_kept.value().copied();
    assert_eq!(first(""), Some(false));
    assert_eq!(first("http-reuse never"), Some(false));
    assert_eq!(first("http-reuse aggressive"), Some(true));
    assert_eq!(first("http-reuse always"), Some(true));
    assert_eq!(first("retry-on all-retryable-errors"), Some(true));
    assert_eq!(first("retry-on 503"), Some(false));
}

#[test]
fn defaults_are_those_that_are_named_or_the_last_before() {
    let text = "defaults one
  timeout server 1s
defaults two from one
  timeout connect 2s
backend a from two
  server s s:1
defaults
  timeout server 9s
backend b
  server s s:1
backend c from three
  server s s:1
";
    let program = program(text);
    let [a, b, c] = &program.calls[..] else {
        panic!("{:?}", program.calls);
    };
    assert_eq!(a.side.first_byte.value(), Some(&secs(1)));
    assert_eq!(a.side.connect.value(), Some(&secs(2)));
    assert_eq!(b.side.first_byte.value(), Some(&secs(9)));
    assert!(b.side.connect.is_off() && c.side.first_byte.is_off());
    assert_eq!(program.references[0].kind, ReferenceKind::Defaults);
    assert_eq!(program.references[0].name, "three");
}

#[test]
fn servers_are_encrypted_to_as_they_say() {
    let tls = |options: &str| {
        let text = format!("backend b\n server s s:443 {options}\n");
        program(&text).calls.remove(0).tls
    };
    assert_eq!(tls(""), None);
    let default = tls("ssl").unwrap();
    assert_eq!(default.verifies.value(), Some(&true));
    assert!(default.sni.is_unknown() && default.checks_name.is_unknown());
    assert_eq!(default.versions, Setting::default());
    let newest = tls("ssl ssl-max-ver TLSv1.2").unwrap();
    assert_eq!(newest.versions, Setting::default());
    assert!(tls("ssl no-sni-auto").unwrap().sni.is_off());
    let open = tls("ssl verify none sni str(api.example)").unwrap();
    assert_eq!(open.verifies.value(), Some(&false));
    assert_eq!(open.checks_name.value(), Some(&false));
    assert_eq!(
        open.sni.value().map(String::as_str),
        Some("str(api.example)")
    );
    let old =
        tls("ssl ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1 verify required verifyhost a").unwrap();
    let versions = [TlsVersion::Tls10, TlsVersion::Tls11];
    assert_eq!(old.versions.value().unwrap(), &versions);
    assert_eq!(old.checks_name.value(), Some(&true));
}

#[test]
fn rate_limits_of_stick_tables_are_read() {
    let text = "frontend f
  mode http
  bind :80
  stick-table type ip size 100k expire 30s store http_req_rate(10s)
  http-request track-sc0 src
  acl too_many sc_http_req_rate(0) gt 20
  http-request deny deny_status 429 if too_many
  http-request deny if { path /private }
";
    let program = program(text);
    let [limit] = &program.rate_limits[..] else {
        panic!("{:?}", program.rate_limits);
    };
    assert_eq!(limit.per_second.value(), Some(&2.0));
    assert_eq!(limit.refused.value(), Some(&Refused(429)));
    assert!(limit.counter.is_peer_address && limit.counter.real_address.is_off());
}

#[test]
fn a_time_without_a_unit_is_milliseconds() {
    let text = "defaults\n timeout connect 5000\n timeout server 30\nbackend b\n server s s:1\n";
    let program = program(text);
    let side = &program.calls[0].side;
    assert_eq!(side.first_byte.value(), Some(&Span::from_millis(30)));
    assert_eq!(side.connect.value(), Some(&secs(5)));
    let [bare] = &program.bare_times[..] else {
        panic!("{:?}", program.bare_times);
    };
    assert_eq!((&*bare.setting, bare.number), ("timeout server", 30));
    assert_eq!(bare.meant, secs(30));
}

#[test]
fn of_conditional_lines_one_branch_is_read() {
    let text = ".if 0\nbackend a\n server s s:1\n.else\nbackend b\n server s s:1\n.endif\n";
    assert_eq!(program(text).calls[0].name, "b");
    let (found, problems) = programs(&[(
        "x.cfg",
        ".if defined(X)\nbackend a\n server s s:1\n.elif 1\nbackend b\n server s s:1\n.endif\n",
    )]);
    assert_eq!(found[0].calls.len(), 1);
    assert_eq!(found[0].calls[0].name, "a");
    assert_eq!(problems[0].kind, ProblemKind::Unsupported);
}

#[test]
fn what_is_broken_is_said() {
    let kinds = |text: &str| -> Vec<ProblemKind> {
        let problems = programs(&[("x.cfg", text)]).1.into_iter();
        problems.map(|problem| problem.kind).collect()
    };
    assert_eq!(kinds("mode http\n"), [ProblemKind::Malformed]);
    assert_eq!(
        kinds("backend b\n server s \"s:1\n"),
        [ProblemKind::Malformed]
    );
    assert_eq!(
        kinds("backend b\n timeout server soon\n server s s:1\n"),
        [ProblemKind::Malformed]
    );
    assert_eq!(
        kinds("backend b\n modus x\n modus y\n"),
        [ProblemKind::Unsupported]
    );
    assert_eq!(kinds(".if 1\nglobal\n"), [ProblemKind::Malformed]);
    assert_eq!(kinds(".endif\n"), [ProblemKind::Malformed]);
    assert_eq!(
        kinds("defaults\n timeout server \"${T}\"\nbackend b\n server s \"$H:80\"\n"),
        []
    );
}

#[test]
fn a_text_without_global_belongs_to_that_of_its_folder() {
    let files = [
        ("a/backends.cfg", "backend b\n server s s:1\n"),
        (
            "a/haproxy.cfg",
            "global\n maxconn 9\nfrontend f\n bind :80\n default_backend b\n",
        ),
    ];
    let (found, problems) = programs(&files);
    assert_eq!((found.len(), problems.len()), (1, 0));
    assert_eq!(found[0].path, "a/haproxy.cfg");
    assert_eq!(found[0].calls[0].from, [0]);
}

proptest! {
    #[test]
    fn any_text_is_read_and_problems_stand_inside_it(
        words in proptest::collection::vec(
            prop_oneof![
                "[a-z\"'\\\\#$]{1,4}",
                Just("\nbackend b\n".to_owned()), Just("\nfrontend f\n".to_owned()),
                Just("\ndefaults from d\n".to_owned()), Just("\nglobal\n".to_owned()),
                Just("\nserver s s:1 check ".to_owned()), Just("\ntimeout server".to_owned()),
                Just("\nbind :80 ssl ".to_owned()), Just("\n.if 1\n".to_owned()),
                Just("\n.endif\n".to_owned()), Just("\nuse_backend b if ".to_owned()),
                Just("\nserver-template s 1-9 x:1 ".to_owned()), Just("\noption httpchk ".to_owned()),
                Just("\nhttp-request deny if ".to_owned()), Just("\nretries ".to_owned()),
            ],
            0..60,
        ),
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut text = words.join(" ").into_bytes();
        text.extend(bytes);
        let texts = texts(&[("x.cfg", &text)]);
        let limits = Limits::default();
        let mut intake = Intake::new(&limits);
        read(&texts, &mut intake);
        stand_in(&intake.finish().1, &text);
    }
}

#[test]
fn addresses_of_a_host_are_told_from_those_that_every_host_has() {
    let text = "frontend x\n mode http\n bind 10.0.0.5:8080,:81\n bind 127.0.0.1:82\n bind *:83\n";
    let bound: Vec<String> = program(text)
        .bound_to
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(bound, ["10.0.0.5:8080"]);
}

#[test]
fn a_template_is_as_many_servers() {
    let to = |line: &str| {
        let text = format!(
            "defaults\n    mode http\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\nlisten web\n    bind :80\n    {line}\n"
        );
        program(&text).calls[0].to.len()
    };
    assert_eq!(to("server-template web 3 app:80 check"), 3);
    assert_eq!(to("server-template web 2-5 app:80 check"), 4);
    assert_eq!(to("server web app:80 check"), 1);
}
