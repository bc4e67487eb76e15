//! One file of a program that serves or calls, of any bytes: read as `wirewise check` reads it, and
//! reviewed. The first byte picks its name, so that no bytes are lost on being recognised.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::declared::{check_problems, service_file, tight_limits};
use ww_base::{Limits, SourceId};
use ww_import::{Text, gather};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else {
        return;
    };
    let text = Text {
        source: SourceId(0),
        path: service_file(*first),
        device: "",
        bytes,
    };
    for limits in [Limits::default(), tight_limits()] {
        let read = gather(&[text], &limits);
        check_problems(&read.problems, &[bytes], &limits);
        let contents = [std::str::from_utf8(bytes).unwrap_or_default()];
        let (findings, outcomes) = ww_rules::review(&read.model, &limits, &contents);
        assert!(!outcomes.is_empty());
        assert!(findings.iter().all(|finding| !finding.headline.is_empty()));
    }
});
