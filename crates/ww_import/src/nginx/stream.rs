//! The module `stream`: bytes between connections.

use super::address::{Address, Destination};
use super::listen::{port, server_names};
use super::lower::{Lowering, groups};
use super::scope::Scope;
use super::tree::Directive;
use super::upstream::{Group, is_literal};
use super::value::{has_word, none};
use super::variable::{Maps, UNKNOWN};
use ww_base::Setting;
use ww_model::service::{
    Call, ClientSide, Listener, Methods, Passive, Picking, Protocol, Retry, RetryOn, ServerSide,
    Target,
};

impl<'t> Lowering<'t, '_, '_> {
    /// The block `stream`, or a text that stands in it.
    pub(super) fn stream(&mut self, outside: &Scope<'t>, directives: &'t [Directive]) {
        self.groups = groups(directives);
        self.maps = Maps::new(directives);
        let scope = outside.inside(directives);
        for server in directives.iter().filter(|one| one.name.text == "server") {
            self.stream_server(&scope.inside(server.inner()));
        }
    }

    fn stream_server(&mut self, scope: &Scope<'t>) {
        let idle = self.time(scope, "proxy_timeout", "stream proxy_timeout");
        let listens = scope.own("listen");
        let is_udp = listens.iter().any(|listen| has_word(listen, "udp"));
        let protocol = if is_udp { Protocol::Udp } else { Protocol::Tcp };
        let first = self.program.listeners.len();
        for listen in listens {
            self.backlog(Some(listen));
            let tls = has_word(listen, "ssl").then(|| self.tls_server(scope, listen.at));
            let side = ServerSide {
                stream_idle: idle.clone(),
                keepalive_idle: none("a connection without data ends with proxy_timeout"),
                total: none("nginx has no bound on a whole connection"),
                probe_after: self.probe_after(listen),
                ..ServerSide::default()
            };
            let mut own_answers = Vec::new();
            own_answers.extend(
                scope
                    .own("return")
                    .first()
                    .map(|one| (String::new(), one.at)),
            );
            self.program.listeners.push(Listener {
                at: listen.at,
                port: port(listen, None),
                hosts: server_names(scope),
                protocol,
                side,
                tls,
                own_answers,
            });
        }
        let from = (first..self.program.listeners.len()).collect();
        if let Some(pass) = scope.own("proxy_pass").first() {
            self.stream_call(scope, pass, protocol, from);
        }
    }

    fn stream_call(
        &mut self,
        scope: &Scope<'t>,
        pass: &'t Directive,
        protocol: Protocol,
        from: Vec<usize>,
    ) {
        let texts = self.maps.expand(scope, pass.arg(0).unwrap_or_default());
        let names: Vec<String> = texts
            .iter()
            .map(|text| Destination::parse(text).name)
            .collect();
        let group = names
            .iter()
            .find_map(|name| self.groups.get(name.as_str()))
            .map(|group| Group::new(group));
        let mut to = Vec::new();
        for name in &names {
            match self.groups.get(name.as_str()) {
                Some(group) => to.extend(Group::new(group).targets(None)),
                None => to.push(host(name, pass)),
            }
        }
        let encrypts = scope
            .one("proxy_ssl")
            .is_some_and(|one| has_word(one, "on"));
        let name = names.first().filter(|name| !name.contains(UNKNOWN));
        let name = name.cloned().unwrap_or_else(|| pass.words());
        let tls =
            encrypts.then(|| self.tls_client(scope, "proxy", pass.at, &Address::parse(&name).host));
        let side = self.stream_side(scope, pass, group.as_ref());
        let (picking, passive) = if let Some(group) = &group {
            (self.picking(group), self.passive(group))
        } else {
            let picking = self.default_word("upstream method");
            (picking.map(|_| Picking::RoundRobin), Passive::default())
        };
        self.program.calls.push(Call {
            at: pass.at,
            name,
            matches: None,
            from,
            to,
            protocol,
            streams: Setting::default(),
            side,
            picking,
            checks: Vec::new(),
            passive,
            tls,
        });
    }

    /// A connection to a server is as old as that of its client; only making one is tried again.
    fn stream_side(
        &mut self,
        scope: &Scope<'t>,
        pass: &Directive,
        group: Option<&Group<'t>>,
    ) -> ClientSide {
        let idle = self.time(scope, "proxy_timeout", "stream proxy_timeout");
        let once = "each connection of a client has one of its own";
        let tries = self.flag(scope, "proxy_next_upstream", "stream proxy_next_upstream");
        let servers = group.map_or(1, |group| group.servers().count().max(1) as u64);
        let counted = group.map_or(pass.at, |group| group.directive.head());
        let attempts = match tries {
            Setting::Set(ref off) if !off.value => tries.clone().map(|_| 1),
            _ => Setting::set(servers, counted),
        };
        ClientSide {
            reuses: none(once),
            connect: self.time(
                scope,
                "proxy_connect_timeout",
                "stream proxy_connect_timeout",
            ),
            first_byte: idle.clone(),
            stream_idle: idle,
            total: none("nginx has no bound on a whole connection"),
            pool: none(once),
            pool_wait: none(once),
            on_stale: Methods::None,
            retry: Retry {
                attempts,
                on: tries.map(|tries| {
                    let connect = tries.then_some(RetryOn::Connect);
                    connect.into_iter().collect()
                }),
                until: self.time_or_off(
                    scope,
                    "proxy_next_upstream_timeout",
                    "proxy_next_upstream_timeout",
                ),
                elsewhere: Setting::set(true, counted),
                ..Retry::default()
            },
            passes_upgrade: none("bytes are passed on as they are"),
            ..ClientSide::default()
        }
    }
}

/// A host that is named itself.
fn host(name: &str, pass: &Directive) -> Target {
    let address = Address::parse(name);
    let is_known = !name.contains(UNKNOWN);
    let is_name = is_known && !address.host.starts_with("unix:") && !is_literal(&address.host);
    Target {
        at: pass.at,
        port: address.port.filter(|_| is_known),
        host: if is_known {
            address.host
        } else {
            String::new()
        },
        is_backup: false,
        resolves_again: if is_name {
            Setting::set(false, pass.at)
        } else {
            none("there is no name that would be looked up")
        },
        subset: None,
    }
}
