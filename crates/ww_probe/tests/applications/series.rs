//! The same question many times.

use crate::{hear, options, probe, serve};
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
