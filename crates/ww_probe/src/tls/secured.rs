//! Connections for what is spoken over TLS.

use super::handshake::{self, Offer};
use crate::tap::Tapped;
use crate::tcp;
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio_rustls::client::TlsStream;
use ww_evidence::transcript::{Connect, TlsHandshake};

/// No more is read of a connection that carries requests. What asks has narrower bounds on each answer; this one is
/// for what it does not see, such as endless session tickets.
const CONNECTION_BYTES: u64 = 64 << 20;

/// A connection on which TLS was agreed, ready for a request. The certificate is not judged.
pub(crate) struct Secured {
    /// The connection.
    pub(crate) stream: TlsStream<Tapped>,
    /// What was agreed.
    pub(crate) seen: TlsHandshake,
    /// How long opening the connection took.
    pub(crate) connect: Duration,
    /// How long the handshake took after that.
    pub(crate) handshake: Duration,
    /// Our own address.
    pub(crate) from: Option<SocketAddr>,
}

/// Why there is no such connection.
#[derive(Debug)]
pub(crate) enum Unsecured {
    /// The time of the walk is up.
    Late,
    /// It could not be opened.
    Connect(Connect),
    /// TLS was not agreed on a connection from this address of ours.
    Handshake(Box<TlsHandshake>, Option<SocketAddr>),
}

/// Opens a connection to `to` in the name of `host`, for requests. Nothing is recorded.
///
/// # Errors
///
/// Where it failed.
pub(crate) async fn connect(
    walker: &Walker<'_>,
    host: &str,
    to: SocketAddr,
    alpn: &[&str],
) -> Result<Secured, Unsecured> {
    connect_from(walker, host, to, None, alpn).await
}

/// The same from this source port, where one is given.
///
/// # Errors
///
/// Where it failed.
pub(crate) async fn connect_from(
    walker: &Walker<'_>,
    host: &str,
    to: SocketAddr,
    from: Option<u16>,
    alpn: &[&str],
) -> Result<Secured, Unsecured> {
    let patience = walker.patience().ok_or(Unsecured::Late)?;
    let began = Instant::now();
    let (opened, stream) = tcp::connect_from(to, from, patience).await;
    let connect = began.elapsed();
    let from = opened.from;
    let stream = stream.ok_or(Unsecured::Connect(opened))?;
    let offer = Offer {
        host,
        alpn,
        sessions: None,
    };
    let tried = handshake::shake(walker.options, stream, to, &offer, patience).await;
    match tried.stream {
        Some(mut stream) => {
            stream.get_mut().0.allow(CONNECTION_BYTES);
            Ok(Secured {
                stream,
                seen: tried.seen,
                connect,
                handshake: began.elapsed().saturating_sub(connect),
                from,
            })
        }
        None => Err(Unsecured::Handshake(Box::new(tried.seen), from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Recorder;
    use crate::{Options, parse_target};
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use ww_evidence::transcript::{ConnectOutcome, TlsOutcome};

    #[tokio::test]
    async fn requests_get_a_connection_of_their_own() {
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).expect("made");
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.expect("a key"))
            .expect("they fit");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let to = listener.local_addr().expect("an address");
        let server = async {
            let (stream, _) = listener.accept().await.expect("a client");
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
            let mut stream = acceptor.accept(stream).await.expect("a handshake");
            let mut word = [0; 4];
            stream.read_exact(&mut word).await.expect("a word");
            stream.write_all(&word).await.expect("sent");
            stream.flush().await.expect("sent");
        };
        let target = parse_target("https://a.example").expect("a target");
        let options = Options::default();
        let mut listen = |_: &ww_evidence::transcript::Step| {};
        let walker = Walker {
            target: &target,
            options: &options,
            recorder: Recorder::new(&mut listen),
        };
        let client = async {
            let secured = connect(&walker, "a.example", to, &["h2", "http/1.1"]).await;
            let Ok(mut secured) = secured else {
                panic!("no connection");
            };
            assert_eq!(secured.seen.alpn, "http/1.1");
            assert!(secured.connect + secured.handshake > Duration::ZERO);
            secured.stream.write_all(b"ping").await.expect("sent");
            secured.stream.flush().await.expect("sent");
            let mut word = [0; 4];
            secured.stream.read_exact(&mut word).await.expect("echo");
            assert_eq!(&word, b"ping");
        };
        tokio::join!(server, client);
        drop(listener);
        match connect(&walker, "a.example", to, &[]).await {
            Err(Unsecured::Connect(opened)) => {
                assert_eq!(opened.outcome, ConnectOutcome::Refused);
            }
            _ => panic!("nobody listens"),
        }
    }

    #[tokio::test]
    async fn who_speaks_no_tls_gives_no_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let to = listener.local_addr().expect("an address");
        let target = parse_target("https://a.example").expect("a target");
        let options = Options::default();
        let mut listen = |_: &ww_evidence::transcript::Step| {};
        let walker = Walker {
            target: &target,
            options: &options,
            recorder: Recorder::new(&mut listen),
        };
        let server = async {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream.write_all(b"SSH-2.0-x\r\n").await.expect("sent");
        };
        let ((), seen) = tokio::join!(server, connect(&walker, "a.example", to, &[]));
        match seen {
            Err(Unsecured::Handshake(seen, _)) => {
                assert_eq!(seen.outcome, TlsOutcome::NotTls("SSH-2.0-x".to_owned()));
            }
            _ => panic!("no TLS there"),
        }
    }
}
