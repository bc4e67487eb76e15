//! The headers of one Ethernet frame, as far as the link has to know them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Length of an Ethernet header without tags; the link carries no others.
pub const ETHERNET: usize = 14;

/// TCP flag bits (RFC 9293 section 3.1).
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment field is significant.
    pub const ACK: u8 = 0x10;
}

/// What an IP packet carries, with offsets from the start of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A TCP header, complete.
    Tcp(Tcp),
    /// A UDP header, complete.
    Udp {
        /// Source port.
        src_port: u16,
        /// Destination port.
        dst_port: u16,
    },
    /// A fragment that is not the first: no transport header.
    LaterFragment,
    /// Anything else, or cut short.
    Other,
}

/// The fields of a TCP header that faults look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// The eight low flag bits.
    pub flags: u8,
    /// Length of header and options in bytes.
    pub header_len: usize,
    /// Bytes of payload, by the IP length.
    pub payload_len: usize,
}

/// One IP packet inside a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// IP protocol or last next-header value.
    pub protocol: u8,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// True on the first of several fragments too.
    pub fragmented: bool,
    /// Offset of the transport header (or fragment data) in the frame.
    pub transport_at: usize,
    /// The transport header.
    pub transport: Transport,
}

impl Packet {
    /// Reads the IP packet in `frame`; `None` for other protocols (ARP…) and for headers cut short.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        match be16(frame, 12)? {
            0x0800 => Self::parse_v4(frame),
            0x86dd => Self::parse_v6(frame),
            _ => None,
        }
    }

    fn parse_v4(frame: &[u8]) -> Option<Self> {
        let header_len = usize::from(byte(frame, ETHERNET)? & 0x0f) * 4;
        let total_len = usize::from(be16(frame, ETHERNET + 2)?);
        let fragment = be16(frame, ETHERNET + 6)?;
        let protocol = byte(frame, ETHERNET + 9)?;
        let transport_at = ETHERNET + header_len;
        let offset = fragment & 0x1fff;
        let transport = if offset == 0 {
            transport(
                frame,
                protocol,
                transport_at,
                total_len.saturating_sub(header_len),
            )
        } else {
            Transport::LaterFragment
        };
        Some(Self {
            src: IpAddr::V4(Ipv4Addr::from(array::<4>(frame, ETHERNET + 12)?)),
            dst: IpAddr::V4(Ipv4Addr::from(array::<4>(frame, ETHERNET + 16)?)),
            protocol,
            ip_id: be16(frame, ETHERNET + 4)?,
            ttl: byte(frame, ETHERNET + 8)?,
            fragmented: fragment & 0x3fff != 0,
            transport_at,
            transport,
        })
    }

    fn parse_v6(frame: &[u8]) -> Option<Self> {
        const FRAGMENT: u8 = 44;
        let payload_len = usize::from(be16(frame, ETHERNET + 4)?);
        let next = byte(frame, ETHERNET + 6)?;
        let first_at = ETHERNET + 40;
        let (protocol, transport_at, offset) = if next == FRAGMENT {
            (
                byte(frame, first_at)?,
                first_at + 8,
                be16(frame, first_at + 2)? >> 3,
            )
        } else {
            (next, first_at, 0)
        };
        let transport = if offset == 0 {
            transport(
                frame,
                protocol,
                transport_at,
                (first_at + payload_len).saturating_sub(transport_at),
            )
        } else {
            Transport::LaterFragment
        };
        Some(Self {
            src: IpAddr::V6(Ipv6Addr::from(array::<16>(frame, ETHERNET + 8)?)),
            dst: IpAddr::V6(Ipv6Addr::from(array::<16>(frame, ETHERNET + 24)?)),
            protocol,
            ip_id: 0,
            ttl: byte(frame, ETHERNET + 7)?,
            fragmented: next == FRAGMENT,
            transport_at,
            transport,
        })
    }

    /// The TCP header, when there is one.
    pub fn tcp(&self) -> Option<&Tcp> {
        match &self.transport {
            Transport::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    /// Source and destination port; zeros where the packet has none.
    pub fn ports(&self) -> (u16, u16) {
        match self.transport {
            Transport::Tcp(Tcp {
                src_port, dst_port, ..
            })
            | Transport::Udp { src_port, dst_port } => (src_port, dst_port),
            Transport::LaterFragment | Transport::Other => (0, 0),
        }
    }
}

impl Tcp {
    /// True when every bit of `flags` is set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// Sequence numbers this segment takes up: its payload, SYN and FIN.
    pub fn seq_len(&self) -> u32 {
        self.payload_len as u32 + u32::from(self.has(flag::SYN)) + u32::from(self.has(flag::FIN))
    }
}

fn transport(frame: &[u8], protocol: u8, at: usize, len: usize) -> Transport {
    let parsed = match protocol {
        6 => tcp(frame, at, len).map(Transport::Tcp),
        17 => udp(frame, at),
        _ => None,
    };
    parsed.unwrap_or(Transport::Other)
}

fn tcp(frame: &[u8], at: usize, len: usize) -> Option<Tcp> {
    let header_len = usize::from(byte(frame, at + 12)? >> 4) * 4;
    Some(Tcp {
        src_port: be16(frame, at)?,
        dst_port: be16(frame, at + 2)?,
        seq: u32::from_be_bytes(array(frame, at + 4)?),
        ack: u32::from_be_bytes(array(frame, at + 8)?),
        flags: byte(frame, at + 13)?,
        header_len,
        payload_len: len.checked_sub(header_len)?,
    })
}

fn udp(frame: &[u8], at: usize) -> Option<Transport> {
    Some(Transport::Udp {
        src_port: be16(frame, at)?,
        dst_port: be16(frame, at + 2)?,
    })
}

/// The byte at `at`.
pub fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The big-endian 16-bit number at `at`.
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(array(bytes, at)?))
}

/// The `N` bytes from `at` on.
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Overwrites the bytes from `at` on with `with`; does nothing where they do not fit.
pub fn put(bytes: &mut [u8], at: usize, with: &[u8]) {
    if let Some(slot) = bytes.get_mut(at..at + with.len()) {
        slot.copy_from_slice(with);
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::{ETHERNET, put};
    use crate::checksum;

    /// A valid IPv4 TCP frame from 10.77.0.2:40000 to 10.77.0.1:80.
    pub(crate) fn tcp_frame(
        flags: u8,
        seq: u32,
        ack: u32,
        options: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        let tcp_len = 20 + options.len();
        let mut frame = vec![0; ETHERNET + 20 + tcp_len];
        put(&mut frame, 0, &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
        let total = (20 + tcp_len + payload.len()) as u16;
        put(&mut frame, ETHERNET, &[0x45, 0]);
        put(&mut frame, ETHERNET + 2, &total.to_be_bytes());
        put(&mut frame, ETHERNET + 4, &[0x12, 0x34, 0x40, 0, 64, 6]);
        put(&mut frame, ETHERNET + 12, &[10, 77, 0, 2, 10, 77, 0, 1]);
        put(&mut frame, ETHERNET + 20, &40_000_u16.to_be_bytes());
        put(&mut frame, ETHERNET + 22, &80_u16.to_be_bytes());
        put(&mut frame, ETHERNET + 24, &seq.to_be_bytes());
        put(&mut frame, ETHERNET + 28, &ack.to_be_bytes());
        put(
            &mut frame,
            ETHERNET + 32,
            &[((tcp_len / 4) as u8) << 4, flags, 0xff, 0xff],
        );
        put(&mut frame, ETHERNET + 40, options);
        frame.extend_from_slice(payload);
        checksum::fix(&mut frame);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::tcp_frame;
    use super::*;

    #[test]
    fn a_tcp_segment_is_read() {
        let frame = tcp_frame(flag::PSH | flag::ACK, 7, 9, &[1, 1, 1, 1], b"hello");
        let packet = Packet::parse(&frame).unwrap();
        let tcp = packet.tcp().unwrap();
        assert_eq!(
            (packet.ip_id, packet.ttl, packet.ports()),
            (0x1234, 64, (40_000, 80))
        );
        assert_eq!(
            (tcp.seq, tcp.ack, tcp.header_len, tcp.payload_len),
            (7, 9, 24, 5)
        );
    }

    #[test]
    fn a_frame_cut_anywhere_is_no_panic() {
        let frame = tcp_frame(flag::SYN, 7, 9, &[], b"hello");
        for len in 0..frame.len() {
            let _ = Packet::parse(frame.get(..len).unwrap());
        }
        assert!(Packet::parse(frame.get(..ETHERNET + 8).unwrap()).is_none());
    }

    #[test]
    fn padding_is_not_payload() {
        let mut frame = tcp_frame(flag::ACK, 7, 9, &[], b"");
        frame.resize(60, 0);
        assert_eq!(Packet::parse(&frame).unwrap().tcp().unwrap().payload_len, 0);
    }
}
