//! Fragments in any order, with copies, overlaps, holes and bounds.

use super::*;

const MORE: u16 = 0x2000;

/// Decodes packets one second apart as raw IP and hands each result to `see`; then the report.
fn run(
    limits: &Limits,
    packets: &[Vec<u8>],
    mut see: impl FnMut(usize, &Decoded<'_>),
) -> FragmentReport {
    let mut decoder = Decoder::new(limits);
    for (index, packet) in packets.iter().enumerate() {
        let at = Moment(index as i64 * 1_000_000_000);
        see(
            index,
            &decoder.decode(RawFrame {
                number: index as u64 + 1,
                at,
                ..frame(101, packet)
            }),
        );
    }
    decoder.finish()
}

/// A datagram of 40 bytes from port 7 to port 9 in pieces of 16, 16 and 8 bytes.
fn pieces() -> Vec<Vec<u8>> {
    let whole = udp(7, 9, &(0..32).collect::<Vec<u8>>());
    vec![
        ipv4_piece(17, MORE, &whole[..16]),
        ipv4_piece(17, MORE | 2, &whole[16..32]),
        ipv4_piece(17, 4, &whole[32..]),
    ]
}

fn in_order(order: &[usize]) -> Vec<Vec<u8>> {
    let pieces = pieces();
    order.iter().map(|&index| pieces[index].clone()).collect()
}

fn is_whole(decoded: &Decoded<'_>) -> bool {
    matches!(&decoded.body, Body::Udp(udp) if udp.src_port == 7 && udp.payload.iter().copied().eq(0..32))
}

#[test]
fn the_last_missing_piece_carries_the_datagram_in_any_order() {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let report = run(
            &Limits::default(),
            &in_order(&order),
            |index, decoded| match index {
                2 => {
                    assert!(is_whole(decoded), "{order:?}: {:?}", decoded.body);
                    assert_eq!(decoded.reassembled_from, Some((1, 3)));
                }
                _ => assert_eq!(decoded.body, Body::Fragment),
            },
        );
        assert_eq!(
            report,
            FragmentReport {
                completed: 1,
                ..FragmentReport::default()
            }
        );
    }
}

#[test]
fn ipv6_pieces_join_too() {
    let whole = udp(7, 9, &(0..32).collect::<Vec<u8>>());
    let packets = [
        ipv6_piece(17, 16, &whole[16..]),
        ipv6_piece(17, 1, &whole[..16]),
    ];
    let report = run(&Limits::default(), &packets, |index, decoded| {
        assert_eq!(is_whole(decoded), index == 1);
        assert_eq!(decoded.ip.unwrap().id, Some(0x5678));
    });
    assert_eq!(report.completed, 1);
}

#[test]
fn copies_are_counted_and_are_no_losses() {
    let report = run(
        &Limits::default(),
        &in_order(&[0, 0, 1, 2, 2]),
        |index, decoded| {
            assert_eq!(is_whole(decoded), index == 3);
        },
    );
    assert_eq!(
        report,
        FragmentReport {
            completed: 1,
            duplicates: 2,
            ..FragmentReport::default()
        }
    );
}

#[test]
fn of_overlapping_bytes_the_lower_offset_wins() {
    let whole = udp(7, 9, &(0..32).collect::<Vec<u8>>());
    let packets = [
        ipv4_piece(17, MORE, &whole[..24]),
        ipv4_piece(17, 2, &[&[0xff; 8], &whole[24..]].concat()),
    ];
    let report = run(&Limits::default(), &packets, |index, decoded| {
        assert_eq!(is_whole(decoded), index == 1);
    });
    assert_eq!((report.completed, report.overlaps), (1, 1));
}

#[test]
fn what_is_missing_is_reported() {
    let report = run(&Limits::default(), &in_order(&[0, 2]), |_, decoded| {
        assert_eq!(decoded.body, Body::Fragment);
    });
    let [lost] = &report.incomplete[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (lost.src, lost.dst, lost.protocol, lost.id),
        (addr("10.0.0.1"), addr("10.0.0.2"), 17, 0x1234)
    );
    assert_eq!(
        (lost.ports, &lost.missing[..]),
        (Some((7, 9)), &[(16, Some(32))][..])
    );
    assert_eq!((lost.first_frame, lost.last_frame, lost.frames), (1, 2, 2));
    assert_eq!(
        (lost.first_at, lost.last_at, lost.evicted),
        (Moment(0), Moment(1_000_000_000), false)
    );
    let report = run(&Limits::default(), &in_order(&[1]), |_, _| {});
    assert_eq!(report.incomplete[0].missing, [(0, Some(16)), (32, None)]);
    assert_eq!(report.incomplete[0].ports, None);
}

#[test]
fn pieces_older_than_a_minute_do_not_count() {
    let mut packets = in_order(&[0, 1]);
    packets.extend(vec![ipv4(1, &[0; 8]); 60]);
    packets.extend(in_order(&[2]));
    let report = run(&Limits::default(), &packets, |_, decoded| {
        assert!(!is_whole(decoded));
    });
    assert_eq!((report.incomplete.len(), report.completed), (2, 0));
}

#[test]
fn pieces_not_captured_whole_are_no_losses() {
    let mut decoder = Decoder::new(&Limits::default());
    for (index, packet) in pieces().iter().enumerate() {
        let wire_len = packet.len() as u32;
        let cut = RawFrame {
            wire_len,
            ..frame(101, &packet[..packet.len() - 1])
        };
        let decoded = decoder.decode(cut);
        assert!(decoded.truncated);
        let first_is_read = matches!(&decoded.body, Body::Udp(udp) if udp.payload.len() == 7);
        assert_eq!(
            (index, first_is_read),
            (index, index == 0),
            "{:?}",
            decoded.body
        );
    }
    assert_eq!(
        decoder.finish(),
        FragmentReport {
            cut: 1,
            ..FragmentReport::default()
        }
    );
}

#[test]
fn a_segment_in_a_first_fragment_that_stays_alone_has_no_length() {
    let mut packet = ipv4_piece(6, MORE, &build::tcp(7, 9, &[0; 28]));
    packet[2..4].copy_from_slice(&1500u16.to_be_bytes());
    decode(frame(101, &packet), |decoded| {
        assert!(matches!(&decoded.body, Body::Tcp(tcp) if tcp.src_port == 7 && tcp.len.is_none()));
    });
}

#[test]
fn a_first_fragment_of_ipv6_is_not_read_alone() {
    let packet = ipv6_piece(6, 1, &build::tcp(7, 9, &[0; 28]));
    let cut = RawFrame {
        wire_len: packet.len() as u32,
        ..frame(101, &packet[..packet.len() - 8])
    };
    decode(cut, |decoded| {
        assert_eq!(decoded.body, Body::Fragment);
    });
}

#[test]
fn pieces_of_two_vlans_are_not_mixed() {
    let in_vlan = |id, piece: &[u8]| ethernet(0x8100, &[&[0, id, 8, 0], piece].concat());
    let [first, middle, last] = &pieces()[..] else {
        panic!()
    };
    let mut decoder = Decoder::new(&Limits::default());
    for (vlan, piece, whole) in [
        (1, first, false),
        (2, first, false),
        (1, middle, false),
        (2, last, false),
        (1, last, true),
    ] {
        let data = in_vlan(vlan, piece);
        assert_eq!(is_whole(&decoder.decode(frame(1, &data))), whole);
    }
    assert_eq!(decoder.finish().incomplete.len(), 1);
}

#[test]
fn bounds_on_sets_and_bytes_hold() {
    let first = |id: u16| {
        let mut packet = ipv4_piece(17, MORE, &[0; 800]);
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        packet
    };
    let packets: Vec<_> = (0..20).map(first).collect();
    let few = Limits {
        fragment_sets: 4,
        ..Limits::default()
    };
    let report = run(&few, &packets, |_, _| {});
    assert_eq!(
        (
            report.evicted,
            report.incomplete.len(),
            report.incomplete_more
        ),
        (16, 4, 16)
    );
    let small = Limits {
        fragment_bytes: 2000,
        ..Limits::default()
    };
    let report = run(&small, &packets, |_, _| {});
    assert_eq!((report.evicted, report.incomplete.len()), (18, 20));
    assert!(report.incomplete[0].evicted && !report.incomplete[19].evicted);
}

#[test]
fn a_datagram_fragmented_inside_a_fragmented_tunnel() {
    let inner = in_order(&[0, 1, 2]);
    let mut packets = Vec::new();
    for (id, piece) in inner.iter().enumerate() {
        for (field, range) in [(MORE, 0..24), (3, 24..piece.len())] {
            let mut packet = ipv4_piece(4, field, &piece[range]);
            packet[5] = id as u8;
            packets.push(packet);
        }
    }
    let report = run(&Limits::default(), &packets, |index, decoded| {
        assert_eq!(is_whole(decoded), index == 5);
    });
    assert_eq!(report.completed, 4);
}
