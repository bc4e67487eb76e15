//! One request and its answer over HTTP/3 (RFC 9114): a QUIC handshake whose certificate is judged like that of TCP, then
//! the request.

use super::request::Request;
use super::session::Hop;
use super::two;
use super::wire::{BODY_HEAD, BODY_MAX, HEAD_MAX, first_line, unread};
use crate::recorder::{Asked, span};
use crate::tls::{Sighted, sighted};
use crate::walk::Walker;
use bytes::{Buf, Bytes};
use quinn::crypto::rustls::{HandshakeData, QuicClientConfig};
use quinn::{ConnectionError, Endpoint, TransportConfig, VarInt};
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use ww_evidence::transcript::{
    Body, HttpExchange, HttpOutcome, HttpReply, HttpVersion, Phases, Seen, TlsHandshake, TlsOutcome,
};

/// What a server may send before we have read it: a body's bound, and some frames.
const WINDOW: u32 = 2 * BODY_MAX as u32;

/// What a server may send of its handshake, as much as over TCP.
const HANDSHAKE_BYTES: usize = 64 * 1024;

/// The bits of a QUIC error code that say which alert of TLS it is (RFC 9001 section 4.8).
const CRYPTO: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;

/// Puts the request over HTTP/3 and writes two steps: the handshake, and the request.
pub(super) async fn ask(walker: &Walker<'_>, request: &Request, hop: &Hop) {
    let Some(patience) = walker.patience() else {
        return;
    };
    let asked = Asked::now(request.command(hop.to, HttpVersion::Three)).because(hop.why.as_str());
    let began = Instant::now();
    let (seen, connection) = shake(walker, hop.to, patience).await;
    let took = began.elapsed();
    walker
        .recorder
        .answer_after(asked.clone(), took, Seen::Handshake(seen.clone()));
    let mut exchange = HttpExchange {
        url: request.url.to_string(),
        method: request.method.to_owned(),
        to: Some(hop.to),
        version: HttpVersion::Three,
        phases: Phases {
            name: span(hop.name),
            handshake: span(took),
            ..Phases::default()
        },
        ..HttpExchange::default()
    };
    match connection {
        Some((endpoint, connection)) => {
            fetch(&connection, request, patience, &mut exchange).await;
            connection.close(VarInt::from_u32(NO_ERROR), b"");
            // Lets the farewell leave.
            let _ = timeout(Duration::from_millis(100), endpoint.wait_idle()).await;
        }
        None => {
            exchange.outcome =
                HttpOutcome::NotConnected(format!("no QUIC connection with {}", hop.to));
        }
    }
    walker.recorder.answer(asked, Seen::Http(exchange));
}

/// `H3_NO_ERROR` (RFC 9114 section 8.1).
const NO_ERROR: u32 = 0x100;

/// The QUIC handshake, and the connection where it was completed.
async fn shake(
    walker: &Walker<'_>,
    to: SocketAddr,
    patience: Duration,
) -> (TlsHandshake, Option<(Endpoint, quinn::Connection)>) {
    let fails = |why: String| TlsHandshake {
        to: Some(to),
        quic: true,
        outcome: TlsOutcome::Failed(why),
        ..TlsHandshake::default()
    };
    let sighted = match sighted(walker, to.ip(), &["h3"]) {
        Ok(sighted) => sighted,
        Err(why) => return (fails(why), None),
    };
    let (endpoint, connecting) = match begin(&sighted, to) {
        Ok(both) => both,
        Err(why) => return (fails(why), None),
    };
    let shaken = timeout(patience, connecting).await;
    let mut seen = sighted.judged(walker);
    seen.to = Some(to);
    match shaken {
        Err(_) => (seen, None),
        Ok(Err(error)) => {
            seen.outcome = outcome_of(&error);
            (seen, None)
        }
        Ok(Ok(connection)) => {
            seen.outcome = TlsOutcome::Done;
            "TLS 1.3".clone_into(&mut seen.version);
            seen.alpn = connection
                .handshake_data()
                .and_then(|data| data.downcast::<HandshakeData>().ok()?.protocol)
                .map(|protocol| String::from_utf8_lossy(&protocol).into_owned())
                .unwrap_or_default();
            (seen, Some((endpoint, connection)))
        }
    }
}

/// A socket, and a connection that begins on it.
fn begin(sighted: &Sighted, to: SocketAddr) -> Result<(Endpoint, quinn::Connecting), String> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let crypto = QuicClientConfig::try_from(sighted.config()).map_err(|error| error.to_string())?;
    let mut transport = TransportConfig::default();
    transport
        .receive_window(VarInt::from_u32(WINDOW))
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .crypto_buffer_size(HANDSHAKE_BYTES)
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(8));
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    let endpoint = Endpoint::client((any, 0).into()).map_err(|error| error.to_string())?;
    let connecting = endpoint
        .connect_with(config, to, &sighted.name())
        .map_err(|error| error.to_string())?;
    Ok((endpoint, connecting))
}

/// How a handshake failed.
fn outcome_of(error: &ConnectionError) -> TlsOutcome {
    match error {
        ConnectionError::ConnectionClosed(close) => {
            let code = u64::from(close.error_code);
            if CRYPTO.contains(&code) {
                TlsOutcome::Alert((code & 0xff) as u8)
            } else {
                TlsOutcome::Failed(format!("the server ends it: {close}"))
            }
        }
        ConnectionError::Reset => TlsOutcome::Reset,
        ConnectionError::TimedOut => TlsOutcome::TimedOut,
        other => TlsOutcome::Failed(other.to_string()),
    }
}

/// Sends the request and reads the answer.
async fn fetch(
    connection: &quinn::Connection,
    request: &Request,
    patience: Duration,
    exchange: &mut HttpExchange,
) {
    let message = match two::message(request, http::Version::HTTP_3) {
        Ok(message) => message,
        Err(why) => {
            exchange.outcome = HttpOutcome::Failed(why);
            return;
        }
    };
    let mut builder = h3::client::builder();
    builder
        .max_field_section_size(HEAD_MAX as u64)
        .send_grease(false);
    let opened = builder.build::<_, _, Bytes>(h3_quinn::Connection::new(connection.clone()));
    let (mut driver, mut sender) = match timeout(patience, opened).await {
        Err(_) => return,
        Ok(Err(error)) => {
            exchange.outcome = HttpOutcome::Failed(told(&error));
            return;
        }
        Ok(Ok(both)) => both,
    };
    // Somebody must read what the server says beside the answer.
    let driving = tokio::spawn(async move { poll_fn(|context| driver.poll_close(context)).await });
    let sent = Instant::now();
    let answering = async {
        let mut stream = sender.send_request(message).await?;
        stream.finish().await?;
        let head = stream.recv_response().await?;
        Ok::<_, h3::error::StreamError>((stream, head))
    };
    let answered = timeout(patience, answering).await;
    exchange.phases.wait = span(sent.elapsed());
    let first = Instant::now();
    exchange.outcome = match answered {
        Err(_) => HttpOutcome::TimedOut,
        Ok(Err(error)) => HttpOutcome::Failed(told(&error)),
        Ok(Ok((mut stream, head))) => {
            let mut reply = HttpReply {
                status: head.status().as_u16(),
                headers: two::headers(head.headers()),
                ..HttpReply::default()
            };
            reply.body = read(&mut stream, &reply, patience).await;
            HttpOutcome::Replied(Box::new(reply))
        }
    };
    exchange.phases.transfer = span(first.elapsed());
    driving.abort();
}

/// Reads a body within its bounds.
async fn read(
    stream: &mut h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>,
    reply: &HttpReply,
    patience: Duration,
) -> Body {
    let mut body = unread(reply);
    let mut head = Vec::new();
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(left, stream.recv_data()).await {
            Err(_) => body.cut = true,
            Ok(Ok(None)) => body.complete = true,
            Ok(Err(error)) => body.fault = told(&error),
            Ok(Ok(Some(mut data))) => {
                body.received += data.remaining() as u64;
                let room = BODY_HEAD.saturating_sub(head.len()).min(data.remaining());
                head.extend(data.copy_to_bytes(room));
                body.cut = body.received >= BODY_MAX;
                if !body.cut {
                    continue;
                }
            }
        }
        body.head = String::from_utf8_lossy(&head).into_owned();
        return body;
    }
}

fn told(error: &impl std::fmt::Display) -> String {
    first_line(error.to_string().as_bytes())
}
