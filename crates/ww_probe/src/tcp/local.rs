//! What this host itself may be short of.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use ww_evidence::transcript::LocalState;

/// Connections that are looked through at most.
const LINES: usize = 1_000_000;

/// The longest line that is read of a table.
const LINE_BYTES: u64 = 4 << 10;

/// The state of this network namespace, with its connections to one address and port.
pub(crate) fn state(to: SocketAddr) -> LocalState {
    let mut state = LocalState {
        port_range: source_ports(),
        conntrack: count("count").zip(count("max")),
        listen_overflows: overflows(),
        ..LocalState::default()
    };
    for table in ["tcp", "tcp6"] {
        let Ok(file) = File::open(format!("/proc/thread-self/net/{table}")) else {
            continue;
        };
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        for _ in 0..LINES {
            line.clear();
            match reader.by_ref().take(LINE_BYTES).read_line(&mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            if let Some((peer, waits)) = connection(&line)
                && peer == to
            {
                state.to_target += 1;
                state.time_wait += u32::from(waits);
            }
        }
    }
    state
}

/// Connections that full accept queues of this network namespace dropped so far.
pub(crate) fn overflows() -> u64 {
    counter(
        &read("/proc/thread-self/net/netstat"),
        "TcpExt:",
        "ListenOverflows",
    )
    .unwrap_or(0)
}

/// The address is one of this host's own.
pub(crate) fn is_own(address: IpAddr) -> bool {
    // Only an own address can be bound to.
    address.is_loopback() || std::net::UdpSocket::bind((address, 0)).is_ok()
}

fn read(path: &str) -> String {
    let mut text = String::new();
    if let Ok(file) = File::open(path) {
        // What is cut off or cannot be read is not known.
        let _ = file.take(64 << 10).read_to_string(&mut text);
    }
    text
}

fn count(what: &str) -> Option<u64> {
    read(&format!("/proc/sys/net/netfilter/nf_conntrack_{what}"))
        .trim()
        .parse()
        .ok()
}

/// The source ports that this host gives connections, the first and the last.
pub(crate) fn source_ports() -> Option<(u16, u16)> {
    port_range(&read("/proc/sys/net/ipv4/ip_local_port_range"))
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A counter of `/proc/net/netstat`: a line of names, then one of numbers, both with the same first word.
fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(group));
    let at = lines
        .next()?
        .split_whitespace()
        .position(|word| word == name)?;
    lines.next()?.split_whitespace().nth(at)?.parse().ok()
}

/// The peer of a line of `/proc/net/tcp` or `tcp6`, and whether the connection is in TIME-WAIT.
fn connection(line: &str) -> Option<(SocketAddr, bool)> {
    let mut words = line.split_whitespace();
    let peer = words.nth(2)?;
    let waits = words.next()? == "06";
    let (address, port) = peer.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((SocketAddr::new(hex_address(address)?, port), waits))
}

/// An address in 32-bit words as this machine holds them; an IPv4 address within an IPv6 one is that.
fn hex_address(text: &str) -> Option<IpAddr> {
    let mut octets = Vec::new();
    for word in text.as_bytes().chunks(8) {
        let word = u32::from_str_radix(str::from_utf8(word).ok()?, 16).ok()?;
        octets.extend(word.to_ne_bytes());
    }
    if let Ok(four) = <[u8; 4]>::try_from(octets.as_slice()) {
        return Some(Ipv4Addr::from(four).into());
    }
    let sixteen = <[u8; 16]>::try_from(octets.as_slice()).ok()?;
    Some(Ipv6Addr::from(sixteen).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        let line = "   1: 0100007F:9C40 090200C0:01BB 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000";
        let peer: SocketAddr = "192.0.2.9:443".parse().expect("an address");
        if cfg!(target_endian = "little") {
            assert_eq!(connection(line), Some((peer, true)));
        }
        let mapped =
            "0: 00000000000000000000000000000000:0016 0000000000000000FFFF0000090200C0:01BB 01 0:0";
        if cfg!(target_endian = "little") {
            assert_eq!(connection(mapped), Some((peer, false)));
        }
        assert_eq!(connection("  sl  local_address rem_address   st"), None);
        assert_eq!(port_range("32768\t60999\n"), Some((32_768, 60_999)));
        assert_eq!(port_range(""), None);
        let netstat = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 25 30\nIpExt: A\nIpExt: 1\n";
        assert_eq!(counter(netstat, "TcpExt:", "ListenOverflows"), Some(25));
        assert_eq!(counter(netstat, "TcpExt:", "Nothing"), None);
    }

    #[test]
    fn own_connections_are_counted() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("its address");
        let open: Vec<_> = (0..3)
            .map(|_| std::net::TcpStream::connect(to).expect("open"))
            .collect();
        let found = state(to);
        assert_eq!(found.to_target as usize, open.len());
        assert!(found.port_range.is_some_and(|(first, last)| first < last));
        assert!(is_own(to.ip()) && !is_own("192.0.2.1".parse().expect("an address")));
    }
}
