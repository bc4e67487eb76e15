//! Frames of every link type through the decoder. Several frames per input, so that fragments meet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::frames::{Bytes, LINKS};
use wirewise_fuzz::tight_limits;
use ww_base::Moment;
use ww_capture::decode::{Decoder, RawFrame};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let mut decoder = Decoder::new(&tight_limits());
    let (mut number, mut at) = (0, 0);
    while !bytes.0.is_empty() {
        let link = LINKS[usize::from(bytes.u8()) % LINKS.len()];
        let length = bytes.u16() & 0x7ff;
        let lacking = u32::from(bytes.u8() & 0x3f);
        at += i64::from(bytes.u8()) * 1_000_000_000;
        number += 1;
        let data = bytes.take(usize::from(length));
        let decoded = decoder.decode(RawFrame {
            number,
            at: Moment(at),
            link: link.0,
            wire_len: data.len() as u32 + lacking,
            data,
        });
        if let Some((first, last)) = decoded.reassembled_from {
            assert!(first <= last && last <= number);
        }
    }
    let _ = decoder.finish();
});
