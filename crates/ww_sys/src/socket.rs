//! What the kernel tells of a socket beside its data: errors with their senders, and the state of TCP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// An error that came for a socket (`struct sock_extended_err`, ip(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedError {
    /// The error number that the kernel makes of it.
    pub errno: i32,
    /// It came as an ICMP message (of either version); otherwise this host made it.
    pub is_icmp: bool,
    /// The ICMP type.
    pub kind: u8,
    /// The ICMP code.
    pub code: u8,
    /// What the message adds; for "too big" the MTU.
    pub info: u32,
    /// Who sent it.
    pub from: Option<IpAddr>,
}

/// Some of `struct tcp_info` (tcp(7), `linux/tcp.h`). Times are microseconds unless they say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpState {
    /// How often the retransmission timer was doubled.
    pub backoff: u8,
    /// Largest segment that may be sent, bytes.
    pub send_mss: u32,
    /// Largest segment that came, bytes.
    pub receive_mss: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Milliseconds since the last acknowledgement came.
    pub last_ack_received: u32,
    /// Path MTU, bytes.
    pub path_mtu: u32,
    /// Smoothed round trip.
    pub rtt: u32,
    /// Its variation.
    pub rtt_variation: u32,
    /// Our own MSS option, bytes.
    pub advertised_mss: u32,
    /// Segments sent again in all.
    pub retransmits: u32,
}

/// Room for `struct tcp_info`: 280 bytes in Linux 6.18, and it grows at its end.
const INFO_BYTES: libc::socklen_t = 512;

/// Size of an `int`.
const INT_BYTES: libc::socklen_t = 4;

/// Room for one message of the error queue: a header, the error, and the address of its sender.
const CONTROL_BYTES: usize = 512;

/// Lets the kernel queue the errors that come for a socket, with their senders, or no longer
/// (`IP_RECVERR`, `IPV6_RECVERR`).
///
/// # Errors
/// What `setsockopt(2)` reports.
pub fn queue_errors(socket: BorrowedFd<'_>, ipv6: bool, on: bool) -> io::Result<()> {
    let (level, option) = if ipv6 {
        (libc::SOL_IPV6, libc::IPV6_RECVERR)
    } else {
        (libc::SOL_IP, libc::IP_RECVERR)
    };
    let value = libc::c_int::from(on);
    // SAFETY: the kernel reads one `int` from `value`, which outlives the call; the descriptor is borrowed.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            INT_BYTES,
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Takes the oldest error of a socket's queue; none when there is none. Never waits.
///
/// # Errors
/// What `recvmsg(2)` reports.
pub fn next_error(socket: BorrowedFd<'_>) -> io::Result<Option<QueuedError>> {
    // Words, so that the control messages in it are aligned.
    let mut control = [0_u64; CONTROL_BYTES / 8];
    let mut payload = [0_u8; 64];
    let mut part = libc::iovec {
        iov_base: payload.as_mut_ptr().cast(),
        iov_len: payload.len(),
    };
    // SAFETY: a `msghdr` of zeros is one without name, parts and control messages.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = CONTROL_BYTES as _;
    // SAFETY: the header points at buffers of the lengths that it names; all outlive the call.
    let got = unsafe {
        libc::recvmsg(
            socket.as_raw_fd(),
            &raw mut message,
            libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT,
        )
    };
    if got < 0 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::WouldBlock => Ok(None),
            _ => Err(error),
        };
    }
    let used = (message.msg_controllen as usize).min(CONTROL_BYTES);
    let bytes: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).collect();
    Ok(bytes.get(..used).and_then(queued_error))
}

/// The state of a TCP socket (`TCP_INFO`).
///
/// # Errors
/// What `getsockopt(2)` reports.
pub fn tcp_state(socket: BorrowedFd<'_>) -> io::Result<TcpState> {
    let mut info = [0_u8; INFO_BYTES as usize];
    let mut length = INFO_BYTES;
    // SAFETY: the kernel writes at most `length` bytes into `info` and the number of them into `length`.
    let got = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if got != 0 {
        return Err(io::Error::last_os_error());
    }
    let number = |at| number(&info, at);
    Ok(TcpState {
        backoff: info.get(4).copied().unwrap_or(0),
        send_mss: number(16),
        receive_mss: number(20),
        unacked: number(24),
        last_ack_received: number(56),
        path_mtu: number(60),
        rtt: number(68),
        rtt_variation: number(72),
        advertised_mss: number(84),
        retransmits: number(100),
    })
}

/// The first error among control messages (`struct cmsghdr`: length, level, type, then the data, each
/// message aligned to a word).
fn queued_error(mut control: &[u8]) -> Option<QueuedError> {
    const WORD: usize = size_of::<usize>();
    loop {
        let length = usize::from_ne_bytes(*control.first_chunk::<WORD>()?);
        let level = number(control, WORD).cast_signed();
        let kind = number(control, WORD + 4).cast_signed();
        let data = control.get((WORD + 8).next_multiple_of(WORD)..length)?;
        let is_error = (level == libc::SOL_IP && kind == libc::IP_RECVERR)
            || (level == libc::SOL_IPV6 && kind == libc::IPV6_RECVERR);
        if is_error {
            return extended_error(data);
        }
        control = control.get(length.next_multiple_of(WORD)..)?;
    }
}

/// `struct sock_extended_err`, 16 bytes, then the socket address of the sender.
fn extended_error(data: &[u8]) -> Option<QueuedError> {
    let &[origin, kind, code] = data.get(4..)?.first_chunk::<3>()?;
    let sender = data.get(16..).unwrap_or_default();
    Some(QueuedError {
        errno: number(data, 0).cast_signed(),
        is_icmp: origin == libc::SO_EE_ORIGIN_ICMP || origin == libc::SO_EE_ORIGIN_ICMP6,
        kind,
        code,
        info: number(data, 8),
        from: address(sender),
    })
}

/// The address of a `sockaddr_in` or `sockaddr_in6`.
fn address(sender: &[u8]) -> Option<IpAddr> {
    let family = i32::from(u16::from_ne_bytes(*sender.first_chunk()?));
    match family {
        libc::AF_INET => {
            let octets = *sender.get(4..)?.first_chunk::<4>()?;
            Some(Ipv4Addr::from(octets).into())
        }
        libc::AF_INET6 => {
            let octets = *sender.get(8..)?.first_chunk::<16>()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |four| u32::from_ne_bytes(*four))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests open sockets")]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd as _;
    use std::time::{Duration, Instant};

    #[test]
    fn a_port_unreachable_is_queued_with_its_sender() {
        for (own, ipv6, kind, code) in [("127.0.0.1", false, 3, 3), ("::1", true, 1, 4)] {
            let Ok(closed) = UdpSocket::bind((own, 0)) else {
                assert!(ipv6, "loopback has IPv4");
                eprintln!("NOT TESTED: the error queue of IPv6 needs ::1");
                continue;
            };
            let to = closed.local_addr().expect("an address");
            drop(closed);
            let socket = UdpSocket::bind((own, 0)).expect("a port");
            queue_errors(socket.as_fd(), ipv6, true).expect("a known option");
            assert_eq!(next_error(socket.as_fd()).expect("a queue"), None);
            socket.send_to(b"anybody?", to).expect("sent");
            let until = Instant::now() + Duration::from_secs(2);
            let mut found = None;
            while found.is_none() && Instant::now() < until {
                found = next_error(socket.as_fd()).expect("a queue");
            }
            let found = found.expect("an error");
            assert_eq!(found.errno, libc::ECONNREFUSED);
            assert_eq!((found.is_icmp, found.kind, found.code), (true, kind, code));
            assert_eq!(found.from, Some(to.ip()));
        }
    }

    #[test]
    fn an_open_connection_has_a_round_trip() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("open");
        let state = tcp_state(stream.as_fd()).expect("TCP");
        assert!(state.rtt > 0 && state.rtt < 1_000_000, "{state:?}");
        assert!(state.send_mss >= 536 && state.advertised_mss >= 536);
        assert_eq!(state.retransmits, 0);
    }

    #[test]
    fn broken_control_messages_are_no_error() {
        assert_eq!(queued_error(&[]), None);
        assert_eq!(queued_error(&[0; 64]), None);
        assert_eq!(queued_error(&[255; 64]), None);
    }
}
