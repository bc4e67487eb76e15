//! pcapng, block by block.

use super::{BOTH, Bytes, Order, read, read_from, try_read};
use crate::reader::{LinkType, ReadError, TimeResolution};
use ww_base::{Limits, Moment, ProblemKind};

const US: u64 = 1_700_000_000_000_000;

/// A capture being put together.
struct File {
    order: Order,
    bytes: Vec<u8>,
}

impl File {
    fn new(order: Order) -> File {
        let bytes = Vec::new();
        File { order, bytes }.section(order)
    }

    fn body(&self) -> Bytes {
        Bytes::new(self.order)
    }

    fn block(mut self, block_type: u32, body: &[u8]) -> File {
        let body = Bytes::new(self.order).raw(body).pad().bytes;
        let length = body.len() as u32 + 12;
        let block = Bytes::new(self.order).u32(block_type).u32(length);
        self.bytes.extend(block.raw(&body).u32(length).bytes);
        self
    }

    fn section(mut self, order: Order) -> File {
        self.order = order;
        let mut body = self.body().u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX);
        for (code, text) in [(2, "hw"), (3, "os"), (4, "app"), (1, "section comment")] {
            body = option(body, code, text.as_bytes());
        }
        self.block(0x0a0d_0d0a, &body.bytes)
    }

    fn interface(self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> File {
        let mut body = self.body().u16(link).u16(0).u32(snaplen);
        for (code, value) in options {
            body = option(body, *code, value);
        }
        self.block(1, &body.bytes)
    }

    fn packet(self, interface: u32, ticks: u64, data: &[u8], options: &[(u16, &[u8])]) -> File {
        let mut body = self.body().u32(interface);
        body = body.u32((ticks >> 32) as u32).u32(ticks as u32);
        body = body.u32(data.len() as u32).u32(1514).raw(data).pad();
        for (code, value) in options {
            body = option(body, *code, value);
        }
        self.block(6, &body.bytes)
    }

    fn simple_packet(self, wire_len: u32, data: &[u8]) -> File {
        let body = self.body().u32(wire_len).raw(data);
        self.block(3, &body.bytes)
    }
}

fn option(body: Bytes, code: u16, value: &[u8]) -> Bytes {
    body.u16(code).u16(value.len() as u16).raw(value).pad()
}

/// Every kind of block, two frames.
pub(super) fn small(order: Order) -> Vec<u8> {
    File::new(order)
        .interface(1, 0, &[(2, b"eth0")])
        .packet(0, US, b"first", &[(1, b"comment")])
        .block(0x99, b"unknown block")
        .block(5, &[0; 12])
        .packet(0, US + 1, b"second!!", &[])
        .bytes
}

#[test]
fn packets_in_both_byte_orders() {
    for order in BOTH {
        let file = File::new(order)
            .interface(
                101,
                96,
                &[
                    (2, b"tun0"),
                    (3, b"a tunnel"),
                    (12, b"Linux"),
                    (13, b"\x04"),
                ],
            )
            .packet(0, US, b"abcde", &[])
            .packet(0, US + 1, b"", &[]);
        let reading = read(&file.bytes);
        assert_eq!(reading.problems, []);
        assert_eq!(reading.frames.len(), 2);
        let frame = &reading.frames[0];
        assert_eq!((frame.number, frame.wire_len), (1, 1514));
        assert_eq!(frame.at, Moment(US as i64 * 1000));
        assert_eq!(
            (frame.link, frame.data.as_slice()),
            (LinkType::RAW, &b"abcde"[..])
        );
        assert_eq!(reading.frames[1].data, b"");
        let interface = &reading.interfaces[0];
        assert_eq!((interface.name.as_str(), interface.snaplen), ("tun0", 96));
        assert_eq!(interface.description, "a tunnel");
        assert_eq!(
            (interface.os.as_str(), interface.fcs_bytes),
            ("Linux", Some(4))
        );
        let notes = &reading.notes;
        assert_eq!(
            [&notes.hardware, &notes.os, &notes.application],
            ["hw", "os", "app"]
        );
        assert_eq!(notes.comments[0].text, "section comment");
    }
}

#[test]
fn sections_change_byte_order_and_interfaces() {
    let file = File::new(Order::Little)
        .interface(1, 0, &[(2, b"a")])
        .packet(0, US, b"one", &[])
        .section(Order::Big)
        .interface(101, 0, &[(2, b"b")])
        .interface(113, 0, &[(2, b"c")])
        .packet(1, US, b"two", &[])
        .section(Order::Little)
        .packet(0, US, b"of no interface", &[]);
    let reading = read(&file.bytes);
    let frames: Vec<_> = reading
        .frames
        .iter()
        .map(|f| (f.interface, f.link))
        .collect();
    assert_eq!(frames, [(0, LinkType::ETHERNET), (2, LinkType::LINUX_SLL)]);
    assert_eq!(reading.interfaces.len(), 3);
    assert_eq!(reading.notes.sections, 3);
    assert!(
        reading
            .problem()
            .contains("a packet of interface 0, but the section describes 0")
    );
}

#[test]
fn every_time_resolution() {
    let at = |resolution: u8, ticks| {
        let file = File::new(Order::Big).interface(1, 0, &[(9, &[resolution])]);
        let reading = read(&file.packet(0, ticks, b"x", &[]).bytes);
        (reading.frames[0].at.0, reading.interfaces[0].resolution)
    };
    assert_eq!(at(0, 5), (5_000_000_000, TimeResolution::PowerOfTen(0)));
    assert_eq!(at(3, 5).0, 5_000_000);
    assert_eq!(at(9, 5), (5, TimeResolution::NANOSECONDS));
    assert_eq!(at(12, 5999).0, 5);
    assert_eq!(at(127, u64::MAX >> 1).0, 0);
    assert_eq!(at(0x80, 5).0, 5_000_000_000);
    assert_eq!(at(0x81, 5), (2_500_000_000, TimeResolution::PowerOfTwo(1)));
    assert_eq!(at(0xa0, 1 << 31).0, 500_000_000);
    assert_eq!(at(0xff, u64::MAX >> 1).0, 0);
    assert_eq!(at(0, u64::MAX >> 1).0, i64::MAX);
    assert_eq!(at(0x80, u64::MAX >> 1).0, i64::MAX);
    assert_eq!(at(6, u64::MAX).0, -1000);
}

#[test]
fn the_time_offset_is_added() {
    let offset = (-1000_i64).to_le_bytes();
    let file = File::new(Order::Little)
        .interface(1, 0, &[(14, &offset)])
        .packet(0, 1_001_000_000, b"x", &[]);
    assert_eq!(read(&file.bytes).frames[0].at, Moment(1_000_000_000));
}

#[test]
fn simple_packets_follow_the_snap_length_and_the_last_time() {
    let file = File::new(Order::Little)
        .interface(1, 4, &[])
        .packet(0, US, b"abcd", &[])
        .simple_packet(60, b"abcd")
        .simple_packet(2, b"ab");
    let reading = read(&file.bytes);
    assert_eq!(reading.problems, []);
    let frame = &reading.frames[1];
    assert_eq!((frame.wire_len, frame.data.as_slice()), (60, &b"abcd"[..]));
    assert_eq!(frame.at, reading.frames[0].at);
    assert_eq!(reading.frames[2].data, b"ab");
    assert_eq!(reading.notes.frames_without_time, 2);
}

#[test]
fn obsolete_packets_and_their_drops() {
    let file = File::new(Order::Big).interface(1, 0, &[]);
    let body = |drops| {
        let head = Bytes::new(Order::Big).u16(0).u16(drops);
        head.u32(0).u32(7).u32(3).u32(60).raw(b"abc").bytes
    };
    let reading = read(&file.block(2, &body(5)).block(2, &body(u16::MAX)).bytes);
    assert_eq!(reading.frames.len(), 2);
    assert_eq!(reading.frames[0].at, Moment(7000));
    assert_eq!(reading.interfaces[0].dropped_between_frames, 5);
}

#[test]
fn comments_drops_names_and_secrets_are_noted() {
    let drops = 3_u64.to_le_bytes();
    let mut names = Bytes::new(Order::Little);
    names = option(names, 1, b"\x0a\x00\x00\x01one\0alias\0");
    names = option(names, 2, &[&[0; 15][..], b"\x01localhost\0"].concat());
    names = option(names, 0, b"");
    let file = File::new(Order::Little)
        .interface(1, 0, &[])
        .packet(0, US, b"a", &[])
        .block(4, &names.bytes)
        .block(10, b"KSLT\x04\0\0\0key!")
        .packet(0, US, b"b", &[(1, b"look here"), (4, &drops)]);
    let reading = read(&file.bytes);
    assert_eq!(reading.problems, []);
    let comment = &reading.notes.comments[1];
    assert_eq!(
        (comment.frame, comment.text.as_str()),
        (Some(2), "look here")
    );
    assert_eq!(reading.interfaces[0].dropped_between_frames, 3);
    let names: Vec<String> = reading
        .notes
        .names
        .iter()
        .map(|entry| format!("{} {}", entry.address, entry.name))
        .collect();
    assert_eq!(names, ["10.0.0.1 one", "10.0.0.1 alias", "::1 localhost"]);
    assert_eq!(reading.notes.secrets, 1);
}

#[test]
fn statistics_of_the_last_block_count() {
    let statistics = |received: u64, dropped: u64| {
        let mut body = Bytes::new(Order::Little).u32(0).u64(0);
        body = option(body, 4, &received.to_le_bytes());
        body = option(body, 5, &dropped.to_le_bytes());
        option(body, 7, &2_u64.to_le_bytes()).bytes
    };
    let file = File::new(Order::Little)
        .interface(1, 0, &[])
        .block(5, &statistics(10, 1))
        .block(5, &statistics(99, 5));
    let counters = read(&file.bytes).interfaces[0].statistics;
    assert_eq!(counters.received, Some(99));
    assert_eq!(counters.dropped_by_interface, Some(5));
    assert_eq!(counters.dropped_by_os, Some(2));
    assert_eq!(counters.delivered, None);
}

#[test]
fn blocks_that_are_not_read_are_counted_and_some_take_a_number() {
    let custom = 0x0bad;
    let file = File::new(Order::Little)
        .interface(1, 0, &[])
        .packet(0, US, b"a", &[])
        .block(0x99, b"")
        .block(custom, b"\x01\0\0\0data")
        .block(0x99, b"x")
        .packet(0, US, b"b", &[]);
    let reading = read(&file.bytes);
    let numbers: Vec<u64> = reading.frames.iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, [1, 3]);
    assert_eq!(
        reading.problem(),
        "blocks that are not read: 2 of type 0x00000099, 1 of type 0x00000bad"
    );
    assert_eq!(reading.problems[0].kind, ProblemKind::Unsupported);
}

#[test]
fn damaged_options_cost_no_frame() {
    let file = File::new(Order::Little)
        .interface(1, 0, &[])
        .packet(0, US, b"a", &[(1, b"ok")]);
    let mut bytes = file.bytes;
    let length_of_comment = bytes.len() - 4 - 4 - 2;
    bytes[length_of_comment] = 200;
    let reading = read(&bytes);
    assert_eq!(reading.frames.len(), 1);
    assert!(
        reading
            .problem()
            .contains("options of a block after frame 0 are damaged")
    );
}

#[test]
fn lengths_that_lie_stop_the_reading() {
    let start = || {
        File::new(Order::Little)
            .interface(1, 0, &[])
            .packet(0, US, b"a", &[])
    };
    let with = |tail: &[u8]| [start().bytes.as_slice(), tail].concat();
    let words = |list: &[u32]| {
        list.iter()
            .flat_map(|w| w.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let cases = [
        (with(&words(&[6, 0, 0, 0, 0, 0])), "a block of 0 bytes"),
        (with(&words(&[0x99, 8, 0, 0])), "a block of 8 bytes"),
        (
            with(&words(&[0x99, 16, 0, 20])),
            "begins with length 16 and ends with length 20",
        ),
        (with(&words(&[0x99, 1000, 0, 0])), "cut short at byte"),
        (
            with(&words(&[0x0a0d_0d0a, 28, 5, 0, 0, 0, 28])),
            "without byte-order magic",
        ),
        (with(&words(&[6, 16, 0, 16])), "a packet block is too short"),
        (
            with(&words(&[1, 16, 0, 16])),
            "an interface description is too short",
        ),
        (
            with(&words(&[5, 16, 0, 16])),
            "an interface statistics block is too short",
        ),
        (
            with(&words(&[6, 36, 0, 0, 0, 100, 100, 0, 36])),
            "100 captured bytes in a block of 24",
        ),
        (
            with(&words(&[6, 36, 0, 0, 0, u32::MAX, 0, 0, 36])),
            "more than the 262144",
        ),
    ];
    for (bytes, expected) in cases {
        let reading = read(&bytes);
        assert_eq!(reading.frames.len(), 1, "{expected}");
        assert!(
            reading.problem().contains(expected),
            "{}",
            reading.problem()
        );
    }
}

#[test]
fn lengths_without_their_padding_are_understood() {
    let mut bytes = File::new(Order::Little).interface(1, 0, &[]).bytes;
    let body = Bytes::new(Order::Little)
        .u32(0)
        .u64(0)
        .u32(1)
        .u32(1)
        .raw(b"a")
        .pad();
    let length = 33;
    bytes.extend(
        Bytes::new(Order::Little)
            .u32(6)
            .u32(length)
            .raw(&body.bytes)
            .u32(length)
            .bytes,
    );
    let reading = read(&bytes);
    assert_eq!(reading.problems, []);
    assert_eq!(reading.frames[0].data, b"a");
}

#[test]
fn limits_are_obeyed() {
    let limits = Limits {
        block_bytes: 64,
        interfaces: 2,
        notes: 1,
        ..Limits::default()
    };
    let short_section = small_section().bytes;
    let file = File {
        order: Order::Little,
        bytes: short_section,
    };
    let file = file
        .interface(1, 0, &[(1, b"one"), (1, b"two")])
        .packet(0, US, b"a", &[])
        .block(0x99, &vec![0; 3 << 20])
        .packet(0, US, b"b", &[])
        .interface(1, 0, &[])
        .interface(1, 0, &[])
        .packet(0, US, b"c", &[]);
    let reading = read_from(Box::new(file.bytes.as_slice()), &limits).unwrap();
    assert_eq!(reading.frames.len(), 2);
    assert_eq!(reading.notes.comments.len(), 1);
    assert_eq!(reading.problems.len(), 2);
    assert_eq!(reading.problems[0].kind, ProblemKind::TooLarge);
    assert!(
        reading.problems[1]
            .message
            .contains("more than 2 interfaces")
    );
}

fn small_section() -> Bytes {
    let magic = Bytes::new(Order::Little)
        .u32(0x0a0d_0d0a)
        .u32(28)
        .u32(0x1a2b_3c4d);
    magic.u16(1).u16(0).u64(u64::MAX).u32(28)
}

#[test]
fn a_damaged_beginning_is_refused() {
    let whole = small_section().bytes;
    let mut damaged = whole.clone();
    damaged[8] = 0;
    assert!(matches!(
        try_read(&damaged),
        Err(ReadError::NotACapture { .. })
    ));
    let mut version = whole.clone();
    version[12] = 2;
    assert!(matches!(
        try_read(&version),
        Err(ReadError::UnsupportedVersion { major: 2, .. })
    ));
    let mut length = whole.clone();
    length[7] = 0xff;
    assert!(matches!(
        try_read(&length),
        Err(ReadError::NotACapture { .. })
    ));
    assert!(matches!(
        try_read(&whole[..27]),
        Err(ReadError::CutInHeader("pcapng"))
    ));
}
