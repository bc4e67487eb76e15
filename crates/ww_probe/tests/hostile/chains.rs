//! Handshakes that do not end.

use super::{Counted, Server};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ConfigBuilder, ServerConfig, WantsVerifier};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;
use ww_evidence::transcript::{TlsOutcome, Transcript};

/// A record of TLS 1.2.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut all = vec![kind, 3, 3];
    all.extend((body.len() as u16).to_be_bytes());
    all.extend(body);
    all
}

/// A ServerHello of TLS 1.2 that chooses ECDHE with RSA, AES and GCM.
fn server_hello() -> Vec<u8> {
    let mut body = vec![2, 0, 0, 38, 3, 3];
    body.extend([7; 32]);
    body.extend([0, 0xC0, 0x2F, 0]);
    record(22, &body)
}

/// Reads the ClientHello, says a ServerHello, and goes on for ever with these bytes.
fn never_done(stream: &mut Counted, before: &[u8], again: &[u8]) {
    let _ = stream.read(&mut [0; 4096]);
    let mut first = server_hello();
    first.extend(before);
    if stream.write_all(&first).is_ok() {
        stream.for_ever(again);
    }
    // A reset would overtake what was said.
    let _ = stream.read(&mut [0; 4096]);
}

fn outcomes(transcript: &Transcript) -> Vec<TlsOutcome> {
    let all: Vec<TlsOutcome> = transcript
        .handshakes()
        .map(|(_, seen)| seen.outcome.clone())
        .collect();
    assert!(!all.is_empty());
    all
}

fn assert_broken(transcript: &Transcript, by: &str) {
    for outcome in outcomes(transcript) {
        assert!(
            matches!(&outcome, TlsOutcome::Broken(why) if why.contains(by)),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_chain_of_100_megabytes_is_not_read_in_tls_1_2() {
    // The message with the certificates is as long as a message can be, and others follow.
    let server = Server::new("127.0.0.1:0", |stream| {
        let begins = record(
            22,
            &[11, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFC, 0xFF, 0xFF, 0xF9],
        );
        never_done(stream, &begins, &record(22, &[0x30; 16_000]));
    });
    let transcript = server.walked("https", 128 << 10, Duration::from_secs(15));
    assert_broken(&transcript, "longer than 64 KiB");
}

/// The configuration of a server that shows `count` certificates, each with so many names.
fn showing(count: usize, names: usize) -> ServerConfig {
    configured(
        count,
        names,
        ConfigBuilder::<ServerConfig, _>::with_no_client_auth,
    )
}

/// The same, which asks for certificates of clients as told.
fn configured(
    count: usize,
    names: usize,
    asking: impl FnOnce(
        ConfigBuilder<ServerConfig, WantsVerifier>,
    ) -> ConfigBuilder<ServerConfig, WantsServerCert>,
) -> ServerConfig {
    let names: Vec<String> = (0..names)
        .map(|number| format!("{}.{number}.example", "x".repeat(50)))
        .collect();
    let made = rcgen::generate_simple_self_signed(names).expect("made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("versions");
    asking(builder)
        .with_single_cert(vec![made.cert.der().clone(); count], key)
        .expect("they fit")
}

/// Shakes hands, and waits for the client to go.
fn shake(stream: &mut Counted, config: &Arc<ServerConfig>) {
    let Ok(mut connection) = rustls::ServerConnection::new(Arc::clone(config)) else {
        return;
    };
    connection.set_buffer_limit(None);
    while connection.is_handshaking() && connection.complete_io(stream).is_ok() {}
    while connection.wants_write() && connection.write_tls(stream).is_ok() {}
    let _ = stream.read(&mut [0; 4096]);
}

#[test]
fn a_chain_of_15_megabytes_is_not_read_in_tls_1_3() {
    // A message of TLS cannot be longer than 16 MiB.
    let config = Arc::new(showing(350, 600));
    let server = Server::new("127.0.0.1:0", move |stream| shake(stream, &config));
    let transcript = server.walked("https", 256 << 10, Duration::from_secs(15));
    assert_broken(&transcript, "longer than 64 KiB");
}

#[test]
fn messages_without_end_end_a_handshake() {
    type Case = (&'static str, &'static [u8], u8);
    // HelloRequests, empty records, warnings, and a record that is none.
    let cases: [Case; 4] = [
        ("HelloRequest", &[0, 0, 0, 0], 22),
        ("an empty record", &[], 22),
        ("a warning", &[1, 90], 21),
        ("ServerHelloDone", &[14, 0, 0, 0], 22),
    ];
    for (what, body, kind) in cases {
        let server = Server::new("127.0.0.1:0", move |stream| {
            never_done(stream, &[], &record(kind, body).repeat(100));
        });
        let transcript = server.walked("https", 1 << 20, Duration::from_secs(15));
        for outcome in outcomes(&transcript) {
            assert!(
                matches!(outcome, TlsOutcome::Broken(_)),
                "{what}: {outcome:?}"
            );
        }
    }
}

/// A server that sends so many tickets for resumption.
fn full_of_tickets(mut config: ServerConfig, tickets: usize) -> Server {
    config.send_tls13_tickets = tickets;
    let config = Arc::new(config);
    Server::new("127.0.0.1:0", move |stream| shake(stream, &config))
}

#[test]
fn tickets_without_end_are_not_waited_for() {
    let transcript =
        full_of_tickets(showing(1, 1), 200_000).walked("https", 64 << 20, Duration::from_secs(20));
    assert!(outcomes(&transcript).contains(&TlsOutcome::Done));
}

#[test]
fn tickets_without_end_do_not_pass_for_a_verdict_on_our_certificate() {
    let mut roots = rustls::RootCertStore::empty();
    let root = rcgen::generate_simple_self_signed(Vec::new()).expect("made");
    roots.add(root.cert.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let asking = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .expect("a verifier");
    let config = configured(1, 1, |builder| builder.with_client_cert_verifier(asking));
    let transcript =
        full_of_tickets(config, 20_000).walked("https", 1 << 20, Duration::from_secs(20));
    assert_broken(&transcript, "");
}
