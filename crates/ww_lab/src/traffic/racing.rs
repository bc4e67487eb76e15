//! A server that closes a kept connection at the instant at which it is used again, and counts what arrives.
//!
//! `/fin/…` and `/rst/…` are closed with FIN or RST when they arrive on a connection that has answered before, and
//! answered on a fresh one; `/hang/…` is never answered; everything else is answered.

use super::http_server::{Head, TICK, is_tick, read_head};
use super::{Ending, Stop, accept_until, anywhere, close, content_length, listen, ms};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The server; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Racing(Arc<Mutex<Book>>);

/// What the server knows of its connections and requests.
#[derive(Debug, Default)]
struct Book {
    arrivals: BTreeMap<String, usize>,
    open: BTreeMap<u64, TcpStream>,
    opened: u64,
}

impl Racing {
    /// Serves until the scenario is over; call it inside the server's namespace, `ready` once it listens.
    ///
    /// # Errors
    /// What `bind(2)` or `listen(2)` report.
    pub fn serve(&self, port: u16, stop: &Stop, ready: impl FnOnce()) -> io::Result<()> {
        let listener = listen(anywhere(false, port), 128, None)?;
        ready();
        let mut connections = Vec::new();
        accept_until(stop, &listener, |stream| {
            let (server, stop) = (self.clone(), stop.clone());
            connections.push(thread::spawn(move || server.keep(stream, &stop)));
        });
        for connection in connections {
            // How a connection ended is of no interest here.
            let _ = connection.join();
        }
        Ok(())
    }

    /// How often a request with this target arrived.
    pub fn arrivals(&self, target: &str) -> usize {
        self.book(|book| book.arrivals.get(target).copied())
            .flatten()
            .unwrap_or(0)
    }

    /// Ends every connection in an orderly way and waits until the other sides have done the same; whether they have
    /// in time.
    pub fn part(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.book(|book| {
            for stream in book.open.values() {
                // One that is gone already needs no close.
                let _ = stream.shutdown(Shutdown::Write);
            }
        });
        while self.book(|book| !book.open.is_empty()) == Some(true) {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(ms(1));
        }
        true
    }

    /// None when a thread panicked over the book, which none does.
    fn book<T>(&self, work: impl FnOnce(&mut Book) -> T) -> Option<T> {
        self.0.lock().ok().map(|mut book| work(&mut book))
    }

    fn keep(&self, mut stream: TcpStream, stop: &Stop) -> io::Result<()> {
        let own = stream.try_clone()?;
        let number = self.book(|book| {
            book.opened += 1;
            book.open.insert(book.opened, own);
            book.opened
        });
        let ending = self.converse(&mut stream, stop);
        // The book's handle would keep the connection open.
        self.book(|book| number.and_then(|number| book.open.remove(&number)));
        close(stream, ending.unwrap_or_default());
        Ok(())
    }

    /// Answers until the connection ends; how it is to be closed.
    fn converse(&self, stream: &mut TcpStream, stop: &Stop) -> io::Result<Ending> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        let mut has_answered = false;
        while let Head::Complete(head) = read_head(stream, stop, None)? {
            read_body(stream, content_length(&head).unwrap_or(0), stop)?;
            let target = head.split_whitespace().nth(1).unwrap_or_default();
            self.book(|book| *book.arrivals.entry(target.to_owned()).or_insert(0) += 1);
            match target {
                _ if target.starts_with("/hang/") => {
                    wait_for_close(stream, stop)?;
                    break;
                }
                _ if has_answered && target.starts_with("/fin/") => return Ok(Ending::Fin),
                _ if has_answered && target.starts_with("/rst/") => return Ok(Ending::Rst),
                _ => {}
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
            has_answered = true;
        }
        Ok(Ending::Fin)
    }
}

fn read_body(stream: &mut TcpStream, mut left: usize, stop: &Stop) -> io::Result<()> {
    let mut buffer = [0; 4_096];
    while left > 0 && !stop.is_asked() {
        let size = left.min(buffer.len());
        match stream.read(buffer.get_mut(..size).unwrap_or_default()) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => left -= count,
            Err(error) if is_tick(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn wait_for_close(stream: &mut TcpStream, stop: &Stop) -> io::Result<()> {
    while !stop.is_asked() {
        match stream.read(&mut [0; 512]) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if is_tick(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
