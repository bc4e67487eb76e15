//! What `haproxy -c` accepts is read without a malformed part.

#![expect(
    clippy::disallowed_methods,
    reason = "a judge is a program, and the corpora are files"
)]

use std::path::Path;
use std::process::Command;
use ww_base::{Limits, ProblemKind, SourceId};
use ww_import::{Text, gather};

/// Whether HAProxy finds no error in a file; 2 says that there is none, but nothing that listens.
fn accepts(path: &Path) -> bool {
    let judged = Command::new("haproxy")
        .args(["-c", "-q", "-f"])
        .arg(path)
        .output();
    judged.is_ok_and(|judged| matches!(judged.status.code(), Some(0 | 2)))
}

/// What breaks the format's rules in a text.
fn malformed(path: &str, bytes: &[u8]) -> Vec<String> {
    let text = Text {
        source: SourceId(0),
        path,
        device: "",
        bytes,
    };
    let problems = gather(&[text], &Limits::default()).problems.into_iter();
    problems
        .filter(|problem| problem.kind == ProblemKind::Malformed)
        .map(|problem| problem.message)
        .collect()
}

/// Whether HAProxy is there; says so loudly when it is not.
fn is_installed() -> bool {
    let is_there = Command::new("haproxy").arg("-v").output().is_ok();
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "haproxy is not installed");
        println!("NOT RUN: haproxy is not installed, so nobody judges what is read");
    }
    is_there
}

/// Configurations, and whether HAProxy accepts them.
const CASES: [(&str, bool); 8] = [
    (
        "global\n maxconn 100\ndefaults\n mode http\n timeout connect 1s\n timeout client 1s\n timeout server 1s\nlisten l\n bind 127.0.0.1:18081\n server s 127.0.0.1:1 check inter 2s\n",
        true,
    ),
    (
        "backend \"b\"\n mode http\n http-request set-header X 'a b # c'\n server s 127.0.0.1:1 # end\n",
        true,
    ),
    (
        "backend b\n mode http\n http-request set-header X a\\ b\\#c\n server s \"127.0.0.1:1\"\n",
        true,
    ),
    (".if 1\nbackend b\n.endif\n", true),
    (
        "defaults d\n mode http\nbackend b from d\n timeout server 10\n",
        true,
    ),
    ("mode http\n", false),
    (
        "backend b\n timeout server soon\n server s 127.0.0.1:1\n",
        false,
    ),
    (
        "backend b\n mode http\n http-request set-header X \"a\n",
        false,
    ),
];

#[test]
fn what_haproxy_accepts_is_read_and_what_it_refuses_is_said() {
    if !is_installed() {
        return;
    }
    let path = std::env::temp_dir().join(format!("ww_haproxy_judge_{}.cfg", std::process::id()));
    for (text, is_accepted) in CASES {
        std::fs::write(&path, text).unwrap();
        assert_eq!(accepts(&path), is_accepted, "{text}");
        let problems = malformed("haproxy.cfg", text.as_bytes());
        assert_eq!(problems.is_empty(), is_accepted, "{text}: {problems:?}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_haproxy_accepts_of_projects_is_read() {
    let Some(corpora) = std::env::var_os("WIREWISE_CORPORA") else {
        println!("NOT RUN: set WIREWISE_CORPORA to read configurations of projects");
        return;
    };
    if !is_installed() {
        return;
    }
    let folder = Path::new(&corpora).join("config");
    let list = std::fs::read_to_string(folder.join("list.tsv")).unwrap();
    let rows = list.lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let mut accepted = 0;
    for row in rows.filter(|row| row.get(1) == Some(&"haproxy")) {
        let path = folder.join(row[0]);
        if accepts(&path) {
            accepted += 1;
            let problems = malformed(row[0], &std::fs::read(&path).unwrap());
            assert!(problems.is_empty(), "{}: {problems:?}", row[0]);
        }
    }
    println!("{accepted} files that HAProxy accepts are read");
    assert!(accepted >= 25, "HAProxy accepted {accepted} only");
}
