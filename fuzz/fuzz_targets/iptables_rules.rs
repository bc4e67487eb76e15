//! `iptables-save` and `ipset save`, the sets before a NUL byte: problems stand in the text, and
//! what was read can be walked and compiled.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::declared::{check_problems, judge, tight_limits};
use ww_base::{Limits, SourceId};
use ww_import::{ipset, iptables};

fuzz_target!(|bytes: &[u8]| {
    let split = bytes.iter().position(|byte| *byte == 0);
    let (sets_text, rules_text) = bytes.split_at(split.unwrap_or_default());
    for limits in [Limits::default(), tight_limits()] {
        let sets = ipset::read(SourceId(0), sets_text, &limits);
        let rules = iptables::read(SourceId(1), rules_text, None, &sets.value, &limits);
        let texts = [sets_text, rules_text];
        check_problems(&sets.problems, &texts, &limits);
        check_problems(&rules.problems, &texts, &limits);
        judge(&rules.value, None, &limits);
    }
});
