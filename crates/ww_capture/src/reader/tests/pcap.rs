//! Classic pcap and its relatives.

use super::{BOTH, Bytes, Drip, Order, read, read_from, try_read};
use crate::reader::{CaptureFormat, CaptureReader, LinkType, ReadError, TimeResolution};
use ww_base::{Limits, Locus, Moment, ProblemKind, SourceId};

const USUAL: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;
const IXIA: u32 = 0x1c00_01ac;

fn header(order: Order, magic: u32, minor: u16, network: u32) -> Bytes {
    Bytes::new(order)
        .u32(magic)
        .u16(2)
        .u16(minor)
        .u64(0)
        .u32(65_535)
        .u32(network)
}

fn record(file: Bytes, seconds: u32, fraction: u32, wire_len: u32, data: &[u8]) -> Bytes {
    file.u32(seconds)
        .u32(fraction)
        .u32(data.len() as u32)
        .u32(wire_len)
        .raw(data)
}

/// Two frames of 5 and 8 bytes.
pub(super) fn small(order: Order) -> Vec<u8> {
    let file = record(header(order, USUAL, 4, 1), 1_700_000_000, 5, 1514, b"first");
    record(file, 1_700_000_001, 999_999, 8, b"second!!").bytes
}

#[test]
fn both_resolutions_in_both_byte_orders() {
    for order in BOTH {
        for (magic, unit) in [(USUAL, 1000), (NANOSECONDS, 1)] {
            let file = record(header(order, magic, 4, 101), 3_000_000_000, 7, 90, b"abc");
            let reading = read(&file.bytes);
            assert_eq!(reading.problems, []);
            let [frame] = reading.frames.as_slice() else {
                panic!("not one frame: {reading:?}");
            };
            assert_eq!(frame.number, 1);
            assert_eq!(frame.at, Moment(3_000_000_000_000_000_000 + 7 * unit));
            assert_eq!((frame.interface, frame.link), (0, LinkType::RAW));
            assert_eq!((frame.wire_len, frame.data.as_slice()), (90, &b"abc"[..]));
            assert_eq!(reading.interfaces[0].snaplen, 65_535);
            let resolution = match unit {
                1 => TimeResolution::NANOSECONDS,
                _ => TimeResolution::MICROSECONDS,
            };
            assert_eq!(reading.interfaces[0].resolution, resolution);
            assert_eq!(reading.bytes_read, file.bytes.len() as u64);
        }
    }
}

#[test]
fn relatives_with_longer_headers() {
    for order in BOTH {
        // The last one has the usual magic number and is told by its records.
        for magic in [MODIFIED, USUAL] {
            let mut file = header(order, magic, 4, 1);
            for _ in 0..3 {
                let extra = [2, 0, 0, 0, 0x08, 0x00, 0, 0];
                file = file
                    .u32(1_700_000_000)
                    .u32(2)
                    .u32(4)
                    .u32(4)
                    .raw(&extra)
                    .raw(b"data");
            }
            let reading = read(&file.bytes);
            assert_eq!(reading.frames.len(), 3, "{:?}", reading.problems);
            assert!(reading.frames.iter().all(|frame| frame.data == b"data"));
            let reader = CaptureReader::open(
                Box::new(file.bytes.as_slice()),
                SourceId(0),
                &Limits::default(),
            );
            assert_eq!(
                reader.unwrap().capinfo().format,
                CaptureFormat::PcapModified
            );
        }
        let file = record(header(order, IXIA, 4, 1).u32(99), 1, 2, 4, b"data");
        let reading = read(&file.bytes);
        assert_eq!(reading.frames[0].data, b"data");
        assert_eq!(reading.frames[0].at, Moment(1_000_002_000));
    }
}

#[test]
fn old_versions_swap_the_lengths() {
    let swapped = |minor| {
        let file = header(Order::Big, USUAL, minor, 1);
        read(&file.u32(1).u32(2).u32(100).u32(4).raw(b"data").bytes).frames
    };
    for minor in [2, 3] {
        assert_eq!(swapped(minor)[0].wire_len, 100);
        assert_eq!(swapped(minor)[0].data, b"data");
    }
    let file = record(header(Order::Big, USUAL, 3, 1), 1, 2, 100, b"data");
    assert_eq!(read(&file.bytes).frames[0].data, b"data");
}

#[test]
fn the_link_type_may_tell_the_check_sequence() {
    let network = 1 | 1 << 26 | 2 << 28;
    let reading = read(&header(Order::Little, USUAL, 4, network).bytes);
    assert_eq!(reading.interfaces[0].link, LinkType::ETHERNET);
    assert_eq!(reading.interfaces[0].fcs_bytes, Some(4));
    let reading = read(&header(Order::Little, USUAL, 4, 1).bytes);
    assert_eq!(reading.interfaces[0].fcs_bytes, None);
}

#[test]
fn a_capture_without_frames_is_no_problem() {
    let reading = read(&header(Order::Little, USUAL, 4, 1).bytes);
    assert!(reading.frames.is_empty() && reading.problems.is_empty());
}

#[test]
fn a_cut_says_where() {
    let whole = small(Order::Little);
    let reading = read(&whole[..whole.len() - 1]);
    assert_eq!(reading.frames.len(), 1);
    let problem = &reading.problems[0];
    assert_eq!(
        problem.message,
        "capture is cut short at byte 68, after frame 1: the next record takes 24 bytes, 23 are \
         there"
    );
    assert_eq!(problem.kind, ProblemKind::Malformed);
    let Locus::Frames(frames) = &problem.at else {
        panic!("not at a frame: {problem:?}");
    };
    assert_eq!(
        (frames.source, frames.first, frames.last),
        (SourceId(7), 1, 1)
    );
    assert_eq!(frames.filter, "frame.number == 1");

    let reading = read(&whole[..30]);
    assert_eq!(reading.problems[0].at, Locus::Whole(SourceId(7)));
}

#[test]
fn an_impossible_length_stops_the_reading() {
    let file = record(header(Order::Little, USUAL, 4, 1), 1, 2, 4, b"data");
    let file = file.u32(1).u32(2).u32(262_145).u32(262_145);
    let reading = read(&file.raw(&vec![0xff; 300_000]).bytes);
    assert_eq!(reading.frames.len(), 1);
    assert_eq!(
        reading.problem(),
        "capture is damaged at byte 44, after frame 1: the record claims 262145 captured bytes, \
         more than the 262144 a frame can have"
    );
}

#[test]
fn the_frame_limit_is_obeyed() {
    let limits = Limits {
        frame_bytes: 100,
        ..Limits::default()
    };
    let file = record(header(Order::Little, USUAL, 4, 1), 1, 2, 100, &[1; 100]);
    let file = record(file, 1, 2, 101, &[1; 101]);
    let reading = read_from(Box::new(file.bytes.as_slice()), &limits).unwrap();
    assert_eq!(reading.frames.len(), 1);
    assert!(reading.problem().contains("101 captured bytes"));
}

#[test]
fn frames_may_be_longer_than_the_buffer() {
    let long = vec![0xab; 5 << 20];
    let dbus = 231;
    let mut file = header(Order::Little, USUAL, 4, dbus);
    file = record(file, 1, 0, 3, b"abc");
    file = record(file, 2, 0, long.len() as u32, &long);
    file = record(file, 3, 0, 3, b"xyz");
    let reading = read(&file.bytes);
    assert_eq!(reading.problems, []);
    let lengths: Vec<usize> = reading.frames.iter().map(|f| f.data.len()).collect();
    assert_eq!(lengths, [3, long.len(), 3]);
    assert!(reading.frames[1].data == long);
}

#[test]
fn many_frames_cross_the_buffer_whole() {
    let mut file = header(Order::Little, USUAL, 4, 1);
    for number in 0..20_000_u32 {
        let data = vec![number as u8; (number % 311) as usize];
        file = record(file, number, 0, number % 311, &data);
    }
    let reading = read(&file.bytes);
    assert_eq!(reading.problems, []);
    assert_eq!(reading.frames.len(), 20_000);
    for (number, frame) in (0_u32..).zip(&reading.frames) {
        assert_eq!(frame.data.len() as u32, number % 311);
        assert!(frame.data.iter().all(|byte| *byte == number as u8));
        assert_eq!(frame.number, u64::from(number) + 1);
    }
}

#[test]
fn a_slow_source_gives_the_same() {
    let bytes = small(Order::Big);
    let drip = Drip {
        bytes: &bytes,
        interrupted: false,
    };
    let slow = read_from(Box::new(drip), &Limits::default()).unwrap();
    assert_eq!(slow.frames, read(&bytes).frames);
}

#[test]
fn other_versions_and_other_files_are_refused() {
    let old = Bytes::new(Order::Little)
        .u32(USUAL)
        .u16(1)
        .raw(&[0; 40])
        .bytes;
    assert!(matches!(
        try_read(&old),
        Err(ReadError::UnsupportedVersion { major: 1, .. })
    ));
    let event_trace = Bytes::new(Order::Little).u32(65_536).u32(9000).u32(9000);
    let cases: [(&[u8], &str); 10] = [
        (&event_trace.raw(&[7; 40]).bytes, "ETL"),
        (b"", "an empty file"),
        (
            b"12:00:01.5 IP 10.0.0.1.80 > 10.0.0.2.99: Flags [S]",
            "text",
        ),
        (
            "\u{feff}{\"log\": {\"version\": \"1.2\"}}".as_bytes(),
            "HAR",
        ),
        (b"<?xml version=\"1.0\"?>", "XML"),
        (b"PK\x03\x04rest", "zip"),
        (b"snoop\0\0\0\0\0\0\x02", "snoop"),
        (b"BZh91AY", "bzip2"),
        (&[0; 70], "zero bytes"),
        (
            &[0xde, 0xad, 0xbe, 0xef, 0x01, 0xff],
            "begins with de ad be ef",
        ),
    ];
    for (bytes, expected) in cases {
        let Err(error) = try_read(bytes) else {
            panic!("taken for a capture: {bytes:?}");
        };
        assert!(matches!(error, ReadError::NotACapture { .. }));
        assert!(error.to_string().contains(expected), "{error}");
    }
}
