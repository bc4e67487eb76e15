//! nftables text that can include itself: problems stand in the text, and what was read can be
//! walked and compiled.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewise_fuzz::declared::{check_problems, judge, tight_limits};
use ww_base::{Limits, SourceId};
use ww_import::nft::{self, Included, Includes};

/// How many names the text has.
const FILES: u32 = 8;

/// Finds the text itself, under whatever name.
struct Itself<'t> {
    text: &'t [u8],
    found: u32,
}

impl Includes for Itself<'_> {
    fn find(&mut self, pattern: &str, _from: SourceId) -> Result<Vec<Included>, String> {
        self.found += u32::from(!pattern.starts_with('.'));
        Ok(vec![Included {
            source: SourceId(self.found % FILES),
            path: pattern.to_owned(),
            text: self.text.to_vec(),
        }])
    }
}

fuzz_target!(|bytes: &[u8]| {
    for limits in [
        Limits {
            included_files: 6,
            ..Limits::default()
        },
        tight_limits(),
    ] {
        let mut includes = Itself {
            text: bytes,
            found: 0,
        };
        let rules = nft::read(SourceId(0), bytes, &mut includes, &limits);
        check_problems(&rules.problems, &[bytes; FILES as usize], &limits);
        judge(&rules.value, None, &limits);
    }
});
