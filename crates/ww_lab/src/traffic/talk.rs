//! Programs that say little and say it at once: keystrokes that are echoed, datagrams, many doors.

use super::{Opening, Stop, accept_until, anywhere, listen, ms};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// Echoes what connections to `port` send, until the scenario is over.
///
/// # Errors
/// What `bind(2)` or `listen(2)` report.
pub fn echo_stream(port: u16, stop: &Stop, ready: impl FnOnce()) -> io::Result<()> {
    let listener = listen(anywhere(false, port), 16, None)?;
    ready();
    let mut connections = Vec::new();
    accept_until(stop, &listener, |stream| {
        let stop = stop.clone();
        connections.push(thread::spawn(move || echo_one(stream, &stop)));
    });
    for connection in connections {
        // How a connection ended is of no interest here.
        let _ = connection.join();
    }
    Ok(())
}

fn echo_one(mut stream: TcpStream, stop: &Stop) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ms(20)))?;
    let mut buffer = [0; 2_048];
    while !stop.is_asked() {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => stream.write_all(buffer.get(..count).unwrap_or_default())?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Echoes the datagrams that come to `port`, until the scenario is over.
///
/// # Errors
/// What `bind(2)` reports.
pub fn echo_datagrams(port: u16, stop: &Stop, ready: impl FnOnce()) -> io::Result<()> {
    let socket = UdpSocket::bind(anywhere(false, port))?;
    socket.set_read_timeout(Some(ms(20)))?;
    ready();
    let mut buffer = vec![0; 65_536];
    while !stop.is_asked() {
        if let Ok((count, from)) = socket.recv_from(&mut buffer) {
            socket.send_to(buffer.get(..count).unwrap_or_default(), from)?;
        }
    }
    Ok(())
}

/// Sends small messages and reads their echo, with a wait after each; call it inside the client's namespace.
///
/// # Errors
/// What the connection reports.
pub fn type_keys(
    to: SocketAddr,
    keys: &[usize],
    pause: impl Fn(usize) -> Duration,
) -> io::Result<()> {
    let mut stream = Opening {
        from_port: None,
        receive_buffer: None,
        patience: ms(5_000),
    }
    .connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ms(5_000)))?;
    for (number, len) in keys.iter().enumerate() {
        stream.write_all(&vec![b'k'; *len])?;
        stream.read_exact(&mut vec![0; *len])?;
        thread::sleep(pause(number));
    }
    Ok(())
}

/// Upgrades a connection and answers pings for `time`; call it inside the client's namespace.
///
/// # Errors
/// What the connection reports.
pub fn answer_pings(to: SocketAddr, target: &str, time: Duration) -> io::Result<()> {
    let mut stream = Opening {
        from_port: None,
        receive_buffer: None,
        patience: ms(5_000),
    }
    .connect(to)?;
    stream.set_read_timeout(Some(ms(50)))?;
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let end = Instant::now() + time;
    let mut buffer = [0; 512];
    while Instant::now() < end {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(6) => stream.write_all(&[
                0x8a,
                0x84,
                1,
                2,
                3,
                4,
                b'p' ^ 1,
                b'i' ^ 2,
                b'n' ^ 3,
                b'g' ^ 4,
            ])?,
            _ => {}
        }
    }
    Ok(())
}

/// Sends `count` datagrams of `len` bytes, waiting up to `patience` for each echo; how many came back.
///
/// # Errors
/// What `bind(2)` or `connect(2)` report.
pub fn datagrams(
    to: SocketAddr,
    count: usize,
    len: usize,
    patience: Duration,
) -> io::Result<usize> {
    let socket = UdpSocket::bind(anywhere(to.is_ipv6(), 0))?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(patience))?;
    let mut buffer = vec![0; 65_536];
    let mut echoed = 0;
    for _ in 0..count {
        // A refused datagram is reported at the next call; both are what some scenarios are about.
        let sent = socket.send(&vec![b'd'; len]).is_ok();
        if sent && socket.recv(&mut buffer).is_ok() {
            echoed += 1;
        }
        thread::sleep(ms(20));
    }
    Ok(echoed)
}

/// Tries to connect to each of `ports` once, without waiting long; how many were open.
pub fn knock(to: IpAddr, ports: impl Iterator<Item = u16>) -> usize {
    let opening = Opening {
        from_port: None,
        receive_buffer: None,
        patience: ms(100),
    };
    ports
        .filter(|port| opening.connect(SocketAddr::new(to, *port)).is_ok())
        .count()
}
