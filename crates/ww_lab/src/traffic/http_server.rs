//! An HTTP/1.1 server whose answers are asked for in the request target.
//!
//! `/BYTES` answers with that many bytes of body. A query changes how: `think` (milliseconds before the answer),
//! `chunk` and `gap` (bytes per write, milliseconds between writes), `abort` (reset after that many bytes of body),
//! `hang` (never answer), `upgrade` (switch protocols and ping every that many milliseconds).

use super::{Ending, Reading, Stop, accept_until, anywhere, close, listen, ms};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// The habits of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpServer {
    /// Port it listens on.
    pub port: u16,
    /// Whether it listens on IPv6 instead of IPv4.
    pub ipv6: bool,
    /// Length of its accept queue.
    pub backlog: i32,
    /// Whether it ever accepts.
    pub accepts: bool,
    /// Receive buffer in bytes; the kernel's when `None`.
    pub receive_buffer: Option<usize>,
    /// How it reads request bodies.
    pub reading: Reading,
    /// How long a connection may be idle after an answer, and how it is closed then.
    pub idle: Option<(Duration, Ending)>,
    /// Whether it closes each connection after the first answer, and how.
    pub one_answer: Option<Ending>,
    /// Whether small writes go out at once.
    pub no_delay: bool,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            port: 80,
            ipv6: false,
            backlog: 128,
            accepts: true,
            receive_buffer: None,
            reading: Reading::default(),
            idle: None,
            one_answer: None,
            no_delay: true,
        }
    }
}

/// How long a read waits before it looks at the clock and the end of the scenario.
pub(super) const TICK: Duration = ms(2);

impl HttpServer {
    /// Serves until the scenario is over; call it inside the server's namespace, `ready` once it listens.
    ///
    /// # Errors
    /// What `bind(2)` or `listen(2)` report.
    pub fn serve(self, stop: &Stop, ready: impl FnOnce()) -> io::Result<()> {
        let listener = listen(
            anywhere(self.ipv6, self.port),
            self.backlog,
            self.receive_buffer,
        )?;
        ready();
        if !self.accepts {
            while !stop.is_asked() {
                thread::sleep(ms(5));
            }
            return Ok(());
        }
        let mut connections = Vec::new();
        accept_until(stop, &listener, |stream| {
            let stop = stop.clone();
            connections.push(thread::spawn(move || self.converse(stream, &stop)));
        });
        for connection in connections {
            // A connection that ended with an error is what some scenarios are about.
            let _ = connection.join();
        }
        Ok(())
    }

    fn converse(&self, mut stream: TcpStream, stop: &Stop) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(self.no_delay)?;
        stream.set_read_timeout(Some(TICK))?;
        let mut answered = false;
        loop {
            let idle = self.idle.filter(|_| answered);
            let head = match read_head(&mut stream, stop, idle.map(|(time, _)| time))? {
                Head::Complete(head) => head,
                Head::Closed => return Ok(()),
                Head::Idle => {
                    close(stream, idle.map(|(_, ending)| ending).unwrap_or_default());
                    return Ok(());
                }
            };
            let request = Request::parse(&head);
            self.read_body(&mut stream, request.body, stop)?;
            if request.abort.is_some() {
                answer(&mut stream, &request, stop)?;
                close(stream, Ending::Rst);
                return Ok(());
            }
            answer(&mut stream, &request, stop)?;
            answered = true;
            if let Some(ending) = self.one_answer {
                close(stream, ending);
                return Ok(());
            }
        }
    }

    fn read_body(&self, stream: &mut TcpStream, len: usize, stop: &Stop) -> io::Result<()> {
        let mut left = len;
        let mut buffer = vec![0; 65_536];
        if left > 0 {
            stop.sleep(self.reading.first_pause);
        }
        while left > 0 && !stop.is_asked() {
            let size = self.reading.size(buffer.len()).min(left);
            match stream.read(buffer.get_mut(..size).unwrap_or_default()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    left -= count;
                    stop.sleep(self.reading.pause);
                }
                Err(error) if is_tick(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What came in place of a request's head, or the head.
pub(super) enum Head {
    Complete(String),
    Closed,
    Idle,
}

/// Reads up to the empty line that ends a request head.
pub(super) fn read_head(
    stream: &mut TcpStream,
    stop: &Stop,
    idle: Option<Duration>,
) -> io::Result<Head> {
    let started = Instant::now();
    let mut head = Vec::new();
    let mut byte = [0];
    while !stop.is_asked() {
        match stream.read(&mut byte) {
            Ok(0) => return Ok(Head::Closed),
            Ok(_) => {
                head.extend_from_slice(&byte);
                if head.ends_with(b"\r\n\r\n") {
                    return Ok(Head::Complete(String::from_utf8_lossy(&head).into_owned()));
                }
            }
            Err(error) if is_tick(&error) => {
                if head.is_empty() && idle.is_some_and(|idle| started.elapsed() >= idle) {
                    return Ok(Head::Idle);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Head::Closed)
}

/// Whether a read has only looked at the clock.
pub(super) fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// What a request asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    bytes: usize,
    body: usize,
    think: u64,
    chunk: usize,
    gap: u64,
    abort: Option<usize>,
    hang: bool,
    upgrade: Option<u64>,
}

impl Request {
    fn parse(head: &str) -> Self {
        let mut request = Self::default();
        let target = head.split_whitespace().nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        request.bytes = path.trim_start_matches('/').parse().unwrap_or(0);
        for parameter in query.split('&') {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let number = value.parse().unwrap_or(0);
            match key {
                "think" => request.think = number,
                "chunk" => request.chunk = number as usize,
                "gap" => request.gap = number,
                "abort" => request.abort = Some(number as usize),
                "upgrade" => request.upgrade = Some(number),
                "hang" => request.hang = true,
                _ => {}
            }
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        request.body = length
            .and_then(|length| length.trim().parse().ok())
            .unwrap_or(0);
        request
    }
}

fn answer(stream: &mut TcpStream, request: &Request, stop: &Stop) -> io::Result<()> {
    stop.sleep(ms(request.think));
    if request.hang {
        while !stop.is_asked() {
            // The client's close is what ends the wait.
            match stream.read(&mut [0; 512]) {
                Err(error) if is_tick(&error) => {}
                _ => return Err(ErrorKind::ConnectionAborted.into()),
            }
        }
        return Ok(());
    }
    if let Some(every) = request.upgrade {
        return ping(stream, ms(every), stop);
    }
    let mut message = format!(
        "HTTP/1.1 200 OK\r\nServer: lab\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        request.bytes
    )
    .into_bytes();
    let body = request.abort.unwrap_or(request.bytes);
    message.extend((0..body).map(|index| (index % 251) as u8));
    if request.chunk == 0 {
        return stream.write_all(&message);
    }
    for chunk in message.chunks(request.chunk) {
        if stop.is_asked() {
            break;
        }
        stream.write_all(chunk)?;
        stop.sleep(ms(request.gap));
    }
    Ok(())
}

/// Switches to the WebSocket protocol (RFC 6455) and sends pings until the client closes.
fn ping(stream: &mut TcpStream, every: Duration, stop: &Stop) -> io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    )?;
    let mut next = Instant::now() + every;
    while !stop.is_asked() {
        match stream.read(&mut [0; 512]) {
            Ok(0) => return Err(ErrorKind::ConnectionAborted.into()),
            Err(error) if !is_tick(&error) => return Err(error),
            _ => {}
        }
        if Instant::now() >= next {
            stream.write_all(&[0x89, 4, b'p', b'i', b'n', b'g'])?;
            next += every;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_says_what_it_wants() {
        let head =
            "POST /500?think=20&chunk=100&gap=5 HTTP/1.1\r\nHost: lab\r\nContent-Length: 7\r\n\r\n";
        let expected = Request {
            bytes: 500,
            body: 7,
            think: 20,
            chunk: 100,
            gap: 5,
            ..Request::default()
        };
        assert_eq!(Request::parse(head), expected);
        assert!(Request::parse("GET /?hang HTTP/1.1\r\n\r\n").hang);
    }
}
