//! What `nginx -t` accepts is read without a problem.

#![expect(
    clippy::disallowed_methods,
    reason = "a judge is a program, and it reads files"
)]

use std::process::Command;
use ww_base::{Limits, SourceId};
use ww_import::{Text, gather};

/// Configurations, and whether nginx accepts them.
const CASES: [(&str, bool); 10] = [
    (
        "events {} http { server { listen 127.0.0.1:18080; } }",
        true,
    ),
    (
        "events{}\r\nhttp{server{listen 127.0.0.1:18080;return 200 \"a;}b\";}}",
        true,
    ),
    (
        "events {} http { upstream u { server 127.0.0.1:1 max_fails=0; keepalive 2; } server { listen 127.0.0.1:18080; location / { proxy_pass http://u; proxy_next_upstream error non_idempotent; } } }",
        true,
    ),
    (
        "events {} http { map $host $x { default 'a b'; c \"d\\\"e\"; } server { listen 127.0.0.1:18080; if ($x = \"a\") { return 404; } } }",
        true,
    ),
    (
        "events {} http { server { listen 127.0.0.1:18080; set $a ${host}x; return 200 $a#b; } }",
        true,
    ),
    (
        "events {} http { server { listen 127.0.0.1:18080 } }",
        false,
    ),
    ("events {} http { server { listen 127.0.0.1:18080; }", false),
    (
        "events {} http { server { listen 127.0.0.1:18080; } } }",
        false,
    ),
    ("events {} http { server { return 200 \"a\"b; } }", false),
    (
        "events {} http { keepalive_timeout soon; server { listen 127.0.0.1:18080; keepalive_timeout soon; } }",
        false,
    ),
];

#[test]
fn what_nginx_accepts_is_read_and_what_it_refuses_is_said() {
    let folder = std::env::temp_dir().join(format!("ww_nginx_judge_{}", std::process::id()));
    if Command::new("nginx").arg("-v").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "nginx is not installed");
        println!("NOT RUN: nginx is not installed, so nobody judges what is read");
        return;
    }
    std::fs::create_dir_all(&folder).unwrap();
    for (text, is_accepted) in CASES {
        let path = folder.join("nginx.conf");
        let whole = format!("pid {}/pid; error_log stderr;\n{text}", folder.display());
        std::fs::write(&path, &whole).unwrap();
        let judged = Command::new("nginx")
            .args(["-t", "-q", "-c"])
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(judged.status.success(), is_accepted, "{text}: {judged:?}");
        let one = Text {
            source: SourceId(0),
            path: "nginx.conf",
            device: "",
            bytes: whole.as_bytes(),
        };
        let problems = gather(&[one], &Limits::default()).problems;
        assert_eq!(problems.is_empty(), is_accepted, "{text}: {problems:?}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
