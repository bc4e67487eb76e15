//! Limits on the rate of requests, and on how many are under way.

use super::lower::Lowering;
use super::scope::Scope;
use super::tree::Directive;
use super::value::{has_word, none, option};
use ww_base::{Setting, SourceSpan};
use ww_model::service::{ConcurrencyLimit, Counter, RateLimit, ReferenceKind, Refused};

/// Directives that refer to memory which another directive declares: the one that refers, the one
/// that declares, and the option of the latter that holds the name.
const ZONES: [(&str, &str, &str); 3] = [
    ("limit_req", "limit_req_zone", "zone"),
    ("limit_conn", "limit_conn_zone", "zone"),
    ("proxy_cache", "proxy_cache_path", "keys_zone"),
];

/// Variables that hold the address of the connection's other end.
pub(crate) const PEER: [&str; 3] = ["$binary_remote_addr", "$remote_addr", "$realip_remote_addr"];

impl<'t> Lowering<'t, '_, '_> {
    /// Adds the limits that a block applies itself, and names of zones that nobody declares.
    pub(super) fn limits(&mut self, scope: &Scope<'t>) {
        for (user, declarer, option_name) in ZONES {
            let declared = declared(scope, declarer, option_name);
            for directive in scope.own(user) {
                self.zone(directive, user, &declared);
            }
        }
        for directive in acting(scope, "limit_req") {
            self.rate_limit(scope, directive);
        }
        for directive in acting(scope, "limit_conn") {
            self.concurrency_limit(scope, directive);
        }
    }

    /// Notes the zone of a directive when nobody declares it; a piece leaves that to the rest.
    fn zone(&mut self, directive: &'t Directive, user: &str, declared: &[(String, SourceSpan)]) {
        let name = if user == "limit_req" {
            option(directive, "zone").map(|(name, _)| name)
        } else {
            directive.arg(0).filter(|name| *name != "off")
        };
        let Some(name) = name.filter(|name| !name.contains('$')) else {
            return;
        };
        let is_declared = declared.iter().any(|(known, _)| known == name);
        if !is_declared && !self.is_piece {
            self.reference(directive.at, ReferenceKind::Zone, name, declared.to_vec());
        }
    }

    fn rate_limit(&mut self, scope: &Scope<'t>, directive: &'t Directive) {
        let name = option(directive, "zone").map_or("", |(name, _)| name);
        let zone = named(scope, "limit_req_zone", name);
        let burst = match option(directive, "burst") {
            Some((text, _)) => self.number_of(text, directive.at, "burst"),
            None => self.default_number("limit_req burst"),
        };
        let delays = if has_word(directive, "nodelay") {
            Setting::set(false, directive.at)
        } else {
            Setting::set(true, directive.at)
        };
        let at_once = match option(directive, "delay") {
            Some((text, _)) => self.number_of(text, directive.at, "delay"),
            None => self.default_number("limit_req delay"),
        };
        let refused = self.refused(scope, "limit_req_status");
        let counter = self.counter(scope, zone);
        let per_second = zone.map(|zone| self.rate(zone)).unwrap_or_default();
        self.program.rate_limits.push(RateLimit {
            at: directive.at,
            per_second,
            burst,
            delays,
            at_once,
            refused,
            counter,
        });
    }

    fn concurrency_limit(&mut self, scope: &Scope<'t>, directive: &'t Directive) {
        let zone = named(
            scope,
            "limit_conn_zone",
            directive.arg(0).unwrap_or_default(),
        );
        let at_once = match directive.arg(1) {
            Some(text) => self.number_of(text, directive.at, "limit_conn"),
            None => Setting::default(),
        };
        let refused = self.refused(scope, "limit_conn_status");
        let counter = self.counter(scope, zone);
        self.program.concurrency_limits.push(ConcurrencyLimit {
            at: directive.at,
            at_once,
            refused,
            counter,
        });
    }

    /// The status of what a limit refuses, by the directive that sets it.
    fn refused(&mut self, scope: &Scope<'t>, name: &str) -> Setting<Refused> {
        let status = self.number(scope, name, name);
        status.map(|status| Refused(u16::try_from(status).unwrap_or_default()))
    }

    /// Whom the limits of a zone count.
    fn counter(&self, scope: &Scope<'t>, zone: Option<&'t Directive>) -> Counter {
        let key = zone.and_then(|zone| Some((zone.arg(0)?.to_owned(), zone.at)));
        Counter {
            is_peer_address: key.as_ref().is_some_and(|(key, _)| self.is_peer(key)),
            key: key.map_or_else(Setting::default, |(key, at)| Setting::set(key, at)),
            real_address: match scope.one("set_real_ip_from") {
                Some(directive) => Setting::set(true, directive.at),
                None => {
                    none("nginx takes the connection's other end unless set_real_ip_from is set")
                }
            },
        }
    }

    /// Whether a key is the address of the connection's other end, or is mapped to it.
    fn is_peer(&self, key: &str) -> bool {
        PEER.contains(&key) || {
            let values = self.maps.mapped(key);
            values.iter().any(|value| PEER.contains(value))
        }
    }

    /// `rate=10r/s` or `rate=10r/m` as requests per second.
    fn rate(&mut self, zone: &'t Directive) -> Setting<f64> {
        let Some((text, _)) = option(zone, "rate") else {
            return Setting::default();
        };
        let parts = text
            .strip_suffix("r/s")
            .map(|number| (number, 1.0))
            .or_else(|| text.strip_suffix("r/m").map(|number| (number, 60.0)));
        let (number, seconds) = parts.unwrap_or((text, 1.0));
        let rate: Setting<f64> = self.number_of(number, zone.at, "rate");
        rate.map(|rate| rate / seconds)
    }
}

/// The limits of a block that refuse: a dry run only writes what they would do into the log.
fn acting<'t>(scope: &Scope<'t>, name: &str) -> Vec<&'t Directive> {
    let dry = scope.one(&format!("{name}_dry_run"));
    if dry.is_some_and(|dry| dry.arg(0) == Some("on")) {
        return Vec::new();
    }
    scope.own(name).to_vec()
}

/// The directive that declares the zone of a name.
fn named<'t>(scope: &Scope<'t>, declarer: &str, name: &str) -> Option<&'t Directive> {
    scope.everywhere(declarer).find(|zone| {
        let declared = option(zone, "zone").map_or("", |(name, _)| name);
        declared.split(':').next() == Some(name)
    })
}

/// The names that directives of a block or those around it declare.
fn declared(scope: &Scope<'_>, declarer: &str, option_name: &str) -> Vec<(String, SourceSpan)> {
    scope
        .everywhere(declarer)
        .filter_map(|directive| {
            let (zone, _) = option(directive, option_name)?;
            let name = zone.split(':').next()?;
            Some((name.to_owned(), directive.at))
        })
        .collect()
}
