//! Frames to captures: the reader's counterpart, for fixtures, labs and benches.
//!
//! Both writers collect bytes in memory; [`PcapWriter::take`] and [`PcapngWriter::take`] hand over
//! what has gathered so far, so a long capture can be streamed.

use ww_base::Moment;

use crate::reader::{InterfaceStatistics, LinkType};

/// Bytes a reader may expect of one frame; what libpcap and Wireshark accept at most.
const SNAPLEN: u32 = 262_144;

const NS_PER_SECOND: i64 = 1_000_000_000;

/// Writes classic pcap, little endian.
#[derive(Clone, Debug)]
pub struct PcapWriter {
    ns_per_unit: i64,
    bytes: Vec<u8>,
}

impl PcapWriter {
    /// A capture of one link type, with nanoseconds when `ns`, else with microseconds.
    pub fn new(ns: bool, link: LinkType) -> PcapWriter {
        let (magic, ns_per_unit) = if ns {
            (0xa1b2_3c4d_u32, 1)
        } else {
            (0xa1b2_c3d4, 1000)
        };
        let mut bytes = Vec::new();
        bytes.extend(magic.to_le_bytes());
        bytes.extend(2_u16.to_le_bytes());
        bytes.extend(4_u16.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(SNAPLEN.to_le_bytes());
        bytes.extend(u32::from(link.0).to_le_bytes());
        PcapWriter { ns_per_unit, bytes }
    }

    /// Appends a frame. Its time is cut to the resolution and to what the format can say, which is
    /// 1970 to 2106.
    pub fn write(&mut self, at: Moment, wire_len: u32, data: &[u8]) {
        let at = at.0.clamp(0, i64::from(u32::MAX) * NS_PER_SECOND);
        let seconds = (at / NS_PER_SECOND) as u32;
        let fraction = (at % NS_PER_SECOND / self.ns_per_unit) as u32;
        for word in [seconds, fraction, data.len() as u32, wire_len] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(data);
    }

    /// What has gathered since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// What has gathered since the last [`Self::take`], at the end.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Writes pcapng, little endian, one section, nanoseconds.
#[derive(Clone, Debug)]
pub struct PcapngWriter {
    interfaces: u32,
    bytes: Vec<u8>,
}

impl PcapngWriter {
    /// A section without interfaces.
    pub fn new() -> PcapngWriter {
        let mut writer = PcapngWriter {
            interfaces: 0,
            bytes: Vec::new(),
        };
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend(1_u16.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        // The section's length is not known.
        body.extend(u64::MAX.to_le_bytes());
        writer.block(0x0a0d_0d0a, &body);
        writer
    }

    /// Describes an interface; its index is for [`Self::write`].
    pub fn interface(&mut self, name: &str, link: LinkType) -> u32 {
        let mut body = Vec::new();
        body.extend(link.0.to_le_bytes());
        body.extend([0; 2]);
        body.extend(SNAPLEN.to_le_bytes());
        option(&mut body, 2, name.as_bytes());
        option(&mut body, 9, &[9]);
        option(&mut body, 0, &[]);
        self.block(1, &body);
        self.interfaces += 1;
        self.interfaces - 1
    }

    /// Appends a frame of an interface, with a comment unless it is empty. Times before 1970 are
    /// written as 1970.
    pub fn write(&mut self, interface: u32, at: Moment, wire_len: u32, data: &[u8], comment: &str) {
        let ticks = at.0.max(0) as u64;
        let mut body = ticks_after(interface, ticks);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(wire_len.to_le_bytes());
        body.extend(data);
        pad(&mut body);
        if !comment.is_empty() {
            option(&mut body, 1, comment.as_bytes());
            option(&mut body, 0, &[]);
        }
        self.block(6, &body);
    }

    /// Appends the counters of an interface.
    pub fn statistics(&mut self, interface: u32, at: Moment, counters: InterfaceStatistics) {
        let mut body = ticks_after(interface, at.0.max(0) as u64);
        let counters = [
            (4, counters.received),
            (5, counters.dropped_by_interface),
            (6, counters.accepted_by_filter),
            (7, counters.dropped_by_os),
            (8, counters.delivered),
        ];
        for (code, value) in counters {
            if let Some(value) = value {
                option(&mut body, code, &value.to_le_bytes());
            }
        }
        option(&mut body, 0, &[]);
        self.block(5, &body);
    }

    /// What has gathered since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// What has gathered since the last [`Self::take`], at the end.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends a block; `body` is already padded.
    fn block(&mut self, block_type: u32, body: &[u8]) {
        let length = body.len() as u32 + 12;
        self.bytes.extend(block_type.to_le_bytes());
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(body);
        self.bytes.extend(length.to_le_bytes());
    }
}

impl Default for PcapngWriter {
    fn default() -> PcapngWriter {
        PcapngWriter::new()
    }
}

/// An interface's index and a time in its ticks, upper half first.
fn ticks_after(interface: u32, ticks: u64) -> Vec<u8> {
    [interface, (ticks >> 32) as u32, ticks as u32]
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect()
}

/// Appends an option; a value longer than an option can hold is cut.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

/// Fills up to a multiple of four bytes.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{CaptureFormat, CaptureReader};
    use ww_base::{Limits, SourceId};

    const TIMES: [Moment; 3] = [
        Moment(0),
        Moment(1_700_000_000_123_456_789),
        Moment(4_000_000_000_999_999_999),
    ];

    fn read(bytes: &[u8]) -> CaptureReader<'_> {
        CaptureReader::open(Box::new(bytes), SourceId(0), &Limits::default()).unwrap()
    }

    #[test]
    fn pcap_reads_back() {
        for (ns, unit) in [(true, 1), (false, 1000)] {
            let mut writer = PcapWriter::new(ns, LinkType::RAW);
            for at in TIMES {
                writer.write(at, 60, b"frame");
            }
            let bytes = writer.finish();
            let mut reader = read(&bytes);
            for at in TIMES {
                let frame = reader.next_frame().unwrap();
                assert_eq!(frame.at, Moment(at.0 / unit * unit));
                assert_eq!((frame.wire_len, frame.data), (60, &b"frame"[..]));
                assert_eq!(frame.link, LinkType::RAW);
            }
            assert!(reader.next_frame().is_none() && reader.problems().is_empty());
        }
    }

    #[test]
    fn times_that_pcap_cannot_say_are_cut() {
        let mut writer = PcapWriter::new(true, LinkType::ETHERNET);
        writer.write(Moment(-1), 0, b"");
        writer.write(Moment(i64::MAX), 0, b"");
        let bytes = writer.finish();
        let mut reader = read(&bytes);
        assert_eq!(reader.next_frame().unwrap().at, Moment(0));
        let last = Moment(i64::from(u32::MAX) * NS_PER_SECOND);
        assert_eq!(reader.next_frame().unwrap().at, last);
    }

    #[test]
    fn pcapng_reads_back() {
        let mut writer = PcapngWriter::new();
        let (first, second) = (
            writer.interface("eth0", LinkType::ETHERNET),
            writer.interface("tun0", LinkType::RAW),
        );
        let mut bytes = writer.take();
        writer.write(first, TIMES[1], 1514, b"abcde", "");
        writer.write(second, TIMES[2], 3, b"xyz", "look here");
        let counters = InterfaceStatistics {
            received: Some(1000),
            dropped_by_interface: Some(3),
            dropped_by_os: Some(7),
            ..InterfaceStatistics::default()
        };
        writer.statistics(second, TIMES[2], counters);
        bytes.extend(writer.finish());

        let mut reader = read(&bytes);
        assert_eq!(reader.capinfo().format, CaptureFormat::Pcapng);
        let frame = reader.next_frame().unwrap();
        assert_eq!(
            (frame.number, frame.at, frame.interface),
            (1, TIMES[1], first)
        );
        assert_eq!((frame.wire_len, frame.data), (1514, &b"abcde"[..]));
        let frame = reader.next_frame().unwrap();
        assert_eq!(
            (frame.number, frame.at, frame.interface),
            (2, TIMES[2], second)
        );
        assert_eq!((frame.link, frame.data), (LinkType::RAW, &b"xyz"[..]));
        assert!(reader.next_frame().is_none());
        assert_eq!(reader.problems(), []);
        assert_eq!(reader.interfaces()[1].name, "tun0");
        assert_eq!(reader.interfaces()[1].statistics, counters);
        let comment = &reader.notes().comments[0];
        assert_eq!(
            (comment.frame, comment.text.as_str()),
            (Some(2), "look here")
        );
    }
}
