//! Which question a walk puts next depends on what it saw: each symptom has questions of its own.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "the servers are real listeners on loopback; where they fail, the test fails"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use ww_base::SourceId;
use ww_evidence::transcript::{Chosen, Transcript};
use ww_probe::{Depth, Options, parse_target, walk};

/// The bytes of an alert.
const fn alert(number: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, number]
}

/// The head of a ServerHello: enough for a hello to count as accepted.
fn server_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0x13, 1, 0]);
    body.extend([0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 29]);
    let length = body.len() as u8;
    let mut record = vec![22, 3, 3, 0, length + 4, 2, 0, 0, length];
    record.extend(body);
    record
}

/// A listener that does with each connection what `serve` does.
fn server(serve: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads what comes first, and keeps the connection open for longer than a walk waits.
fn silent(mut stream: TcpStream) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).is_ok_and(|count| count > 0) {}
}

/// Reads what comes first, and closes.
fn closing(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
}

/// Says the same to whatever comes.
fn saying(mut stream: TcpStream, words: &[u8]) {
    let mut bytes = [0; 4096];
    let _ = stream.read(&mut bytes);
    let _ = stream.write_all(words);
    let _ = stream.read(&mut bytes);
}

/// Answers hellos in one small packet only.
fn small_alone(mut stream: TcpStream) {
    let mut bytes = [0; 8192];
    if stream.read(&mut bytes).is_ok_and(|count| count > 1_000) {
        silent(stream);
    } else {
        let _ = stream.write_all(&server_hello());
        let _ = stream.read(&mut bytes);
    }
}

fn quick() -> Options {
    Options {
        patience: Duration::from_millis(400),
        ..Options::default()
    }
}

fn walked(target: &str, options: &Options) -> Transcript {
    let target = parse_target(target).expect("a target");
    walk(&target, options, SourceId(0), &mut |_| {}).expect("a walk")
}

/// What was chosen, in order: the symptom, and what was asked side by side.
fn choices(transcript: &Transcript) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<&Chosen> = Vec::new();
    for chosen in transcript
        .steps
        .iter()
        .filter_map(|step| step.chosen.as_ref())
    {
        // What it is expected to tell is no more than there is to tell, and something.
        assert!(
            chosen.bits > 0.0 && chosen.bits <= chosen.open,
            "{chosen:?}"
        );
        assert!(
            chosen.causes.len() > 1 && chosen.raised_by > 0,
            "{chosen:?}"
        );
        if !all.contains(&chosen) {
            all.push(chosen);
        }
    }
    all.into_iter()
        .map(|chosen| (chosen.symptom.clone(), chosen.controls.clone()))
        .collect()
}

/// The one choice of a walk.
#[track_caller]
fn chosen(target: &str, symptom: &str, controls: &[&str]) {
    let transcript = walked(target, &quick());
    let choices = choices(&transcript);
    let expected: Vec<String> = controls.iter().map(|&control| control.to_owned()).collect();
    assert_eq!(
        choices,
        [(symptom.to_owned(), expected)],
        "{:#?}",
        transcript.steps
    );
}

#[test]
fn a_closed_port_asks_for_other_services_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let target = format!("tcp://127.0.0.1:{port}");
    chosen(&target, "a reset answers the SYN", &["other services"]);
}

#[test]
fn an_alert_about_the_name_asks_for_names_alone() {
    let to = server(|stream| saying(stream, &alert(112)));
    let options = Options {
        resolve: vec![("shop.example".to_owned(), to.port(), to.ip())],
        ..quick()
    };
    let transcript = walked(&format!("https://shop.example:{}", to.port()), &options);
    let names = ["no server name", "another server name"];
    let [(symptom, controls)] = &choices(&transcript)[..] else {
        panic!("{:#?}", transcript.steps)
    };
    assert_eq!(symptom, "the server alerts about the name");
    assert!(
        names
            .iter()
            .all(|name| controls.contains(&(*name).to_owned())),
        "{controls:?}"
    );
    assert_eq!(transcript.tls_surveys().count(), 0);
}

#[test]
fn an_alert_about_the_version_asks_for_versions_alone() {
    let to = server(|stream| saying(stream, &alert(70)));
    let target = format!("https://{to}");
    chosen(
        &target,
        "the server alerts about the version",
        &["each version"],
    );
}

#[test]
fn an_alert_that_tells_nothing_asks_for_names_and_versions() {
    let to = server(|stream| saying(stream, &alert(40)));
    let options = Options {
        resolve: vec![("shop.example".to_owned(), to.port(), to.ip())],
        ..quick()
    };
    let transcript = walked(&format!("https://shop.example:{}", to.port()), &options);
    let choices = choices(&transcript);
    let asked: Vec<&str> = choices
        .iter()
        .flat_map(|(_, all)| all)
        .map(String::as_str)
        .collect();
    assert!(
        choices
            .iter()
            .all(|(symptom, _)| symptom == "the server sends an alert")
    );
    for control in ["no server name", "another server name", "each version"] {
        assert!(asked.contains(&control), "{choices:?}");
    }
    assert!(!asked.contains(&"small segments"), "{choices:?}");
}

#[test]
fn silence_asks_for_the_same_again_for_sizes_and_for_names() {
    let to = server(silent);
    let options = Options {
        resolve: vec![("shop.example".to_owned(), to.port(), to.ip())],
        ..quick()
    };
    let transcript = walked(&format!("https://shop.example:{}", to.port()), &options);
    let choices = choices(&transcript);
    let asked: Vec<&str> = choices
        .iter()
        .flat_map(|(_, all)| all)
        .map(String::as_str)
        .collect();
    assert!(
        choices
            .iter()
            .all(|(symptom, _)| symptom == "nothing answers the ClientHello")
    );
    for control in [
        "the same again",
        "small segments",
        "no server name",
        "another server name",
    ] {
        assert!(asked.contains(&control), "{choices:?}");
    }
    assert!(!asked.contains(&"each version"), "{choices:?}");
}

#[test]
fn a_large_hello_that_is_lost_asks_for_its_packets() {
    let to = server(small_alone);
    let transcript = walked(&format!("https://{to}"), &quick());
    let choices: Vec<_> = choices(&transcript)
        .into_iter()
        .filter(|(symptom, _)| symptom == "the large hello is not answered")
        .collect();
    let asked: Vec<&str> = choices
        .iter()
        .flat_map(|(_, all)| all)
        .map(String::as_str)
        .collect();
    for control in [
        "the usual hello",
        "small segments",
        "clear text of this size",
    ] {
        assert!(asked.contains(&control), "{choices:?}");
    }
}

#[test]
fn a_request_that_is_closed_asks_for_tls_alone() {
    let to = server(closing);
    let symptom = "the connection ends at the request";
    chosen(&format!("http://{to}"), symptom, &["TLS"]);
}

#[test]
fn a_greeting_that_does_not_come_asks_for_tls_alone() {
    let to = server(|stream| saying(stream, b"220 hello\r\n"));
    chosen(
        &format!("redis://{to}"),
        "the greeting does not come",
        &["TLS"],
    );
}

#[test]
fn a_request_that_is_not_answered_asks_for_sizes_too() {
    let to = server(silent);
    let transcript = walked(&format!("http://{to}"), &quick());
    let choices = choices(&transcript);
    let asked: Vec<&str> = choices
        .iter()
        .flat_map(|(_, all)| all)
        .map(String::as_str)
        .collect();
    assert!(
        choices
            .iter()
            .all(|(symptom, _)| symptom == "nothing answers the request")
    );
    for control in ["TLS", "small segments", "small segments of ours"] {
        assert!(asked.contains(&control), "{choices:?}");
    }
}

#[test]
fn a_full_queue_of_this_host_is_looked_up_before_anything_is_sent() {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("a port");
    socket.listen(0).expect("listens");
    let to = socket
        .local_addr()
        .ok()
        .and_then(|own| own.as_socket())
        .expect("TCP");
    let _full: Vec<_> = (0..4)
        .map(|_| TcpStream::connect_timeout(&to, Duration::from_millis(100)))
        .collect();
    let transcript = walked(&format!("tcp://{to}"), &quick());
    let choices = choices(&transcript);
    let own = ["this host's accept queue", "this host's connection table"];
    let (symptom, first) = choices.first().expect("a choice");
    assert_eq!(symptom, "nothing answers the SYN");
    assert!(
        first.iter().all(|control| own.contains(&control.as_str())),
        "{choices:?}"
    );
    // The path to this host tells nothing.
    assert!(
        choices
            .iter()
            .all(|(_, all)| !all.contains(&"the path".to_owned())),
        "{choices:?}"
    );
}

#[test]
fn nothing_is_chosen_where_nothing_is_wrong_or_little_is_asked() {
    let to = server(|stream| {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
        saying(stream, answer);
    });
    assert_eq!(choices(&walked(&format!("http://{to}"), &quick())), []);
    let to = server(closing);
    let options = Options {
        depth: Depth::Quick,
        ..quick()
    };
    assert_eq!(choices(&walked(&format!("http://{to}"), &options)), []);
}
