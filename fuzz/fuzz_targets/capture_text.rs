//! The language of capture fences: a text compiles to a capture that reads back whole, or is
//! refused with a line that it has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ww_base::{Limits, SourceId};
use ww_capture::reader::CaptureReader;
use ww_testkit::capture_text::compile;

fuzz_target!(|text: &str| {
    let capture = match compile(text) {
        Ok(capture) => capture,
        Err(error) => {
            assert!(error.line <= text.lines().count().max(1), "{error}");
            return;
        }
    };
    let mut reader =
        CaptureReader::open(Box::new(&capture.pcap[..]), SourceId(0), &Limits::default())
            .expect("what was compiled is a capture");
    let mut frames = 0;
    while reader.next_frame().is_some() {
        frames += 1;
    }
    assert_eq!(frames, capture.frames);
    assert!(reader.problems().is_empty(), "{:?}", reader.problems());
    assert!(capture.finds.iter().all(|frame| *frame <= frames));
});
