//! Frames between a few hosts, valid enough to reach the TCP machine, the network watchers and the
//! rules; see [`wirewise_fuzz::frames`] for how an input becomes frames.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::{diagnose, frames, tight_limits};
use ww_base::Limits;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let limits = if choice & 1 == 0 {
        Limits::default()
    } else {
        tight_limits()
    };
    diagnose(&frames::capture(bytes), &limits);
});
