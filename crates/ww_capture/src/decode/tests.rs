//! Tests of the decoder on bytes written by hand.

use super::*;
use std::net::IpAddr;
use ww_base::Moment;

mod build;
mod fragments;
mod hostile;
mod links;
mod tunnels;

use build::*;

fn frame(link: u16, data: &[u8]) -> RawFrame<'_> {
    RawFrame {
        number: 1,
        at: Moment(0),
        link,
        wire_len: data.len() as u32,
        data,
    }
}

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Decodes one frame and hands the result to `check`; the short and the long way must agree.
fn decode<T>(raw: RawFrame<'_>, check: impl FnOnce(&Decoded<'_>) -> T) -> T {
    let mut decoder = Decoder::new(&Limits::default());
    let mut other = Decoder::new(&Limits::default());
    let decoded = decoder.decode(raw);
    assert_eq!(decoded, other.decode_any(&raw));
    if let Some(plain) = Decoder::plain_segment(&raw) {
        assert_eq!(Some(plain.ip), decoded.ip);
        assert_eq!(Body::Tcp(plain.tcp), decoded.body);
        assert_eq!(plain.truncated, decoded.truncated);
    }
    check(&decoded)
}

/// Ports of the TCP segment that a frame must decode to.
fn tcp_ports(link: u16, data: &[u8]) -> (u16, u16) {
    decode(frame(link, data), |decoded| match &decoded.body {
        Body::Tcp(tcp) => (tcp.src_port, tcp.dst_port),
        other => panic!("{other:?}"),
    })
}

#[test]
fn tcp_over_ethernet() {
    let data = ethernet(0x0800, &ipv4(6, &tcp(40000, 443, b"hello")));
    decode(frame(1, &data), |decoded| {
        let ip = decoded.ip.unwrap();
        assert_eq!((ip.src, ip.dst), (addr("10.0.0.1"), addr("10.0.0.2")));
        assert_eq!(
            (ip.ttl, ip.id, ip.dont_fragment, ip.total_len),
            (64, Some(0x1234), true, 45)
        );
        assert_eq!(decoded.link.src, Some([2, 0, 0, 0, 0, 1]));
        assert!(!decoded.truncated);
        let Body::Tcp(tcp) = &decoded.body else {
            panic!("{:?}", decoded.body)
        };
        assert_eq!(
            (tcp.src_port, tcp.dst_port, tcp.seq, tcp.ack),
            (40000, 443, 0x0102_0304, 0x0506_0708)
        );
        assert_eq!(
            (tcp.flags, tcp.window, tcp.header_len, tcp.len),
            (0x18, 0x2000, 20, Some(5))
        );
        assert_eq!((tcp.options, tcp.payload), (&b""[..], &b"hello"[..]));
    });
}

#[test]
fn ethernet_padding_is_not_payload() {
    let mut data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, b"")));
    data.resize(60, 0);
    decode(frame(1, &data), |decoded| {
        assert!(
            matches!(&decoded.body, Body::Tcp(tcp) if tcp.len == Some(0) && tcp.payload.is_empty())
        );
    });
}

#[test]
fn a_snapshot_length_cuts_the_payload_but_not_its_length() {
    let data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, &[7; 1000])));
    let cut = RawFrame {
        wire_len: data.len() as u32,
        ..frame(1, &data[..64])
    };
    decode(cut, |decoded| {
        assert!(decoded.truncated);
        assert!(
            matches!(&decoded.body, Body::Tcp(tcp) if tcp.len == Some(1000) && tcp.payload.len() == 10)
        );
    });
}

#[test]
fn total_length_zero_reaches_to_the_end_of_the_frame() {
    let mut data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, &[7; 3000])));
    data[16..18].fill(0);
    decode(frame(1, &data), |decoded| {
        assert!(matches!(&decoded.body, Body::Tcp(tcp) if tcp.len == Some(3000)));
        assert_eq!(decoded.ip.unwrap().total_len, 0);
    });
}

#[test]
fn a_declared_length_beyond_the_frame_is_not_believed() {
    let mut data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, b"12345")));
    data[16..18].copy_from_slice(&9000u16.to_be_bytes());
    decode(frame(1, &data), |decoded| {
        assert!(matches!(&decoded.body, Body::Tcp(tcp) if tcp.len == Some(5)));
    });
}

#[test]
fn a_header_longer_than_the_packet_has_no_length() {
    let mut data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, b"12345")));
    data[14 + 20 + 12] = 0xf0;
    decode(frame(1, &data), |decoded| {
        assert!(
            matches!(&decoded.body, Body::Tcp(tcp) if tcp.len.is_none() && tcp.header_len == 60)
        );
    });
}

#[test]
fn a_data_offset_below_five_is_taken_at_its_word() {
    let mut data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, b"12345")));
    data[14 + 20 + 12] = 0x20;
    decode(frame(1, &data), |decoded| {
        assert!(
            matches!(&decoded.body, Body::Tcp(tcp) if tcp.len == Some(17) && tcp.options.is_empty())
        );
    });
}

#[test]
fn a_header_cut_behind_its_flags_has_no_length() {
    let data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, b"12345")));
    let captured = |bytes: usize| RawFrame {
        wire_len: data.len() as u32,
        ..frame(1, &data[..34 + bytes])
    };
    decode(captured(16), |decoded| {
        assert!(matches!(&decoded.body, Body::Tcp(tcp) if tcp.flags == 0x18 && tcp.len.is_none()));
    });
    decode(captured(15), |decoded| {
        assert_eq!(decoded.body, Body::Malformed("TCP header cut short"));
    });
}

#[test]
fn an_ipv4_length_below_its_header_ends_the_decoding() {
    let mut data = ethernet(0x0800, &ipv4(6, &tcp(1, 2, b"12345")));
    data[16..18].copy_from_slice(&19u16.to_be_bytes());
    decode(frame(1, &data), |decoded| {
        assert_eq!(
            decoded.body,
            Body::Malformed("IPv4 total length below its header length")
        );
    });
}

#[test]
fn the_length_of_udp_ends_its_payload() {
    let with_length = |length: u16| {
        let mut data = ethernet(0x0800, &ipv4(17, &udp(1, 2, b"12345")));
        data[38..40].copy_from_slice(&length.to_be_bytes());
        decode(frame(1, &data), |decoded| match &decoded.body {
            Body::Udp(udp) => Ok(udp.payload.len()),
            other => Err(format!("{other:?}")),
        })
    };
    assert_eq!(
        (
            with_length(10),
            with_length(13),
            with_length(900),
            with_length(0)
        ),
        (Ok(2), Ok(5), Ok(5), Ok(5))
    );
    assert!(with_length(7).is_err_and(|why| why.contains("UDP length below")));
}

#[test]
fn a_quote_of_sixteen_bytes_has_flags() {
    let about = ipv4(6, &tcp(40000, 443, b""));
    for (quoted, flags) in [(15, None), (16, Some(0x18))] {
        let message = [&[3, 3, 0, 0, 0, 0, 0, 0], &about[..20 + quoted]].concat();
        decode(frame(1, &ethernet(0x0800, &ipv4(1, &message))), |decoded| {
            let Body::Icmp(icmp) = &decoded.body else {
                panic!("{:?}", decoded.body)
            };
            assert_eq!(icmp.quoted.unwrap().tcp_flags, flags);
        });
    }
}

#[test]
fn arp_names_both_sides() {
    let mut message = vec![0, 1, 8, 0, 6, 4, 0, 2];
    message.extend([2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2]);
    decode(frame(1, &ethernet(0x0806, &message)), |decoded| {
        let Body::Arp(arp) = &decoded.body else {
            panic!("{:?}", decoded.body)
        };
        assert_eq!(
            (arp.operation, arp.sender_mac[5], arp.target_mac[5]),
            (2, 1, 2)
        );
        assert_eq!(
            (IpAddr::from(arp.sender_ip), IpAddr::from(arp.target_ip)),
            (addr("10.0.0.1"), addr("10.0.0.2"))
        );
    });
}

#[test]
fn icmp_quotes_the_packet_it_is_about() {
    let about = ipv4(6, &tcp(40000, 443, b""));
    let message = [&[3, 4, 0, 0, 0, 0, 5, 0x14], &about[..28]].concat();
    decode(frame(1, &ethernet(0x0800, &ipv4(1, &message))), |decoded| {
        let Body::Icmp(icmp) = &decoded.body else {
            panic!("{:?}", decoded.body)
        };
        assert_eq!(
            (icmp.kind, icmp.code, icmp.mtu, icmp.echo),
            (3, 4, Some(1300), None)
        );
        let quoted = icmp.quoted.unwrap();
        assert_eq!(
            (quoted.ports, quoted.tcp_seq, quoted.tcp_flags),
            (Some((40000, 443)), Some(0x0102_0304), None)
        );
        assert_eq!(
            (quoted.dst, quoted.id, quoted.total_len),
            (addr("10.0.0.2"), Some(0x1234), 40)
        );
    });
}

#[test]
fn icmpv6_quotes_behind_extension_headers() {
    let options = [&[6, 0, 1, 4, 0, 0, 0, 0], &tcp(40000, 443, b"")[..]].concat();
    let message = [&[2, 0, 0, 0, 0, 0, 5, 0], &ipv6(60, &options)[..]].concat();
    decode(
        frame(1, &ethernet(0x86dd, &ipv6(58, &message))),
        |decoded| {
            let Body::Icmp(icmp) = &decoded.body else {
                panic!("{:?}", decoded.body)
            };
            assert_eq!((icmp.v6, icmp.mtu), (true, Some(1280)));
            let quoted = icmp.quoted.unwrap();
            assert_eq!(
                (quoted.protocol, quoted.ports, quoted.tcp_flags),
                (6, Some((40000, 443)), Some(0x18))
            );
        },
    );
}

#[test]
fn echo_has_identifier_and_sequence() {
    let data = ethernet(0x0800, &ipv4(1, &[8, 0, 0, 0, 0, 7, 0, 9, 1, 2]));
    decode(frame(1, &data), |decoded| {
        assert!(
            matches!(&decoded.body, Body::Icmp(icmp) if icmp.echo == Some((7, 9)) && icmp.payload == [1, 2])
        );
    });
}
