//! The classic pcap file format, as far as the lab writes and rewrites it: Ethernet, microseconds.

use crate::packet::array;
use std::time::Duration;

/// One frame of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was captured, since the Unix epoch.
    pub time: Duration,
    /// Its length on the wire; more than the bytes when they were cut.
    pub wire_len: usize,
    /// Its bytes.
    pub frame: Vec<u8>,
}

impl Record {
    /// A frame captured whole.
    pub fn new(time: Duration, frame: Vec<u8>) -> Self {
        Self {
            time,
            wire_len: frame.len(),
            frame,
        }
    }
}

const MAGIC: u32 = 0xa1b2_c3d4;
const ETHERNET: u32 = 1;

/// The records of a pcap file this machine wrote (little-endian, microseconds); a cut last record is left out.
pub fn read(file: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let number = |at| array::<4>(file, at).map(u32::from_le_bytes);
    if number(0) != Some(MAGIC) {
        return records;
    }
    let mut at = 24;
    while let (Some(sec), Some(micros), Some(len), Some(wire_len)) =
        (number(at), number(at + 4), number(at + 8), number(at + 12))
    {
        let end = at + 16 + len as usize;
        let Some(frame) = file.get(at + 16..end) else {
            break;
        };
        let time = Duration::new(u64::from(sec), 0) + Duration::from_micros(u64::from(micros));
        records.push(Record {
            time,
            wire_len: wire_len as usize,
            frame: frame.to_vec(),
        });
        at = end;
    }
    records
}

/// A pcap file of `records`, in their order.
pub fn write(records: &[Record]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend_from_slice(&MAGIC.to_le_bytes());
    file.extend_from_slice(&[2, 0, 4, 0]);
    for number in [0, 0, 262_144, ETHERNET] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    for Record {
        time,
        wire_len,
        frame,
    } in records
    {
        let header = [
            time.as_secs() as u32,
            time.subsec_micros(),
            frame.len() as u32,
            *wire_len as u32,
        ];
        for number in header {
            file.extend_from_slice(&number.to_le_bytes());
        }
        file.extend_from_slice(frame);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let record = Record::new(Duration::from_micros(1_500_000_000_123_456), vec![1, 2, 3]);
        let cut = Record {
            wire_len: 1_514,
            ..record.clone()
        };
        let records = vec![record, cut];
        let file = write(&records);
        assert_eq!(read(&file), records);
        assert_eq!(read(file.get(..file.len() - 1).unwrap()).len(), 1);
        assert!(read(b"not a capture").is_empty());
    }
}
