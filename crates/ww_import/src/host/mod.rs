//! Settings of hosts: `resolv.conf` (resolv.conf(5)) and `sysctl` (sysctl.conf(5), sysctl.d(5)).
//!
//! Files below the same `/etc` are one host's.

#[cfg(test)]
mod tests;

use crate::Text;
use crate::service::{Intake, file_name, folder};
use crate::text::{Line, lines};
use ww_base::{Locus, Order, Setting, SourceSpan, Sourced, Span};
use ww_model::service::{Host, NamedValue, Resolver};

/// The highest values that the resolver of glibc takes (resolv.conf(5)).
const MOST_NDOTS: u64 = 15;
const MOST_SECONDS: u64 = 30;
const MOST_ATTEMPTS: u64 = 5;

/// Options of `resolv.conf` that say nothing about time, order or names.
const OTHER_OPTIONS: [&str; 8] = [
    "debug",
    "edns0",
    "inet6",
    "no-check-names",
    "no-reload",
    "no-tld-query",
    "trust-ad",
    "use-vc",
];

/// Reads files of resolvers.
pub(crate) fn read_resolvers(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    for text in texts {
        let resolver = resolver(text, intake);
        of_host(text.path, intake, |host| host.resolver = Some(resolver));
    }
}

/// Reads settings of kernels: the files of `sysctl.d` by their names, and `sysctl.conf` behind them.
pub(crate) fn read_kernels(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    let mut ordered: Vec<&Text<'_>> = texts.iter().collect();
    ordered.put_in_order_by_key(|text| (!is_piece(text.path), file_name(text.path)));
    for text in ordered {
        let values = values(text, intake);
        of_host(text.path, intake, |host| host.kernel.values.extend(values));
    }
    let mut hosts = std::mem::take(&mut intake.services.hosts);
    for host in &mut hosts {
        if !host.kernel.values.is_empty() {
            host.kernel = intake.kernel(std::mem::take(&mut host.kernel.values));
        }
    }
    intake.services.hosts = hosts;
}

fn is_piece(path: &str) -> bool {
    file_name(folder(path)) == "sysctl.d"
}

/// Changes the host that a file belongs to.
fn of_host(path: &str, intake: &mut Intake<'_>, change: impl FnOnce(&mut Host)) {
    let root = root(path);
    let hosts = &mut intake.services.hosts;
    let known = hosts.iter_mut().find(|host| self::root(&host.path) == root);
    if let Some(host) = known {
        return change(host);
    }
    let name = if root.is_empty() {
        file_name(path)
    } else {
        root
    };
    let mut host = Host {
        name: name.to_owned(),
        path: path.to_owned(),
        ..Host::default()
    };
    change(&mut host);
    hosts.push(host);
}

/// The folder of a host's files.
fn root(path: &str) -> &str {
    let holder = folder(path);
    if is_piece(path) {
        folder(holder)
    } else {
        holder
    }
}

fn is_comment(line: &Line<'_>) -> bool {
    line.text.starts_with(['#', ';'])
}

fn resolver(text: &Text<'_>, intake: &mut Intake<'_>) -> Resolver {
    let product = intake.product("resolver", text.path);
    let mut resolver = Resolver::default();
    for line in lines(text.source, text.bytes).filter(|line| !is_comment(line)) {
        resolver.at.get_or_insert(line.at);
        let mut words = line.text.split_ascii_whitespace();
        let word = words.next().unwrap_or_default();
        let sourced = |value: &str| Sourced {
            value: value.to_owned(),
            at: Locus::Text(line.at),
        };
        match word {
            "nameserver" => resolver.servers.extend(words.next().map(sourced)),
            "search" => resolver.search = words.map(sourced).collect(),
            "domain" => resolver.search = words.next().map(sourced).into_iter().collect(),
            "options" => {
                for option in words {
                    read_option(option, line.at, &mut resolver, intake);
                }
            }
            "sortlist" | "lookup" | "family" => {}
            _ => intake.unknown_word("resolv.conf", word, line.at),
        }
    }
    let defaults = intake.defaults;
    resolver.ndots = resolver.ndots.or(defaults.number(&product, "ndots"));
    resolver.timeout = resolver.timeout.or(defaults.time(&product, "timeout"));
    resolver.attempts = resolver.attempts.or(defaults.number(&product, "attempts"));
    resolver.rotate = resolver.rotate.or(defaults.flag(&product, "rotate"));
    let single = defaults.flag(&product, "single-request");
    resolver.single_request = resolver.single_request.or(single);
    resolver
}

fn read_option(option: &str, at: SourceSpan, resolver: &mut Resolver, intake: &mut Intake<'_>) {
    let (name, value) = option.split_once(':').unwrap_or((option, ""));
    let number: Option<u64> = value.parse().ok();
    let bounded = |most: u64| number.map(|number| number.min(most));
    match name {
        "rotate" => resolver.rotate = Setting::set(true, at),
        "single-request" | "single-request-reopen" => {
            resolver.single_request = Setting::set(true, at);
        }
        "ndots" | "timeout" | "attempts" if number.is_none() => {
            let message = format!("`{name}` has to be a number, as `{name}:2`, not `{option}`");
            intake.malformed(at, message);
        }
        "ndots" => {
            let most = bounded(MOST_NDOTS);
            resolver.ndots = most.map_or_else(Setting::default, |it| Setting::set(it, at));
        }
        "timeout" => {
            let span = bounded(MOST_SECONDS).map(|it| Span::from_secs(it as i64));
            resolver.timeout = span.map_or_else(Setting::default, |it| Setting::set(it, at));
        }
        "attempts" => {
            let most = bounded(MOST_ATTEMPTS);
            resolver.attempts = most.map_or_else(Setting::default, |it| Setting::set(it, at));
        }
        _ if OTHER_OPTIONS.contains(&name) => {}
        _ => intake.unknown_word("options of resolv.conf", name, at),
    }
}

fn values(text: &Text<'_>, intake: &mut Intake<'_>) -> Vec<NamedValue> {
    let mut values = Vec::new();
    for line in lines(text.source, text.bytes).filter(|line| !is_comment(line)) {
        let written = line.text.strip_prefix('-').unwrap_or(&line.text);
        let Some((name, value)) = written.split_once('=') else {
            // A name behind a dash leaves it out of patterns (sysctl.d(5)).
            if !line.text.starts_with('-') {
                let message = format!("`{written}` sets nothing: write `name = value`");
                intake.malformed(line.at, message);
            }
            continue;
        };
        values.push(NamedValue {
            name: dotted(name.trim()),
            value: value.trim().to_owned(),
            at: line.at,
        });
    }
    values
}

/// The name with dots between its parts; where the first separator is a slash, dots and slashes
/// stand for one another (sysctl.d(5)).
fn dotted(name: &str) -> String {
    let first = name.chars().find(|letter| matches!(letter, '.' | '/'));
    if first != Some('/') {
        return name.to_owned();
    }
    let swap = |letter| match letter {
        '/' => '.',
        '.' => '/',
        other => other,
    };
    name.chars().map(swap).collect()
}
