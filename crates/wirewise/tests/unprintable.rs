//! Whatever a server says, nothing of it steers the terminal of the reader.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start the program and write its inputs; where that fails, they fail"
)]

use std::path::Path;
use std::process::{Command, Stdio};

/// Changes the title of a terminal's window, clears it, and turns the direction of writing.
const HOSTILE: &str = r"\u001b]0;owned\u0007\u001b[2J\u009b31m\u202eowned";

/// Walks with findings whose sentences and exhibits quote what a server said, each with its name.
const WALKS: [(&str, &str); 6] = [
    (
        "certificate",
        r#"{"target": {"written": "https://shop.example", "host": "shop.example", "port": 443, "service": "https"}, "began": 1790000000}
{"step": "handshake", "to": "192.0.2.7:443", "server-name": "shop.example", "outcome": "done", "version": "TLS 1.3", "alpn": "@", "trust": {"unknown-root": "CN=@"}, "path": [0], "certificates": [{"subject": "CN=@", "issuer": "CN=@", "names": ["@.example"], "not-before": 1700000000, "not-after": 1710000000, "serial": "01", "fingerprint": "02"}]}"#,
    ),
    (
        "answer",
        r#"{"target": {"written": "http://shop.example", "host": "shop.example", "port": 80, "service": "http"}}
{"step": "http", "to": "192.0.2.7:80", "url": "http://shop.example/", "method": "GET", "outcome": {"replied": {"status": 502, "headers": [["server", "@"], ["via", "1.1 @"]], "body": {"received": 20, "complete": true, "head": "<h1>@</h1>"}}}}"#,
    ),
    (
        "not-http",
        r#"{"target": {"written": "http://shop.example", "host": "shop.example", "port": 80, "service": "http"}}
{"step": "http", "to": "192.0.2.7:80", "url": "http://shop.example/", "method": "GET", "outcome": {"not-http": "@"}}"#,
    ),
    (
        "call",
        r#"{"target": {"written": "grpc://shop.example", "host": "shop.example", "port": 80, "service": "grpc"}}
{"step": "grpc", "to": "192.0.2.7:80", "method": "grpc.health.v1.Health/Check", "reply": "fine", "http-status": 200, "status": 14, "message": "@", "services": ["@"]}"#,
    ),
    (
        "greeting",
        r#"{"target": {"written": "redis://shop.example", "host": "shop.example", "port": 6379, "service": "redis"}}
{"step": "greeting", "to": "192.0.2.7:6379", "service": "redis", "outcome": {"denied": "DENIED @"}}"#,
    ),
    (
        "name",
        r#"{"target": {"written": "http://shop.example", "host": "shop.example", "port": 80, "service": "http"}}
{"step": "lookup", "name": "shop.example", "kind": "A", "via": {"udp": "192.0.2.53:53"}, "outcome": {"answered": {"rcode": "SERVFAIL", "extended-errors": [{"code": 22, "text": "@"}], "records": [{"name": "shop.example", "kind": "TXT", "ttl": 1, "data": "@"}]}}}"#,
    ),
];

fn report(walk: &Path, format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(["diagnose", "--format", format])
        .arg(walk)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_servers_say_is_printed_without_control_characters() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unprintable");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, walk) in WALKS {
        let path = folder.join(format!("{name}.ndjson"));
        std::fs::write(&path, walk.replace('@', HOSTILE)).unwrap();
        for format in ["text", "markdown", "json", "sarif"] {
            let report = report(&path, format);
            let unprintable =
                |letter: char| letter == '\u{202e}' || letter.is_control() && letter != '\n';
            assert!(
                !report.contains(unprintable),
                "{name} as {format}: {report:?}"
            );
        }
        // What was said is shown all the same.
        let text = report(&path, "text");
        assert!(text.contains("owned"), "{name}: {text}");
    }
}
