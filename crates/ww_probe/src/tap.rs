//! A connection that remembers the first bytes it heard: what a peer says that speaks no TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that are remembered.
const REMEMBERED: usize = 256;

/// A TCP connection whose first bytes are remembered.
#[derive(Debug)]
pub(crate) struct Tapped {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Tapped {
    /// A connection of which nothing was read yet.
    pub(crate) fn new(stream: TcpStream) -> Tapped {
        Tapped {
            stream,
            heard: Vec::new(),
        }
    }

    /// The first bytes that the peer sent.
    pub(crate) fn heard(&self) -> &[u8] {
        &self.heard
    }

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

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let missing = REMEMBERED.saturating_sub(self.heard.len());
        if missing > 0 {
            let new = buffer.filled().iter().skip(before).take(missing).copied();
            self.heard.extend(new);
        }
        polled
    }
}

impl AsyncWrite for Tapped {
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
