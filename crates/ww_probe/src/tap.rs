//! A connection that remembers the first bytes it heard, which tell what a peer speaks, and that ends when a peer
//! sends more than any answer needs.

use std::fmt;
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
    most: u64,
    came: u64,
}

/// More came than is read of any answer.
#[derive(Clone, Copy, Debug)]
struct TooMuch(u64);

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "more than {} MiB came, which no answer needs; the rest was not read",
            self.0 >> 20
        )
    }
}

impl std::error::Error for TooMuch {}

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
    /// A connection of which nothing was read yet, and of which no more than `most` bytes are read: then reading
    /// fails.
    pub(crate) fn new(stream: S, most: u64) -> Tapped<S> {
        Tapped {
            stream,
            heard: Heard::default(),
            most,
            came: 0,
        }
    }

    /// Bounds what is read from now on.
    pub(crate) fn allow(&mut self, most: u64) {
        self.most = most;
        self.came = 0;
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
        if self.came >= self.most {
            return Poll::Ready(Err(io::Error::other(TooMuch(self.most))));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.came += buffer.filled().len().saturating_sub(before) as u64;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_that_never_stops_is_read_no_further_than_allowed() {
        let mut tapped = Tapped::new(tokio::io::repeat(b'x'), 1 << 20);
        let mut chunk = [0; 4096];
        let mut came = 0;
        for most in [1 << 20, 2 << 20] {
            tapped.allow(most);
            let before = came;
            let error = loop {
                match tapped.read(&mut chunk).await {
                    Ok(count) => came += count as u64,
                    Err(error) => break error,
                }
                assert!(came - before <= most, "{came}");
            };
            let says = format!("more than {} MiB came", most >> 20);
            assert!(error.to_string().starts_with(&says), "{error}");
        }
        assert_eq!(tapped.heard().bytes(), [b'x'; REMEMBERED]);
    }
}
