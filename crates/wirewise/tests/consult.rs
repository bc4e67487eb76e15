//! Captures and files of one case: each finding shows what the other stands on. The cases are made by real proxies,
//! or written down.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests start programs and write their inputs; where that fails, they fail"
)]

use serde_json::Value;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use ww_lab::error::LabError;
use ww_lab::race::{Configured, record};

const RESET: &str = "idle-connection-reset";
const RACE: &str = "keep-alive-race";

/// nginx as a server that closes after 2 s.
const NGINX_SERVER: &str = "\
events {}
http {
    access_log off;
    keepalive_timeout 2s;
    server {
        listen 10.77.0.1:8080;
        location / { return 200 ok; }
    }
}
";

/// HAProxy before it, which shares its connections.
const HAPROXY: &str = "\
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 5s
frontend in
    bind :8000
    default_backend orders
backend orders
    http-reuse always
    server orders 10.77.0.1:8080
";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/race")
}

/// Files in a folder of their own, and what a report on them and a capture says.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn of(files: &[(&str, &str)]) -> Case {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Case { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes the capture from text.
    fn capture(&self, text: &str) {
        let compiled = ww_testkit::capture_text::compile(text).unwrap();
        std::fs::write(self.path("case.pcap"), compiled.pcap).unwrap();
    }

    fn report(&self) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_wirewise"))
            .args([
                "consult",
                "--format",
                "json",
                "--fail-on",
                "never",
                "--capture",
            ])
            .arg(self.path("case.pcap"))
            .arg(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A line of a file as exhibits name it: the file, and its number.
    fn line(&self, name: &str, text: &str) -> (String, u64) {
        let all = std::fs::read_to_string(self.path(name)).unwrap();
        let number = all.lines().position(|line| line.contains(text)).unwrap();
        (name.to_owned(), number as u64 + 1)
    }
}

fn finding<'r>(report: &'r Value, rule: &str) -> &'r Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["rule"] == rule);
    found.unwrap_or_else(|| panic!("no {rule} in {report:#}"))
}

fn exhibits<'r>(finding: &'r Value, kind: &str) -> Vec<&'r Value> {
    let all = finding["exhibits"].as_array().unwrap().iter();
    all.map(|exhibit| &exhibit["locus"])
        .filter(|locus| locus["kind"] == kind)
        .collect()
}

/// The lines of files that a finding points at.
fn lines(finding: &Value) -> Vec<(String, u64)> {
    let of = |locus: &&Value| {
        let path = Path::new(locus["path"].as_str().unwrap());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, locus["line"].as_u64().unwrap())
    };
    exhibits(finding, "text").iter().map(of).collect()
}

/// Both findings are there, each with the other's exhibits: these lines, and frames that the capture has.
fn is_joined(report: &Value, expected: &[(String, u64)]) {
    let (seen, declared) = (finding(report, RESET), finding(report, RACE));
    for one in [seen, declared] {
        assert_eq!(one["support"], "corroborated", "{one:#}");
        assert_eq!(lines(one), expected, "{one:#}");
        assert!(!exhibits(one, "frames").is_empty(), "{one:#}");
    }
    let frames = exhibits(seen, "frames");
    let are_seen = exhibits(declared, "frames")
        .iter()
        .all(|one| frames.contains(one));
    assert!(are_seen, "{report:#}");
    let said = seen["exhibits"].to_string();
    assert!(said.contains(RACE), "the rule is not named: {said}");
}

/// Records the case in the lab; false after one loud line where that is not possible, which under CI is a failure.
fn recorded(case: &Case, proxy: Configured<'_>, server: Configured<'_>) -> bool {
    let is_ci = std::env::var_os("CI").is_some();
    for program in ["nginx", "haproxy", "tcpdump"] {
        if Command::new(program).arg("--version").output().is_err() {
            assert!(!is_ci, "{program} is not installed");
            eprintln!(
                "NOT TESTED: the race of real proxies needs {program}, which is not installed"
            );
            return false;
        }
    }
    match record(proxy, server, &case.path("case.pcap")) {
        Ok(failed) => failed > 0,
        Err(LabError::NotPossible { operation, reason }) if !is_ci => {
            eprintln!("NOT TESTED: the race of real proxies needs root ({operation}: {reason})");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn nginx_before_haproxy_is_joined_with_its_files() {
    let read = |name: &str| std::fs::read_to_string(examples().join(name)).unwrap();
    let case = Case::of(&[
        ("nginx.conf", &read("nginx.conf")),
        ("haproxy.cfg", &read("haproxy.cfg")),
    ]);
    let (proxy, server) = (case.path("nginx.conf"), case.path("haproxy.cfg"));
    if recorded(
        &case,
        Configured::Nginx(&proxy),
        Configured::Haproxy(&server),
    ) {
        let expected = [
            case.line("nginx.conf", "keepalive_timeout 60s"),
            case.line("haproxy.cfg", "timeout http-keep-alive 2s"),
        ];
        is_joined(&case.report(), &expected);
    }
}

#[test]
fn haproxy_before_nginx_is_joined_with_its_files() {
    let case = Case::of(&[("nginx.conf", NGINX_SERVER), ("haproxy.cfg", HAPROXY)]);
    let (proxy, server) = (case.path("haproxy.cfg"), case.path("nginx.conf"));
    if recorded(
        &case,
        Configured::Haproxy(&proxy),
        Configured::Nginx(&server),
    ) {
        let expected = [
            case.line("haproxy.cfg", "http-reuse always"),
            case.line("nginx.conf", "keepalive_timeout 2s"),
        ];
        is_joined(&case.report(), &expected);
    }
}

/// A server at an address closes after 5 s; a request crosses the close.
fn crossing(server: &str) -> String {
    format!(
        "client 10.0.0.5:40000
server {server}
0.000  > S mss 1460 sackok ts ws 7
+20ms  < S. mss 1460 sackok ts ws 7
+0.1ms > .
+1ms   > P. len 120
+20ms  < P. len 900
+0.1ms > .
5.034  > P. len 120 dropped
5.041  < F.
+0.1ms > . ack 902
5.055  < R seq 901 nots
"
    )
}

/// nginx before programs of these names and addresses, all of which close after 5 s, and what else the team states.
fn written(targets: &[(&str, &str)], more: &str) -> Case {
    let (mut nginx, mut facts) = ("events {}\nhttp {\n".to_owned(), String::new());
    for (name, at) in targets {
        let port = at.rsplit(':').next().unwrap();
        writeln!(
            nginx,
            "  upstream {name} {{ server {at}; keepalive 8; }}
  server {{
    listen 80;
    server_name {name}.example;
    location / {{
      proxy_pass http://{name};
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
    }}
  }}"
        )
        .unwrap();
        writeln!(
            facts,
            "[[programs]]
name = \"{name}\"
listeners = [{{ port = {port}, protocol = \"http\", keepalive_idle = \"5s\" }}]"
        )
        .unwrap();
    }
    nginx.push_str("}\n");
    facts.push_str(more);
    Case::of(&[("nginx.conf", &nginx), ("wirewise.toml", &facts)])
}

#[test]
fn a_port_that_one_call_has_is_enough_where_nothing_tells_addresses() {
    let case = written(&[("api", "api:3000")], "");
    case.capture(&crossing("10.0.0.1:3000"));
    let report = case.report();
    assert_eq!(
        finding(&report, RESET)["support"],
        "corroborated",
        "{report:#}"
    );
    assert_eq!(
        lines(finding(&report, RESET)),
        lines(finding(&report, RACE))
    );
}

#[test]
fn two_calls_that_fit_are_not_guessed_between() {
    let case = written(&[("api", "api:3000"), ("web", "web:3000")], "");
    case.capture(&crossing("10.0.0.1:3000"));
    let report = case.report();
    assert_eq!(finding(&report, RESET)["support"], "observed", "{report:#}");
    assert_eq!(lines(finding(&report, RESET)), []);
    let not_checked = report["not_checked"].to_string();
    assert!(
        not_checked.contains("nginx to api, nginx to web"),
        "{not_checked}"
    );
}

#[test]
fn an_address_that_the_team_states_decides() {
    let names = "[names]\n\"10.0.0.1\" = \"web\"\n";
    let case = written(&[("api", "api:3000"), ("web", "web:3000")], names);
    case.capture(&crossing("10.0.0.1:3000"));
    let report = case.report();
    let seen = finding(&report, RESET);
    assert_eq!(seen["support"], "corroborated", "{report:#}");
    assert!(
        seen["exhibits"]
            .to_string()
            .contains("web closes them after 5 s"),
        "{seen:#}"
    );
}

#[test]
fn a_lookup_in_the_capture_decides() {
    let case = written(&[("api", "api:3000"), ("web", "web:3000")], "");
    let lookup = "0.000 dns 10.0.0.5:50000 > 10.0.0.53:53 query A web.shop.example
+1ms dns 10.0.0.5:50000 < 10.0.0.53:53 answer A web.shop.example 10.0.0.1
0.002  > S mss";
    case.capture(&crossing("10.0.0.1:3000").replace("0.000  > S mss", lookup));
    let report = case.report();
    let seen = finding(&report, RESET);
    assert_eq!(seen["support"], "corroborated", "{report:#}");
    assert!(
        seen["exhibits"]
            .to_string()
            .contains("web closes them after 5 s"),
        "{seen:#}"
    );
}

/// nginx before a Service whose pods are `api`, which closes after 5 s; the capture looks the Service up.
fn behind_a_service(endpoints: &str) -> Value {
    let host = "api.shop.svc.cluster.local";
    let facts = "[names]\n\"api.shop.svc.cluster.local\" = \"api\"\n";
    let case = written(&[("api", "api:3000")], facts);
    let nginx = std::fs::read_to_string(case.path("nginx.conf")).unwrap();
    let nginx = nginx.replace("server api:3000", &format!("server {host}:3000"));
    std::fs::write(case.path("nginx.conf"), nginx).unwrap();
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\n\
                   spec: {clusterIP: 10.96.0.7, ports: [{port: 3000}]}\n---\n";
    std::fs::write(case.path("manifests.yaml"), format!("{service}{endpoints}")).unwrap();
    let lookup = format!(
        "0.000 dns 10.0.0.5:50000 > 10.0.0.53:53 query A {host}
+1ms dns 10.0.0.5:50000 < 10.0.0.53:53 answer A {host} 10.96.0.7
0.002  > S mss"
    );
    case.capture(&crossing("10.0.0.1:3000").replace("0.000  > S mss", &lookup));
    case.report()
}

#[test]
fn an_endpoint_of_a_service_is_the_service_behind_the_translation() {
    let slice = |address: &str| {
        format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: api-1, namespace: shop, \
             labels: {{kubernetes.io/service-name: api}}}}\nendpoints: [{{addresses: [{address}]}}]\n\
             ports: [{{port: 3000}}]\n"
        )
    };
    let report = behind_a_service(&slice("10.0.0.1"));
    let seen = finding(&report, RESET);
    assert_eq!(seen["support"], "corroborated", "{report:#}");
    let report = behind_a_service(&slice("10.0.0.2"));
    assert_eq!(finding(&report, RESET)["support"], "observed", "{report:#}");
}

#[test]
fn who_is_behind_a_service_is_not_guessed() {
    let report = behind_a_service("");
    assert_eq!(finding(&report, RESET)["support"], "observed", "{report:#}");
    let not_checked = report["not_checked"].to_string();
    assert!(
        not_checked.contains("is a pod of Service shop/api"),
        "{not_checked}"
    );
}

#[test]
fn a_port_says_nothing_of_an_address_that_another_call_has() {
    // 10.0.0.1:3000 is `slow`, of which the files say 65 s: that `api` closes after 5 s explains nothing.
    let slow = "[[programs]]
name = \"edge\"
calls = [{ to = [\"10.0.0.1:3000\"], protocol = \"http\", keepalive = true, keepalive_idle = \"60s\" }]
[[programs]]
name = \"slow\"
listeners = [{ port = 3000, protocol = \"http\", keepalive_idle = \"65s\" }]
[names]
\"10.0.0.1\" = \"slow\"
";
    let case = written(&[("api", "api:3000")], slow);
    case.capture(&crossing("10.0.0.1:3000"));
    let report = case.report();
    assert_eq!(finding(&report, RESET)["support"], "observed", "{report:#}");
    assert_eq!(finding(&report, RACE)["support"], "declared", "{report:#}");
}

#[test]
fn another_port_address_or_time_is_another_connection() {
    let fitting = [("api", "api:3000")];
    let names = "[names]\n\"10.0.0.9\" = \"api\"\n";
    for (server, targets, more) in [
        ("10.0.0.1:3001", fitting, ""),
        ("10.0.0.1:3000", fitting, names),
        ("10.0.0.1:3000", [("api", "10.0.0.9:3000")], ""),
    ] {
        let case = written(&targets, more);
        case.capture(&crossing(server));
        let report = case.report();
        assert_eq!(
            finding(&report, RESET)["support"],
            "observed",
            "{server} {targets:?} {more}"
        );
    }
    let case = written(&fitting, "");
    case.capture(&crossing("10.0.0.1:3000").replace("5.0", "9.0"));
    let report = case.report();
    assert_eq!(finding(&report, RESET)["support"], "observed", "{report:#}");
    assert_eq!(finding(&report, RACE)["support"], "declared", "{report:#}");
}
