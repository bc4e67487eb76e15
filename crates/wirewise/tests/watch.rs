//! `wirewise diagnose --watch` over a server that is well and then is not: what changed is told, and all walks together.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests start programs and servers; where that fails, they fail"
)]

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A server that answers 200, or 500 while it is ill.
fn server() -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ill = Arc::new(AtomicBool::new(false));
    let is_ill = Arc::clone(&ill);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 2048];
            if !stream.read(&mut request).is_ok_and(|bytes| bytes > 0) {
                continue;
            }
            let status = if is_ill.load(Ordering::Relaxed) {
                "500 Ill"
            } else {
                "200 OK"
            };
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            // A walk that is over needs no answer.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, ill)
}

fn watch(port: u16, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(["diagnose", "--watch", "--interval", "1", "--depth", "quick"])
        .args(more)
        .arg(format!("http://127.0.0.1:{port}/"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The next line until one of them fits; most walks are over in a moment.
fn until(lines: &mut impl Iterator<Item = String>, fits: impl Fn(&Value) -> bool) -> Value {
    let lines = lines
        .take(30)
        .map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let mut seen = Vec::new();
    for line in lines {
        if fits(&line) {
            return line;
        }
        seen.push(line);
    }
    panic!("no such line in {seen:#?}");
}

#[test]
fn what_begins_and_ends_is_told_and_an_interrupt_ends_it_with_a_summary() {
    let (port, ill) = server();
    let mut child = watch(port, &["--format", "json"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let first = until(&mut lines, |_| true);
    assert_eq!(
        (&first["walk"], &first["state"]),
        (&1.into(), &"fine".into()),
        "{first}"
    );
    assert!(
        first["layers_ms"]["http"]
            .as_f64()
            .is_some_and(|ms| ms > 0.0),
        "{first}"
    );
    ill.store(true, Ordering::Relaxed);
    let worse = until(&mut lines, |line| line["changed"] == true);
    assert_eq!(worse["state"], "trouble", "{worse}");
    assert!(
        worse["appeared"]["http-server-errors"].is_string(),
        "{worse}"
    );
    ill.store(false, Ordering::Relaxed);
    let better = until(&mut lines, |line| line["changed"] == true);
    assert_eq!(
        better["ended"],
        serde_json::json!(["http-server-errors"]),
        "{better}"
    );
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let summary = until(&mut lines, |line| !line["summary"].is_null());
    let summary = &summary["summary"];
    assert!(summary["walks"].as_u64() >= Some(3), "{summary}");
    assert!(summary["troubled"].as_u64() >= Some(1), "{summary}");
    assert!(
        summary["says"].as_str().unwrap().contains("95 % interval"),
        "{summary}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn text_tells_changes_alone_and_the_time_given_ends_it() {
    let (port, _) = server();
    let output = watch(port, &["--for", "3"]).wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let [first, last] = lines.as_slice() else {
        panic!("the first state and the summary: {said}");
    };
    assert_eq!(*first, "walk 1: fine");
    assert!(
        last.contains(": no trouble in ") && last.contains("95 % confidence"),
        "{last}"
    );
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn only_one_live_endpoint_can_be_watched() {
    let output = Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(["diagnose", "--watch", "127.0.0.1:1", "127.0.0.1:2"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("one live endpoint"), "{said}");
}
