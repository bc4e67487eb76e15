//! What the two hosts of a lab say to one another: small servers and clients with habits declared as data.

pub mod asking;
pub mod dns;
pub mod http_client;
pub mod http_server;
pub mod racing;
pub mod raw;
pub mod talk;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// `number` milliseconds.
pub const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// How a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// With FIN.
    #[default]
    Fin,
    /// With RST: lingering switched off.
    Rst,
}

/// How a program reads: at once, or slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Wait before the first read.
    pub first_pause: Duration,
    /// Bytes per read; as many as come when 0.
    pub chunk: usize,
    /// Wait after each read.
    pub pause: Duration,
}

impl Reading {
    /// Bytes for one read out of a buffer of `available` bytes.
    fn size(&self, available: usize) -> usize {
        if self.chunk == 0 {
            available
        } else {
            self.chunk.min(available)
        }
    }
}

/// Tells servers that the scenario is over.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends every server that holds a clone.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once [`Stop::now`] was called.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sleeps for `time`, but not beyond the end of the scenario.
    pub fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_asked() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::sleep(left.min(ms(20)));
        }
    }
}

/// The number of bytes that a message's head says its body has; names of headers have no case.
pub(crate) fn content_length(head: &str) -> Option<usize> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let (_, length) = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    length.trim().parse().ok()
}

/// The address that accepts connections to any address of one IP version.
pub(crate) fn anywhere(ipv6: bool, port: u16) -> SocketAddr {
    let address = if ipv6 {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    } else {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    };
    SocketAddr::new(address, port)
}

/// Listens with a backlog and, if given, a receive buffer that accepted connections inherit.
pub(crate) fn listen(
    at: SocketAddr,
    backlog: i32,
    receive_buffer: Option<usize>,
) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(&at.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Accepts connections until the scenario is over.
pub(crate) fn accept_until(stop: &Stop, listener: &TcpListener, mut each: impl FnMut(TcpStream)) {
    while !stop.is_asked() {
        match listener.accept() {
            Ok((stream, _)) => each(stream),
            Err(_) => thread::sleep(ms(1)),
        }
    }
}

/// How a client opens a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Its port; the kernel chooses when `None`.
    pub from_port: Option<u16>,
    /// Receive buffer in bytes; the kernel's when `None`.
    pub receive_buffer: Option<usize>,
    /// How long it waits for the handshake.
    pub patience: Duration,
}

impl Opening {
    /// Opens a connection to `to`.
    ///
    /// # Errors
    /// What `connect(2)` reports, or `TimedOut`.
    pub fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(port) = self.from_port {
            socket.set_reuse_address(true)?;
            socket.bind(&anywhere(to.is_ipv6(), port).into())?;
        }
        socket.connect_timeout(&SockAddr::from(to), self.patience)?;
        Ok(socket.into())
    }
}

/// Closes `stream` the given way.
pub(crate) fn close(stream: TcpStream, ending: Ending) {
    if ending == Ending::Rst {
        let socket = Socket::from(stream);
        // A connection that is already gone needs no reset.
        let _ = socket.set_linger(Some(Duration::ZERO));
    }
}
