//! gzip and Zstandard around a capture.

use std::io::Write;

use flate2::Compression as Level;
use flate2::write::GzEncoder;

use super::{BOTH, Order, pcap, pcapng, read, read_from, try_read};
use crate::reader::{CaptureReader, Compression, LinkType, ReadError};
use crate::write::PcapWriter;
use ww_base::{Limits, Moment, ProblemKind, SourceId};

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A capture of many frames that do not compress well.
fn long() -> Vec<u8> {
    let mut writer = PcapWriter::new(false, LinkType::ETHERNET);
    let mut state = 1_u32;
    for number in 0..5000 {
        let data: Vec<u8> = (0..200)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        writer.write(Moment(number * 1000), 200, &data);
    }
    writer.finish()
}

#[test]
fn compressed_captures_read_like_plain_ones() {
    for plain in BOTH
        .map(pcap::small)
        .into_iter()
        .chain(BOTH.map(pcapng::small))
    {
        let expected = read(&plain);
        for packed in [gzip(&plain), zstd(&plain)] {
            let reading = read(&packed);
            assert_eq!(reading.frames, expected.frames);
            assert_eq!(reading.problems, expected.problems);
            assert_eq!(reading.bytes_read, packed.len() as u64);
        }
    }
}

#[test]
fn the_compression_is_told() {
    let plain = pcap::small(Order::Little);
    let told = |bytes: &[u8]| {
        CaptureReader::open(Box::new(bytes), SourceId(0), &Limits::default())
            .unwrap()
            .capinfo()
            .compression
    };
    assert_eq!(told(&plain), Compression::None);
    assert_eq!(told(&gzip(&plain)), Compression::Gzip);
    assert_eq!(told(&zstd(&plain)), Compression::Zstd);
}

#[test]
fn members_and_frames_follow_one_another() {
    let plain = long();
    let expected = read(&plain).frames;
    let (first, second) = plain.split_at(300_000);
    for pack in [gzip, zstd] {
        let joined = [pack(first), pack(b""), pack(second)].concat();
        let reading = read(&joined);
        assert_eq!(reading.problems, []);
        assert!(reading.frames == expected);
    }
    let skippable = [&b"\x5a\x2a\x4d\x18\x03\0\0\0abc"[..], &zstd(&plain)].concat();
    assert!(read(&skippable).frames == expected);
    let padded = [gzip(&plain), vec![0; 100_000]].concat();
    assert_eq!(read(&padded).problems, []);
}

#[test]
fn something_else_behind_the_last_member_is_told() {
    let reading = read(&[gzip(&pcap::small(Order::Big)), b"trailer".to_vec()].concat());
    assert_eq!(reading.frames.len(), 2);
    assert!(
        reading
            .problem()
            .contains("something that is not gzip follows")
    );
}

#[test]
fn a_cut_gives_what_came_before() {
    let plain = long();
    let expected = read(&plain).frames;
    for packed in [gzip(&plain), zstd(&plain)] {
        let reading = read(&packed[..packed.len() / 2]);
        // The last block that is there may be incomplete.
        assert!(reading.frames.len() > 1500, "{}", reading.frames.len());
        assert!(expected.starts_with(&reading.frames));
        assert!(
            reading.problem().contains("data is cut short"),
            "{}",
            reading.problem()
        );
    }
}

#[test]
fn damage_gives_what_came_before() {
    let plain = long();
    let expected = read(&plain).frames;
    for mut packed in [gzip(&plain), zstd(&plain)] {
        let middle = packed.len() / 2;
        packed[middle..middle + 64].fill(0xff);
        let reading = read(&packed);
        let intact = reading
            .frames
            .iter()
            .zip(&expected)
            .take_while(|(read, written)| read == written);
        assert!(intact.count() > 1500);
        assert!(!reading.problems.is_empty());
    }
}

#[test]
fn a_wrong_checksum_is_told_after_every_frame() {
    let plain = long();
    let expected = read(&plain).frames;
    let mut packed = gzip(&plain);
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    let reading = read(&packed);
    assert!(reading.frames == expected);
    assert!(
        reading.problem().contains("gzip data is damaged"),
        "{}",
        reading.problem()
    );
}

#[test]
fn other_things_compressed_are_refused() {
    for packed in [gzip(b"only text"), zstd(b"only text")] {
        let Err(ReadError::NotACapture { looks_like }) = try_read(&packed) else {
            panic!("taken for a capture");
        };
        assert!(looks_like.contains("data with text"), "{looks_like}");
    }
    let Err(error) = try_read(b"\x1f\x8b\x08garbage garbage garbage") else {
        panic!("taken for a capture");
    };
    assert!(error.to_string().contains("gzip data is"), "{error}");
}

#[test]
fn a_bomb_is_stopped() {
    let zeros = vec![0; 200_000];
    let mut writer = PcapWriter::new(false, LinkType::ETHERNET);
    for number in 0..700 {
        writer.write(Moment(number), 200_000, &zeros);
    }
    let plain = writer.finish();
    assert!(plain.len() > 128 << 20);
    let limits = Limits {
        expansion_ratio: 200,
        ..Limits::default()
    };
    for packed in [gzip(&plain), zstd(&plain)] {
        let mut reader =
            CaptureReader::open(Box::new(packed.as_slice()), SourceId(0), &limits).unwrap();
        let mut frames = 0;
        while reader.next_frame().is_some() {
            frames += 1;
        }
        let [problem] = reader.problems() else {
            panic!("not one problem: {:?}", reader.problems());
        };
        assert_eq!(problem.kind, ProblemKind::TooLarge);
        assert!(problem.message.contains("more than 200 times"));
        assert!((300..400).contains(&frames), "{frames}");
    }
}

#[test]
fn a_window_beyond_the_limit_is_refused() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&pcap::small(Order::Little)).unwrap();
    let packed = encoder.finish().unwrap();
    let Err(error) = read_from(Box::new(packed.as_slice()), &Limits::default()) else {
        panic!("read with a window of 128 MiB");
    };
    assert!(
        error.to_string().contains("Zstandard data is damaged"),
        "{error}"
    );
}
