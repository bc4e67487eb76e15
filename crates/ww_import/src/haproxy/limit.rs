//! Limits on the rate of requests, as far as they are plain: a counter of a stick table that is
//! compared with a number, and a line that refuses.

use super::condition;
use super::lower::Lowering;
use super::proxy::Proxy;
use super::section::{Line, Section};
use super::value::none;
use crate::service::Notation;
use ww_base::{Setting, Span};
use ww_model::service::{Counter, RateLimit, Refused};

/// Counters that requests of a key are compared by.
const COUNTER: &str = "http_req_rate";

impl<'t> Lowering<'t, '_, '_> {
    /// Adds the limits of a proxy.
    pub(super) fn rate_limits(&mut self, proxy: &Proxy<'t>) {
        let kinds = ["deny", "tarpit", "reject", "return"];
        for line in proxy.own(&["http-request"]) {
            if kinds.contains(&line.word(1)) {
                self.rate_limit(proxy, line);
            }
        }
    }

    fn rate_limit(&mut self, proxy: &Proxy<'t>, line: &'t Line) {
        let Some(most) = condition::of_line(proxy.section, line).and_then(|words| most(&words))
        else {
            return;
        };
        let (table, period) = self.table(proxy.section).unzip();
        let period = period.filter(|period| period.as_secs() > 0.0);
        let per_second = match (table, period) {
            (Some(table), Some(period)) => Setting::set(most as f64 / period.as_secs(), table.at),
            _ => Setting::default(),
        };
        let status = line.behind("deny_status").or(line.behind("status"));
        let refused = match status {
            Some(word) => self.number(&word.text, line.at, "deny_status"),
            None => self.default_number("deny_status"),
        };
        let track = proxy.own(&["http-request"]);
        let mut track = track.filter(|one| one.word(1).starts_with("track-sc"));
        let key = track.next().map(|one| (one.word(2).to_owned(), one.at));
        let sources = proxy.own(&["http-request", "set-src"]);
        let mut sources = sources.map(|one| one.at);
        self.program.rate_limits.push(RateLimit {
            at: line.at,
            per_second,
            burst: Setting::set(most, line.at),
            delays: none("HAProxy refuses at once"),
            at_once: none("HAProxy refuses at once"),
            refused: refused.map(|status| Refused(u16::try_from(status).unwrap_or_default())),
            counter: Counter {
                is_peer_address: key.as_ref().is_some_and(|(key, _)| key == "src"),
                key: key.map_or_else(Setting::default, |(key, at)| Setting::set(key, at)),
                real_address: match sources.next() {
                    Some(at) => Setting::set(true, at),
                    None => none("HAProxy takes the connection's other end unless set-src is used"),
                },
            },
        });
    }

    /// The table that counts requests, that of the section first, with the time it counts over.
    fn table(&self, section: &'t Section) -> Option<(&'t Line, Span)> {
        let own = std::iter::once(section);
        let lines = own.chain(self.sections).flat_map(|one| &one.lines);
        lines
            .filter(|line| line.word(0) == "stick-table")
            .find_map(|line| {
                let stored = line.rest(1);
                let (_, behind) = stored.split_once(COUNTER)?;
                let (period, _) = behind.strip_prefix('(')?.split_once(')')?;
                Some((line, Notation::Haproxy.parse(period)?))
            })
    }
}

/// The number that the counter may not exceed.
fn most(condition: &[String]) -> Option<u64> {
    let at = condition.iter().position(|word| word.contains(COUNTER))?;
    let mut behind = condition.iter().skip(at + 1);
    match behind.next()?.as_str() {
        "gt" | "ge" => behind.next()?.parse().ok(),
        _ => None,
    }
}
