//! What is spoken beyond HTTP, against servers of our own that behave as written here, and real ones where they
//! are installed.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests run servers on loopback and start installed ones; where that fails, they fail"
)]

mod databases;
mod greetings;
mod grpc;
mod series;
mod websockets;

use rustls::pki_types::PrivateKeyDer;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio_rustls::server::TlsStream;
use ww_base::SourceId;
use ww_evidence::transcript::Transcript;
use ww_probe::{Depth, Options, parse_target, walk};

/// Options under which a test that waits for nothing takes no time.
fn options() -> Options {
    Options {
        depth: Depth::Normal,
        patience: Duration::from_millis(600),
        max_time: Duration::from_secs(8),
        ..Options::default()
    }
}

/// Walks an endpoint.
fn probe(target: &str, options: &Options) -> Transcript {
    let target = parse_target(target).expect("a target");
    walk(&target, options, SourceId(0), &mut |_| {}).expect("a walk")
}

/// A server on loopback that treats every connection alike, as long as the tests run.
fn serve(treat: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let treat = Arc::new(treat);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let treat = Arc::clone(&treat);
            stream
                .set_read_timeout(Some(Duration::from_secs(5)))
                .expect("a timeout");
            thread::spawn(move || treat(stream));
        }
    });
    address
}

/// A server within TLS, with a certificate of its own making, as long as the tests run.
fn serve_tls<F>(
    alpn: &[&[u8]],
    treat: impl Fn(TlsStream<tokio::net::TcpStream>) -> F + Send + Copy + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("they fit");
    config.alpn_protocols = alpn.iter().map(|one| one.to_vec()).collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("nonblocking");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        treat(stream).await;
                    }
                });
            }
        });
    });
    address
}

/// What comes first, as text; empty at the end of the stream.
fn hear(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer).unwrap_or(0);
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

/// Says something, whether or not anybody still listens.
fn say(stream: &mut TcpStream, words: &[u8]) {
    let _ = stream.write_all(words);
}

/// Closes with a reset.
fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("linger");
    drop(stream);
}
