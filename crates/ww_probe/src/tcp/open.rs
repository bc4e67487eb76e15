//! One attempt to connect, with everything that the kernel learns by it.

use super::kernel;
use crate::recorder::span;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;
use tokio::net::TcpStream;
use ww_evidence::transcript::{Connect, ConnectOutcome, IcmpReport, TcpInfo};

/// How a connection is opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Opening {
    /// A hop limit other than the system's.
    pub(crate) hop_limit: Option<u8>,
    /// The largest segment, in both directions (`TCP_MAXSEG`).
    pub(crate) mss: Option<u16>,
    /// This source port, which may have been used a moment ago and is free again at once: the connection ends with a
    /// reset, so that nothing of it waits (`TIME_WAIT`).
    pub(crate) from: Option<u16>,
}

/// Opens a connection, if that can be done in time.
pub(crate) async fn connect(to: SocketAddr, patience: Duration) -> (Connect, Option<TcpStream>) {
    open(to, Opening::default(), patience).await
}

/// The same from this source port, where one is given.
pub(crate) async fn connect_from(
    to: SocketAddr,
    from: Option<u16>,
    patience: Duration,
) -> (Connect, Option<TcpStream>) {
    let how = Opening {
        from,
        ..Opening::default()
    };
    open(to, how, patience).await
}

/// The same, in a special way.
pub(crate) async fn open(
    to: SocketAddr,
    how: Opening,
    patience: Duration,
) -> (Connect, Option<TcpStream>) {
    let mut seen = Connect {
        to: Some(to),
        ..Connect::default()
    };
    let stream = match begin(to, how, &mut seen) {
        Ok(stream) => stream,
        Err(error) => {
            fail(&mut seen, &error);
            return (seen, None);
        }
    };
    let opened = tokio::time::timeout(patience, established(&stream)).await;
    seen.from = stream.local_addr().ok();
    seen.info = info(&stream);
    match opened {
        Err(_) => (seen, None),
        Ok(Err(error)) => {
            fail(&mut seen, &error);
            seen.icmp = queued_icmp(stream.as_fd());
            (seen, None)
        }
        Ok(Ok(())) => {
            seen.outcome = ConnectOutcome::Open;
            // While errors are queued, one that is passing (a router that restarts) ends an open connection.
            let _ = ww_sys::queue_errors(stream.as_fd(), to.is_ipv6(), false);
            // Small questions that wait for an acknowledgement would be measured as 40 ms of the peer's (Nagle).
            let _ = stream.set_nodelay(true);
            (seen, Some(stream))
        }
    }
}

/// What the kernel knows of a connection.
pub(crate) fn info(stream: &TcpStream) -> Option<TcpInfo> {
    let state = ww_sys::tcp_state(stream.as_fd()).ok()?;
    let micros = |value: u32| span(Duration::from_micros(u64::from(value)));
    Some(TcpInfo {
        rtt: micros(state.rtt),
        rtt_variation: micros(state.rtt_variation),
        retransmits: state.retransmits,
        unacked: state.unacked,
        backoff: state.backoff,
        send_mss: state.send_mss,
        receive_mss: state.receive_mss,
        path_mtu: state.path_mtu,
    })
}

/// A socket that has begun to connect. An error that comes at once leaves its ICMP message in `seen`.
fn begin(to: SocketAddr, how: Opening, seen: &mut Connect) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match (how.hop_limit, to) {
        (Some(limit), SocketAddr::V4(_)) => socket.set_ttl_v4(u32::from(limit))?,
        (Some(limit), SocketAddr::V6(_)) => socket.set_unicast_hops_v6(u32::from(limit))?,
        (None, _) => {}
    }
    if let Some(mss) = how.mss {
        socket.set_tcp_mss(u32::from(mss))?;
    }
    if let Some(port) = how.from {
        let any: IpAddr = if to.is_ipv4() {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::new(any, port).into())?;
        socket.set_linger(Some(Duration::ZERO))?;
    }
    // Where there is no error queue, the error is all there is to know.
    let _ = ww_sys::queue_errors(socket.as_fd(), to.is_ipv6(), true);
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => {
            seen.icmp = queued_icmp(socket.as_fd());
            Err(error)
        }
        Ok(()) | Err(_) => TcpStream::from_std(socket.into()),
    }
}

/// Waits until it is known whether a connection opens.
async fn established(stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.writable().await?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        if stream.peer_addr().is_ok() {
            return Ok(());
        }
        // Woken too early: what is not connected has no peer yet.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn queued_icmp(socket: BorrowedFd<'_>) -> Option<IcmpReport> {
    let error = ww_sys::next_error(socket).ok()??;
    Some(IcmpReport {
        kind: error.kind,
        code: error.code,
        from: error.from.filter(|_| error.is_icmp)?,
    })
}

fn fail(seen: &mut Connect, error: &io::Error) {
    seen.outcome = outcome(error);
    seen.errno = kernel::errno_name(error);
}

fn outcome(error: &io::Error) -> ConnectOutcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectOutcome::Refused,
        io::ErrorKind::HostUnreachable => ConnectOutcome::HostUnreachable,
        io::ErrorKind::NetworkUnreachable => ConnectOutcome::NetworkUnreachable,
        io::ErrorKind::PermissionDenied => ConnectOutcome::Denied,
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => ConnectOutcome::NoLocalPort,
        io::ErrorKind::TimedOut => ConnectOutcome::TimedOut,
        _ => ConnectOutcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_is_open_and_a_closed_port_refuses() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let patience = Duration::from_secs(1);
        let (seen, stream) = connect(address, patience).await;
        assert_eq!(seen.outcome, ConnectOutcome::Open);
        assert!(stream.is_some());
        let info = seen.info.expect("of Linux");
        assert!(info.rtt.0 > 0 && info.retransmits == 0, "{info:?}");
        drop((listener, stream));
        let (seen, _) = connect(address, patience).await;
        assert_eq!(seen.outcome, ConnectOutcome::Refused);
        assert_eq!(seen.errno, "ECONNREFUSED");
        assert_eq!(seen.icmp, None);
    }

    #[tokio::test]
    async fn a_full_queue_answers_nothing() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        socket.bind(&any.into()).expect("a port");
        socket.listen(0).expect("listens");
        let to = socket
            .local_addr()
            .ok()
            .and_then(|own| own.as_socket())
            .expect("TCP");
        let mut open = Vec::new();
        let mut silent = None;
        for _ in 0..4 {
            let (seen, stream) = connect(to, Duration::from_millis(200)).await;
            open.extend(stream);
            if seen.outcome != ConnectOutcome::Open {
                silent = Some(seen);
            }
        }
        let silent = silent.expect("a queue of one is full soon");
        assert_eq!(silent.outcome, ConnectOutcome::TimedOut);
        assert_eq!((silent.errno.as_str(), silent.icmp), ("", None));
    }

    #[tokio::test]
    async fn a_source_port_serves_again_and_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("its address");
        let free = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        for _ in 0..3 {
            let (seen, stream) = connect_from(to, Some(port), Duration::from_secs(1)).await;
            assert_eq!(seen.outcome, ConnectOutcome::Open, "{seen:?}");
            assert_eq!(seen.from.map(|from| from.port()), Some(port));
            let (seen, _) = connect_from(to, Some(port), Duration::from_secs(1)).await;
            assert_eq!(seen.outcome, ConnectOutcome::NoLocalPort, "it is in use");
            drop(stream);
        }
    }

    #[tokio::test]
    async fn a_small_segment_size_is_kept() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("its address");
        let how = Opening {
            mss: Some(536),
            ..Opening::default()
        };
        let (seen, _stream) = open(to, how, Duration::from_secs(1)).await;
        assert!(
            seen.info.is_some_and(|info| info.send_mss <= 536),
            "{seen:?}"
        );
    }
}
