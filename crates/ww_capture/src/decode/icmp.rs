//! ICMP and `ICMPv6`, and the packet an error quotes.
//!
//! An error quotes at least the IP header and eight bytes (RFC 792), so ports and the TCP sequence
//! number are there but often nothing more; lengths and checksums of the quote are not checked.

use super::bytes::{Bytes, array, be16, be32, byte};
use super::ip::{DONT_FRAGMENT, FRAGMENT_OFFSET};
use super::types::{Body, Icmp, Quoted};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Reads a message; `message` is the IP payload.
pub(super) fn icmp(message: Bytes<'_>, v6: bool) -> Body<'_> {
    let Some(&[kind, code, _, _, r0, r1, r2, r3]) = message.held.first_chunk::<8>() else {
        return Body::Malformed("ICMP header cut short");
    };
    let rest = u32::from_be_bytes([r0, r1, r2, r3]);
    let payload = message.held.get(8..).unwrap_or_default();
    let (is_error, is_echo, mtu) = if v6 {
        (
            matches!(kind, 1..=4),
            matches!(kind, 128 | 129),
            (kind == 2).then_some(rest),
        )
    } else {
        let needs_fragmentation = kind == 3 && code == 4;
        (
            matches!(kind, 3 | 4 | 5 | 11 | 12),
            matches!(kind, 0 | 8),
            needs_fragmentation.then_some(rest & 0xffff),
        )
    };
    Body::Icmp(Icmp {
        v6,
        kind,
        code,
        rest,
        mtu: mtu.filter(|&mtu| mtu != 0),
        echo: is_echo.then_some(((rest >> 16) as u16, rest as u16)),
        quoted: if is_error { quoted(payload) } else { None },
        payload,
    })
}

/// The packet quoted at the start of `bytes`, whichever version its first nibble says.
fn quoted(bytes: &[u8]) -> Option<Quoted> {
    match bytes.first()? >> 4 {
        4 => quoted_v4(bytes),
        6 => quoted_v6(bytes),
        _ => None,
    }
}

fn quoted_v4(bytes: &[u8]) -> Option<Quoted> {
    let h = bytes.first_chunk::<20>()?;
    let fragment = u16::from_be_bytes([h[6], h[7]]);
    let header_len = usize::from(h[0] & 15) * 4;
    let first = header_len >= 20 && fragment & FRAGMENT_OFFSET == 0;
    Some(with_transport(
        Quoted {
            src: Ipv4Addr::from([h[12], h[13], h[14], h[15]]).into(),
            dst: Ipv4Addr::from([h[16], h[17], h[18], h[19]]).into(),
            ttl: h[8],
            id: Some(u16::from_be_bytes([h[4], h[5]])),
            dont_fragment: fragment & DONT_FRAGMENT != 0,
            total_len: u32::from(u16::from_be_bytes([h[2], h[3]])),
            protocol: h[9],
            ports: None,
            tcp_seq: None,
            tcp_flags: None,
        },
        if first { bytes.get(header_len..) } else { None },
    ))
}

fn quoted_v6(bytes: &[u8]) -> Option<Quoted> {
    let h = bytes.first_chunk::<40>()?;
    let (protocol, transport) = after_extensions(h[6], bytes.get(40..)?);
    Some(with_transport(
        Quoted {
            src: Ipv6Addr::from(array::<16>(bytes, 8)?).into(),
            dst: Ipv6Addr::from(array::<16>(bytes, 24)?).into(),
            ttl: h[7],
            id: None,
            dont_fragment: true,
            total_len: u32::from(u16::from_be_bytes([h[4], h[5]])) + 40,
            protocol,
            ports: None,
            tcp_seq: None,
            tcp_flags: None,
        },
        transport,
    ))
}

/// Walks at most eight extension headers; no transport bytes when they are not the first fragment's.
fn after_extensions(mut protocol: u8, mut bytes: &[u8]) -> (u8, Option<&[u8]>) {
    for _ in 0..8 {
        let length = match protocol {
            0 | 43 | 60 => byte(bytes, 1).map(|units| (usize::from(units) + 1) * 8),
            51 => byte(bytes, 1).map(|units| (usize::from(units) + 2) * 4),
            44 if be16(bytes, 2).is_some_and(|field| field & 0xfff8 == 0) => Some(8),
            44 => return (byte(bytes, 0).unwrap_or(protocol), None),
            _ => return (protocol, Some(bytes)),
        };
        let Some((next, rest)) = byte(bytes, 0).zip(length.and_then(|length| bytes.get(length..)))
        else {
            return (protocol, None);
        };
        (protocol, bytes) = (next, rest);
    }
    (protocol, None)
}

/// Adds what the first bytes of the transport header tell.
fn with_transport(quoted: Quoted, transport: Option<&[u8]>) -> Quoted {
    let has_ports = matches!(quoted.protocol, 6 | 17 | 33 | 132 | 136);
    let Some(bytes) = transport.filter(|_| has_ports) else {
        return quoted;
    };
    let tcp = Some(bytes).filter(|_| quoted.protocol == 6);
    Quoted {
        ports: be16(bytes, 0).zip(be16(bytes, 2)),
        tcp_seq: tcp.and_then(|bytes| be32(bytes, 4)),
        tcp_flags: tcp
            .filter(|bytes| bytes.len() >= 16)
            .and_then(|bytes| be16(bytes, 12))
            .map(|field| field & 0x1ff),
        ..quoted
    }
}
