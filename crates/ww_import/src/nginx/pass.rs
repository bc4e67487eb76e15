//! A directive that passes requests on, as a call.

use super::address::Destination;
use super::lower::Lowering;
use super::retry::streams;
use super::scope::Scope;
use super::tree::Directive;
use super::upstream::{Group, is_literal};
use super::value::{none, option};
use super::variable::UNKNOWN;
use ww_base::{Setting, SourceSpan, Span};
use ww_model::service::{
    Breaker, Call, CheckKind, ClientSide, HealthCheck, Outlier, Passive, Picking, Protocol,
    ReferenceKind, Shadowed, Target, Unresolvable, WrittenMatch,
};

/// Whom a directive calls.
pub(super) enum Whom<'t> {
    /// The servers of a group.
    Group(Group<'t>),
    /// Hosts by their names.
    Hosts,
    /// What a variable holds, or what a block that was not given may declare.
    Unknown,
}

/// How a directive passes requests on.
pub(super) struct Way<'t> {
    /// The word that names of settings begin with, as `proxy`.
    pub(super) prefix: &'static str,
    pub(super) pass: &'t Directive,
    pub(super) whom: Whom<'t>,
}

impl Way<'_> {
    /// Where it is written how many servers there are.
    pub(super) fn group_place(&self) -> SourceSpan {
        match &self.whom {
            Whom::Group(group) => group.directive.head(),
            _ => self.pass.at,
        }
    }
}

impl<'t> Lowering<'t, '_, '_> {
    /// Adds the call of a directive that passes requests on.
    pub(super) fn call(
        &mut self,
        scope: &Scope<'t>,
        pass: &'t Directive,
        prefix: &'static str,
        matches: Option<WrittenMatch>,
        listeners: &[usize],
    ) {
        let texts = self.maps.expand(scope, pass.arg(0).unwrap_or_default());
        let destinations: Vec<Destination> =
            texts.iter().map(|text| Destination::parse(text)).collect();
        let groups: Vec<Group<'t>> = destinations
            .iter()
            .filter_map(|one| self.groups.get(one.name.as_str()))
            .map(|group| Group::new(group))
            .collect();
        let is_sure = destinations.iter().all(|one| {
            let may_be_group = self.is_piece && is_plain(&one.name);
            !one.name.contains(UNKNOWN) && !may_be_group
        });
        let whom = match (groups.first(), is_sure) {
            (Some(group), _) => Whom::Group(group.clone()),
            (None, true) => Whom::Hosts,
            (None, false) => Whom::Unknown,
        };
        let way = Way { prefix, pass, whom };
        let scheme = destinations.iter().find_map(|one| one.scheme.clone());
        let encrypts = matches!(scheme.as_deref(), Some("https" | "grpcs" | "suwsgi"));
        let to = self.targets(scope, &way, &destinations, encrypts);
        let name = destinations.first().map_or("", |one| &one.name);
        let name = if name.is_empty() || name.contains(UNKNOWN) {
            pass.words()
        } else {
            name.to_owned()
        };
        let tls =
            encrypts.then(|| self.tls_client(scope, prefix, pass.at, &name_without_port(&name)));
        self.undeclared(pass, &destinations);
        self.shadowed(scope);
        let side = self.client_side(scope, &way);
        let protocol = protocol_of(scope, prefix);
        let (picking, passive) = self.servers(scope, &way);
        let call = Call {
            at: pass.at,
            name,
            matches,
            from: listeners.to_vec(),
            to,
            protocol,
            streams: if prefix == "proxy" {
                streams(scope)
            } else {
                Setting::default()
            },
            side,
            picking,
            checks: self.checks(scope),
            passive,
            tls,
        };
        self.program.calls.push(call);
    }

    /// How a server is picked, and what is learnt about each.
    fn servers(&mut self, scope: &Scope<'t>, way: &Way<'t>) -> (Setting<Picking>, Passive) {
        if let Whom::Group(group) = &way.whom {
            let told = scope.one("set_real_ip_from").is_some();
            let picking = self.picking(group).map(|picking| match picking {
                Picking::ClientAddress if !told => Picking::PeerAddress,
                other => other,
            });
            return (picking, self.passive(group));
        }
        let only = "nginx does not take out the only server of a group";
        let passive = Passive {
            max_fails: none(only),
            by_target: Vec::new(),
            fail_timeout: none(only),
            is_shared: none(only),
            slow_start: none(only),
        };
        let picking = self.default_word("upstream method");
        (picking.map(|_| Picking::RoundRobin), passive)
    }

    /// The servers of the groups that are named, and the hosts that are named themselves.
    fn targets(
        &mut self,
        scope: &Scope<'t>,
        way: &Way<'t>,
        destinations: &[Destination],
        encrypts: bool,
    ) -> Vec<Target> {
        let port = match way.prefix {
            "proxy" | "grpc" if encrypts => Some(443),
            "proxy" | "grpc" => Some(80),
            _ => None,
        };
        let by_variable = way.pass.arg(0).is_some_and(|text| text.contains('$'));
        let mut targets: Vec<Target> = Vec::new();
        for destination in destinations {
            if let Some(group) = self.groups.get(destination.name.as_str()) {
                targets.extend(Group::new(group).targets(port.map(|_| 80)));
                continue;
            }
            let host = &destination.address.host;
            let is_known = !destination.name.contains(UNKNOWN);
            let is_path = host.starts_with("unix:");
            let resolves_again = if !is_known || is_path || is_literal(host) {
                none("there is no name that would be looked up")
            } else if by_variable {
                self.unresolvable(scope, way.pass, destination, port);
                let resolver = scope.one("resolver").map_or(way.pass.at, |one| one.at);
                Setting::set(true, resolver)
            } else {
                Setting::set(false, way.pass.at)
            };
            targets.push(Target {
                at: way.pass.at,
                host: if is_known {
                    host.clone()
                } else {
                    String::new()
                },
                port: if is_path || !is_known {
                    None
                } else {
                    destination.address.port.or(port)
                },
                is_backup: false,
                resolves_again,
                subset: None,
            });
        }
        targets
    }

    fn client_side(&mut self, scope: &Scope<'t>, way: &Way<'t>) -> ClientSide {
        let name = |end: &str| format!("{}_{end}", way.prefix);
        let read = self.time(scope, &name("read_timeout"), "proxy_read_timeout");
        let (retry, on_stale) = self.retries(scope, way);
        let probes = self.presence(scope, &name("socket_keepalive"), "proxy_socket_keepalive");
        let waiting = "nginx opens a connection for each request that finds none idle";
        let mut side = ClientSide {
            reuses: self.reuses(scope, way),
            pool: none(waiting),
            pool_idle: none(waiting),
            pool_wait: none(waiting),
            pool_queue: none(waiting),
            pool_per_target: none(waiting),
            connect: self.time(scope, &name("connect_timeout"), "proxy_connect_timeout"),
            first_byte: read.clone(),
            stream_idle: read,
            total: none("nginx bounds the time between two reads, not the whole answer"),
            probe_after: match probes {
                Setting::Set(on) if on.value => Setting::Unknown(ww_base::Gap::new(
                    "the host's net.ipv4.tcp_keepalive_time, which `proxy_socket_keepalive` takes",
                    "sysctl.conf of the host",
                )),
                Setting::Set(off) => Setting::Off(off.at),
                Setting::Off(at) => Setting::Off(at),
                _ => Setting::default(),
            },
            unacknowledged: none("nginx does not set TCP_USER_TIMEOUT"),
            on_stale,
            retry,
            breaker: Breaker::default(),
            outlier: Outlier::default(),
            buffers_answers: self.flag(scope, &name("buffering"), "proxy_buffering"),
            buffers_requests: self.flag(
                scope,
                &name("request_buffering"),
                "proxy_request_buffering",
            ),
            passes_upgrade: none("only HTTP/1.1 has Upgrade"),
            passes_deadline: none("nginx tells nobody how much time is left"),
            lookup_every: self.lookup_every(scope, way),
            ..ClientSide::default()
        };
        if way.prefix == "proxy" {
            side.passes_upgrade = self.passes_upgrade(scope);
        }
        if way.prefix == "grpc" {
            side.buffers_answers = none("nginx passes gRPC on as it comes");
            side.buffers_requests = none("nginx passes gRPC on as it comes");
        }
        if let Whom::Group(group) = &way.whom {
            self.kept(group, &mut side);
        }
        side
    }

    /// How long the answer of a resolver is taken for true: `valid`, where it is written. The group of
    /// servers may have a resolver of its own.
    fn lookup_every(&mut self, scope: &Scope<'t>, way: &Way<'t>) -> Setting<Span> {
        let own = match &way.whom {
            Whom::Group(group) => group.scope.one("resolver"),
            Whom::Hosts | Whom::Unknown => None,
        };
        let written = own.or_else(|| scope.one("resolver"));
        match written.and_then(|resolver| Some((option(resolver, "valid")?, resolver.at))) {
            Some(((text, _), at)) => self.time_of(text, at, "valid"),
            None => none("nginx keeps an answer of DNS for as long as its TTL says"),
        }
    }

    /// The settings of connections that are kept.
    fn kept(&mut self, group: &Group<'t>, side: &mut ClientSide) {
        let scope = &group.scope;
        side.keepalive_idle = self.time(scope, "keepalive_timeout", "upstream keepalive_timeout");
        side.keepalive_requests =
            self.number(scope, "keepalive_requests", "upstream keepalive_requests");
        side.max_lifetime = self.time(scope, "keepalive_time", "upstream keepalive_time");
        side.keepalive_connections = self.number(scope, "keepalive", "keepalive");
        side.pool_per_target = self.max_conns(group);
    }

    /// `health_check`: probes on a path.
    fn checks(&mut self, scope: &Scope<'t>) -> Vec<HealthCheck> {
        let Some(check) = scope.own("health_check").first() else {
            return Vec::new();
        };
        let number = |this: &mut Self, name: &str| match option(check, name) {
            Some((text, _)) => this.number_of(text, check.at, name),
            None => this.default_number(&format!("health_check {name}")),
        };
        let interval = match option(check, "interval") {
            Some((text, _)) => self.time_of(text, check.at, "interval"),
            None => self.default_time("health_check interval"),
        };
        let path = option(check, "uri").map_or("/", |(path, _)| path);
        vec![HealthCheck {
            at: check.at,
            kind: CheckKind::Http {
                path: path.to_owned(),
                host: None,
            },
            elsewhere: None,
            interval,
            timeout: self.time(scope, "proxy_read_timeout", "proxy_read_timeout"),
            fall: number(self, "fails"),
            rise: number(self, "passes"),
            statuses: Vec::new(),
            encrypts: Setting::default(),
        }]
    }

    /// Notes a name that looks like a group of servers and is none: no dot, no port, in a
    /// configuration that declares groups.
    fn undeclared(&mut self, pass: &'t Directive, destinations: &[Destination]) {
        for one in destinations {
            let name = one.name.as_str();
            let may_be_group = is_plain(name) && !self.is_piece && !self.groups.contains_key(name);
            if may_be_group && !self.groups.is_empty() {
                let declared = self.groups.iter();
                let declared = declared.map(|(name, group)| ((*name).to_owned(), group.head()));
                let declared = declared.collect();
                self.reference(pass.at, ReferenceKind::Backend, name, declared);
            }
        }
    }

    /// Notes a name that is looked up for each request where no server for that is configured: all
    /// such requests are answered with 502 (nginx 1.22.1, measured: "no resolver defined").
    fn unresolvable(
        &mut self,
        scope: &Scope<'t>,
        pass: &'t Directive,
        destination: &Destination,
        port: Option<u16>,
    ) {
        let may_be_elsewhere = self.is_piece || scope.one("include").is_some();
        if scope.one("resolver").is_none() && !may_be_elsewhere {
            self.program.unresolvable.push(Unresolvable {
                at: pass.at,
                host: destination.address.host.clone(),
                port: destination.address.port.or(port),
            });
        }
    }

    /// Notes headers of the blocks around that are not sent, because this block sets others.
    fn shadowed(&mut self, scope: &Scope<'t>) {
        let inner = scope.all("proxy_set_header");
        let Some(first) = inner.first() else {
            return;
        };
        let name = |header: &Directive| header.arg(0).unwrap_or_default().to_ascii_lowercase();
        let own: Vec<String> = inner.iter().map(|header| name(header)).collect();
        for header in scope.everywhere("proxy_set_header") {
            let is_lost = !own.contains(&name(header));
            if is_lost && self.shadowed.insert(header.at) {
                self.program.shadowed.push(Shadowed {
                    at: header.at,
                    setting: format!("proxy_set_header {}", header.arg(0).unwrap_or_default()),
                    by: first.at,
                    because:
                        "a block that sets headers of its own takes none from the blocks around it"
                            .to_owned(),
                });
            }
        }
    }
}

/// Whether a name can be that of a group of servers: it has no dot and no port.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "localhost" && !name.contains(['.', ':', UNKNOWN, '{', '<', '/'])
}

/// A name without the port behind it.
fn name_without_port(name: &str) -> String {
    super::address::Address::parse(name).host
}

/// What is spoken with the servers.
fn protocol_of(scope: &Scope<'_>, prefix: &str) -> Protocol {
    let version = scope.one("proxy_http_version").and_then(|one| one.arg(0));
    match prefix {
        "proxy" if streams(scope).value() == Some(&true) => Protocol::WebSocket,
        "proxy" if version == Some("2") => Protocol::Http2,
        "proxy" => Protocol::Http,
        "grpc" => Protocol::Grpc,
        "memcached" => Protocol::Unknown,
        _ => Protocol::Gateway,
    }
}
