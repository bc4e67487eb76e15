//! One request and its answer over a connection that is open.

use super::events::Events;
use super::request::Request;
use super::wire::{Ending, Reader};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use ww_evidence::transcript::HttpOutcome;

/// A connection: in clear, or within TLS.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    /// For the first byte.
    pub(crate) first: Duration,
    /// For the next one; for the events of a stream in all.
    pub(crate) next: Duration,
    /// From the first byte to the last.
    pub(crate) whole: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Exchanged {
    pub(crate) outcome: HttpOutcome,
    /// From the request's last byte to the answer's first.
    pub(crate) wait: Duration,
    /// From there to its last.
    pub(crate) transfer: Duration,
    /// The connection can carry another request.
    pub(crate) kept: bool,
    /// When the header fields were complete, and the events of a stream of events.
    pub(crate) stream: Option<(Duration, Events)>,
    /// The stream of events ended by itself.
    pub(crate) ended: bool,
}

/// Sends a request and reads the answer.
pub(crate) async fn exchange<S: Io + ?Sized>(
    stream: &mut S,
    request: &Request,
    waits: Waits,
) -> Exchanged {
    put(stream, request, waits, None).await
}

/// A body that is kept as it is read.
#[derive(Debug)]
pub(super) struct Kept {
    /// What was read of it.
    pub(super) bytes: Vec<u8>,
    /// Where more than this has come, the rest is not read.
    pub(super) most: usize,
}

impl Kept {
    /// Nothing yet, of a body of which no more is wanted than this.
    pub(super) fn up_to(most: usize) -> Kept {
        Kept {
            bytes: Vec::new(),
            most,
        }
    }

    fn is_over(&self) -> bool {
        self.bytes.len() > self.most
    }
}

/// The same, and keeps the body as far as it is read.
pub(super) async fn exchange_whole<S: Io + ?Sized>(
    stream: &mut S,
    request: &Request,
    waits: Waits,
    body: &mut Kept,
) -> Exchanged {
    put(stream, request, waits, Some(body)).await
}

async fn put<S: Io + ?Sized>(
    stream: &mut S,
    request: &Request,
    waits: Waits,
    body: Option<&mut Kept>,
) -> Exchanged {
    let mut reading = Reading {
        body,
        reader: Reader::new(request.method),
        stream: None,
        sent: Instant::now(),
        first: None,
    };
    let bytes = request.bytes();
    // A server may answer before it has read all, and close: what it says is read in any case.
    let sending = async {
        stream.write_all(&bytes).await?;
        stream.flush().await
    };
    let unsent = match tokio::time::timeout(waits.next, sending).await {
        Err(_) => Some("the request could not be sent in time".to_owned()),
        Ok(Err(error)) => Some(error.to_string()),
        Ok(Ok(())) => None,
    };
    reading.sent = Instant::now();
    let ending = match (reading.read(stream, waits).await, unsent) {
        (Ending::Stalled | Ending::Closed, Some(why)) if reading.first.is_none() => {
            Ending::Failed(why)
        }
        (ending, _) => ending,
    };
    reading.finish(&ending)
}

struct Reading<'b> {
    reader: Reader,
    /// Where the body is kept, if it is.
    body: Option<&'b mut Kept>,
    stream: Option<(Duration, Events)>,
    sent: Instant,
    first: Option<Instant>,
}

impl Reading<'_> {
    async fn read<S: Io + ?Sized>(&mut self, stream: &mut S, waits: Waits) -> Ending {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let full = self
                .stream
                .as_ref()
                .is_some_and(|(_, events)| events.enough());
            let over = self.body.as_ref().is_some_and(|body| body.is_over());
            if self.reader.finished() || full || over {
                return Ending::Enough;
            }
            let now = Instant::now();
            let until = match self.first {
                None => self.sent + waits.first,
                // A stream of events may be quiet.
                Some(first) if self.stream.is_some() => first + waits.next,
                Some(first) => (now + waits.next).min(first + waits.whole),
            };
            let left = until.saturating_duration_since(now);
            match tokio::time::timeout(left, stream.read(&mut buffer)).await {
                Err(_) => return self.out_of_time(waits),
                Ok(Err(error)) => return ending(&error),
                Ok(Ok(0)) => return Ending::Closed,
                Ok(Ok(count)) => self.take(buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.reader.feed(bytes);
        if let Some(body) = &mut self.body {
            body.bytes.extend_from_slice(self.reader.fresh());
        }
        let at = now.saturating_duration_since(self.sent);
        if self.stream.is_none() && self.reader.headed() && is_event_stream(&self.reader) {
            self.stream = Some((at, Events::default()));
        }
        if let Some((_, events)) = &mut self.stream {
            events.feed(self.reader.fresh(), at);
        }
    }

    fn out_of_time(&self, waits: Waits) -> Ending {
        let over = self.stream.is_some()
            || self
                .first
                .is_some_and(|first| first.elapsed() >= waits.whole);
        if over {
            Ending::OutOfTime
        } else {
            Ending::Stalled
        }
    }

    fn finish(self, ending: &Ending) -> Exchanged {
        let now = Instant::now();
        let first = self.first.unwrap_or(now);
        let full = self
            .stream
            .as_ref()
            .is_some_and(|(_, events)| events.enough());
        Exchanged {
            wait: first.saturating_duration_since(self.sent),
            transfer: now.saturating_duration_since(first),
            kept: self.reader.keeps_connection(),
            ended: !full && matches!(ending, Ending::Enough | Ending::Closed),
            outcome: self.reader.outcome(ending),
            stream: self.stream,
        }
    }
}

fn is_event_stream(reader: &Reader) -> bool {
    reader.reply().status == 200
        && reader.reply().header("content-type").is_some_and(|kind| {
            kind.trim_start()
                .to_ascii_lowercase()
                .starts_with("text/event-stream")
        })
}

/// How reading ended by an error.
pub(crate) fn ending(error: &io::Error) -> Ending {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ending::Reset,
        // TLS that is closed without its own farewell.
        io::ErrorKind::UnexpectedEof => Ending::Closed,
        _ => Ending::Failed(error.to_string()),
    }
}
