//! nftables as JSON: problems stand in the text, and what was read can be walked and compiled.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::declared::{check_problems, judge, tight_limits};
use ww_base::{Limits, SourceId};
use ww_import::nft;

fuzz_target!(|bytes: &[u8]| {
    for limits in [Limits::default(), tight_limits()] {
        let rules = nft::read_json(SourceId(0), bytes, &limits);
        check_problems(&rules.problems, &[bytes], &limits);
        judge(&rules.value, None, &limits);
    }
});
