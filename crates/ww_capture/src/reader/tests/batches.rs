//! Frames by batches are the frames one by one.

use super::super::{Batch, CaptureReader, LinkType};
use crate::write::{PcapWriter, PcapngWriter};
use ww_base::{Limits, Moment, SourceId};

/// A frame that owns its bytes.
type Owned = (u64, Moment, u32, Vec<u8>);

fn open(bytes: &[u8]) -> CaptureReader<'_> {
    CaptureReader::open(Box::new(bytes), SourceId(0), &Limits::default()).unwrap()
}

fn one_by_one(bytes: &[u8]) -> (Vec<Owned>, usize) {
    let mut reader = open(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame() {
        frames.push((frame.number, frame.at, frame.wire_len, frame.data.to_vec()));
    }
    (frames, reader.problems().len())
}

/// The frames, how many problems there were, and how many batches.
fn by_batches(bytes: &[u8], room: usize) -> (Vec<Owned>, usize, usize) {
    let mut reader = open(bytes);
    let mut frames = Vec::new();
    let mut batches = 0;
    let mut done = Batch::with_room(room);
    while let Some(batch) = reader.next_batch(done) {
        let owned = batch.frames();
        frames.extend(owned.map(|f| (f.number, f.at, f.wire_len, f.data.to_vec())));
        batches += 1;
        done = batch;
    }
    assert!(reader.next_batch(Batch::default()).is_none());
    (frames, reader.problems().len(), batches)
}

/// Frames of all lengths, some of them longer than the buffer.
fn lengths() -> impl Iterator<Item = (Moment, Vec<u8>)> {
    (0..3000_u32).map(|n| {
        let length = match n % 500 {
            499 => 700_000 + n as usize,
            rest => 60 + (rest as usize * 37) % 1400,
        };
        let byte = n as u8;
        (Moment(i64::from(n) * 1_000_000), vec![byte; length])
    })
}

fn pcap() -> Vec<u8> {
    let mut writer = PcapWriter::new(false, LinkType::USBPCAP);
    for (at, data) in lengths() {
        writer.write(at, data.len() as u32, &data);
    }
    writer.finish()
}

fn pcapng() -> Vec<u8> {
    let mut writer = PcapngWriter::new();
    let interface = writer.interface("eth0", LinkType::USBPCAP);
    for (at, data) in lengths() {
        writer.write(interface, at, data.len() as u32, &data, "");
    }
    writer.finish()
}

#[test]
fn batches_hold_the_same_frames_in_whatever_room() {
    for bytes in [pcap(), pcapng()] {
        let (frames, problems) = one_by_one(&bytes);
        assert_eq!((frames.len(), problems), (3000, 0));
        for room in [0, 100, 1 << 18, 1 << 20] {
            let (batched, problems, batches) = by_batches(&bytes, room);
            assert!(batched == frames, "room {room}: other frames");
            assert_eq!(problems, 0);
            assert!((4..3000).contains(&batches), "{batches} batches");
        }
    }
}

#[test]
fn a_cut_ends_batches_where_it_ends_frames() {
    for bytes in [pcap(), pcapng()] {
        for cut in [30, 1000, (1 << 18) - 1, 1 << 18, bytes.len() - 1] {
            let bytes = &bytes[..cut];
            let (frames, problems) = one_by_one(bytes);
            let (batched, reported, _) = by_batches(bytes, 0);
            assert!(batched == frames, "cut at {cut}: other frames");
            assert_eq!(reported, problems, "cut at {cut}");
        }
    }
}
