//! Fixes are applied together and leave nothing among them, and the products themselves judge what
//! comes out: `nginx -t` and `haproxy -c`.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests start programs and write their inputs; where that fails, they fail"
)]

mod yaml;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder for one test with these files in it.
fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("fixes")
        .join(test);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder
}

fn wirewise(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The rules that find something in a folder, with how many ways to mend it are safe.
fn found(folder: &Path) -> Vec<(String, usize)> {
    let output = wirewise(
        folder,
        &["check", "--format", "json", "--fail-on", "never", "."],
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let of = |finding: &Value| {
        let fixes = finding["fixes"].as_array().unwrap();
        let safe = fixes.iter().filter(|fix| fix["safety"] == "safe").count();
        (finding["rule"].as_str().unwrap().to_owned(), safe)
    };
    findings.iter().map(of).collect()
}

/// Applies all fixes: each of these rules found something that could be mended and finds nothing
/// afterwards, and nothing else has come.
#[track_caller]
fn mends(folder: &Path, rules: &[&str]) {
    let before = found(folder);
    for rule in rules {
        let safe = before.iter().any(|(name, safe)| name == rule && *safe > 0);
        assert!(safe, "{rule} offers no safe fix: {before:?}");
    }
    let output = wirewise(folder, &["check", "--fix", "--fail-on", "never", "."]);
    assert!(output.status.success(), "{output:?}");
    let after = found(folder);
    for (rule, _) in &after {
        assert!(!rules.contains(&rule.as_str()), "{rule} is still found");
        assert!(
            before.iter().any(|(known, _)| known == rule),
            "{rule} has come"
        );
    }
}

/// Asks a product whether it takes a configuration. Where it is not installed nobody judges; under CI
/// it must be.
#[track_caller]
fn is_accepted(program: &str, arguments: &[&str], folder: &Path) {
    match Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
    {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program}: {said}");
        }
        Err(error) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "{program} must be installed under CI: {error}"
            );
            println!("NOT RUN: {program} is not installed, so nobody judges the fixes");
        }
    }
}

#[track_caller]
fn nginx_accepts(folder: &Path) {
    let prefix = folder.to_str().unwrap();
    is_accepted(
        "nginx",
        &["-t", "-q", "-e", "stderr", "-p", prefix, "-c", "nginx.conf"],
        folder,
    );
}

#[track_caller]
fn haproxy_accepts(folder: &Path) {
    is_accepted("haproxy", &["-c", "-q", "-f", "haproxy.cfg"], folder);
}

#[test]
fn what_nginx_lacks_is_written_where_it_belongs() {
    let folder = folder(
        "nginx",
        &[
            (
                "nginx.conf",
                "pid nginx.pid;
events {}
http {
    limit_req_zone $binary_remote_addr zone=each:1m rate=5r/s;
    upstream api { server 127.0.0.1:8000; server 127.0.0.1:8001; keepalive 16; }
    upstream pooled {
        server 127.0.0.1:9000;
        keepalive 8;
    }
    server {
        listen 127.0.0.1:8080;
        proxy_set_header Host $host;
        proxy_set_header Connection \"\";
        location /api/ {
            limit_req zone=each burst=10 nodelay;
            proxy_pass http://api;
            proxy_http_version 1.1;
        }
        location /pooled/ { proxy_set_header Host $host; proxy_pass http://pooled; }
    }
    server {
        listen 127.0.0.1:8081;
        location /ws/ {
            proxy_set_header Host $host;
            proxy_pass http://127.0.0.1:8002;
        }
    }
}
",
            ),
            ("wirewise.toml", "[versions]\nnginx = \"1.22.1\"\n"),
        ],
    );
    nginx_accepts(&folder);
    mends(
        &folder,
        &[
            "upstream-keep-alive-unused",
            "upgrade-not-passed",
            "rate-limit-invites-retries",
        ],
    );
    nginx_accepts(&folder);
}

#[test]
fn the_name_that_is_meant_is_sent() {
    let config = "pid nginx.pid;
events {}
http {
    resolver 127.0.0.1;
    server {
        listen 127.0.0.1:8080;
        location /api/ {
            set $server backend.example.com;
            proxy_pass https://$server:8443;
        }
        location / { proxy_pass https://localhost:8443; }
    }
    upstream named { server 127.0.0.1:8443; }
}
";
    let literal = config.replace("$server:8443", "backend.example.com:8443");
    let folder = folder("sni", &[("nginx.conf", &literal)]);
    mends(&folder, &["upstream-without-sni"]);
    let text = std::fs::read_to_string(folder.join("nginx.conf")).unwrap();
    // A name that does not resolve here is no matter of the fix: it is asked for at run time.
    let text = text.replace(
        "proxy_pass https://backend.example.com:8443",
        "proxy_pass https://$server:8443",
    );
    std::fs::write(folder.join("nginx.conf"), text).unwrap();
    nginx_accepts(&folder);
}

#[test]
fn headers_are_not_put_where_they_take_others_out_of_force() {
    let config = "events {}
http {
    upstream api { server 127.0.0.1:8000; keepalive 16; }
    server {
        listen 127.0.0.1:8080;
        proxy_set_header Host $host;
        location / { proxy_pass http://api; }
    }
}
";
    let facts = "[versions]\nnginx = \"1.22.1\"\n";
    let folder = folder(
        "headers",
        &[("nginx.conf", config), ("wirewise.toml", facts)],
    );
    assert_eq!(
        found(&folder),
        [("upstream-keep-alive-unused".to_owned(), 0)]
    );
}

#[test]
fn two_times_that_race_are_mended_on_one_side() {
    let folder = folder(
        "race",
        &[
            (
                "nginx.conf",
                "pid nginx.pid;
events {}
http {
    upstream api {
        server 127.0.0.1:8000;
        keepalive 16;
    }
    server {
        listen 127.0.0.1:8080;
        location / {
            proxy_pass http://api;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }
    }
}
",
            ),
            (
                "wirewise.toml",
                "[versions]
nginx = \"1.22.1\"
[names]
\"127.0.0.1\" = \"orders\"
[[programs]]
name = \"orders\"
listeners = [{ port = 8000, protocol = \"http\", keepalive_idle = \"5s\" }]
",
            ),
        ],
    );
    mends(&folder, &["keep-alive-race"]);
    nginx_accepts(&folder);
}

#[test]
fn what_haproxy_lacks_is_written_once() {
    let folder = folder(
        "haproxy",
        &[(
            "haproxy.cfg",
            "global
  maxconn 1000

defaults # for all
  mode http

frontend web
  bind 127.0.0.1:8080
  default_backend api

backend api
  server one 127.0.0.1:8000
",
        )],
    );
    mends(&folder, &["timeout-missing"]);
    let text = std::fs::read_to_string(folder.join("haproxy.cfg")).unwrap();
    for timeout in ["timeout client", "timeout connect", "timeout server"] {
        assert_eq!(text.matches(timeout).count(), 1, "{text}");
    }
    haproxy_accepts(&folder);
}

#[test]
fn fixes_of_a_chain_leave_nothing_among_them() {
    let proxy = |listens: &str, next: &str, more: &str| {
        format!(
            "pid nginx.pid;
events {{}}
http {{
    {more}
    upstream next {{
        server {next};
        keepalive 16;
        keepalive_timeout 30s;
    }}
    server {{
        listen 127.0.0.1:{listens};
        location / {{
            proxy_pass http://next;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }}
    }}
}}
"
        )
    };
    let compose = "services:
  edge:
    image: nginx:1.25
    volumes: [\"./edge.conf:/etc/nginx/nginx.conf:ro\"]
  middle:
    image: nginx:1.25
    volumes: [\"./middle.conf:/etc/nginx/nginx.conf:ro\"]
";
    let facts = "[names]
\"localhost\" = \"middle\"
\"127.0.0.1\" = \"orders\"
[[programs]]
name = \"orders\"
listeners = [{ port = 8000, protocol = \"http\", keepalive_idle = \"5s\" }]
";
    let folder = folder(
        "chain",
        &[
            ("edge.conf", &proxy("8080", "localhost:9000", "")),
            (
                "middle.conf",
                &proxy("9000", "127.0.0.1:8000", "keepalive_timeout 4s;"),
            ),
            ("compose.yaml", compose),
            ("wirewise.toml", facts),
        ],
    );
    let races = |folder: &Path| {
        let all = found(folder);
        all.iter()
            .filter(|(rule, _)| rule == "keep-alive-race")
            .count()
    };
    assert_eq!(races(&folder), 2, "{:?}", found(&folder));
    wirewise(&folder, &["check", "--fix", "--fail-on", "never", "."]);
    assert_eq!(races(&folder), 0, "{:?}", found(&folder));
    let stated = std::fs::read_to_string(folder.join("wirewise.toml")).unwrap();
    assert_eq!(stated, facts, "what the team states is no setting");
    for config in ["edge.conf", "middle.conf"] {
        std::fs::copy(folder.join(config), folder.join("nginx.conf")).unwrap();
        nginx_accepts(&folder);
    }
}
