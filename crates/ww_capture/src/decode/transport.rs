//! TCP, UDP and ARP headers.

use super::bytes::{Bytes, array, be16};
use super::types::{Arp, Body, Tcp, Udp};

/// Reads a TCP segment; `segment` is the IP payload.
#[inline]
pub(super) fn tcp(segment: Bytes<'_>) -> Body<'_> {
    whole_tcp(segment).map_or_else(|| cut_tcp(segment), Body::Tcp)
}

/// Reads a TCP segment of which the whole fixed header was captured.
#[inline]
pub(super) fn whole_tcp(segment: Bytes<'_>) -> Option<Tcp<'_>> {
    let header = segment.held.first_chunk::<20>()?;
    Some(tcp_header(header, segment))
}

/// A segment of which the header is there up to its window at least: `TShark` gives it a connection
/// but does not analyse it.
#[cold]
fn cut_tcp(segment: Bytes<'_>) -> Body<'_> {
    let mut header = [0; 20];
    for (place, &byte) in header.iter_mut().zip(segment.held) {
        *place = byte;
    }
    match segment.held.len() {
        16.. => Body::Tcp(Tcp {
            len: None,
            ..tcp_header(&header, segment)
        }),
        _ => Body::Malformed("TCP header cut short"),
    }
}

#[inline]
fn tcp_header<'a>(h: &[u8; 20], segment: Bytes<'a>) -> Tcp<'a> {
    let header_len = (h[12] >> 4) * 4;
    let after = |length: usize| segment.held.get(length..).unwrap_or_default();
    let options = after(20);
    Tcp {
        src_port: u16::from_be_bytes([h[0], h[1]]),
        dst_port: u16::from_be_bytes([h[2], h[3]]),
        seq: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
        ack: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
        header_len,
        flags: u16::from_be_bytes([h[12] & 1, h[13]]),
        window: u16::from_be_bytes([h[14], h[15]]),
        checksum: u16::from_be_bytes([h[16], h[17]]),
        urgent: u16::from_be_bytes([h[18], h[19]]),
        options: options
            .get(..usize::from(header_len).saturating_sub(20))
            .unwrap_or(options),
        payload: after(usize::from(header_len)),
        len: segment.wire.checked_sub(u32::from(header_len)),
    }
}

/// Reads a UDP datagram; `datagram` is the IP payload.
#[inline]
pub(super) fn udp(datagram: Bytes<'_>) -> Body<'_> {
    let Some(h) = datagram.held.first_chunk::<8>() else {
        return Body::Malformed("UDP header cut short");
    };
    let length = u16::from_be_bytes([h[4], h[5]]);
    if matches!(length, 1..8) {
        return Body::Malformed("UDP length below its header length");
    }
    // A length of zero is a jumbogram (RFC 2675) or a datagram the network card will still cut up.
    let whole = if length == 0 {
        datagram
    } else {
        datagram.limit(u32::from(length))
    };
    Body::Udp(Udp {
        src_port: u16::from_be_bytes([h[0], h[1]]),
        dst_port: u16::from_be_bytes([h[2], h[3]]),
        length,
        payload: whole.held.get(8..).unwrap_or_default(),
    })
}

/// Reads an ARP message; those about other than Ethernet and IPv4 addresses are named.
pub(super) fn arp(message: &[u8]) -> Body<'_> {
    let Some([_, _, 0x08, 0x00, 6, 4]) = array::<6>(message, 0) else {
        return if message.len() < 8 {
            Body::Malformed("ARP message cut short")
        } else {
            Body::Unsupported("ARP about other than Ethernet and IPv4 addresses")
        };
    };
    let read = || {
        Some(Arp {
            operation: be16(message, 6)?,
            sender_mac: array(message, 8)?,
            sender_ip: array::<4>(message, 14)?.into(),
            target_mac: array(message, 18)?,
            target_ip: array::<4>(message, 24)?.into(),
        })
    };
    read().map_or(Body::Malformed("ARP message cut short"), Body::Arp)
}
