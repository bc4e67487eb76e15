//! Groups of servers.

use super::address::Address;
use super::lower::Lowering;
use super::scope::Scope;
use super::tree::Directive;
use super::value::{has_word, none, off_at_zero, option};
use ww_base::{Setting, SourceSpan, Span};
use ww_model::service::{Passive, Picking, Target, TargetFails};

/// A group of servers (`upstream`).
#[derive(Clone)]
pub(super) struct Group<'t> {
    pub(super) directive: &'t Directive,
    /// What stands in it.
    pub(super) scope: Scope<'t>,
}

impl<'t> Group<'t> {
    pub(super) fn new(directive: &'t Directive) -> Group<'t> {
        Group {
            directive,
            scope: Scope::default().inside(directive.inner()),
        }
    }

    /// Its servers, without those that are marked as down.
    pub(super) fn servers(&self) -> impl Iterator<Item = &'t Directive> {
        let servers = self.scope.own("server").iter().copied();
        servers.filter(|server| !has_word(server, "down"))
    }

    /// Its servers as targets; `port` is that of the protocol.
    pub(super) fn targets(&self, port: Option<u16>) -> Vec<Target> {
        let target = |server: &Directive| {
            let address = Address::parse(server.arg(0).unwrap_or_default());
            let is_name = !address.host.starts_with("unix:") && !is_literal(&address.host);
            Target {
                at: server.at,
                port: address
                    .port
                    .or(port.filter(|_| !address.host.starts_with("unix:"))),
                host: if address.host.contains('$') {
                    String::new()
                } else {
                    address.host
                },
                is_backup: has_word(server, "backup"),
                resolves_again: if is_name {
                    Setting::set(has_word(server, "resolve"), server.at)
                } else {
                    none("an address is not looked up")
                },
                subset: None,
            }
        };
        self.servers().map(target).collect()
    }
}

impl<'t> Lowering<'t, '_, '_> {
    /// How a server of a group is picked.
    pub(super) fn picking(&mut self, group: &Group<'t>) -> Setting<Picking> {
        const METHODS: [(&str, Picking); 6] = [
            ("sticky", Picking::Cookie),
            ("ip_hash", Picking::ClientAddress),
            ("hash", Picking::Hash),
            ("least_conn", Picking::LeastRequests),
            ("least_time", Picking::LeastRequests),
            ("random", Picking::Random),
        ];
        let written = METHODS.iter().find_map(|(name, picking)| {
            let directive = group.scope.one(name)?;
            Some(Setting::set(exact(*picking, directive), directive.at))
        });
        let default = || self.default_word("upstream method");
        written.unwrap_or_else(|| default().map(|_| Picking::RoundRobin))
    }

    /// What is learnt about the servers of a group. The numbers are those of the server that is
    /// taken out first; nginx ignores them for a group's only server.
    pub(super) fn passive(&mut self, group: &Group<'t>) -> Passive {
        let servers: Vec<&Directive> = group.servers().collect();
        let zone = group.scope.one("zone");
        let shares = match zone {
            Some(zone) => Setting::set(true, zone.at),
            None => self.intake.defaults.flag(&self.product, "upstream zone"),
        };
        if servers.len() < 2 {
            let only = "nginx does not take out the only server of a group";
            return Passive {
                max_fails: none(only),
                by_target: Vec::new(),
                fail_timeout: none(only),
                is_shared: shares,
                slow_start: none(only),
            };
        }
        let fails = servers
            .iter()
            .map(|server| match option(server, "max_fails") {
                Some((text, _)) => self.number_of(text, server.at, "max_fails"),
                None => self.default_number("max_fails"),
            });
        let fails: Vec<Setting<u64>> = fails.collect();
        let each = servers.iter().zip(&fails);
        let by_target = each.map(|(server, fails)| TargetFails {
            at: server.at,
            max_fails: off_at_zero(fails.clone(), &0),
        });
        let by_target = by_target.collect();
        let is_on = |(_, fails): &(&&Directive, &Setting<u64>)| fails.value() != Some(&0);
        let pairs = servers.iter().zip(&fails).filter(is_on);
        let Some((server, strictest)) = pairs.min_by_key(|(_, fails)| fails.value().copied())
        else {
            let first = fails.into_iter().next().unwrap_or_default();
            return Passive {
                max_fails: off_at_zero(first, &0),
                by_target,
                is_shared: shares,
                ..Passive::default()
            };
        };
        Passive {
            max_fails: strictest.clone(),
            by_target,
            fail_timeout: self.server_time(server, "fail_timeout"),
            is_shared: shares,
            slow_start: self.server_time(server, "slow_start"),
        }
    }

    fn server_time(&mut self, server: &Directive, name: &str) -> Setting<Span> {
        match option(server, name) {
            Some((text, _)) => off_at_zero(self.time_of(text, server.at, name), &Span::ZERO),
            None => self.default_time(name),
        }
    }

    /// The most connections to one server: the smallest `max_conns`.
    pub(super) fn max_conns(&mut self, group: &Group<'t>) -> Setting<u64> {
        let mut least: Option<(u64, SourceSpan)> = None;
        for server in group.servers() {
            let written = option(server, "max_conns").and_then(|(text, _)| text.parse().ok());
            if let Some(number) = written
                && number > 0
                && least.is_none_or(|(known, _)| number < known)
            {
                least = Some((number, server.at));
            }
        }
        match least {
            Some((number, at)) => Setting::set(number, at),
            None => self.default_number("max_conns"),
        }
    }
}

/// The method with what its words add: what is hashed, and how.
fn exact(picking: Picking, directive: &Directive) -> Picking {
    let is_address = matches!(
        directive.arg(0),
        Some("$remote_addr" | "$binary_remote_addr")
    );
    match picking {
        Picking::Hash if is_address => Picking::ClientAddress,
        Picking::Hash if has_word(directive, "consistent") => Picking::ConsistentHash,
        other => other,
    }
}

/// Whether a host is an address and no name.
pub(super) fn is_literal(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}
