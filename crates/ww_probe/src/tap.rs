//! A connection that remembers the first bytes it heard: what a peer says that speaks no TLS.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that are remembered.
const REMEMBERED: usize = 256;

/// A connection whose first bytes are remembered.
#[derive(Debug)]
pub(crate) struct Tapped<S = TcpStream> {
    stream: S,
    heard: Heard,
}

/// The first bytes that a peer sent, also after the connection went to somebody else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// The bytes so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Tapped<S> {
    /// A connection of which nothing was read yet.
    pub(crate) fn new(stream: S) -> Tapped<S> {
        Tapped {
            stream,
            heard: Heard::default(),
        }
    }

    /// The first bytes that the peer sends.
    pub(crate) fn heard(&self) -> Heard {
        self.heard.clone()
    }
}

impl<S: AsyncRead + Unpin> Tapped<S> {
    /// What has come and was not read, up to a record's size.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = vec![0; 1 << 14];
        let reading = self.stream.read(&mut rest);
        let length = match tokio::time::timeout(Duration::from_millis(50), reading).await {
            Ok(Ok(length)) => length,
            Ok(Err(_)) | Err(_) => 0,
        };
        rest.truncate(length);
        rest
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let mut heard = self.heard.lock();
        let missing = REMEMBERED.saturating_sub(heard.len());
        heard.extend(buffer.filled().iter().skip(before).take(missing));
        drop(heard);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
