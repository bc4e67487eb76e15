//! `connection-churn`: a connection for every request.

use crate::roster::Trait;
use crate::rule::rule;
use crate::shared::{Tally, frequent};
use crate::{Sighting, Sightings, Story, Subject, View};
use std::net::IpAddr;
use ww_base::Span;
use ww_evidence::{Endpoint, TcpFlow};
use ww_finding::Severity;

rule! {
    name: "connection-churn",
    family: "tcp",
    layer: Tcp,
    class: Performance,
    severity: Low,
    owner: Application,
    summary: "A client opens a new connection for every request: much of the time goes into handshakes",
    needs: [TcpHandshake],
    explains: [],
    page: "connection_churn.md",
    detect: detect,
    tell: tell,
}

/// Fewer connections are no burden.
const MANY: usize = 100;

/// New connections per second below which nobody suffers.
const PER_SECOND: f64 = 5.0;

/// Share of the connections' time in handshakes below which reuse would gain little.
const HANDSHAKE_SHARE: f64 = 0.05;

/// Ports of the usual local range; each rests 60 s after use.
const PORTS: f64 = 28_232.0;

/// What connections of one client to one service add up to.
#[derive(Clone, Debug, Default)]
struct Churn {
    subjects: Vec<Subject>,
    single: usize,
    handshakes: Span,
    total: Span,
    first: Option<(ww_base::Moment, u64)>,
    last: Option<(ww_base::Moment, u64)>,
}

impl Churn {
    fn add(&mut self, subject: Subject, flow: &TcpFlow) {
        self.subjects.push(subject);
        self.single += usize::from(flow.exchanges.answered <= 1);
        let handshake = flow
            .handshake
            .round_trip()
            .unwrap_or(flow.rtt.unwrap_or(Span::ZERO));
        self.handshakes += handshake;
        self.total += flow.duration();
        let start = (flow.first.at, flow.first.frame());
        self.first = Some(self.first.map_or(start, |first| first.min(start)));
        self.last = Some(self.last.map_or(start, |last| last.max(start)));
    }

    fn per_second(&self) -> f64 {
        let (Some((first, _)), Some((last, _))) = (self.first, self.last) else {
            return 0.0;
        };
        self.subjects.len() as f64 / (last - first).as_secs().max(1.0)
    }

    fn handshake_share(&self) -> f64 {
        self.handshakes.as_secs() / self.total.as_secs().max(1e-9)
    }

    fn is_churn(&self) -> bool {
        self.subjects.len() >= MANY
            && self.single * 10 >= self.subjects.len() * 9
            && self.per_second() >= PER_SECOND
            && self.handshake_share() >= HANDSHAKE_SHARE
    }
}

fn all(view: &View<'_>) -> Vec<((IpAddr, Endpoint), Churn)> {
    let used = || {
        let connections = view.roster().connections();
        let used = connections.filter(|(_, row)| row.is(Trait::Used));
        used.map(|(subject, row)| ((row.client, row.service), subject))
    };
    let many = frequent(used().map(|(key, _)| key), MANY);
    if many.is_empty() {
        return Vec::new();
    }
    let mut all: Tally<(IpAddr, Endpoint), Churn> = Tally::new();
    for (_, subject) in used().filter(|(key, _)| many.contains(key)) {
        if let Some(flow) = view.flow(subject) {
            all.of((flow.client.addr, flow.server)).add(subject, flow);
        }
    }
    all.into_sorted(Churn::is_churn)
}

fn key(client: IpAddr, server: Endpoint) -> String {
    format!("{client} > {server}")
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for ((client, server), churn) in all(view) {
        let (Some((_, first)), Some((_, last))) = (churn.first, churn.last) else {
            continue;
        };
        let mut sighting = Sighting::new(Subject::Capture, key(client, server))
            .count(churn.subjects.len() as u64)
            .lost(churn.handshakes)
            .show(view.frames(
                first,
                last,
                format!(
                    "tcp.flags.syn == 1 && tcp.flags.ack == 0 && {} == {} && tcp.dstport == {}",
                    if server.addr.is_ipv6() {
                        "ipv6.dst"
                    } else {
                        "ip.dst"
                    },
                    server.addr,
                    server.port
                ),
                "the first SYN to the last",
            ));
        sighting.subjects = churn.subjects;
        sightings.add(sighting);
    }
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let group = sightings.first().map(|sighting| sighting.group.as_str());
    let Some(((client, server), churn)) = all(view)
        .into_iter()
        .find(|((client, server), _)| Some(key(*client, *server).as_str()) == group)
    else {
        return Story::observed("", "");
    };
    let rate = churn.per_second();
    let exhausting = rate * 60.0 > PORTS * 0.7;
    let ports = if exhausting {
        "; at this rate the client runs out of ports"
    } else {
        ""
    };
    Story::observed(
        format!(
            "{client} opened {} connections to {server}, {rate:.0} per second, {} of them for one request at most; {:.0} % of their time went into handshakes{ports}",
            churn.subjects.len(),
            churn.single,
            100.0 * churn.handshake_share()
        ),
        "many independent clients behind one address (NAT), which cannot share connections",
    )
    .severity(if exhausting {
        Severity::Medium
    } else {
        Severity::Low
    })
    .advise("Reuse connections: an HTTP client with a pool (Go: one http.Client, body read and closed; Python: requests.Session; Node.js: http.Agent with keepAlive; Java: one HttpClient)")
    .advise("Between nginx and its upstreams: upstream { keepalive 32; }, proxy_http_version 1.1 and proxy_set_header Connection \"\"; in HAProxy: http-reuse safe")
    .advise("See that the server does not close after each answer: no Connection: close, keepalive_timeout above 0")
}
