//! Bytes of a capture through everything: reader, decoder, watchers, rules, reports.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::{diagnose, tight_limits};
use ww_base::Limits;

fuzz_target!(|bytes: &[u8]| {
    diagnose(bytes, &Limits::default());
    diagnose(bytes, &tight_limits());
});
