//! Connections for requests, each timed layer by layer.

use super::exchange::Io;
use super::url::Url;
use crate::tcp;
use crate::tls::{Unsecured, connect_secured_from};
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
    /// Our own address.
    pub(crate) from: Option<SocketAddr>,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Unopened {
    /// As a sentence's end.
    pub(crate) why: String,
    /// Our own address, where we had one.
    pub(crate) from: Option<SocketAddr>,
}

impl From<&str> for Unopened {
    fn from(why: &str) -> Unopened {
        Unopened {
            why: why.to_owned(),
            from: None,
        }
    }
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
    let opened = open_from(walker, url, version, to, None).await;
    opened.map_err(|unopened| unopened.why)
}

/// The same from this source port, where one is given.
///
/// # Errors
///
/// Why there is none.
pub(crate) async fn open_from(
    walker: &Walker<'_>,
    url: &Url,
    version: HttpVersion,
    to: SocketAddr,
    from: Option<u16>,
) -> Result<Opened, Unopened> {
    if url.tls {
        return secured(walker, url, version, to, from).await;
    }
    let patience = walker.patience().ok_or("the time was up")?;
    let began = Instant::now();
    let (seen, stream) = tcp::connect_from(to, from, patience).await;
    let connect = began.elapsed();
    let stream = stream.ok_or_else(|| no_connection(to, &seen))?;
    Ok(Opened {
        stream: Box::new(stream),
        connect,
        handshake: Duration::ZERO,
        certificate: String::new(),
        from: seen.from,
    })
}

async fn secured(
    walker: &Walker<'_>,
    url: &Url,
    version: HttpVersion,
    to: SocketAddr,
    from: Option<u16>,
) -> Result<Opened, Unopened> {
    let protocol = match version {
        HttpVersion::One => "http/1.1",
        HttpVersion::Two => "h2",
        HttpVersion::Three => "h3",
    };
    match connect_secured_from(walker, &url.host, to, from, &[protocol]).await {
        // A server that knows no ALPN speaks HTTP/1.1.
        Ok(opened) if version != HttpVersion::One && opened.seen.alpn != protocol => {
            Err(Unopened {
                why: format!("{to} does not agree on {protocol}"),
                from: opened.from,
            })
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
            from: opened.from,
        }),
        Err(Unsecured::Late) => Err("the time was up".into()),
        Err(Unsecured::Connect(seen)) => Err(no_connection(to, &seen)),
        Err(Unsecured::Handshake(seen, from)) => Err(Unopened {
            why: no_tls(to, &seen),
            from,
        }),
    }
}

fn no_connection(to: SocketAddr, seen: &Connect) -> Unopened {
    let why = match seen.outcome {
        ConnectOutcome::Refused => format!("{to} refuses the connection"),
        ConnectOutcome::TimedOut => format!("{to} does not answer the SYN"),
        _ => format!("no connection to {to}: {}", seen.errno),
    };
    Unopened {
        why,
        from: seen.from,
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
