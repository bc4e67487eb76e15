//! Servers of a backend, with what `default-server` gives them.

use super::lower::Lowering;
use super::proxy::Proxy;
use super::section::{Line, Word};
use super::value::{address, none};
use ww_base::{Setting, Span};
use ww_model::service::Target;

/// A server: its line, and the lines of `default-server` in force.
#[derive(Clone)]
pub(super) struct Server<'t> {
    pub(super) line: &'t Line,
    defaults: Vec<&'t Line>,
}

/// How many servers of one line are kept.
const MOST: usize = 100;

/// The servers of a backend that are not disabled.
pub(super) fn servers<'t>(proxy: &Proxy<'t>) -> Vec<Server<'t>> {
    let defaults: Vec<&Line> = proxy.everywhere("default-server").collect();
    let lines = proxy.section.lines.iter();
    let lines = lines.filter(|line| matches!(line.word(0), "server" | "server-template"));
    lines
        .map(|line| Server {
            line,
            defaults: defaults.clone(),
        })
        .filter(|server| server.flag("disabled").is_none())
        .collect()
}

impl<'t> Server<'t> {
    /// The place of its address among the words of its line.
    fn address_at(&self) -> usize {
        if self.line.word(0) == "server" { 2 } else { 3 }
    }

    /// Its address, without a range of ports.
    pub(super) fn address(&self) -> (String, Option<u16>) {
        address(self.line.word(self.address_at()))
    }

    /// The line that says a word without a value, unless `no-` takes it back.
    pub(super) fn flag(&self, name: &str) -> Option<&'t Line> {
        let says = |line: &Line, from: usize, word: &str| {
            line.words.iter().skip(from).any(|one| one.text == word)
        };
        let taken_back = format!("no-{name}");
        let own = self.address_at() + 1;
        if says(self.line, own, &taken_back) {
            return None;
        }
        if says(self.line, own, name) {
            return Some(self.line);
        }
        let defaults = self.defaults.iter().copied();
        let mut defaults =
            defaults.filter(|line| says(line, 1, name) || says(line, 1, &taken_back));
        defaults.next().filter(|line| says(line, 1, name))
    }

    /// The word behind a name, with the line that holds it.
    pub(super) fn value(&self, name: &str) -> Option<(&'t Word, &'t Line)> {
        let behind = |line: &'t Line, from: usize| {
            let words = line.words.get(from..)?;
            let at = words.iter().position(|word| word.text == name)?;
            words.get(at + 1)
        };
        let own = behind(self.line, self.address_at() + 1).map(|word| (word, self.line));
        own.or_else(|| {
            let mut defaults = self.defaults.iter();
            defaults.find_map(|line| Some((behind(line, 1)?, *line)))
        })
    }

    /// How many servers the line makes: those of a `server-template` (`3`, `1-3`), of which some may
    /// have no address yet.
    pub(super) fn count(&self) -> usize {
        if self.line.word(0) != "server-template" {
            return 1;
        }
        let number = |text: &str| text.parse::<usize>().ok();
        let range = self.line.word(2);
        let count = match range.split_once('-') {
            Some((low, high)) => number(low)
                .zip(number(high))
                .map(|(low, high)| high.saturating_sub(low).saturating_add(1)),
            None => number(range),
        };
        count.unwrap_or(1).clamp(1, MOST)
    }

    /// The server as a target.
    pub(super) fn target(&self) -> Target {
        let (host, port) = self.address();
        let is_name = !host.is_empty()
            && !host.starts_with('/')
            && !host.contains(['@', '$'])
            && host.parse::<std::net::IpAddr>().is_err();
        let resolvers = self.value("resolvers");
        Target {
            at: self.line.at,
            resolves_again: match resolvers {
                _ if !is_name => none("there is no name that would be looked up"),
                Some((_, line)) => Setting::set(true, line.at),
                None => Setting::set(false, self.line.at),
            },
            host: if host.contains('$') {
                String::new()
            } else {
                host
            },
            port,
            is_backup: self.flag("backup").is_some(),
            subset: None,
        }
    }
}

impl<'t> Lowering<'t, '_, '_> {
    /// A number of the first server that has it, or the default of a row; 0 means no bound.
    pub(super) fn server_bound(
        &mut self,
        servers: &[Server<'t>],
        name: &str,
        row: &str,
    ) -> Setting<u64> {
        match servers.iter().find_map(|server| server.value(name)) {
            Some((word, line)) => self.bound(&word.text, line.at, name),
            None => self.default_number(row),
        }
    }

    /// A time of the first server that has it, or the default of the row of the same name.
    pub(super) fn server_time(&mut self, servers: &[Server<'t>], name: &str) -> Setting<Span> {
        match servers.iter().find_map(|server| server.value(name)) {
            Some((word, line)) => self.time(&word.text, line.at, name),
            None => self.default_time(name),
        }
    }
}
