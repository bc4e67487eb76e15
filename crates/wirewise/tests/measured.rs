//! Walks over live endpoints, files and captures of one case: what was measured stands beside the lines that cause it.
//! Real servers are walked where the lab can build them; other walks are written down.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests start programs and write their inputs; where that fails, they fail"
)]

use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use ww_lab::endpoint::certificates::Leaf;
use ww_lab::endpoint::{Servers, Site, address};
use ww_lab::error::LabError;

/// A Node.js server that keeps idle connections for 5 s.
const NODE: &str = "\
const http = require('http');
const server = http.createServer((request, response) => response.end('ok\\n'));

server.keepAliveTimeout = 5000;
server.listen(3000);
";

/// nginx before it, which keeps them for 60 s.
const NGINX: &str = "\
events {}
http {
    upstream api {
        server api:3000;
        keepalive 16;
        keepalive_timeout 60s;
    }
    server {
        listen 80;
        server_name one.lab.example;
        location / {
            proxy_pass http://api;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }
    }
}
";

/// What starts both.
const COMPOSE: &str = "\
services:
  proxy:
    image: nginx:1.27
    volumes: [\"./nginx.conf:/etc/nginx/nginx.conf:ro\"]
  api:
    build: ./api
";

/// Files and inputs in a folder of their own that everybody may read.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn of(files: &[(&str, &str)]) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let case = Case { folder };
        for (name, text) in files {
            let path = case.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A walk that is written down.
    fn walk(&self, target: &str, steps: &[&str]) {
        let (service, rest) = target.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let (host, port) = authority.rsplit_once(':').unwrap();
        let head = format!(
            "{{\"target\": {{\"written\": \"{target}\", \"service\": \"{service}\", \"host\": \"{host}\", \"port\": {port}, \"path\": \"/{path}\"}}}}"
        );
        let text = [&[head.as_str()], steps].concat().join("\n");
        std::fs::write(self.path("walk.ndjson"), text).unwrap();
    }

    /// What is said of the recorded walk with these files beside it.
    fn report(&self, files: &[&str]) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wirewise"));
        command
            .args(["diagnose", "--format", "json", "--fail-on", "never"])
            .arg(self.path("walk.ndjson"));
        for name in files {
            let is_capture = Path::new(name).extension().is_some_and(|end| end == "pcap");
            let option = if is_capture { "--capture" } else { "--config" };
            command.arg(option).arg(self.path(name));
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A line of a file as exhibits name it: the file, and its number.
    fn line(&self, name: &str, text: &str) -> String {
        let all = std::fs::read_to_string(self.path(name)).unwrap();
        let number = all.lines().position(|line| line.contains(text)).unwrap() + 1;
        let name = name.rsplit('/').next().unwrap();
        format!("{name}:{number}")
    }
}

fn found<'r>(report: &'r Value, rule: &str) -> Option<&'r Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["rule"] == rule)
}

fn finding<'r>(report: &'r Value, rule: &str) -> &'r Value {
    found(report, rule).unwrap_or_else(|| panic!("no {rule} in {report:#}"))
}

/// Where the exhibits of a finding are: `nginx.conf:7`, `step 3`, `frame 12`.
fn places(finding: &Value) -> Vec<String> {
    let place = |exhibit: &Value| {
        let locus = &exhibit["locus"];
        match locus["kind"].as_str().unwrap() {
            "text" => {
                let name = Path::new(locus["path"].as_str().unwrap()).file_name();
                format!("{}:{}", name.unwrap().to_string_lossy(), locus["line"])
            }
            "probe" => format!("step {}", locus["step"]),
            _ => format!("frame {}", locus["first"]),
        }
    };
    finding["exhibits"]
        .as_array()
        .unwrap()
        .iter()
        .map(place)
        .collect()
}

#[track_caller]
fn is_joined(report: &Value, rule: &str, expected: &[&str]) {
    let finding = finding(report, rule);
    assert_eq!(places(finding), expected, "{finding:#}");
    assert_eq!(finding["support"], "corroborated", "{finding:#}");
}

/// The lab's site with the servers of `case`; none after one loud line where that is not possible, which under CI is a
/// failure.
fn site(case: &Case, programs: &[&str]) -> Option<Site> {
    let is_ci = std::env::var_os("CI").is_some();
    for program in programs {
        if Command::new(program).arg("-v").output().is_err() {
            assert!(!is_ci, "{program} is not installed");
            eprintln!(
                "NOT TESTED: what is measured of {program} needs it, and it is not installed"
            );
            return None;
        }
    }
    match Site::build(case.folder.path()) {
        Ok(site) => Some(site),
        Err(LabError::NotPossible { operation, reason }) if !is_ci => {
            eprintln!("NOT TESTED: walks over real servers need root ({operation}: {reason})");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// What a deep walk at a site says, with these files of the case beside it.
fn walked(site: &Site, case: &Case, target: &[&str], files: &[&str]) -> Value {
    let target = [target, &["--depth", "deep"]].concat();
    diagnosed(site, case, &target, files)
}

/// What a walk at a site says, with these files of the case beside it.
fn diagnosed(site: &Site, case: &Case, target: &[&str], files: &[&str]) -> Value {
    let words = "diagnose --format json --fail-on never --quiet --max-time 26";
    let mut args: Vec<String> = words.split(' ').map(str::to_owned).collect();
    args.extend(target.iter().map(|word| (*word).to_owned()));
    for name in files {
        args.extend(["--config".to_owned(), case.path(name).display().to_string()]);
    }
    let program = Path::new(env!("CARGO_BIN_EXE_wirewise"));
    let (printed, code) = site.walk(program, &args).unwrap();
    assert_eq!(code, 0, "{printed}");
    serde_json::from_str(&printed).unwrap()
}

#[test]
fn a_measured_keep_alive_stands_beside_the_lines_that_race() {
    let dockerfile = "FROM node:20\nCMD [\"node\", \"server.js\"]\n";
    let case = Case::of(&[
        ("shop/compose.yaml", COMPOSE),
        ("shop/nginx.conf", NGINX),
        ("shop/api/Dockerfile", dockerfile),
        ("shop/api/server.js", NODE),
    ]);
    let Some(site) = site(&case, &["node"]) else {
        return;
    };
    let listens = format!("{}:3000", address::SERVER);
    let _servers = Servers::names(&site, "")
        .unwrap()
        .program(&site, "node", &["@/shop/api/server.js"], &listens)
        .unwrap();
    // Within the project, the name is that of the service.
    let resolve = format!("api:3000:{}", address::SERVER);
    let report = walked(
        &site,
        &case,
        &["http://api:3000/", "--resolve", &resolve],
        &["shop"],
    );
    let race = finding(&report, "keep-alive-race");
    assert_eq!(race["support"], "corroborated", "{race:#}");
    let lines = [
        case.line("shop/nginx.conf", "keepalive_timeout 60s"),
        case.line("shop/api/server.js", "keepAliveTimeout = 5000"),
    ];
    assert_eq!(places(race).get(..2), Some(lines.as_slice()), "{race:#}");
    let said = race["exhibits"][2]["says"].as_str().unwrap();
    assert!(
        said.contains("10.79.2.2:3000 ends an idle connection after"),
        "{race:#}"
    );
    assert_eq!(found(&report, "setting-not-in-force"), None, "{report:#}");
}

#[test]
fn a_file_that_was_not_loaded_is_told() {
    let run = "server { listen 10.79.2.2:80; keepalive_timeout 2s; location / { return 200 ok; } }";
    let case = Case::of(&[("nginx.conf", NGINX)]);
    let Some(site) = site(&case, &["nginx"]) else {
        return;
    };
    let _servers = Servers::names(&site, "")
        .unwrap()
        .nginx(&site, 80, run)
        .unwrap();
    let changed = NGINX.replace("http {", "http {\n    keepalive_timeout 20s;");
    std::fs::write(case.path("nginx.conf"), changed).unwrap();
    let report = walked(&site, &case, &["http://one.lab.example/"], &["nginx.conf"]);
    let told = finding(&report, "setting-not-in-force");
    assert_eq!(
        places(told)[0],
        case.line("nginx.conf", "keepalive_timeout 20s")
    );
    assert_eq!(told["severity"], "medium", "{told:#}");
}

/// A certificate of the site in a file: what is served, or what takes its place.
fn certify(site: &Site, left: i32) {
    let leaf = Leaf {
        left,
        ..Leaf::default()
    };
    site.certify("leaf", leaf).unwrap();
    let read = |name: &str| std::fs::read_to_string(site.folder.join(name)).unwrap();
    // HAProxy wants the key behind the certificate.
    let both = read("leaf.pem") + &read("leaf.key");
    site.write("both.pem", &both).unwrap();
}

/// What is said of the HTTPS server that a file of the case configures.
fn walked_secured(site: &Site, case: &Case, file: &str) -> Value {
    let root = case.path("root.pem").display().to_string();
    let target = ["https://one.lab.example/", "--cacert", &root];
    diagnosed(site, case, &target, &[file])
}

#[test]
fn a_renewed_certificate_that_nginx_has_not_read_stands_beside_its_line() {
    let case = Case::of(&[]);
    let Some(site) = site(&case, &["nginx"]) else {
        return;
    };
    certify(&site, 5);
    let folder = site.folder.display();
    let run = format!(
        "server {{ listen 443 ssl; server_name one.lab.example;\n\
         ssl_certificate {folder}/leaf.pem;\nssl_certificate_key {folder}/leaf.key;\n\
         location / {{ return 200 ok; }} }}"
    );
    let _servers = Servers::names(&site, "")
        .unwrap()
        .nginx(&site, 443, &run)
        .unwrap();
    let loaded = walked_secured(&site, &case, "nginx-443.conf");
    assert_eq!(found(&loaded, "certificate-not-reloaded"), None);
    certify(&site, 90);
    let report = walked_secured(&site, &case, "nginx-443.conf");
    let line = case.line("nginx-443.conf", "ssl_certificate ");
    let told = finding(&report, "certificate-not-reloaded");
    assert_eq!(places(told)[0], line, "{told:#}");
    assert_eq!(told["severity"], "medium", "{told:#}");
    // What is said of the date shows the line, too.
    let expiring = finding(&report, "certificate-expiring");
    assert_eq!(places(expiring)[1], line, "{expiring:#}");
}

#[test]
fn a_renewed_certificate_that_haproxy_has_not_read_is_told() {
    let case = Case::of(&[]);
    let Some(site) = site(&case, &["haproxy"]) else {
        return;
    };
    certify(&site, 60);
    let run = format!(
        "global\n  crt-base {}\ndefaults\n  mode http\n  timeout connect 2s\n  timeout client 9s\n  timeout server 9s\n\
         frontend web\n  bind 10.79.2.2:443 ssl crt both.pem\n  http-request return status 200\n",
        site.folder.display()
    );
    let _servers = Servers::names(&site, "")
        .unwrap()
        .haproxy(&site, 443, &run)
        .unwrap();
    let loaded = walked_secured(&site, &case, "haproxy-443.cfg");
    assert_eq!(found(&loaded, "certificate-not-reloaded"), None);
    certify(&site, 150);
    let report = walked_secured(&site, &case, "haproxy-443.cfg");
    let told = finding(&report, "certificate-not-reloaded");
    let line = case.line("haproxy-443.cfg", "crt both.pem");
    assert_eq!(places(told)[0], line, "{told:#}");
    // Sixty days are left.
    assert_eq!(told["severity"], "low", "{told:#}");
    std::fs::remove_file(case.path("both.pem")).unwrap();
    let unread = walked_secured(&site, &case, "haproxy-443.cfg");
    assert_eq!(found(&unread, "certificate-not-reloaded"), None);
    let gaps = unread["not_checked"].to_string();
    assert!(gaps.contains("both.pem holds the certificate"), "{gaps}");
}

#[test]
fn a_gateway_timeout_stands_beside_the_line_of_its_timer() {
    let run = "server { listen 10.79.2.2:80;\n\
               location / { proxy_pass http://10.79.2.3:9000;\nproxy_read_timeout 2s; } }";
    let case = Case::of(&[]);
    let Some(site) = site(&case, &["nginx"]) else {
        return;
    };
    let _servers = Servers::names(&site, "")
        .unwrap()
        .scripted(&site, "10.79.2.3:9000", |stream, _| {
            std::thread::sleep(std::time::Duration::from_secs(4));
            drop(stream);
        })
        .unwrap()
        .nginx(&site, 80, run)
        .unwrap();
    let report = walked(
        &site,
        &case,
        &["http://one.lab.example/"],
        &["nginx-80.conf"],
    );
    let told = finding(&report, "http-gateway-timeout");
    assert_eq!(told["support"], "corroborated", "{told:#}");
    let line = case.line("nginx-80.conf", "proxy_read_timeout 2s");
    assert_eq!(places(told)[1], line, "{told:#}");
}

/// nginx with a location, as far as it matters.
fn nginx(location: &str) -> String {
    format!(
        "events {{}}\nhttp {{\nserver {{\nlisten 80;\nserver_name shop.example;\n{location}\n}}\n}}\n"
    )
}

#[test]
fn a_refused_upgrade_stands_beside_the_call_that_loses_it() {
    let location = "location / {\nproxy_pass http://web:3000;\n}\nlocation /ws {\nproxy_pass http://chat:3000;\n}";
    let case = Case::of(&[("nginx.conf", &nginx(location))]);
    case.walk(
        "ws://shop.example:80/ws",
        &[
            r#"{"step": "web-socket", "to": "192.0.2.7:80", "outcome": {"status": 400}, "headers": [["Server", "nginx"]]}"#,
        ],
    );
    let report = case.report(&["nginx.conf"]);
    let call = case.line("nginx.conf", "proxy_pass http://chat");
    let path = case.line("nginx.conf", "location /ws");
    is_joined(&report, "websocket-upgrade-refused", &["step 1", &call]);
    is_joined(&report, "upgrade-not-passed", &[&path, &call, "step 1"]);
}

#[test]
fn an_old_version_stands_beside_the_line_that_allows_it() {
    let tls = nginx(
        "ssl_certificate a.pem;\nssl_certificate_key a.key;\nssl_protocols TLSv1.1 TLSv1.2;\nlocation / { return 200 ok; }",
    )
    .replace("listen 80", "listen 443 ssl");
    let case = Case::of(&[("nginx.conf", &tls)]);
    case.walk(
        "https://shop.example:443/",
        &[
            r#"{"step": "tls-survey", "to": "192.0.2.7:443", "versions-only": true, "versions": [{"version": "TLS 1.1", "suites": ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"]}, {"version": "TLS 1.2", "suites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}]}"#,
        ],
    );
    let report = case.report(&["nginx.conf"]);
    let line = case.line("nginx.conf", "ssl_protocols");
    is_joined(&report, "tls-obsolete-version", &["step 1", &line]);
    is_joined(&report, "obsolete-tls-version", &[&line, "step 1"]);
}

/// A page by nginx that says that its server does not answer.
const BAD_GATEWAY: &str = r#"{"step": "http", "url": "http://shop.example/", "method": "GET", "to": "192.0.2.7:80", "phases": {"connect": 1, "wait": 2}, "outcome": {"replied": {"status": 502, "headers": [["Server", "nginx"]], "body": {"complete": true, "head": "<center>nginx</center>"}}}}"#;

#[test]
fn a_bad_gateway_stands_beside_the_line_that_leads_there() {
    let case = Case::of(&[(
        "nginx.conf",
        &nginx("location / {\nproxy_pass http://10.0.0.5:3000;\n}"),
    )]);
    case.walk("http://shop.example:80/", &[BAD_GATEWAY]);
    let report = case.report(&["nginx.conf"]);
    let told = finding(&report, "http-server-errors");
    let line = case.line("nginx.conf", "proxy_pass");
    assert_eq!(places(told), ["step 1", &line], "{told:#}");
    // That requests go there does not say why they fail.
    assert_eq!(told["support"], "observed", "{told:#}");
}

#[test]
fn an_answer_of_another_product_is_not_joined() {
    let case = Case::of(&[(
        "nginx.conf",
        &nginx("location / {\nproxy_pass http://10.0.0.5:3000;\n}"),
    )]);
    let other = BAD_GATEWAY.replace("<center>nginx</center>", "no healthy upstream");
    case.walk("http://shop.example:80/", &[&other]);
    let report = case.report(&["nginx.conf"]);
    assert_eq!(places(finding(&report, "http-server-errors")), ["step 1"]);
}

/// Two programs that listen on the same port and close after 5 s, and a walk to that port.
fn two_alike(names: &str) -> Case {
    let listener = "listeners = [{ port = 3000, protocol = \"http\", keepalive_idle = \"5s\" }]";
    let toml = format!(
        "[[programs]]\nname = \"api\"\n{listener}\n[[programs]]\nname = \"web\"\n{listener}\n{names}"
    );
    let proxy = nginx("location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection \"\"; }")
        .replace("http {", "http {\nupstream up { server web:3000; keepalive 8; }");
    let case = Case::of(&[("nginx.conf", &proxy), ("wirewise.toml", &toml)]);
    case.walk(
        "http://10.0.0.1:3000/",
        &[r#"{"step": "keep-alive", "to": "10.0.0.1:3000", "idle": 5003, "waited": 5003, "tried": 200}"#],
    );
    case
}

#[test]
fn two_programs_that_fit_are_not_guessed_between() {
    let report = two_alike("").report(&["nginx.conf", "wirewise.toml"]);
    let race = finding(&report, "keep-alive-race");
    assert_eq!(race["support"], "declared", "{race:#}");
    let gaps = report["not_checked"].to_string();
    assert!(
        gaps.contains("api closes idle connections") && gaps.contains("as several may"),
        "{gaps}"
    );
}

#[test]
fn an_address_that_the_team_states_decides() {
    let report =
        two_alike("[names]\n\"10.0.0.1\" = \"web\"\n").report(&["nginx.conf", "wirewise.toml"]);
    let race = finding(&report, "keep-alive-race");
    assert_eq!(race["support"], "corroborated", "{race:#}");
}

/// A capture in which a server refuses a connection.
fn refused(case: &Case, server: &str) {
    let text = format!("client 10.0.0.5:40000\nserver {server}\n0.000 > S mss 1460\n+1ms < R.\n");
    let compiled = ww_testkit::capture_text::compile(&text).unwrap();
    std::fs::write(case.path("case.pcap"), compiled.pcap).unwrap();
}

const REFUSED: &str =
    r#"{"step": "connect", "to": "10.0.0.1:5432", "outcome": "refused", "errno": "ECONNREFUSED"}"#;

#[test]
fn a_cause_that_a_capture_and_a_walk_show_is_one_finding() {
    let case = Case::of(&[]);
    case.walk("postgres://10.0.0.1:5432/", &[REFUSED]);
    refused(&case, "10.0.0.1:5432");
    let report = case.report(&["case.pcap"]);
    let findings = report["findings"].as_array().unwrap();
    let same = findings
        .iter()
        .filter(|one| one["rule"] == "connection-refused");
    assert_eq!(same.count(), 1, "{report:#}");
    let told = finding(&report, "connection-refused");
    assert_eq!(told["support"], "corroborated", "{told:#}");
    let mut places = places(told);
    places.truncate(2);
    places.sort();
    assert_eq!(places, ["frame 2", "step 1"], "{told:#}");
}

#[test]
fn another_server_of_the_capture_is_another_finding() {
    let case = Case::of(&[]);
    case.walk("postgres://10.0.0.1:5432/", &[REFUSED]);
    refused(&case, "10.0.0.2:5432");
    let report = case.report(&["case.pcap"]);
    let findings = report["findings"].as_array().unwrap().iter();
    let supports: Vec<&Value> = findings
        .filter(|one| one["rule"] == "connection-refused")
        .map(|one| &one["support"])
        .collect();
    assert_eq!(supports.len(), 2, "{report:#}");
    assert!(
        !supports.contains(&&Value::from("corroborated")),
        "{report:#}"
    );
}
