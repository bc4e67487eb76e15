//! A message of another protocol that is carried by HTTP: it is sent in a POST, and the answer's body is read whole.

use super::request::user_agent;
use super::two::headers;
use super::url::Url;
use super::wire::{BODY_HEAD, Ending, HEAD_MAX, Reader, unread};
use crate::tap::Tapped;
use bytes::Bytes;
use h2::client::{self, SendRequest};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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
        let mut settings = client::Builder::new();
        settings
            .max_header_list_size(HEAD_MAX as u32)
            .enable_push(false);
        let (sender, connection) = settings
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
    fn url(&self) -> Url {
        Url::of(self.server)
    }

    fn fields(&self) -> [(&'static str, String); 4] {
        [
            ("user-agent", user_agent()),
            ("accept", self.content_type.to_owned()),
            ("content-type", self.content_type.to_owned()),
            ("content-length", self.body.len().to_string()),
        ]
    }
}

/// A body that is being read.
struct Reading {
    most: usize,
    body: Vec<u8>,
    received: u64,
    first: Instant,
    sent: Instant,
}

impl Reading {
    fn new(posting: &Posting<'_>, sent: Instant, first: Instant) -> Reading {
        Reading {
            most: posting.most,
            body: Vec::new(),
            received: 0,
            first,
            sent,
        }
    }

    /// Keeps what came within the bound.
    fn take(&mut self, bytes: &[u8]) {
        self.received += bytes.len() as u64;
        let room = self.most.saturating_sub(self.body.len());
        self.body.extend(bytes.iter().take(room));
    }

    /// More came than any answer has.
    fn is_full(&self) -> bool {
        self.received > self.most as u64
    }

    fn done(self, mut reply: HttpReply, kept: bool) -> Posted {
        let head = self.body.get(..BODY_HEAD).unwrap_or(&self.body);
        // What a message says is told elsewhere; pages are told by their beginning.
        reply.body.head = match reply.status {
            200 => String::new(),
            _ => String::from_utf8_lossy(head).into_owned(),
        };
        reply.body.received = self.received;
        reply.body.cut = self.is_full();
        reply.body.complete = !reply.body.cut;
        Posted {
            reply,
            wait: self.first.saturating_duration_since(self.sent),
            transfer: self.first.elapsed(),
            kept: kept && !self.is_full(),
            body: self.body,
        }
    }
}

async fn over_two(two: &mut Two, posting: &Posting<'_>) -> io::Result<Posted> {
    let mut message = http::Request::builder()
        .method("POST")
        .uri(posting.url().to_string())
        .version(http::Version::HTTP_2);
    for (name, value) in posting.fields() {
        message = message.header(name, value);
    }
    let message = message.body(()).map_err(io::Error::other)?;
    std::future::poll_fn(|context| two.sender.poll_ready(context))
        .await
        .map_err(failed)?;
    let (response, mut sending) = two.sender.send_request(message, false).map_err(failed)?;
    sending
        .send_data(Bytes::copy_from_slice(posting.body), true)
        .map_err(failed)?;
    let sent = Instant::now();
    let (head, mut stream) = response.await.map_err(failed)?.into_parts();
    let mut reading = Reading::new(posting, sent, Instant::now());
    let mut reply = HttpReply {
        status: head.status.as_u16(),
        headers: headers(&head.headers),
        ..HttpReply::default()
    };
    reply.body = unread(&reply);
    while let Some(data) = stream.data().await {
        let data = data.map_err(failed)?;
        // What is read makes room for more.
        let _ = stream.flow_control().release_capacity(data.len());
        reading.take(&data);
        if reading.is_full() {
            break;
        }
    }
    Ok(reading.done(reply, true))
}

async fn over_one(stream: &mut TlsStream<Tapped>, posting: &Posting<'_>) -> io::Result<Posted> {
    let url = posting.url();
    let mut lines = vec![
        format!("POST {} HTTP/1.1", url.path),
        format!("host: {}", url.authority()),
    ];
    let fields = posting.fields();
    lines.extend(
        fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    lines.extend([String::new(), String::new()]);
    let mut bytes = lines.join("\r\n").into_bytes();
    bytes.extend(posting.body);
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    let sent = Instant::now();
    let mut reader = Reader::new("POST");
    let mut reading: Option<Reading> = None;
    let mut chunk = vec![0; 16 << 10];
    let ending = loop {
        if reader.finished() || reading.as_ref().is_some_and(Reading::is_full) {
            break Ending::Enough;
        }
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            break Ending::Closed;
        }
        reader.feed(chunk.get(..count).unwrap_or_default());
        reading
            .get_or_insert_with(|| Reading::new(posting, sent, Instant::now()))
            .take(reader.fresh());
    };
    let kept = reader.keeps_connection();
    match (reader.outcome(&ending), reading) {
        (HttpOutcome::Replied(reply), Some(reading)) if reply.body.fault.is_empty() => {
            Ok(reading.done(*reply, kept))
        }
        (HttpOutcome::Replied(reply), _) => Err(io::Error::other(reply.body.fault)),
        (HttpOutcome::NotHttp(line), _) => Err(io::Error::other(format!(
            "it answers `{line}`, which is not HTTP"
        ))),
        (HttpOutcome::Broken(why) | HttpOutcome::Failed(why), _) => Err(io::Error::other(why)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
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
