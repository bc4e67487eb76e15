//! What `Strict-Transport-Security` fields say (RFC 6797), and where browsers heed them.

use super::redirect_loop::{Link, location};
use super::url::{absolute, host_of};
use std::net::IpAddr;
use ww_evidence::transcript::HttpReply;

/// Its name, as answers are searched for it.
pub(super) const FIELD: &str = "strict-transport-security";

/// A policy that browsers take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// Seconds for which it holds; 0 takes it back.
    pub(super) max_age: u64,
    /// It holds for names below too.
    pub(super) subdomains: bool,
    /// The site asks to be built into browsers.
    pub(super) preload: bool,
}

impl Policy {
    /// Reads the value of a field.
    ///
    /// # Errors
    ///
    /// Why browsers ignore it (RFC 6797 section 6.1), as the end of a sentence.
    pub(super) fn read(value: &str) -> Result<Policy, String> {
        let mut seen: Vec<String> = Vec::new();
        let mut policy = Policy {
            max_age: 0,
            subdomains: false,
            preload: false,
        };
        for directive in value.split(';').map(str::trim) {
            if directive.is_empty() {
                continue;
            }
            let (name, given) = match directive.split_once('=') {
                Some((name, given)) => (name.trim_end(), Some(given.trim_start())),
                None => (directive, None),
            };
            let name = name.to_ascii_lowercase();
            if seen.contains(&name) {
                return Err(format!("{name} stands in it twice"));
            }
            match name.as_str() {
                "max-age" => policy.max_age = seconds(given.unwrap_or_default())?,
                "includesubdomains" => policy.subdomains = true,
                "preload" => policy.preload = true,
                _ => {}
            }
            seen.push(name);
        }
        if seen.iter().any(|name| name == "max-age") {
            Ok(policy)
        } else {
            Err("it has no max-age".to_owned())
        }
    }
}

fn seconds(given: &str) -> Result<u64, String> {
    let bare = given
        .strip_prefix('"')
        .and_then(|given| given.strip_suffix('"'))
        .unwrap_or(given);
    if !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than can be counted is for ever.
        Ok(bare.parse().unwrap_or(u64::MAX))
    } else {
        let shown: String = given.chars().take(40).collect();
        Err(format!("its max-age, `{shown}`, is no number of seconds"))
    }
}

/// What browsers take of an answer over HTTPS: the first field counts (RFC 6797 section 8.1).
pub(super) fn policy(reply: &HttpReply) -> Option<Result<Policy, String>> {
    reply.header(FIELD).map(Policy::read)
}

/// Top-level domains below which browsers never use http: those of Chromium's list that have the policy "public-suffix"
/// (net/http/transport_security_state_static.json), which other browsers take over.
const PRELOADED: [&str; 14] = [
    "android",
    "app",
    "bank",
    "chrome",
    "day",
    "dev",
    "foo",
    "gle",
    "google",
    "insurance",
    "new",
    "page",
    "play",
    "youtube",
];

/// Whether browsers keep policies for this host: not where it is an address (RFC 6797 section 8.1.1).
pub(super) fn can_have(host: &str) -> bool {
    host.parse::<IpAddr>().is_err()
}

/// Browsers know of this host's top-level domain that it is https alone.
pub(super) fn is_preloaded(host: &str) -> bool {
    let top = host.trim_end_matches('.').rsplit('.').next();
    top.is_some_and(|top| PRELOADED.iter().any(|one| top.eq_ignore_ascii_case(one)))
}

/// The first redirect from http to https of the same host, and the answer there.
pub(super) fn upgrade<'w>(chain: &[Link<'w>]) -> Option<(Link<'w>, Link<'w>)> {
    chain
        .iter()
        .zip(chain.iter().skip(1))
        .find(|((_, from), (_, to))| {
            let leads = location(from).and_then(|location| absolute(&from.url, location));
            from.url.starts_with("http://")
                && to.url.starts_with("https://")
                && host_of(&from.url) == host_of(&to.url)
                && leads.is_some_and(|leads| leads.starts_with("https://"))
        })
        .map(|(from, to)| (*from, *to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_browsers_do() {
        let good = [
            ("max-age=31536000", (31_536_000, false, false)),
            (
                " Max-Age = \"600\" ; includeSubDomains;",
                (600, true, false),
            ),
            ("preload; new=1; max-age=0", (0, false, true)),
            ("max-age=99999999999999999999999", (u64::MAX, false, false)),
        ];
        for (value, (max_age, subdomains, preload)) in good {
            let policy = Policy {
                max_age,
                subdomains,
                preload,
            };
            assert_eq!(Policy::read(value), Ok(policy), "{value}");
        }
        let bad = [
            ("", "no max-age"),
            ("includeSubDomains; preload", "no max-age"),
            ("max-age=31536000, includeSubDomains", "no number"),
            ("max-age=1y", "no number"),
            ("max-age", "no number"),
            ("max-age=\"600", "no number"),
            ("max-age=-1", "no number"),
            ("max-age=1; max-age=2", "twice"),
        ];
        for (value, why) in bad {
            let error = Policy::read(value).expect_err(value);
            assert!(error.contains(why), "{value}: {error}");
        }
    }

    #[test]
    fn addresses_have_no_policy() {
        assert!(can_have("a.example"));
        assert!(!can_have("::1"));
        assert!(!can_have("192.0.2.1"));
    }

    #[test]
    fn some_top_level_domains_are_https_alone() {
        assert!(is_preloaded("shop.example.dev") && is_preloaded("Shop.APP."));
        assert!(!is_preloaded("dev.example") && !is_preloaded("localhost"));
    }
}
