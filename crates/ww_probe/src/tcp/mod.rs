//! Connections to every address.

use crate::recorder::Asked;
use crate::walk::Walker;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use ww_base::Span;
use ww_evidence::transcript::{Connect, ConnectOutcome, Seen};

/// Opens a connection to each address, one after the other; those that are open.
pub(crate) async fn connect_each(walker: &Walker<'_>, targets: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut open = Vec::new();
    for &to in targets {
        let Some(patience) = walker.patience() else {
            break;
        };
        let asked = Asked::now(format!("nc -vz {} {}", to.ip(), to.port()));
        let (seen, _stream) = connect(to, patience).await;
        if seen.outcome == ConnectOutcome::Open {
            open.push(to);
        }
        walker.recorder.answer(asked, Seen::Connect(seen));
    }
    open
}

/// Opens a connection, if that can be done in time.
pub(crate) async fn connect(to: SocketAddr, patience: Duration) -> (Connect, Option<TcpStream>) {
    let mut seen = Connect {
        to: Some(to),
        ..Connect::default()
    };
    match tokio::time::timeout(patience, TcpStream::connect(to)).await {
        Err(_) => (seen, None),
        Ok(Err(error)) => {
            seen.outcome = outcome(&error);
            seen.errno = error.to_string();
            (seen, None)
        }
        Ok(Ok(stream)) => {
            seen.outcome = ConnectOutcome::Open;
            seen.from = stream.local_addr().ok();
            (seen, Some(stream))
        }
    }
}

fn outcome(error: &io::Error) -> ConnectOutcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectOutcome::Refused,
        io::ErrorKind::HostUnreachable => ConnectOutcome::HostUnreachable,
        io::ErrorKind::NetworkUnreachable => ConnectOutcome::NetworkUnreachable,
        io::ErrorKind::PermissionDenied => ConnectOutcome::Denied,
        io::ErrorKind::AddrNotAvailable => ConnectOutcome::NoLocalPort,
        io::ErrorKind::TimedOut => ConnectOutcome::TimedOut,
        _ => ConnectOutcome::Failed,
    }
}

/// Whether this program runs as the superuser.
pub(crate) fn privileged() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| {
            line.strip_prefix("Uid:")
                .and_then(|ids| ids.split_whitespace().nth(1))
                .is_some_and(|effective| effective == "0")
        })
    })
}

/// When this kernel repeats a SYN that is not answered, after the first: each wait is as long as the one
/// before for the first `tcp_syn_linear_timeouts` (Linux 6.5 and later), then twice as long.
pub(crate) fn syn_repeats() -> Vec<Span> {
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}"))
            .ok()
            .and_then(|text| text.trim().parse::<u32>().ok())
    };
    let Some(retries) = read("tcp_syn_retries") else {
        return Vec::new();
    };
    repeats(
        retries.min(16),
        read("tcp_syn_linear_timeouts").unwrap_or(0),
    )
}

fn repeats(retries: u32, linear: u32) -> Vec<Span> {
    let mut wait = 1;
    let mut at = 0;
    (0..retries + linear)
        .map(|nth| {
            at += wait;
            if nth >= linear {
                wait *= 2;
            }
            Span::from_secs(at)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syns_are_repeated_as_the_kernel_does() {
        let seconds = |spans: Vec<Span>| -> Vec<i64> {
            spans.iter().map(|span| span.0 / 1_000_000_000).collect()
        };
        assert_eq!(seconds(repeats(3, 0)), [1, 3, 7]);
        // Measured on Linux 6.18: 1.01, 2.03, 3.05, 4.08, 5.11, 7.12, 11.21, 19.41 s.
        assert_eq!(seconds(repeats(4, 4)), [1, 2, 3, 4, 5, 7, 11, 19]);
    }

    #[tokio::test]
    async fn a_listener_is_open_and_a_closed_port_refuses() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let patience = Duration::from_secs(1);
        let (seen, stream) = connect(address, patience).await;
        assert_eq!(seen.outcome, ConnectOutcome::Open);
        assert!(stream.is_some());
        drop((listener, stream));
        let (seen, _) = connect(address, patience).await;
        assert_eq!(seen.outcome, ConnectOutcome::Refused);
    }
}
