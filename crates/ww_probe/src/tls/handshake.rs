//! One TLS handshake over a connection that is open.

use super::certificate;
use super::witness::{self, Shown, Witness};
use crate::Options;
use crate::tap::Tapped;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use ww_evidence::transcript::{TlsHandshake, TlsOutcome, server_name};

/// No handshake takes more bytes, tickets included. A message of it may have 64 KiB (rustls), and those of a server
/// are few.
const HANDSHAKE_BYTES: u64 = 1 << 20;

/// What is offered in a handshake.
#[derive(Clone, Debug)]
pub(crate) struct Offer<'o> {
    /// Whom we want to reach; sent as server name when it is no address.
    pub(crate) host: &'o str,
    /// The protocols that are offered by ALPN.
    pub(crate) alpn: &'o [&'o str],
    /// Sessions that may be resumed.
    pub(crate) sessions: Option<&'o Sessions>,
}

/// Sessions of earlier handshakes. They are resumed only by who made them, so that the witness is kept too.
#[derive(Debug)]
pub(crate) struct Sessions {
    kept: Arc<ClientSessionMemoryCache>,
    witness: Arc<Witness>,
}

impl Sessions {
    /// No sessions yet.
    ///
    /// # Errors
    ///
    /// The user's certificate cannot be used.
    pub(crate) fn new(options: &Options) -> Result<Sessions, String> {
        Ok(Sessions {
            kept: Arc::new(ClientSessionMemoryCache::new(8)),
            witness: witness(options)?,
        })
    }
}

fn witness(options: &Options) -> Result<Arc<Witness>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let ours = witness::ours(options, &provider)?;
    Ok(Arc::new(Witness::new(provider, ours)))
}

/// A handshake that was tried.
pub(crate) struct Tried {
    /// What was seen of it. Trust and names are not judged.
    pub(crate) seen: TlsHandshake,
    /// What the server showed.
    pub(super) shown: Shown,
    /// The connection, where the handshake was completed.
    pub(crate) stream: Option<TlsStream<Tapped>>,
}

/// Tries a handshake for at most `patience`.
pub(crate) async fn shake(
    options: &Options,
    stream: TcpStream,
    to: SocketAddr,
    offer: &Offer<'_>,
    patience: Duration,
) -> Tried {
    let mut seen = TlsHandshake {
        to: Some(to),
        server_name: server_name(offer.host).to_owned(),
        alpn_offered: offer
            .alpn
            .iter()
            .map(|&protocol| protocol.to_owned())
            .collect(),
        ..TlsHandshake::default()
    };
    let (config, witness, name) = match prepared(options, offer, to.ip()) {
        Ok(prepared) => prepared,
        Err(why) => {
            seen.outcome = TlsOutcome::Failed(why);
            return Tried {
                seen,
                shown: Shown::default(),
                stream: None,
            };
        }
    };
    let shaking = TlsConnector::from(Arc::new(config))
        .connect(name, Tapped::new(stream, HANDSHAKE_BYTES))
        .into_fallible();
    let shaken = tokio::time::timeout(patience, shaking).await;
    let shown = witness.shown();
    show(&mut seen, &shown);
    let stream = match shaken {
        Err(_) => None,
        Ok(Err((error, mut tapped))) => {
            seen.outcome = failure(&error, &tapped.heard().bytes());
            if seen.outcome == TlsOutcome::Reset
                && let Some(number) = alert_at_end(&tapped.rest().await)
            {
                seen.outcome = TlsOutcome::Alert(number);
            }
            old_version(&tapped.heard().bytes())
                .unwrap_or_default()
                .clone_into(&mut seen.version);
            None
        }
        Ok(Ok(stream)) => {
            agreed(&mut seen, &stream);
            Some(stream)
        }
    };
    Tried {
        seen,
        shown,
        stream,
    }
}

/// Notes what the server showed and asked for.
pub(super) fn show(seen: &mut TlsHandshake, shown: &Shown) {
    seen.client_certificate.clone_from(&shown.demand);
    seen.ocsp_stapled = shown.stapled;
    seen.certificates = shown
        .certificates
        .iter()
        .map(|der| certificate::told(der))
        .collect();
}

/// Reads for a while after a handshake: in TLS 1.3 the server judges our certificate when we believe to be
/// done, and its tickets for resumption come then too. Ends the connection.
pub(crate) async fn linger(
    seen: &mut TlsHandshake,
    stream: &mut TlsStream<Tapped>,
    patience: Duration,
) {
    let mut bytes = [0; 512];
    match tokio::time::timeout(patience, stream.read(&mut bytes)).await {
        Ok(Err(error)) => match failure(&error, &[]) {
            TlsOutcome::Alert(number) => seen.outcome = TlsOutcome::LateAlert(number),
            other => seen.outcome = other,
        },
        Ok(Ok(0)) => seen.outcome = TlsOutcome::Closed,
        Ok(Ok(_)) | Err(_) => {}
    }
}

/// Says goodbye, without waiting for an answer.
pub(crate) async fn end(mut stream: TlsStream<Tapped>) {
    let _ = tokio::time::timeout(Duration::from_millis(100), stream.shutdown()).await;
}

/// What a handshake needs: what is offered, who sees what is shown, and the name that is sent.
pub(super) fn prepared(
    options: &Options,
    offer: &Offer<'_>,
    address: IpAddr,
) -> Result<(ClientConfig, Arc<Witness>, ServerName<'static>), String> {
    let name = if server_name(offer.host).is_empty() {
        ServerName::from(address)
    } else {
        ServerName::try_from(offer.host.to_owned())
            .map_err(|_| format!("{} cannot be sent as a server name", offer.host))?
    };
    let witness = match offer.sessions {
        Some(sessions) => Arc::clone(&sessions.witness),
        None => witness(options)?,
    };
    let config = config(&witness, offer).map_err(|error| error.to_string())?;
    Ok((config, witness, name))
}

fn config(witness: &Arc<Witness>, offer: &Offer<'_>) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(witness.provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(witness) as _)
        .with_client_cert_resolver(Arc::clone(witness) as _);
    config.alpn_protocols = offer
        .alpn
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    config.resumption = match &offer.sessions {
        Some(sessions) => Resumption::store(Arc::clone(&sessions.kept) as _),
        None => Resumption::disabled(),
    };
    Ok(config)
}

/// What both sides agreed on.
fn agreed(seen: &mut TlsHandshake, stream: &TlsStream<Tapped>) {
    let (_, connection) = stream.get_ref();
    seen.outcome = TlsOutcome::Done;
    match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "",
    }
    .clone_into(&mut seen.version);
    seen.suite = connection
        .negotiated_cipher_suite()
        .map(|suite| format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1))
        .unwrap_or_default();
    seen.group = connection
        .negotiated_key_exchange_group()
        .map(|group| match group.name() {
            rustls::NamedGroup::X25519 => "x25519".to_owned(),
            other => format!("{other:?}"),
        })
        .unwrap_or_default();
    seen.alpn = connection
        .alpn_protocol()
        .map(|protocol| String::from_utf8_lossy(protocol).into_owned())
        .unwrap_or_default();
    seen.resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
}

/// How a handshake failed: by the error, and by the first bytes that the peer sent.
fn failure(error: &io::Error, heard: &[u8]) -> TlsOutcome {
    if let Some(&first) = heard.first()
        && !(20..=24).contains(&first)
    {
        return TlsOutcome::NotTls(first_line(heard));
    }
    if let Some(error) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        return match (error, old_version(heard)) {
            (rustls::Error::AlertReceived(alert), _) => TlsOutcome::Alert(u8::from(*alert)),
            (_, Some(version)) => {
                TlsOutcome::Failed(format!("the server speaks {version} at most"))
            }
            (other, None) => broken(other),
        };
    }
    if let Some(number) = alert_at_end(heard) {
        return TlsOutcome::Alert(number);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => TlsOutcome::Closed,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => TlsOutcome::Reset,
        io::ErrorKind::TimedOut => TlsOutcome::TimedOut,
        // No error of the system: more came than we, or the library, take.
        io::ErrorKind::Other | io::ErrorKind::InvalidData => TlsOutcome::Broken(error.to_string()),
        _ => TlsOutcome::Failed(error.to_string()),
    }
}

/// What the server sent that ended a handshake on our side.
fn broken(error: &rustls::Error) -> TlsOutcome {
    use rustls::InvalidMessage::{CertificatePayloadTooLarge, HandshakePayloadTooLarge};
    match error {
        rustls::Error::InvalidMessage(CertificatePayloadTooLarge | HandshakePayloadTooLarge) => {
            TlsOutcome::Broken(
                "a message of its handshake, most likely the one with its certificates, is longer than 64 KiB; it was not read"
                    .to_owned(),
            )
        }
        rustls::Error::InvalidMessage(why) => {
            TlsOutcome::Broken(format!("it sends what cannot be read ({why:?})"))
        }
        rustls::Error::PeerMisbehaved(why) => {
            TlsOutcome::Broken(format!("it does not keep to the protocol ({why:?})"))
        }
        rustls::Error::InappropriateHandshakeMessage { .. }
        | rustls::Error::InappropriateMessage { .. }
        | rustls::Error::DecryptError
        | rustls::Error::PeerSentOversizedRecord => {
            TlsOutcome::Broken(format!("it does not keep to the protocol ({error})"))
        }
        other => TlsOutcome::Failed(other.to_string()),
    }
}

/// A fatal alert in clear text that ends what was heard. A server that closes a connection with unread data resets
/// it; the reset makes our next write fail before the alert was read.
fn alert_at_end(heard: &[u8]) -> Option<u8> {
    match heard {
        [.., 21, 3, _, 0, 2, 2, number] => Some(*number),
        _ => None,
    }
}

/// The version of a ServerHello that is older than what was offered.
fn old_version(heard: &[u8]) -> Option<&'static str> {
    match heard {
        [22, 3, _, _, _, 2, _, _, _, 3, 0, ..] => Some("SSL 3.0"),
        [22, 3, _, _, _, 2, _, _, _, 3, 1, ..] => Some("TLS 1.0"),
        [22, 3, _, _, _, 2, _, _, _, 3, 2, ..] => Some("TLS 1.1"),
        _ => None,
    }
}

fn first_line(heard: &[u8]) -> String {
    let line = heard
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    String::from_utf8_lossy(line)
        .trim_end()
        .chars()
        .take(120)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_is_spoken() {
        let closed = io::Error::from(io::ErrorKind::UnexpectedEof);
        let cases = [
            (&b""[..], TlsOutcome::Closed),
            (
                b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n",
                TlsOutcome::NotTls("HTTP/1.1 400 Bad Request".to_owned()),
            ),
            (&[21, 3, 3, 0, 2, 2, 40], TlsOutcome::Alert(40)),
            (&[22, 3, 3], TlsOutcome::Closed),
        ];
        for (heard, outcome) in cases {
            assert_eq!(failure(&closed, heard), outcome, "{heard:?}");
        }
        let incompatible = io::Error::other(rustls::Error::General("x".to_owned()));
        let hello = [22, 3, 1, 0, 50, 2, 0, 0, 46, 3, 1, 0];
        assert_eq!(
            failure(&incompatible, &hello),
            TlsOutcome::Failed("the server speaks TLS 1.0 at most".to_owned())
        );
    }
}
