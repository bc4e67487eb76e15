//! Walks to servers of HTTP over TLS on loopback.

#![expect(
    clippy::expect_used,
    reason = "what a test needs is there or the test fails"
)]

#[path = "servers/tls.rs"]
mod tls;

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use ww_base::{SourceId, Span};
use ww_evidence::transcript::{HttpExchange, HttpVersion, Transcript};
use ww_probe::{Options, parse_target, walk};

/// A server that answers 200 in the versions that it agrees on by ALPN.
fn serve(alpn: &'static [&'static str]) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            tell.send(listener.local_addr().expect("its address"))
                .expect("told");
            let acceptor = TlsAcceptor::from(tls::config("a.example", alpn));
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(acceptor.clone(), stream));
            }
        });
    });
    told.recv().expect("an address")
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return answer_two(stream).await;
    }
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer).await {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        if stream.write_all(text).await.is_err() {
            return;
        }
    }
}

async fn answer_two(stream: TlsStream<TcpStream>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let head = http::Response::builder().header("x-version", "2").body(());
        let Ok(mut body) = respond.send_response(head.expect("a head"), false) else {
            return;
        };
        let _ = body.send_data(bytes::Bytes::from_static(b"two"), true);
    }
}

fn walked(scheme: &str, to: SocketAddr) -> Transcript {
    let options = Options {
        patience: Duration::from_secs(2),
        resolve: vec![("a.example".to_owned(), to.port(), to.ip())],
        ..Options::default()
    };
    let written = format!("{scheme}://a.example:{}/", to.port());
    let target = parse_target(&written).expect("a target");
    walk(&target, &options, SourceId(0), &mut |_| {}).expect("a walk")
}

fn answers(transcript: &Transcript) -> Vec<(HttpVersion, bool, u16)> {
    transcript
        .exchanges()
        .map(|(_, exchange): (_, &HttpExchange)| {
            let status = exchange.reply().map_or(0, |reply| reply.status);
            (exchange.version, exchange.reused, status)
        })
        .collect()
}

#[test]
fn each_version_that_a_server_agrees_on_is_asked() {
    let transcript = walked("https", serve(&["h2", "http/1.1"]));
    assert_eq!(
        answers(&transcript),
        [
            (HttpVersion::One, false, 200),
            (HttpVersion::One, true, 200),
            (HttpVersion::Two, false, 200),
        ]
    );
    let (_, first) = transcript.exchanges().next().expect("an exchange");
    assert!(first.phases.handshake > Span::ZERO, "{:?}", first.phases);
    let (_, second) = transcript.exchanges().last().expect("an exchange");
    let reply = second.reply().expect("an answer");
    assert_eq!(reply.header("x-version"), Some("2"));
    assert_eq!(
        (reply.body.head.as_str(), reply.body.complete),
        ("two", true)
    );
}

#[test]
fn a_server_of_one_version_is_asked_in_it() {
    let one = walked("https", serve(&[]));
    assert_eq!(
        answers(&one),
        [
            (HttpVersion::One, false, 200),
            (HttpVersion::One, true, 200)
        ]
    );
    let two = walked("https", serve(&["h2"]));
    assert_eq!(
        answers(&two),
        [(HttpVersion::One, false, 0), (HttpVersion::Two, false, 200)]
    );
}
