//! Where a proxy listens, and the timers of that side.

use super::condition;
use super::lower::Lowering;
use super::proxy::Proxy;
use super::section::Line;
use super::value::{address, none};
use ww_base::{Gap, Setting, SourceSpan};
use ww_model::service::{Listener, Protocol, ServerSide};

impl<'t> Lowering<'t, '_, '_> {
    /// Adds the listeners of a frontend; their indices.
    pub(super) fn listeners(&mut self, proxy: &Proxy<'t>) -> Vec<usize> {
        let first = self.program.listeners.len();
        let head = &proxy.section.head;
        let on_head = head.words.get(2).filter(|word| word.text.contains(':'));
        let binds = proxy.own(&["bind"]).map(|line| (line, 1));
        let binds = on_head.map(|_| (head, 2)).into_iter().chain(binds);
        let own_answers = own_answers(proxy);
        let side = self.server_side(proxy);
        for (line, number) in binds {
            for text in line.word(number).split(',') {
                let mut side = side.clone();
                let alpn = line.behind("alpn").map_or("", |alpn| &alpn.text);
                let is_new = proxy.is_http()
                    && (alpn.split(',').any(|one| one == "h2")
                        || line.behind("proto").is_some_and(|proto| proto.text == "h2"));
                if is_new {
                    side.max_streams = self.max_streams();
                }
                let encrypts = line
                    .words
                    .iter()
                    .skip(number)
                    .any(|word| word.text == "ssl");
                let tls = encrypts.then(|| self.tls_server(line));
                let (host, port) = address(text);
                self.program.bind(&host, port);
                self.program.listeners.push(Listener {
                    at: line.at,
                    port,
                    hosts: Vec::new(),
                    protocol: match (proxy.is_http(), is_new) {
                        (true, true) => Protocol::Http2,
                        (true, false) => Protocol::Http,
                        (false, _) => Protocol::Tcp,
                    },
                    side,
                    tls,
                    own_answers: own_answers.clone(),
                });
            }
        }
        (first..self.program.listeners.len()).collect()
    }

    fn max_streams(&mut self) -> Setting<u64> {
        let names = [
            "tune.h2.fe.max-concurrent-streams",
            "tune.h2.max-concurrent-streams",
        ];
        let line = names.iter().find_map(|name| self.global_line(name));
        self.number_of(line, "tune.h2.fe.max-concurrent-streams")
    }

    fn server_side(&mut self, proxy: &Proxy<'t>) -> ServerSide {
        let client = self.timeout(proxy, "client");
        let is_http = proxy.is_http();
        let bytes = "bytes are passed on as they are";
        let probes = ["clitcpka", "tcpka"];
        ServerSide {
            keepalive_idle: if is_http {
                self.first_timeout(proxy, &["http-keep-alive", "http-request", "client"])
            } else {
                none(bytes)
            },
            keepalive_requests: none("HAProxy does not count requests of a connection"),
            max_age: none("HAProxy closes no connection for its age"),
            max_age_grace: none("HAProxy closes no connection for its age"),
            header: if is_http {
                self.first_timeout(proxy, &["http-request", "client"])
            } else {
                none(bytes)
            },
            body: client.clone(),
            request: none("HAProxy bounds the head of a request and silence in its body"),
            total: none("HAProxy bounds silence, not a whole request"),
            stream_idle: client,
            max_streams: none("there are no streams without HTTP/2"),
            least_ping_interval: none("HAProxy does not count pings"),
            statement: none("HAProxy has no statements"),
            idle_in_transaction: none("HAProxy has no transactions"),
            heartbeat: none("HAProxy sends no pings of its own"),
            probe_after: probe_after(proxy, &probes),
            connections: match proxy.one(&["maxconn"]) {
                Some(line) => self.number(line.word(1), line.at, "maxconn"),
                None => none("a frontend takes as many connections as the process"),
            },
        }
    }
}

/// TCP keep-alive, which one of these options turns on.
pub(super) fn probe_after(proxy: &Proxy<'_>, options: &[&str]) -> Setting<ww_base::Span> {
    match options.iter().find_map(|name| proxy.option(name)) {
        Some(line) => Setting::Unknown(Gap::new(
            format!(
                "the host's net.ipv4.tcp_keepalive_time, which `{}` takes",
                line.rest(0)
            ),
            "sysctl.conf of the host",
        )),
        None => none("no option for TCP keep-alive is set"),
    }
}

/// Paths that HAProxy answers itself: `monitor-uri`, `http-request return`, `stats uri`.
fn own_answers(proxy: &Proxy<'_>) -> Vec<(String, SourceSpan)> {
    let monitor = proxy.one(&["monitor-uri"]);
    let monitor = monitor.map(|line| (line.word(1).to_owned(), line.at));
    let stats = proxy.one(&["stats", "uri"]);
    let stats = stats.map(|line| (line.word(2).to_owned(), line.at));
    let answer = |line: &Line| {
        let path = match condition::of_line(proxy.section, line) {
            None => "/".to_owned(),
            Some(condition) => condition::path(&condition)?.to_owned(),
        };
        Some((path, line.at))
    };
    let returned = proxy.own(&["http-request", "return"]).filter_map(answer);
    monitor.into_iter().chain(stats).chain(returned).collect()
}
