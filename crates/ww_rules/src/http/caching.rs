//! What `Cache-Control` fields ask of caches (RFC 9111 section 5.2.2).

use ww_evidence::transcript::HttpReply;

/// The directive by which the answer asks to be kept, if it does for longer than no time.
pub(super) fn lifetime(reply: &HttpReply) -> Option<&'static str> {
    let seconds = |name: &str| {
        directives(reply)
            .filter_map(|directive| directive.split_once('='))
            .find(|(known, _)| known.trim().eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.trim().trim_matches('"').parse::<u64>().ok())
            .filter(|&seconds| seconds > 0)
    };
    if seconds("s-maxage").is_some() {
        Some("s-maxage")
    } else if seconds("max-age").is_some() {
        Some(if has(reply, "public") {
            "public, max-age"
        } else {
            "max-age"
        })
    } else {
        None
    }
}

fn directives(reply: &HttpReply) -> impl Iterator<Item = &str> {
    reply
        .all("cache-control")
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Whether it has a directive that takes no value.
pub(super) fn has(reply: &HttpReply, name: &str) -> bool {
    directives(reply).any(|directive| directive.eq_ignore_ascii_case(name))
}
