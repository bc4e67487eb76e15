//! PostgreSQL and Redis as they are installed.

use crate::{options, probe};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use ww_evidence::transcript::GreetingOutcome;

/// A server that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program on the path or among those of PostgreSQL on Debian; says loudly when there is none.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let found = folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{name} is not installed, and CI wants it"
        );
        eprintln!("NOT RUN: {name} is not installed");
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port()
}

fn wait_for(to: SocketAddr) {
    let began = Instant::now();
    while TcpStream::connect(to).is_err() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{to} does not open"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// As PostgreSQL does not run as the superuser, it is run as `nobody` there.
fn as_nobody(command: &mut Command, is_root: bool) {
    if is_root {
        command.uid(65534).gid(65534);
    }
}

#[test]
fn postgresql_tells_how_it_is() {
    let (Some(initdb), Some(postgres)) = (program("initdb"), program("postgres")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).expect("chown");
    }
    let data = folder.path().join("data");
    let mut init = Command::new(initdb);
    init.args([
        "--no-sync",
        "--auth=scram-sha-256",
        "--username=admin",
        "--pwfile=/dev/stdin",
        "-D",
    ])
    .arg(&data)
    .current_dir(folder.path())
    .stdin(Stdio::from(password_file(folder.path())))
    .stdout(Stdio::null());
    as_nobody(&mut init, is_root);
    assert!(init.status().expect("initdb").success());
    let port = free_port();
    let mut server = Command::new(postgres);
    server
        .arg("-D")
        .arg(&data)
        .args([
            "-p",
            &port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "max_connections=4",
        ])
        .args([
            "-c",
            "superuser_reserved_connections=0",
            "-c",
            "max_wal_senders=0",
            "-c",
            "fsync=off",
        ])
        .arg("-k")
        .arg(folder.path())
        .current_dir(folder.path())
        .stderr(Stdio::null());
    as_nobody(&mut server, is_root);
    let _server = Running(server.spawn().expect("postgres"));
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    wait_for(to);
    let target = format!("postgres://{to}");
    // It may still say that it starts up.
    let mut seen = None;
    for _ in 0..50 {
        let transcript = probe(&target, &options());
        let (_, greeting) = transcript.greetings().next().expect("a greeting");
        seen = Some(greeting.clone());
        if greeting.outcome == GreetingOutcome::Fine {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let greeting = seen.expect("a greeting");
    assert_eq!(greeting.outcome, GreetingOutcome::Fine, "{greeting:?}");
    assert_eq!(greeting.says, "asks for SCRAM-SHA-256");
    assert_eq!(greeting.offers_tls, Some(false));
    // Connections that have not proved who they are take all places.
    let startup = b"\0\0\0\x14\0\x03\0\0user\0admin\0\0";
    let _taken: Vec<TcpStream> = (0..4)
        .map(|_| {
            use std::io::{Read, Write};
            let mut stream = TcpStream::connect(to).expect("a connection");
            stream.write_all(startup).expect("written");
            let mut first = [0];
            stream.read_exact(&mut first).expect("an answer");
            stream
        })
        .collect();
    let transcript = probe(&target, &options());
    let (_, greeting) = transcript.greetings().next().expect("a greeting");
    assert_eq!(
        greeting.outcome,
        GreetingOutcome::Denied("53300: sorry, too many clients already".to_owned())
    );
}

fn password_file(folder: &std::path::Path) -> std::fs::File {
    let path = folder.join("password");
    std::fs::write(&path, "probe\n").expect("written");
    std::fs::File::open(path).expect("opened")
}

#[test]
fn redis_answers_a_ping_and_refuses_the_world() {
    let Some(redis) = program("redis-server") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let cases: [(&[&str], GreetingOutcome, &str); 2] = [
        (&[], GreetingOutcome::Fine, ""),
        (
            &["--requirepass", "x"],
            GreetingOutcome::Fine,
            "NOAUTH Authentication required.",
        ),
    ];
    for (more, outcome, says) in cases {
        let port = free_port();
        let server = Command::new(&redis)
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
            ])
            .args(more)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server");
        let _server = Running(server);
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        wait_for(to);
        let transcript = probe(&format!("redis://{to}"), &options());
        let (_, greeting) = transcript.greetings().next().expect("a greeting");
        assert_eq!(greeting.outcome, outcome);
        assert_eq!(greeting.says, says);
    }
}
