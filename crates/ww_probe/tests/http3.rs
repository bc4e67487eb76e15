//! What comes after QUIC was answered: a request over HTTP/3, or the word that this build cannot make one.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the servers are real sockets on loopback; where they fail, the test fails"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;
use ww_base::SourceId;
use ww_evidence::transcript::{QuicOutcome, Transcript};
use ww_probe::{Options, parse_target, walk};

/// A server of HTTP/1.1 that promises HTTP/3 on this port.
fn promises(port: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":{port}\"; ma=60\r\nContent-Length: 0\r\n\r\n"
                );
                while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Says to every packet of QUIC that another version is spoken here (RFC 8999 section 6).
fn speaks_another_version() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = socket.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        let mut packet = [0; 2048];
        while let Ok((_, from)) = socket.recv_from(&mut packet) {
            let destination = 5 + 1 + usize::from(packet[5]);
            let source = destination + 1 + usize::from(packet[destination]);
            let mut answer = vec![0x80, 0, 0, 0, 0];
            answer.extend(&packet[destination..source]);
            answer.extend(&packet[5..destination]);
            answer.extend([0x6b, 0x33, 0x43, 0xcf]);
            let _ = socket.send_to(&answer, from);
        }
    });
    port
}

fn walked() -> Transcript {
    let to = promises(speaks_another_version());
    let target = parse_target(&format!("http://{to}/")).expect("a target");
    let options = Options {
        patience: Duration::from_secs(2),
        ..Options::default()
    };
    let transcript = walk(&target, &options, SourceId(0), &mut |_| {}).expect("a walk");
    let (_, quic) = transcript.quics().next().expect("a probe");
    assert_eq!(quic.outcome, QuicOutcome::Answered);
    assert_eq!(quic.versions, ["6b3343cf"]);
    transcript
}

#[cfg(feature = "http3")]
#[test]
fn a_handshake_that_fails_is_told() {
    use ww_evidence::transcript::{HttpOutcome, HttpVersion, TlsOutcome};
    let transcript = walked();
    let (_, handshake) = transcript.quic_handshakes().next().expect("a handshake");
    assert!(
        matches!(handshake.outcome, TlsOutcome::Failed(_)),
        "{handshake:?}"
    );
    assert_eq!(handshake.alpn_offered, ["h3"]);
    let (_, exchange) = transcript.exchanges().last().expect("a request");
    assert_eq!(exchange.version, HttpVersion::Three);
    assert!(matches!(exchange.outcome, HttpOutcome::NotConnected(_)));
    assert_eq!(transcript.handshakes().count(), 0);
}

#[cfg(not(feature = "http3"))]
#[test]
fn a_build_without_it_says_so() {
    let transcript = walked();
    assert!(
        transcript
            .gaps
            .iter()
            .any(|gap| gap.missing.contains("this build leaves HTTP/3 out")),
        "{:?}",
        transcript.gaps
    );
    assert_eq!(transcript.all_handshakes().count(), 0);
}
