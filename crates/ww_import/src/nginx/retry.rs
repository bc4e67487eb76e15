//! When nginx asks another server, and what it does with connections that it keeps.

use super::lower::Lowering;
use super::pass::{Way, Whom};
use super::scope::Scope;
use super::tree::Directive;
use super::upstream::Group;
use super::value::{none, off_at_zero};
use ww_base::{Gap, Setting, Span};
use ww_model::service::{Methods, Retry, RetryOn};

impl<'t> Lowering<'t, '_, '_> {
    /// Retries, and what becomes of a request that meets a connection which the server has closed.
    pub(super) fn retries(&mut self, scope: &Scope<'t>, way: &Way<'t>) -> (Retry, Methods) {
        let name = format!("{}_next_upstream", way.prefix);
        let written = scope.one(&name);
        let words = match written {
            Some(directive) => Setting::set(directive.words(), directive.at),
            None => self.default_word("proxy_next_upstream"),
        };
        let known = words.value().cloned().unwrap_or_default();
        let has = |word: &str| known.split_whitespace().any(|one| one == word);
        let methods = if has("non_idempotent") {
            Methods::All
        } else {
            Methods::Idempotent
        };
        let is_off = has("off");
        let on_stale = if is_off || !has("error") {
            Methods::None
        } else {
            methods
        };
        let pause = "nginx asks the next server at once";
        let retry = Retry {
            attempts: match written.filter(|_| is_off) {
                Some(directive) => Setting::set(1, directive.at),
                None => self.attempts(scope, way),
            },
            on: words.clone().map(|words| retried(&words)),
            methods: words.map(|_| if is_off { Methods::None } else { methods }),
            per_try: none("nginx bounds silence within a try, not the try"),
            until: self.until(scope, &name),
            backoff: none(pause),
            budget_percent: none("nginx has no budget of retries"),
            at_once: none("nginx has no budget of retries"),
            tries_each_address: self.tries_each_address(scope, way, is_off),
            elsewhere: Setting::set(true, way.group_place()),
            heeds_retry_after: none(pause),
        };
        (retry, on_stale)
    }

    fn until(&mut self, scope: &Scope<'t>, name: &str) -> Setting<Span> {
        let name = format!("{name}_timeout");
        off_at_zero(
            self.time(scope, &name, "proxy_next_upstream_timeout"),
            &Span::ZERO,
        )
    }

    /// Each server is asked once; `…_next_upstream_tries` may ask for fewer.
    fn attempts(&mut self, scope: &Scope<'t>, way: &Way<'t>) -> Setting<u64> {
        let servers = match &way.whom {
            Whom::Unknown => {
                return Setting::Unknown(Gap::new(
                    format!("how many servers `{}` stands for", way.pass.words()),
                    "the upstream block that it names, or the name in place of the variable",
                ));
            }
            Whom::Group(group) => group.servers().count().max(1) as u64,
            Whom::Hosts => 1,
        };
        let name = format!("{}_next_upstream_tries", way.prefix);
        let tries: Setting<u64> = self.number(scope, &name, "proxy_next_upstream_tries");
        match tries {
            Setting::Set(tries) if (1..servers).contains(&tries.value) => Setting::Set(tries),
            _ => Setting::set(servers, way.group_place()),
        }
    }

    /// nginx looks a name up when it starts and takes each of its addresses for a server, of as many as
    /// `…_next_upstream_tries` allows.
    fn tries_each_address(
        &mut self,
        scope: &Scope<'t>,
        way: &Way<'t>,
        is_off: bool,
    ) -> Setting<bool> {
        if is_off {
            return none("nginx asks no other server");
        }
        let name = format!("{}_next_upstream_tries", way.prefix);
        let tries: Setting<u64> = self.number(scope, &name, "proxy_next_upstream_tries");
        match tries {
            Setting::Set(one) if one.value == 1 => Setting::Off(one.at),
            Setting::Unknown(gap) => Setting::Unknown(gap),
            _ => Setting::set(true, way.group_place()),
        }
    }

    /// Whether connections to a group's servers are used again.
    pub(super) fn reuses(&mut self, scope: &Scope<'t>, way: &Way<'t>) -> Setting<bool> {
        let group = match &way.whom {
            Whom::Group(group) => group,
            Whom::Hosts => {
                return none("nginx keeps connections to servers of an upstream block only");
            }
            Whom::Unknown => {
                return Setting::Unknown(Gap::new(
                    format!("whether `{}` names an upstream block", way.pass.words()),
                    "the upstream block that it names, or the name in place of the variable",
                ));
            }
        };
        let keepalive = group.scope.one("keepalive");
        if let Some(zero) = keepalive.filter(|one| one.arg(0) == Some("0")) {
            return Setting::set(false, zero.at);
        }
        if let Some(keepalive) = keepalive.filter(|one| is_replaced(group, one)) {
            return self.kept_in_front(keepalive);
        }
        let set = |directive: &Directive| Setting::set(true, directive.at);
        match way.prefix {
            "proxy" => self.reuses_http(scope, keepalive),
            "grpc" | "memcached" => keepalive.map_or_else(|| self.kept_by_version(), set),
            "fastcgi" => {
                let keeps = self.flag(scope, "fastcgi_keep_conn", "fastcgi_keep_conn");
                if keeps.value() == Some(&true) {
                    keepalive.map_or_else(|| self.kept_by_version(), set)
                } else {
                    keeps
                }
            }
            _ => none("the protocol closes the connection behind each request"),
        }
    }

    /// Whether nginx keeps connections where nothing is written.
    fn kept_by_version(&self) -> Setting<bool> {
        let defaults = self.intake.defaults;
        defaults.flag(&self.product, "upstream keepalive")
    }

    /// A pool that is asked for in front of the method of balancing: the method takes its place
    /// before nginx 1.29.7, so that nothing is kept.
    fn kept_in_front(&self, keepalive: &Directive) -> Setting<bool> {
        let defaults = self.intake.defaults;
        let name = "keepalive in front of the method";
        match defaults.flag(&self.product, name) {
            Setting::Default { value: true, .. } => Setting::set(true, keepalive.at),
            other => other,
        }
    }

    /// HTTP/1.1 without `Connection: close`: both have to be written before nginx 1.29.7.
    fn reuses_http(&mut self, scope: &Scope<'t>, keepalive: Option<&Directive>) -> Setting<bool> {
        let version = scope.one("proxy_http_version");
        if let Some(old) = version.filter(|one| one.arg(0) == Some("1.0")) {
            return Setting::set(false, old.at);
        }
        let connection = header(scope, "Connection");
        let sent = connection.map(|header| (self.connection_sent(header), header));
        if let Some((Some(false), header)) = sent {
            return Setting::set(false, header.at);
        }
        if let Some((None, header)) = sent {
            return Setting::Unknown(Gap::new(
                format!("what `{}` sends as Connection", header.words()),
                format!("the value that `{}` has for requests", header.words()),
            ));
        }
        match (keepalive, version, connection) {
            (Some(keepalive), Some(_), Some(_)) => Setting::set(true, keepalive.at),
            _ => self.kept_by_version(),
        }
    }

    /// Whether a Connection header lets an ordinary request's connection live; none when a request
    /// decides.
    fn connection_sent(&self, header: &Directive) -> Option<bool> {
        let value = header.arg(1).unwrap_or_default();
        let value = match value.strip_prefix('$') {
            Some(variable) => self.maps.of_key(variable, "")?,
            None => value,
        };
        if value.contains('$') {
            return None;
        }
        Some(!value.eq_ignore_ascii_case("close"))
    }

    /// Whether `Upgrade` is passed on: it and `Connection` have to be set, with HTTP/1.1.
    pub(super) fn passes_upgrade(&mut self, scope: &Scope<'t>) -> Setting<bool> {
        let Some(upgrade) = header(scope, "Upgrade") else {
            return none("nginx passes no Upgrade header on unless one is set");
        };
        let is_sent = upgrade.arg(1).is_some_and(|value| !value.is_empty());
        if !is_sent || header(scope, "Connection").is_none() {
            return Setting::set(false, upgrade.at);
        }
        match scope.one("proxy_http_version") {
            Some(version) if version.arg(0) == Some("1.0") => Setting::set(false, version.at),
            Some(_) => Setting::set(true, upgrade.at),
            None => self
                .default_word("proxy_http_version")
                .map(|version| version != "1.0"),
        }
    }
}

/// Whether a method of balancing stands behind `keepalive` in a group, and so takes its place.
fn is_replaced(group: &Group<'_>, keepalive: &Directive) -> bool {
    let methods = ["ip_hash", "hash", "least_conn", "least_time", "random"];
    let method = methods.iter().find_map(|name| group.scope.one(name));
    method.is_some_and(|method| {
        method.at.source == keepalive.at.source && method.at.start > keepalive.at.start
    })
}

/// What makes nginx ask the next server, from the words of `…_next_upstream`.
fn retried(words: &str) -> Vec<RetryOn> {
    let mut on = Vec::new();
    for word in words.split_whitespace() {
        match word {
            "error" => on.extend([RetryOn::Connect, RetryOn::Reset]),
            "timeout" => on.push(RetryOn::Timeout),
            _ => {
                let status = word.strip_prefix("http_");
                let status = status.and_then(|status| status.parse().ok());
                on.extend(status.map(RetryOn::Status));
            }
        }
    }
    on
}

/// The directive that sets a header of requests to servers.
fn header<'t>(scope: &Scope<'t>, name: &str) -> Option<&'t Directive> {
    let headers = scope.all("proxy_set_header").iter();
    let mut fitting = headers.filter(|header| {
        let written = header.arg(0).unwrap_or_default();
        written.eq_ignore_ascii_case(name)
    });
    fitting.next().copied()
}

/// Whether a location is for streams only: it always asks for an upgrade.
pub(super) fn streams(scope: &Scope<'_>) -> Setting<bool> {
    let connection = header(scope, "Connection");
    let always = connection.filter(|sent| {
        let value = sent.arg(1).unwrap_or_default();
        value.eq_ignore_ascii_case("upgrade") && header(scope, "Upgrade").is_some()
    });
    match always {
        Some(header) => Setting::set(true, header.at),
        None => Setting::Unknown(Gap::new(
            "whether requests of this location are long streams",
            "an example of such a request",
        )),
    }
}
