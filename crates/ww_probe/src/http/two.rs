//! One request and its answer over HTTP/2 (RFC 9113).

use super::exchange::{Exchanged, Io, Waits};
use super::request::Request;
use super::wire::{BODY_HEAD, BODY_MAX, HEAD_MAX, first_line, unread};
use crate::tap::Tapped;
use h2::client;
use std::io;
use std::time::{Duration, Instant};
use ww_evidence::transcript::{Body, HttpOutcome, HttpReply};

/// No more is read of a connection: head and body, and whatever frames come between them.
const CONNECTION_BYTES: u64 = 2 * (BODY_MAX + HEAD_MAX as u64);

/// Sends a request and reads the answer. The connection ends with it.
pub(crate) async fn exchange(stream: Box<dyn Io>, request: &Request, waits: Waits) -> Exchanged {
    let mut done = Exchanged {
        outcome: HttpOutcome::TimedOut,
        wait: Duration::ZERO,
        transfer: Duration::ZERO,
        kept: false,
        stream: None,
        ended: false,
    };
    let bounded = Tapped::new(stream, CONNECTION_BYTES);
    let begun = tokio::time::timeout(waits.next, settings().handshake::<_, &[u8]>(bounded)).await;
    let (mut sender, connection) = match begun {
        Err(_) => return done,
        Ok(Err(error)) => {
            done.outcome = outcome_of(&error);
            return done;
        }
        Ok(Ok(both)) => both,
    };
    // Somebody must move frames while the answer is waited for; the task ends with the connection.
    let driver = tokio::spawn(connection);
    let sent = Instant::now();
    let answering = match message(request, http::Version::HTTP_2) {
        Ok(message) => sender.send_request(message, true),
        Err(why) => {
            done.outcome = HttpOutcome::Failed(why);
            driver.abort();
            return done;
        }
    };
    let response = match answering {
        Err(error) => Some(Err(error)),
        Ok((response, _)) => tokio::time::timeout(waits.first, response).await.ok(),
    };
    done.wait = sent.elapsed();
    let first = Instant::now();
    match response {
        None => {}
        Some(Err(error)) => done.outcome = outcome_of(&error),
        Some(Ok(response)) => {
            let (head, body) = response.into_parts();
            let mut reply = HttpReply {
                status: head.status.as_u16(),
                headers: headers(&head.headers),
                ..HttpReply::default()
            };
            reply.body = read(body, &reply, waits, first).await;
            done.outcome = HttpOutcome::Replied(Box::new(reply));
        }
    }
    done.transfer = first.elapsed();
    driver.abort();
    done
}

/// What a connection begins with: no head is longer, and nothing comes unasked.
pub(super) fn settings() -> client::Builder {
    let mut settings = client::Builder::new();
    settings
        .max_header_list_size(HEAD_MAX as u32)
        .enable_push(false);
    settings
}

/// Fields as text.
pub(super) fn headers(fields: &http::HeaderMap) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// The request, which HTTP/2 and HTTP/3 say in the same fields.
pub(super) fn message(
    request: &Request,
    version: http::Version,
) -> Result<http::Request<()>, String> {
    let mut message = http::Request::builder()
        .method(request.method)
        .uri(request.url.to_string())
        .version(version);
    for (name, value) in request.all_fields() {
        let name = name.to_ascii_lowercase();
        // The authority says who is asked, and fields of one connection have no meaning (RFC 9113 section 8.2.2).
        if !matches!(
            name.as_str(),
            "host" | "connection" | "keep-alive" | "upgrade"
        ) {
            message = message.header(name, value);
        }
    }
    message.body(()).map_err(|error| error.to_string())
}

async fn read(mut stream: h2::RecvStream, reply: &HttpReply, waits: Waits, first: Instant) -> Body {
    let mut body = unread(reply);
    let mut head = Vec::new();
    loop {
        let left = waits.whole.saturating_sub(first.elapsed());
        match tokio::time::timeout(left.min(waits.next), stream.data()).await {
            Err(_) if first.elapsed() >= waits.whole => body.cut = true,
            Err(_) => "nothing more came".clone_into(&mut body.fault),
            Ok(None) => body.complete = true,
            Ok(Some(Err(error))) => body.fault = error.to_string(),
            Ok(Some(Ok(data))) => {
                body.received += data.len() as u64;
                let room = BODY_HEAD.saturating_sub(head.len());
                head.extend(data.iter().take(room));
                // What is read makes room for more.
                let _ = stream.flow_control().release_capacity(data.len());
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

fn outcome_of(error: &h2::Error) -> HttpOutcome {
    if let Some(error) = error.get_io() {
        return match error.kind() {
            io::ErrorKind::ConnectionReset => HttpOutcome::Reset,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => HttpOutcome::Closed,
            _ => HttpOutcome::Failed(error.to_string()),
        };
    }
    match error.reason() {
        Some(reason) if error.is_remote() => {
            HttpOutcome::Failed(format!("the server ended it with {reason:?}"))
        }
        _ => HttpOutcome::Broken(first_line(error.to_string().as_bytes())),
    }
}
