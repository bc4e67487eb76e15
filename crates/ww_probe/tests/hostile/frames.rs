//! Frames of HTTP/2 that do not end.

use super::{Counted, Server};
use std::io::{Read, Write};
use std::time::Duration;
use ww_evidence::transcript::{HttpOutcome, HttpVersion, PeerReply};

/// A frame of this kind, with these flags, on this stream.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut all = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    all.extend([kind, flags]);
    all.extend(stream.to_be_bytes());
    all.extend(payload);
    all
}

/// What comes first, and what comes for ever after.
fn floods() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let settings = frame(4, 0, 0, &[]);
    vec![
        ("SETTINGS", settings.clone(), settings.clone()),
        ("PING", settings.clone(), frame(6, 0, 0, &[7; 8])),
        (
            "WINDOW_UPDATE",
            settings.clone(),
            frame(8, 0, 0, &[0, 0, 0, 1]),
        ),
        // The header fields of an answer never end: a literal that is not indexed, again and again.
        (
            "CONTINUATION",
            [settings.clone(), frame(1, 0, 1, b"\x88")].concat(),
            frame(9, 0, 1, &b"\x00\x01x\x01y".repeat(1_000)),
        ),
        (
            "an unknown frame",
            settings.clone(),
            frame(0xfe, 0, 0, &[1; 64]),
        ),
        // An answer whose body is padding alone.
        (
            "padded DATA",
            [settings, frame(1, 4, 1, b"\x88")].concat(),
            frame(0, 8, 1, &[&[200][..], &[0; 200]].concat()),
        ),
    ]
}

fn flood(stream: &mut Counted, first: &[u8], again: &[u8]) {
    let _ = stream.read(&mut [0; 4096]);
    if stream.write_all(first).is_ok() {
        stream.for_ever(&again.repeat(20));
    }
}

#[test]
fn floods_of_frames_end_a_call_of_grpc() {
    for (what, first, again) in floods() {
        let server = Server::new("127.0.0.1:0", move |stream| flood(stream, &first, &again));
        let transcript = server.walked("grpc", 2 << 20, Duration::from_secs(15));
        let (_, call) = transcript.grpc_calls().next().expect(what);
        assert_ne!(call.reply, PeerReply::Fine, "{what}: {call:?}");
        assert_eq!(call.health, "", "{what}");
    }
}

#[test]
fn floods_of_frames_end_a_request() {
    for (what, first, again) in floods() {
        let config = super::tls::config("a.example", &["h2"]);
        let server = Server::new("127.0.0.1:0", move |stream| {
            let Ok(mut connection) = rustls::ServerConnection::new(config.clone()) else {
                return;
            };
            let mut stream = rustls::Stream::new(&mut connection, stream);
            let _ = stream.read(&mut [0; 4096]);
            if stream.write_all(&first).is_ok() {
                let again = again.repeat(20);
                while stream.sock.said < super::ENDLESS && stream.write_all(&again).is_ok() {}
            }
        });
        let transcript = server.walked("https", 4 << 20, Duration::from_secs(20));
        let two = transcript
            .exchanges()
            .find(|(_, exchange)| exchange.version == HttpVersion::Two);
        let (_, exchange) = two.expect(what);
        match &exchange.outcome {
            HttpOutcome::Replied(reply) => {
                assert!(!reply.body.complete, "{what}: {reply:?}");
                assert!(reply.headers.len() < 20_000, "{what}");
            }
            HttpOutcome::Failed(_) | HttpOutcome::Broken(_) | HttpOutcome::TimedOut => {}
            other => panic!("{what}: {other:?}"),
        }
    }
}
