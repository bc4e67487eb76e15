//! Damage done by capturing, not by the network: rewrites of a capture of a healthy one.

use crate::checksum;
use crate::packet::{ETHERNET, Packet, be16, flag, put};
use crate::pcap::Record;
use crate::rng::Rng;
use std::net::IpAddr;
use std::time::Duration;

/// Rewrites the records of a capture.
pub type Rewrite = fn(Vec<Record>, &mut Rng) -> Vec<Record>;

/// Loses one frame in a hundred, at random, as a busy capturing machine does.
pub fn drop_some(records: Vec<Record>, rng: &mut Rng) -> Vec<Record> {
    records.into_iter().filter(|_| !rng.chance(0.01)).collect()
}

/// Writes every frame twice, as a mirror port that sees both directions of a switch does.
pub fn double_all(records: Vec<Record>, _rng: &mut Rng) -> Vec<Record> {
    let twice = |record: Record| {
        let copy = Record {
            time: record.time + Duration::from_micros(3),
            ..record.clone()
        };
        [record, copy]
    };
    let mut doubled: Vec<Record> = records.into_iter().flat_map(twice).collect();
    doubled.sort_by_key(|record| record.time);
    doubled
}

/// Keeps the first 96 bytes of each frame, as `tcpdump -s 96` does.
pub fn snap(records: Vec<Record>, _rng: &mut Rng) -> Vec<Record> {
    let cut = |mut record: Record| {
        record.frame.truncate(96);
        record
    };
    records.into_iter().map(cut).collect()
}

/// Leaves out the first 40 % of the frames: the capture was started late.
pub fn start_late(records: Vec<Record>, _rng: &mut Rng) -> Vec<Record> {
    let first = records.len() * 2 / 5;
    records.into_iter().skip(first).collect()
}

/// Starts late and loses frames.
pub fn start_late_and_drop(records: Vec<Record>, rng: &mut Rng) -> Vec<Record> {
    drop_some(start_late(records, rng), rng)
}

/// Keeps only what the server sent, as a tap on one fibre does.
pub fn only_from_server(records: Vec<Record>, _rng: &mut Rng) -> Vec<Record> {
    keep_from(records, crate::world::address::SERVER.into())
}

/// Keeps only what the client sent.
pub fn only_from_client(records: Vec<Record>, _rng: &mut Rng) -> Vec<Record> {
    keep_from(records, crate::world::address::CLIENT.into())
}

fn keep_from(records: Vec<Record>, source: IpAddr) -> Vec<Record> {
    let from_source =
        |record: &Record| Packet::parse(&record.frame).is_none_or(|p| p.src == source);
    records.into_iter().filter(from_source).collect()
}

/// Sets the clock back by 1.7 seconds at a third of the capture and by 0.4 seconds at two thirds.
pub fn step_clock_back(mut records: Vec<Record>, _rng: &mut Rng) -> Vec<Record> {
    let count = records.len();
    for (index, record) in records.iter_mut().enumerate() {
        let back = match index * 3 / count.max(1) {
            0 => 0,
            1 => 1_700,
            _ => 2_100,
        };
        record.time = record.time.saturating_sub(Duration::from_millis(back));
    }
    records
}

/// Longest payload of a merged segment.
const MERGED: usize = 30_000;

/// Joins segments of one direction that follow each other at once, as receive offload does before the capture.
pub fn merge_segments(records: Vec<Record>, _rng: &mut Rng) -> Vec<Record> {
    let mut merged: Vec<Record> = Vec::with_capacity(records.len());
    for record in records {
        let joined = merged.last_mut().is_some_and(|last| join(last, &record));
        if !joined {
            merged.push(record);
        }
    }
    merged
}

/// Appends the payload of `next` to `last` when it is the next segment of the same flow.
fn join(last: &mut Record, next: &Record) -> bool {
    let (Some(before), Some(after)) = (Packet::parse(&last.frame), Packet::parse(&next.frame))
    else {
        return false;
    };
    let (Some(head), Some(tail)) = (before.tcp(), after.tcp()) else {
        return false;
    };
    let same_flow =
        (before.src, before.dst, before.ports()) == (after.src, after.dst, after.ports());
    let plain = |flags: u8| flags & !(flag::ACK | flag::PSH) == 0;
    let follows = head.payload_len > 0
        && tail.payload_len > 0
        && tail.seq == head.seq.wrapping_add(head.payload_len as u32)
        && tail.ack == head.ack
        && plain(head.flags)
        && plain(tail.flags)
        && head.flags & flag::PSH == 0
        && next.time.saturating_sub(last.time) < Duration::from_micros(500)
        && head.payload_len + tail.payload_len <= MERGED;
    if !(same_flow && follows && before.src.is_ipv4()) {
        return false;
    }
    let payload_at = after.transport_at + tail.header_len;
    let payload = next
        .frame
        .get(payload_at..payload_at + tail.payload_len)
        .unwrap_or_default();
    last.frame
        .truncate(before.transport_at + head.header_len + head.payload_len);
    last.frame.extend_from_slice(payload);
    last.wire_len = last.frame.len();
    put(
        &mut last.frame,
        before.transport_at + 13,
        &[head.flags | tail.flags],
    );
    let total = be16(&last.frame, ETHERNET + 2)
        .unwrap_or(0)
        .wrapping_add(payload.len() as u16);
    put(&mut last.frame, ETHERNET + 2, &total.to_be_bytes());
    checksum::fix(&mut last.frame);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::fixture::tcp_frame;

    fn stream(count: u32) -> Vec<Record> {
        let frame = |index: u32| tcp_frame(flag::ACK, 1 + index * 100, 1, &[], &[0; 100]);
        (0..count)
            .map(|i| Record::new(Duration::from_micros(u64::from(i) * 10), frame(i)))
            .collect()
    }

    #[test]
    fn merged_segments_keep_every_byte() {
        let merged = merge_segments(stream(5), &mut Rng::new(1));
        let packet = Packet::parse(&merged[0].frame).unwrap();
        assert_eq!((merged.len(), packet.tcp().unwrap().payload_len), (1, 500));
        assert!(checksum::is_right(&merged[0].frame));
    }

    #[test]
    fn each_rewrite_does_what_it_says() {
        let rng = &mut Rng::new(1);
        assert_eq!(double_all(stream(5), rng).len(), 10);
        assert_eq!(start_late(stream(10), rng).len(), 6);
        assert!((960..1_000).contains(&drop_some(stream(1_000), rng).len()));
        assert!(
            snap(stream(1), rng)
                .iter()
                .all(|r| r.frame.len() == 96 && r.wire_len == 154)
        );
        assert_eq!(
            (
                only_from_client(stream(3), rng).len(),
                only_from_server(stream(3), rng).len()
            ),
            (3, 0)
        );
    }

    #[test]
    fn the_clock_goes_back_twice() {
        let mut slow = stream(9);
        for (index, record) in slow.iter_mut().enumerate() {
            record.time = Duration::from_secs(100 + index as u64);
        }
        let stepped = step_clock_back(slow, &mut Rng::new(1));
        let steps = stepped
            .windows(2)
            .filter(|pair| pair[1].time < pair[0].time + Duration::from_secs(1));
        assert_eq!(steps.count(), 2);
    }
}
