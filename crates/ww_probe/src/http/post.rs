//! A message of another protocol that is carried by HTTP: it is sent in a POST, and the answer's body is read whole.

use super::exchange::{Kept, Waits, exchange_whole};
use super::request::Request;
use super::two::{headers, message, settings};
use super::url::Url;
use super::wire::{BODY_HEAD, unread};
use crate::tap::Tapped;
use bytes::Bytes;
use h2::client::SendRequest;
use std::io;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use ww_evidence::transcript::{HttpOutcome, HttpReply, Target};

/// A message and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Posting<'p> {
    /// The server.
    pub(crate) server: &'p Target,
    /// The message.
    pub(crate) body: &'p [u8],
    /// The type of the message and of its answer.
    pub(crate) content_type: &'static str,
    /// No answer has more bytes.
    pub(crate) most: usize,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Posted {
    /// Status and fields.
    pub(crate) reply: HttpReply,
    /// The body; what is beyond the bound was not read.
    pub(crate) body: Vec<u8>,
    /// From the message's last byte to the answer's first.
    pub(crate) wait: Duration,
    /// From there to its last.
    pub(crate) transfer: Duration,
    /// The connection can carry another message.
    pub(crate) kept: bool,
}

/// A connection for messages, one after the other.
#[derive(Debug)]
pub(crate) enum Carrier {
    /// HTTP/1.1.
    One(Box<TlsStream<Tapped>>),
    /// HTTP/2.
    Two(Two),
}

/// A connection of HTTP/2, with the task that moves its frames.
#[derive(Debug)]
pub(crate) struct Two {
    sender: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

impl Drop for Two {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Carrier {
    /// Begins HTTP on a connection, in the version that was agreed on.
    ///
    /// # Errors
    ///
    /// The connection fails.
    pub(crate) async fn begin(stream: TlsStream<Tapped>, alpn: &str) -> io::Result<Carrier> {
        if alpn != "h2" {
            return Ok(Carrier::One(Box::new(stream)));
        }
        let (sender, connection) = settings()
            .handshake::<_, Bytes>(stream)
            .await
            .map_err(failed)?;
        Ok(Carrier::Two(Two {
            sender,
            driver: tokio::spawn(connection),
        }))
    }

    /// Sends a message and reads the answer.
    ///
    /// # Errors
    ///
    /// No answer of HTTP came.
    pub(crate) async fn post(&mut self, posting: &Posting<'_>) -> io::Result<Posted> {
        match self {
            Carrier::One(stream) => over_one(stream, posting).await,
            Carrier::Two(two) => over_two(two, posting).await,
        }
    }
}

impl Posting<'_> {
    fn request(&self) -> Request {
        let fields = ["accept", "content-type"];
        Request {
            method: "POST",
            url: Url::of(self.server),
            fields: fields
                .map(|name| (name.to_owned(), self.content_type.to_owned()))
                .to_vec(),
            body: self.body.to_vec(),
        }
    }

    /// What came of it: of a body that is longer than any answer, the rest was not read.
    fn posted(&self, mut reply: HttpReply, mut body: Vec<u8>, times: &Times, kept: bool) -> Posted {
        let is_over = body.len() > self.most;
        let head = body.get(..BODY_HEAD).unwrap_or(&body);
        // What a message says is told elsewhere; pages are told by their beginning.
        reply.body.head = match reply.status {
            200 => String::new(),
            _ => String::from_utf8_lossy(head).into_owned(),
        };
        reply.body.received = body.len() as u64;
        reply.body.cut = is_over;
        reply.body.complete = !is_over;
        body.truncate(self.most);
        Posted {
            reply,
            wait: times.wait,
            transfer: times.transfer,
            kept: kept && !is_over,
            body,
        }
    }
}

/// How long an answer took.
struct Times {
    wait: Duration,
    transfer: Duration,
}

async fn over_two(two: &mut Two, posting: &Posting<'_>) -> io::Result<Posted> {
    let message = message(&posting.request(), http::Version::HTTP_2).map_err(io::Error::other)?;
    std::future::poll_fn(|context| two.sender.poll_ready(context))
        .await
        .map_err(failed)?;
    let (response, mut sending) = two.sender.send_request(message, false).map_err(failed)?;
    sending
        .send_data(Bytes::copy_from_slice(posting.body), true)
        .map_err(failed)?;
    let sent = Instant::now();
    let (head, mut stream) = response.await.map_err(failed)?.into_parts();
    let wait = sent.elapsed();
    let first = Instant::now();
    let mut reply = HttpReply {
        status: head.status.as_u16(),
        headers: headers(&head.headers),
        ..HttpReply::default()
    };
    reply.body = unread(&reply);
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.map_err(failed)?;
        // What is read makes room for more.
        let _ = stream.flow_control().release_capacity(data.len());
        body.extend_from_slice(&data);
        if body.len() > posting.most {
            break;
        }
    }
    let times = Times {
        wait,
        transfer: first.elapsed(),
    };
    Ok(posting.posted(reply, body, &times, true))
}

/// Whoever posts waits no longer than its own patience.
const WAITS: Waits = {
    let day = Duration::from_hours(24);
    Waits {
        first: day,
        next: day,
        whole: day,
    }
};

async fn over_one(stream: &mut TlsStream<Tapped>, posting: &Posting<'_>) -> io::Result<Posted> {
    let mut body = Kept::up_to(posting.most);
    let done = exchange_whole(stream, &posting.request(), WAITS, &mut body).await;
    let times = Times {
        wait: done.wait,
        transfer: done.transfer,
    };
    match done.outcome {
        HttpOutcome::Replied(reply) if reply.body.fault.is_empty() => {
            Ok(posting.posted(*reply, body.bytes, &times, done.kept))
        }
        HttpOutcome::Replied(reply) => Err(io::Error::other(reply.body.fault)),
        HttpOutcome::NotHttp(line) => Err(io::Error::other(format!(
            "it answers `{line}`, which is not HTTP"
        ))),
        HttpOutcome::Broken(why) | HttpOutcome::Failed(why) => Err(io::Error::other(why)),
        HttpOutcome::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        HttpOutcome::Closed | HttpOutcome::TimedOut | HttpOutcome::NotConnected(_) => {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn failed(error: h2::Error) -> io::Error {
    if error.is_io()
        && let Some(error) = error.get_io()
    {
        return io::Error::new(error.kind(), error.to_string());
    }
    match error.reason() {
        Some(reason) if error.is_remote() => {
            io::Error::other(format!("the server ended it with {reason:?}"))
        }
        _ => io::Error::other(error.to_string()),
    }
}
