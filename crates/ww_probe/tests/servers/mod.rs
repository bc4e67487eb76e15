//! Servers on loopback that do as they are told.

use socket2::SockRef;
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A request as it came.
pub(crate) struct Request {
    /// All of its head.
    pub(crate) head: String,
    /// Its number in its connection, from 1.
    pub(crate) number: u32,
}

impl Request {
    /// The target of the request line.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}

/// A server of HTTP/1 whose answers a script writes. Its threads end with the test.
pub(crate) struct Server {
    address: SocketAddr,
}

impl Server {
    /// A server that hands each request to the script; what the script leaves open carries the next one.
    pub(crate) fn new(
        script: impl Fn(&mut TcpStream, &Request) + Clone + Send + 'static,
    ) -> Server {
        Server::with_idle(Duration::from_secs(10), script)
    }

    /// The same, which ends connections that are idle for so long.
    pub(crate) fn with_idle(
        idle: Duration,
        script: impl Fn(&mut TcpStream, &Request) + Clone + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let script = script.clone();
                thread::spawn(move || serve(stream, idle, script));
            }
        });
        Server { address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(mut stream: TcpStream, idle: Duration, script: impl Fn(&mut TcpStream, &Request)) {
    let _ = stream.set_read_timeout(Some(idle));
    let mut number = 0;
    while let Some(head) = read_head(&mut stream) {
        number += 1;
        let request = Request { head, number };
        script(&mut stream, &request);
    }
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// Closes a connection in order.
pub(crate) fn close(stream: &mut TcpStream) {
    let _ = stream.shutdown(Shutdown::Both);
}

/// Ends a connection with a reset.
pub(crate) fn reset(stream: &mut TcpStream) {
    let socket = SockRef::from(&*stream);
    let _ = socket.set_linger(Some(Duration::ZERO));
    // Only the last descriptor's end sends it: another one takes this one's place.
    let unconnected = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    *stream = unconnected.expect("a socket").into();
}
