//! Files of any format, between NUL bytes, through everything: told apart, read, reviewed, walked
//! and compiled.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::declared::{everything, tight_limits};
use ww_base::Limits;

fuzz_target!(|bytes: &[u8]| {
    everything(bytes, &Limits::default());
    everything(bytes, &tight_limits());
});
