//! Connections for requests, each timed layer by layer.

use super::exchange::Io;
use super::url::Url;
use crate::tcp;
use crate::tls::{Unsecured, connect_secured};
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ww_evidence::transcript::{Connect, ConnectOutcome, HttpVersion, TlsHandshake, TlsOutcome};

/// An open connection.
pub(crate) struct Opened {
    pub(crate) stream: Box<dyn Io>,
    /// How long the TCP handshake took.
    pub(crate) connect: Duration,
    /// How long the TLS handshake took; zero in clear.
    pub(crate) handshake: Duration,
    /// SHA-256 of the certificate that was shown, in hexadecimal digits; empty in clear.
    pub(crate) certificate: String,
}

/// Opens a connection for requests to a URL in this version.
///
/// # Errors
///
/// Why there is none, as a sentence's end.
pub(crate) async fn open(
    walker: &Walker<'_>,
    url: &Url,
    version: HttpVersion,
    to: SocketAddr,
) -> Result<Opened, String> {
    if url.tls {
        return secured(walker, url, version, to).await;
    }
    let patience = walker.patience().ok_or("the time was up")?;
    let began = Instant::now();
    let (seen, stream) = tcp::connect(to, patience).await;
    let connect = began.elapsed();
    let stream = stream.ok_or_else(|| no_connection(to, &seen))?;
    Ok(Opened {
        stream: Box::new(stream),
        connect,
        handshake: Duration::ZERO,
        certificate: String::new(),
    })
}

async fn secured(
    walker: &Walker<'_>,
    url: &Url,
    version: HttpVersion,
    to: SocketAddr,
) -> Result<Opened, String> {
    let protocol = match version {
        HttpVersion::One => "http/1.1",
        HttpVersion::Two => "h2",
        HttpVersion::Three => "h3",
    };
    match connect_secured(walker, &url.host, to, &[protocol]).await {
        // A server that knows no ALPN speaks HTTP/1.1.
        Ok(opened) if version != HttpVersion::One && opened.seen.alpn != protocol => {
            Err(format!("{to} does not agree on {protocol}"))
        }
        Ok(opened) => Ok(Opened {
            certificate: opened
                .seen
                .certificates
                .first()
                .map_or_else(String::new, |own| own.fingerprint.clone()),
            stream: Box::new(opened.stream),
            connect: opened.connect,
            handshake: opened.handshake,
        }),
        Err(Unsecured::Late) => Err("the time was up".to_owned()),
        Err(Unsecured::Connect(seen)) => Err(no_connection(to, &seen)),
        Err(Unsecured::Handshake(seen)) => Err(no_tls(to, &seen)),
    }
}

fn no_connection(to: SocketAddr, seen: &Connect) -> String {
    match seen.outcome {
        ConnectOutcome::Refused => format!("{to} refuses the connection"),
        ConnectOutcome::TimedOut => format!("{to} does not answer the SYN"),
        _ => format!("no connection to {to}: {}", seen.errno),
    }
}

fn no_tls(to: SocketAddr, seen: &TlsHandshake) -> String {
    match &seen.outcome {
        TlsOutcome::Alert(number) | TlsOutcome::LateAlert(number) => {
            format!("{to} ends the TLS handshake with alert {number}")
        }
        TlsOutcome::Closed => format!("{to} closes the connection in the TLS handshake"),
        TlsOutcome::Reset => format!("{to} resets the connection in the TLS handshake"),
        TlsOutcome::NotTls(_) => format!("{to} does not speak TLS"),
        TlsOutcome::Refused(why) | TlsOutcome::Broken(why) | TlsOutcome::Failed(why) => {
            format!("no TLS with {to}: {why}")
        }
        TlsOutcome::Done | TlsOutcome::TimedOut => {
            format!("{to} does not finish the TLS handshake")
        }
    }
}
