//! Lines as settings: written, or the default of the tables.

use super::lower::Lowering;
use super::proxy::Proxy;
use super::section::Line;
use crate::service::Notation;
use ww_base::{Gap, Locus, Setting, SourceSpan, Span};
use ww_model::service::BareTime;

/// Milliseconds without a unit up to which they were probably meant as seconds, for timers that
/// wait for people and answers.
const SURPRISING: u64 = 300;

/// The same for timers that are short anyway.
const SURPRISING_SHORT: u64 = 60;

impl Lowering<'_, '_, '_> {
    /// `timeout name`; the default is that of the row of this name.
    pub(super) fn timeout(&mut self, proxy: &Proxy<'_>, name: &str) -> Setting<Span> {
        let old = match name {
            "connect" => "contimeout",
            "client" => "clitimeout",
            "server" => "srvtimeout",
            _ => "",
        };
        let row = format!("timeout {name}");
        match proxy.one(&["timeout", name]) {
            Some(line) => self.time(line.word(2), line.at, &row),
            None => match proxy.one(&[old]) {
                Some(line) => self.time(line.word(1), line.at, old),
                None => self.intake.defaults.time(&self.product, &row),
            },
        }
    }

    /// The first of these timeouts that is set.
    pub(super) fn first_timeout(&mut self, proxy: &Proxy<'_>, names: &[&str]) -> Setting<Span> {
        let mut last = Setting::default();
        for name in names {
            last = self.timeout(proxy, name);
            if !last.is_off() {
                return last;
            }
        }
        last
    }

    /// A text as the time of a setting.
    pub(super) fn time(&mut self, text: &str, at: SourceSpan, setting: &str) -> Setting<Span> {
        if is_variable(text) {
            return unknown(setting, text);
        }
        let Some(taken) = Notation::Haproxy.parse(text) else {
            if self.told.insert(at) {
                let message = format!("`{setting}` is `{text}`, which is no time, as `30s`");
                self.intake.malformed(at, message);
            }
            return unknown(setting, text);
        };
        let is_long = ["client", "server", "tunnel", "keep-alive", "stop"];
        let is_long = is_long.iter().any(|word| setting.contains(word));
        let bound = if is_long {
            SURPRISING
        } else {
            SURPRISING_SHORT
        };
        if let Ok(number) = text.parse::<u64>()
            && (1..=bound).contains(&number)
            && self.bare.insert(at)
        {
            self.program.bare_times.push(BareTime {
                at,
                setting: setting.to_owned(),
                number,
                taken,
                meant: Span::from_secs(i64::try_from(number).unwrap_or(i64::MAX)),
            });
        }
        Setting::set(taken, at)
    }

    /// A text as the number of a setting; 0 means that there is no bound.
    pub(super) fn bound(&mut self, text: &str, at: SourceSpan, setting: &str) -> Setting<u64> {
        match self.number(text, at, setting) {
            Setting::Set(sourced) if sourced.value == 0 => Setting::Off(sourced.at),
            other => other,
        }
    }

    /// A text as the number of a setting.
    pub(super) fn number(&mut self, text: &str, at: SourceSpan, setting: &str) -> Setting<u64> {
        if is_variable(text) {
            return unknown(setting, text);
        }
        let Ok(number) = text.parse() else {
            if self.told.insert(at) {
                let message = format!("`{setting}` is `{text}`, which is no number");
                self.intake.malformed(at, message);
            }
            return unknown(setting, text);
        };
        Setting::set(number, at)
    }

    /// The number behind the words of a line, or the default of a row.
    pub(super) fn number_of(&mut self, line: Option<&Line>, row: &str) -> Setting<u64> {
        match line {
            Some(line) => self.number(line.word(1), line.at, row),
            None => self.default_number(row),
        }
    }

    pub(super) fn default_number(&self, row: &str) -> Setting<u64> {
        self.intake.defaults.number(&self.product, row)
    }

    pub(super) fn default_time(&self, row: &str) -> Setting<Span> {
        self.intake.defaults.time(&self.product, row)
    }

    pub(super) fn default_word(&self, row: &str) -> Setting<String> {
        self.intake.defaults.word(&self.product, row)
    }
}

/// That HAProxy has no such thing.
pub(super) fn none<T>(by: &str) -> Setting<T> {
    Setting::Off(Locus::Assumed { by: by.to_owned() })
}

/// Whether a value comes from the environment.
fn is_variable(text: &str) -> bool {
    text.contains('$') || text.contains("{{")
}

fn unknown<T>(setting: &str, text: &str) -> Setting<T> {
    Setting::Unknown(Gap::new(
        format!("the value of {setting}, written as `{text}`"),
        "the configuration with its variables filled in",
    ))
}

/// The host and the port of an address; `*` and nothing stand for all addresses.
pub(super) fn address(text: &str) -> (String, Option<u16>) {
    let families = [
        "ipv4@", "ipv6@", "quic4@", "quic6@", "udp@", "udp4@", "udp6@", "tcp4@", "tcp6@",
    ];
    let bare = families.iter().find_map(|family| text.strip_prefix(family));
    let text = bare.unwrap_or(text);
    if text.starts_with('/') || text.contains('@') {
        return (text.to_owned(), None);
    }
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host.to_owned(), port(rest.trim_start_matches(':')));
    }
    match text.rsplit_once(':') {
        Some((host, text)) => (host.to_owned(), port(text)),
        None => (text.to_owned(), None),
    }
}

/// A port; of a range the first, and none where it is counted from the client's.
fn port(text: &str) -> Option<u16> {
    text.split('-').next().and_then(|first| first.parse().ok())
}
