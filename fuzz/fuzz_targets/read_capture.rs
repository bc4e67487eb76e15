//! Bytes through the reader: pcap, pcapng, gzip, Zstandard, whole and damaged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::tight_limits;
use ww_base::{Limits, SourceId};
use ww_capture::reader::CaptureReader;

fuzz_target!(|bytes: &[u8]| {
    for limits in [Limits::default(), tight_limits()] {
        let Ok(mut reader) = CaptureReader::open(Box::new(bytes), SourceId(0), &limits) else {
            continue;
        };
        let (mut number, mut kept) = (0, 0);
        while let Some(frame) = reader.next_frame() {
            // Some blocks that are not read have a number all the same, as in Wireshark.
            assert!(frame.number > number);
            number = frame.number;
            kept += frame.data.len();
        }
        assert!(reader.next_frame().is_none());
        assert!(kept as u64 <= number * u64::from(limits.frame_bytes));
        assert!(reader.interfaces().len() <= limits.interfaces as usize);
        assert!(reader.bytes_read() <= bytes.len() as u64);
    }
});
