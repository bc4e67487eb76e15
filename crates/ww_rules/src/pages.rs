//! The pages of the rules, as the build script packed them.

use flate2::read::ZlibDecoder;
use std::io::Read;
use std::sync::LazyLock;

static PAGES: LazyLock<String> = LazyLock::new(|| {
    let packed: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pages.zz"));
    let mut pages = String::new();
    let unpacked = ZlibDecoder::new(packed).read_to_string(&mut pages);
    debug_assert!(unpacked.is_ok(), "the build script packed it");
    pages
});

/// The page at `path` below the sources, `dns/dns_slow.md`; empty when there is none, which a test excludes.
pub(crate) fn at(path: &str) -> &'static str {
    let text = |page: &'static str| page.strip_prefix(path)?.strip_prefix('\n');
    PAGES.split('\0').find_map(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::RULES;

    #[test]
    fn every_rule_has_its_page() {
        assert!(!RULES.is_empty());
        for rule in RULES {
            let title = format!("# {}\n", rule.meta.name);
            let page = (rule.meta.page)();
            assert!(page.starts_with(&title), "{}: {page:?}", rule.meta.name);
        }
    }
}
