//! The same question many times.

use crate::{hear, options, probe, reset, say, serve};
use ww_probe::Options;

#[test]
fn every_trial_is_told_by_its_keys() {
    let server = serve(|mut stream| {
        hear(&mut stream);
    });
    let often = Options {
        repeat: 12,
        ..options()
    };
    let transcript = probe(&format!("postgres://{server}"), &often);
    let (_, trials) = transcript.series().next().expect("trials");
    assert_eq!((trials.stopped.as_str(), trials.trials.len()), ("", 12));
    assert_eq!(trials.what, "connection");
    let trial = trials.trials.last().expect("a trial");
    assert_eq!(trial.failure, "");
    assert_eq!(trial.keys["address"], "127.0.0.1");
    assert_eq!(trial.keys["family"], "IPv4");
    assert!(trial.keys.contains_key("source-port"));
    assert!(trial.at > trials.trials[0].at);
}

#[test]
fn a_closed_port_is_convicted_at_once() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    let often = Options {
        repeat: 500,
        ..options()
    };
    let transcript = probe(&format!("tcp://{closed}"), &often);
    let (_, trials) = transcript.series().next().expect("trials");
    assert_eq!(
        (trials.stopped.as_str(), trials.trials.len()),
        ("convicted", 8)
    );
    assert!(trials.trials.iter().all(|trial| trial.failure == "refused"));
}

#[test]
fn a_server_that_would_block_us_is_spared() {
    let server = serve(|mut stream| {
        hear(&mut stream);
    });
    let often = Options {
        repeat: 5,
        ..options()
    };
    let transcript = probe(&format!("mysql://{server}"), &often);
    assert_eq!(transcript.series().count(), 0);
    assert!(
        transcript
            .gaps
            .iter()
            .any(|gap| gap.missing.contains("max_connect_errors"))
    );
}

/// A server of HTTP that answers so many requests of a connection, then resets it with the next.
fn serve_requests(most: usize, status: &'static str) -> std::net::SocketAddr {
    serve(move |mut stream| {
        for _ in 0..most {
            if hear(&mut stream).is_empty() {
                return;
            }
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nX-Served-By: web-1\r\n\r\nok");
            say(&mut stream, answer.as_bytes());
        }
        if !hear(&mut stream).is_empty() {
            reset(stream);
        }
    })
}

#[test]
fn requests_over_used_connections_are_an_arm_of_their_own() {
    let server = serve_requests(1, "200 OK");
    let often = Options {
        repeat: 40,
        ..options()
    };
    let transcript = probe(&format!("http://{server}"), &often);
    let (_, trials) = transcript.series().next().expect("trials");
    assert_eq!(trials.what, "request");
    let arm = |arm: &str| -> Vec<bool> {
        trials
            .trials
            .iter()
            .filter(|trial| trial.keys["connection"] == arm)
            .map(|trial| trial.failure.is_empty())
            .collect()
    };
    let (new, reused) = (arm("new"), arm("reused"));
    assert!(new.iter().all(|&fine| fine), "{trials:?}");
    assert!(!reused.is_empty() && !reused.contains(&true), "{trials:?}");
    let fine = trials
        .trials
        .iter()
        .find(|trial| trial.failure.is_empty())
        .expect("a trial that did not fail");
    assert_eq!(fine.keys["x-served-by"], "web-1");
}

#[test]
fn a_server_that_limits_the_rate_is_asked_no_more() {
    let server = serve_requests(100, "429 Too Many Requests");
    let often = Options {
        repeat: 40,
        ..options()
    };
    let transcript = probe(&format!("http://{server}"), &often);
    let (_, trials) = transcript.series().next().expect("a series");
    assert!(trials.trials.is_empty(), "{trials:?}");
    assert!(
        transcript
            .gaps
            .iter()
            .any(|gap| gap.missing.contains("429"))
    );
}
