//! An HTTP/1.1 client with habits.

use super::{Ending, Opening, Reading, close, ms};
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// The habits of a client: who asks what, how often and how patiently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requests {
    /// Port of the server.
    pub port: u16,
    /// Address of the server, when it is not the lab's.
    pub to: Option<std::net::IpAddr>,
    /// How many connections are used at the same time.
    pub parallel: usize,
    /// How long each of these starts after the one before.
    pub stagger: Duration,
    /// How many connections each of them opens, one after another.
    pub connections: usize,
    /// How many requests each connection carries.
    pub per_connection: usize,
    /// Waits between requests of a connection, in turn.
    pub gaps: Vec<Duration>,
    /// Wait between connections.
    pub between: Duration,
    /// The request target.
    pub target: String,
    /// Bytes of request body, one write each; a GET when empty.
    pub body: Vec<usize>,
    /// How it reads answers.
    pub reading: Reading,
    /// Receive buffer in bytes; the kernel's when `None`.
    pub receive_buffer: Option<usize>,
    /// Whether small writes go out at once.
    pub no_delay: bool,
    /// How long it waits for the handshake.
    pub connect_patience: Duration,
    /// How long it waits for the next byte of an answer.
    pub patience: Duration,
    /// Its port; the kernel chooses when `None`. Each connection takes the next.
    pub from_port: Option<u16>,
    /// How it closes.
    pub ending: Ending,
    /// Close, with data unread, after this many bytes of answer.
    pub abort_after: Option<usize>,
    /// Probe an idle connection this often (TCP keep-alive); never when `None`.
    pub keepalive: Option<Duration>,
    /// Leave the connection open this long after the last answer.
    pub hold: Duration,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            port: 80,
            to: None,
            parallel: 1,
            stagger: Duration::ZERO,
            connections: 1,
            per_connection: 1,
            gaps: Vec::new(),
            between: Duration::ZERO,
            target: "/1000".into(),
            body: Vec::new(),
            reading: Reading::default(),
            receive_buffer: None,
            no_delay: true,
            connect_patience: ms(8_000),
            patience: ms(20_000),
            from_port: None,
            ending: Ending::Fin,
            abort_after: None,
            keepalive: None,
            hold: Duration::ZERO,
        }
    }
}

/// How many requests were answered and how many were not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Answered completely.
    pub answered: usize,
    /// Not connected, not answered, or cut short.
    pub failed: usize,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            failed: self.failed + other.failed,
        }
    }
}

impl Requests {
    /// Makes every request; call it inside the client's namespace.
    pub fn run(&self, server: std::net::IpAddr) -> Tally {
        let to = SocketAddr::new(self.to.unwrap_or(server), self.port);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.parallel)
                .map(|worker| scope.spawn(move || self.work(to, worker)))
                .collect();
            let tallies = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_default());
            tallies.fold(Tally::default(), |sum, tally| sum + tally)
        })
    }

    /// All connections of one worker.
    fn work(&self, to: SocketAddr, worker: usize) -> Tally {
        let mut tally = Tally::default();
        thread::sleep(self.stagger * worker as u32);
        for number in 0..self.connections {
            if number > 0 {
                thread::sleep(self.between);
            }
            let offset = (worker * self.connections + number) as u16;
            let opening = Opening {
                from_port: self.from_port.map(|port| port + offset),
                receive_buffer: self.receive_buffer,
                patience: self.connect_patience,
            };
            let answered = match opening.connect(to) {
                Ok(stream) => self.converse(stream),
                Err(_) => 0,
            };
            tally.answered += answered;
            tally.failed += self.per_connection - answered;
        }
        tally
    }

    /// All requests of one connection; how many were answered.
    fn converse(&self, mut stream: TcpStream) -> usize {
        let mut answered = 0;
        for number in 0..self.per_connection {
            if number > 0 && !self.gaps.is_empty() {
                thread::sleep(
                    self.gaps
                        .get((number - 1) % self.gaps.len())
                        .copied()
                        .unwrap_or_default(),
                );
            }
            if self.exchange(&mut stream).is_err() {
                break;
            }
            answered += 1;
        }
        thread::sleep(self.hold);
        close(stream, self.ending);
        answered
    }

    fn exchange(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.set_nodelay(self.no_delay)?;
        if let Some(every) = self.keepalive {
            let keepalive = TcpKeepalive::new().with_time(every).with_interval(every);
            SockRef::from(&*stream).set_tcp_keepalive(&keepalive)?;
        }
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        let len: usize = self.body.iter().sum();
        let method = if self.body.is_empty() { "GET" } else { "POST" };
        let head = format!(
            "{method} {} HTTP/1.1\r\nHost: lab\r\nUser-Agent: lab\r\nContent-Length: {len}\r\n\r\n",
            self.target
        );
        stream.write_all(head.as_bytes())?;
        for piece in &self.body {
            stream.write_all(&vec![b'x'; *piece])?;
        }
        self.read_answer(stream)
    }

    fn read_answer(&self, stream: &mut TcpStream) -> io::Result<()> {
        thread::sleep(self.reading.first_pause);
        let mut answer = Vec::new();
        let mut total = None;
        let mut buffer = vec![0; 65_536];
        while total.is_none_or(|total| answer.len() < total) {
            let size = self.reading.size(buffer.len());
            let count = stream.read(buffer.get_mut(..size).unwrap_or_default())?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if total.is_none() {
                total = answer_len(&answer);
            }
            if self.abort_after.is_some_and(|limit| answer.len() >= limit) {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            thread::sleep(self.reading.pause);
        }
        Ok(())
    }
}

/// Bytes of head and body together, once the head is complete.
fn answer_len(answer: &[u8]) -> Option<usize> {
    let head_len = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(answer.get(..head_len)?).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .unwrap_or("0");
    Some(head_len + length.trim().parse::<usize>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_an_answer_is_known_with_its_head() {
        assert_eq!(
            answer_len(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"),
            None
        );
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345";
        assert_eq!(answer_len(answer), Some(answer.len() - 5 + 9));
    }
}
