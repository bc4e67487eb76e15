//! Probes of servers.

use super::lower::Lowering;
use super::proxy::Proxy;
use super::server::Server;
use super::value::address;
use ww_base::{Setting, SourceSpan};
use ww_model::service::{CheckKind, HealthCheck, Target};

/// Options that ask in a protocol of their own.
const PROTOCOLS: [&str; 8] = [
    "redis-check",
    "mysql-check",
    "pgsql-check",
    "smtpchk",
    "ldap-check",
    "ssl-hello-chk",
    "spop-check",
    "external-check",
];

impl<'t> Lowering<'t, '_, '_> {
    /// The probe of a backend, as its first server with `check` has it.
    pub(super) fn checks(&mut self, proxy: &Proxy<'t>, servers: &[Server<'t>]) -> Vec<HealthCheck> {
        let checked: Vec<Server<'t>> = servers
            .iter()
            .filter(|server| server.flag("check").is_some())
            .cloned()
            .collect();
        let Some(first) = checked.first() else {
            return Vec::new();
        };
        let (kind, at) = kind(proxy).unwrap_or((CheckKind::Connect, first.line.at));
        let interval = self.server_time(&checked, "inter");
        let timeout = self.timeout(proxy, "check");
        let encrypts = first.flag("check-ssl").or_else(|| {
            let is_same = elsewhere(first).is_none();
            first.flag("ssl").filter(|_| is_same)
        });
        let bound = |this: &mut Self, name: &str| this.server_bound(&checked, name, name);
        vec![HealthCheck {
            at,
            kind,
            elsewhere: elsewhere(first),
            timeout: if timeout.is_off() {
                interval.clone()
            } else {
                timeout
            },
            interval,
            fall: bound(self, "fall"),
            rise: bound(self, "rise"),
            statuses: statuses(proxy),
            encrypts: Setting::set(
                encrypts.is_some(),
                encrypts.map_or(first.line.at, |line| line.at),
            ),
        }]
    }
}

/// What is asked, and where that is written; none for whether the port accepts a connection.
fn kind(proxy: &Proxy<'_>) -> Option<(CheckKind, SourceSpan)> {
    if let Some(line) = proxy.option("httpchk") {
        let send = proxy
            .everywhere("http-check")
            .find(|check| check.word(1) == "send");
        let uri = send.and_then(|line| line.behind("uri"));
        let path = match (uri, line.words.len()) {
            (Some(uri), _) => &uri.text,
            (None, 3) => line.word(2),
            (None, 4..) => line.word(3),
            (None, _) => "/",
        };
        let words = send.into_iter().flat_map(|send| &send.words);
        let words: Vec<&str> = words.map(|word| word.text.as_str()).collect();
        let host = words.windows(3).find_map(|three| match three {
            ["hdr", name, value] if name.eq_ignore_ascii_case("host") => Some((*value).to_owned()),
            _ => None,
        });
        let kind = CheckKind::Http {
            path: path.to_owned(),
            host,
        };
        return Some((kind, line.at));
    }
    let own = PROTOCOLS.iter().find_map(|name| proxy.option(name));
    if let Some(line) = own {
        return Some((CheckKind::Protocol, line.at));
    }
    let asks = proxy
        .everywhere("tcp-check")
        .any(|line| matches!(line.word(1), "send" | "send-binary" | "expect"));
    let line = proxy.option("tcp-check")?;
    let kind = if asks {
        CheckKind::Protocol
    } else {
        CheckKind::Connect
    };
    Some((kind, line.at))
}

/// Where a server is asked when that is not where requests go.
fn elsewhere(server: &Server<'_>) -> Option<Target> {
    let port = server.value("port");
    let host = server.value("addr");
    let (_, line) = port.or(host)?;
    let own = server.target();
    Some(Target {
        at: line.at,
        host: host.map_or(own.host.clone(), |(word, _)| address(&word.text).0),
        port: port.map_or(own.port, |(word, _)| word.text.parse().ok()),
        ..own
    })
}

/// Statuses that count as healthy: `http-check expect status`.
fn statuses(proxy: &Proxy<'_>) -> Vec<(u16, u16)> {
    let mut lines = proxy.everywhere("http-check");
    let expect = lines.find(|line| line.word(1) == "expect" && line.word(2) == "status");
    let text = expect.map_or("", |line| line.word(3));
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    text.split(',').filter_map(range).collect()
}
