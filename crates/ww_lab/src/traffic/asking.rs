//! A client that asks one thing after another on one connection and tells what it sees.

use super::{Opening, content_length, ms};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What a client sees of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// An answer with this status, complete.
    Answer(u16),
    /// The connection was closed or reset before an answer was complete.
    Closed,
    /// Nothing before its patience was over.
    Nothing,
}

/// A connection of the client.
#[derive(Debug)]
pub struct Asking {
    stream: TcpStream,
    patience: Duration,
}

impl Asking {
    /// Opens a connection; call it inside the client's namespace. The client waits for `patience` between bytes of
    /// an answer.
    ///
    /// # Errors
    /// What `connect(2)` reports.
    pub fn open(to: SocketAddr, patience: Duration) -> io::Result<Self> {
        let opening = Opening {
            from_port: None,
            receive_buffer: None,
            patience: ms(10_000),
        };
        let stream = opening.connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        Ok(Self { stream, patience })
    }

    /// Sends a request and reads its answer; what was seen, and how long it took.
    pub fn ask(&mut self, method: &str, target: &str) -> (Seen, Duration) {
        let began = Instant::now();
        let seen = match self.exchange(method, target) {
            Ok(status) => Seen::Answer(status),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Seen::Nothing
            }
            Err(_) => Seen::Closed,
        };
        (seen, began.elapsed())
    }

    fn exchange(&mut self, method: &str, target: &str) -> io::Result<u16> {
        let body = if method == "GET" { "" } else { "order=1" };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: lab\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.set_write_timeout(Some(self.patience))?;
        self.stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut buffer = [0; 4_096];
        loop {
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if let Some(status) = complete(&answer) {
                return Ok(status);
            }
        }
    }
}

/// The status of an answer that is complete; 0 when its status line cannot be read.
fn complete(answer: &[u8]) -> Option<u16> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(answer.get(..head)?).into_owned();
    let length = content_length(&text).unwrap_or(0);
    if answer.len() < head + length {
        return None;
    }
    let status = text.split_whitespace().nth(1);
    Some(status.and_then(|status| status.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::complete;

    #[test]
    fn an_answer_is_complete_with_its_body() {
        assert_eq!(complete(b"HTTP/1.1 200 OK\r\n"), None);
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
        assert_eq!(complete(head.as_bytes()), None);
        assert_eq!(complete(format!("{head}ok").as_bytes()), Some(200));
    }
}
