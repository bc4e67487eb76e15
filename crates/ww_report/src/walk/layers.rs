//! A line per layer: what was seen there, and whether it is as it should be.

use crate::words::{count_of, listed};
use std::collections::BTreeSet;
use ww_base::{Locus, Moment, Span, chance};
use ww_evidence::transcript::{
    BindingOutcome, ConnectOutcome, DnsVia, GreetingOutcome, HttpOutcome, HttpVersion,
    KeepAliveProbe, LookupOutcome, PeerReply, SecurityVerdict, Seen, Service, Target, TlsOutcome,
    Transcript, Validation, WebSocketOutcome,
};
use ww_finding::{Finding, Layer, Severity};

/// What is shown of a record.
const RECORD_CHARS: usize = 60;

/// A part of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Names to addresses.
    Names,
    /// Addresses to connections.
    Connection,
    /// Encryption and identity.
    Tls,
    /// Requests.
    Http,
    /// What is spoken beyond.
    Application,
}

impl Stage {
    const ALL: [Stage; 5] = [
        Stage::Names,
        Stage::Connection,
        Stage::Tls,
        Stage::Http,
        Stage::Application,
    ];

    /// Its word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Names => "name",
            Stage::Connection => "connect",
            Stage::Tls => "tls",
            Stage::Http => "http",
            Stage::Application => "app",
        }
    }

    /// The stage that a finding about this walk belongs to. Whatever ails a name server ails names.
    pub(super) fn of_finding(finding: &Finding, transcript: &Transcript) -> Stage {
        let step = finding
            .exhibits
            .first()
            .and_then(|exhibit| match exhibit.at {
                Locus::Probe { source, step } if source == transcript.source => Some(step),
                _ => None,
            });
        let mut layers = transcript.resolver_layers();
        if layers.any(|(layer, _)| Some(layer.number) == step) {
            return Stage::Names;
        }
        match finding.layer {
            Layer::Dns => Stage::Names,
            Layer::Tls => Stage::Tls,
            Layer::Http => Stage::Http,
            Layer::App => Stage::Application,
            Layer::Link | Layer::Ip | Layer::Tcp | Layer::Udp | Layer::Policy | Layer::Capture => {
                Stage::Connection
            }
        }
    }
}

/// How a layer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing wrong was seen.
    Fine,
    /// It works, and something is amiss.
    Poor,
    /// Users notice.
    Broken,
    /// Nothing was asked there.
    NotAsked,
}

/// The line of a layer.
#[derive(Debug)]
pub(crate) struct LayerLine {
    pub(crate) stage: Stage,
    pub(crate) mark: Mark,
    pub(crate) says: String,
}

impl LayerLine {
    /// One character that says how the layer does.
    pub(crate) fn glyph(&self) -> &'static str {
        match self.mark {
            Mark::Fine => "✓",
            Mark::Poor => "!",
            Mark::Broken => "✗",
            Mark::NotAsked => "–",
        }
    }
}

/// The lines of all layers that the target has.
pub(crate) fn lines(transcript: &Transcript, findings: &[Finding]) -> Vec<LayerLine> {
    let target = &transcript.head.target;
    Stage::ALL
        .into_iter()
        .filter_map(|stage| {
            let says = match stage {
                Stage::Names => names(transcript),
                Stage::Connection => connections(transcript),
                Stage::Tls => tls(transcript),
                Stage::Http => http(transcript),
                Stage::Application => application(transcript),
            };
            let due = is_due(stage, target);
            let worst = findings
                .iter()
                .filter(|finding| Stage::of_finding(finding, transcript) == stage)
                .filter(|finding| is_of_walk(finding, transcript))
                .map(|finding| finding.severity)
                .max();
            let mark = match (worst, &says) {
                (Some(severity), _) if severity >= Severity::Medium => Mark::Broken,
                (Some(Severity::Low), _) => Mark::Poor,
                (_, Some(_)) => Mark::Fine,
                (_, None) => Mark::NotAsked,
            };
            (due || says.is_some() || worst.is_some()).then(|| LayerLine {
                stage,
                mark,
                says: says.unwrap_or_else(|| "not reached".to_owned()),
            })
        })
        .collect()
}

/// Whether a target has a layer.
pub(super) fn is_due(stage: Stage, target: &Target) -> bool {
    let service = target.service;
    match stage {
        Stage::Names => !target.is_address(),
        // STUN is spoken over UDP.
        Stage::Connection => service != Service::Stun,
        Stage::Tls => service.is_tls(),
        Stage::Http => matches!(service, Service::Http | Service::Https),
        // Name servers are asked as those of the host are.
        Stage::Application => !matches!(
            service,
            Service::Http | Service::Https | Service::Tcp | Service::Tls | Service::Dns
        ),
    }
}

/// Whether a finding is about what was walked: files and captures may tell of others, and then show nothing else.
pub(super) fn is_of_walk(finding: &Finding, transcript: &Transcript) -> bool {
    let mut exhibits = finding.exhibits.iter().map(|exhibit| &exhibit.at);
    match exhibits.clone().next() {
        Some(Locus::Text(_) | Locus::Frames(_)) => exhibits
            .any(|at| matches!(at, Locus::Probe { source, .. } if *source == transcript.source)),
        Some(Locus::Probe { source, .. }) => *source == transcript.source,
        _ => true,
    }
}

fn names(transcript: &Transcript) -> Option<String> {
    let mut addresses: Vec<&str> = Vec::new();
    let mut took = Span::ZERO;
    let mut asked = false;
    let mut trouble: BTreeSet<String> = BTreeSet::new();
    for (step, lookup) in transcript.lookups().filter(|(_, one)| !one.by_binding) {
        asked = true;
        // Where the system is not asked, the first answer of a server tells.
        let is_first = took == Span::ZERO && matches!(lookup.outcome, LookupOutcome::Answered(_));
        if lookup.via == DnsVia::System || is_first {
            took = step.took;
        }
        match &lookup.outcome {
            LookupOutcome::Answered(answer) => {
                // What a resolver holds back, or only the zone's own servers know, no program is given.
                let is_given = !lookup.checking_disabled && !lookup.authoritative_server;
                for record in &answer.records {
                    let is_address = matches!(record.kind.as_str(), "A" | "AAAA");
                    if is_given && is_address && !addresses.contains(&record.data.as_str()) {
                        addresses.push(&record.data);
                    }
                }
                if answer.rcode != "NOERROR" {
                    trouble.insert(answer.rcode.clone());
                }
            }
            LookupOutcome::TimedOut => _ = trouble.insert("no answer".to_owned()),
            LookupOutcome::Refused => _ = trouble.insert("port closed".to_owned()),
            LookupOutcome::Failed(why) => _ = trouble.insert(why.clone()),
        }
    }
    let resolvers: Vec<String> = transcript.of_resolvers().iter().map(resolver).collect();
    if !asked && resolvers.is_empty() {
        return None;
    }
    let signed = transcript
        .validations()
        .map(|(_, validation)| chain(validation))
        .next()
        .map_or(String::new(), |chain| format!(" · {chain}"));
    let found = if addresses.is_empty() {
        let trouble: Vec<&str> = trouble.iter().map(String::as_str).collect();
        match listed(&trouble, 3) {
            none if none.is_empty() => "no address".to_owned(),
            trouble => format!("no address: {trouble}"),
        }
    } else {
        let count = addresses.len() as u64;
        let noun = if count == 1 { "address" } else { "addresses" };
        format!("{count} {noun}: {} · {took}", listed(&addresses, 4))
    };
    let parts = std::iter::once(format!("{found}{signed}"))
        .chain(bound(transcript))
        .chain(stub(transcript))
        .chain(resolvers);
    Some(parts.collect::<Vec<_>>().join(" · "))
}

/// How systemd-resolved asks, where it does so over TLS.
fn stub(transcript: &Transcript) -> Option<String> {
    let mut setups = transcript.resolvers();
    let stub = setups.find_map(|(_, setup)| setup.stub.as_ref())?;
    match stub.dns_over_tls.as_str() {
        "yes" => Some("systemd-resolved asks over TLS alone".to_owned()),
        "opportunistic" => Some("systemd-resolved asks over TLS where it can".to_owned()),
        _ => None,
    }
}

/// The target's HTTPS record, and what became of whoever went by it: `HTTPS record 1 . alpn="h3,h2"`.
fn bound(transcript: &Transcript) -> Option<String> {
    let mut answers = transcript
        .lookups()
        .filter_map(|(_, one)| match &one.outcome {
            LookupOutcome::Answered(answer) if one.kind == "HTTPS" => Some(answer),
            _ => None,
        });
    let record = answers.find_map(|answer| {
        let mut records = answer.records.iter();
        records.find(|record| record.kind == "HTTPS")
    })?;
    let mut says: String = record.data.chars().take(RECORD_CHARS).collect();
    if says.len() < record.data.len() {
        says.push('…');
    }
    let tried = transcript.bindings().map(|(_, probe)| {
        let fate = match &probe.outcome {
            BindingOutcome::NotOpen(connect) => outcome_word(connect.outcome).to_owned(),
            BindingOutcome::Shaken(handshake) => match handshake.outcome {
                TlsOutcome::Done if handshake.alpn.is_empty() => "TLS".to_owned(),
                TlsOutcome::Done => handshake.alpn.clone(),
                ref failed => tls_failure(failed),
            },
            BindingOutcome::NoAddress => "no address".to_owned(),
            BindingOutcome::NoService => "no service".to_owned(),
            BindingOutcome::AliasLoop => "aliases in a circle".to_owned(),
            BindingOutcome::TooManyAliases => "too many aliases".to_owned(),
        };
        let place = probe
            .to
            .map_or_else(|| probe.name.clone(), |to| to.to_string());
        format!("{place} {fate}")
    });
    let tried: Vec<String> = tried.collect();
    let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
    let tried = match listed(&tried, 3) {
        none if none.is_empty() => none,
        tried => format!(" ({tried})"),
    };
    Some(format!("HTTPS record {says}{tried}"))
}

/// The layers of an encrypted name server: `tls://192.0.2.53: connect 0.3 ms, TLS 1.3 2.1 ms`.
fn resolver(walk: &Transcript) -> String {
    let mut parts: Vec<String> = Vec::new();
    for step in &walk.steps {
        let part = match &step.seen {
            Seen::Connect(connect) if connect.outcome == ConnectOutcome::Open => {
                format!("connect {}", step.took)
            }
            Seen::Connect(connect) => format!("connect {}", outcome_word(connect.outcome)),
            Seen::Handshake(handshake) => match &handshake.outcome {
                TlsOutcome::Done => format!("{} {}", handshake.version, step.took),
                failed => tls_failure(failed),
            },
            Seen::Http(exchange) => match exchange.reply() {
                Some(reply) => format!("HTTP {} {}", reply.status, step.took),
                None => continue,
            },
            _ => continue,
        };
        // Failures of one kind are told once.
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    format!("{}: {}", walk.head.target.written, listed(&parts, 4))
}

/// What DNSSEC says of the name.
fn chain(validation: &Validation) -> String {
    let zone = validation
        .reason
        .as_ref()
        .map_or("", |reason| reason.zone.as_str());
    match validation.verdict {
        SecurityVerdict::Secure => "DNSSEC holds".to_owned(),
        SecurityVerdict::Insecure => "without DNSSEC".to_owned(),
        SecurityVerdict::Bogus => format!("DNSSEC does not hold in {zone}"),
        SecurityVerdict::Indeterminate => "DNSSEC not judged".to_owned(),
    }
}

fn connections(transcript: &Transcript) -> Option<String> {
    let tried: Vec<_> = transcript
        .connects()
        .filter(|(_, connect)| !connect.control)
        .collect();
    if tried.is_empty() {
        return None;
    }
    let open: Vec<Span> = tried
        .iter()
        .filter(|(_, connect)| connect.outcome == ConnectOutcome::Open)
        .map(|(step, _)| step.took)
        .collect();
    let best = open.iter().copied().min();
    let errors: BTreeSet<&str> = tried
        .iter()
        .filter(|(_, connect)| connect.outcome != ConnectOutcome::Open)
        .map(|(_, connect)| outcome_word(connect.outcome))
        .collect();
    let errors: Vec<&str> = errors.into_iter().collect();
    let parts = [
        Some(format!("{} of {} open", open.len(), tried.len())),
        best.map(|best| best.to_string()),
        (!errors.is_empty()).then(|| listed(&errors, 4)),
    ];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
}

fn outcome_word(outcome: ConnectOutcome) -> &'static str {
    match outcome {
        ConnectOutcome::Open => "open",
        ConnectOutcome::Refused => "refused",
        ConnectOutcome::TimedOut => "no answer",
        ConnectOutcome::HostUnreachable => "host unreachable",
        ConnectOutcome::NetworkUnreachable => "network unreachable",
        ConnectOutcome::Denied => "denied",
        ConnectOutcome::NoLocalPort => "no local port left",
        ConnectOutcome::Failed => "failed",
    }
}

fn tls(transcript: &Transcript) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut add = |part: String| {
        if !parts.contains(&part) {
            parts.push(part);
        }
    };
    for (_, handshake) in transcript.handshakes() {
        match &handshake.outcome {
            TlsOutcome::Done => {
                add(handshake.version.clone());
                if let Some(leaf) = handshake.certificates.first() {
                    add(validity(leaf.not_after, transcript.head.began));
                }
            }
            failed => add(tls_failure(failed)),
        }
    }
    for (_, survey) in transcript.tls_surveys() {
        let versions: Vec<&str> = survey
            .versions
            .iter()
            .map(|suites| suites.version.as_str())
            .collect();
        if !versions.is_empty() {
            add(format!("accepts {}", listed(&versions, 6)));
        }
    }
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// Why a handshake was not completed.
fn tls_failure(outcome: &TlsOutcome) -> String {
    match outcome {
        TlsOutcome::Done => "agreed".to_owned(),
        TlsOutcome::Alert(number) => format!("alert {number}"),
        TlsOutcome::LateAlert(number) => format!("alert {number} after the handshake"),
        TlsOutcome::Closed => "closed".to_owned(),
        TlsOutcome::Reset => "reset".to_owned(),
        TlsOutcome::TimedOut => "no answer".to_owned(),
        TlsOutcome::NotTls(_) => "no TLS is spoken here".to_owned(),
        TlsOutcome::Refused(why) | TlsOutcome::Broken(why) | TlsOutcome::Failed(why) => why.clone(),
    }
}

/// `certificate good for 63 days`.
fn validity(until: Moment, now: Moment) -> String {
    const DAY: i64 = 86_400_000_000_000;
    match (until - now).0 {
        left if left < 0 => "certificate expired".to_owned(),
        left => format!(
            "certificate good for {}",
            count_of((left / DAY) as u64, "day")
        ),
    }
}

fn http(transcript: &Transcript) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for (step, exchange) in transcript.exchanges() {
        if exchange.reused {
            continue;
        }
        let version = match exchange.version {
            HttpVersion::One => "HTTP/1.1",
            HttpVersion::Two => "HTTP/2",
            HttpVersion::Three => "HTTP/3",
        };
        let said = match &exchange.outcome {
            HttpOutcome::Replied(reply) => reply.status.to_string(),
            HttpOutcome::Closed => "closed without an answer".to_owned(),
            HttpOutcome::Reset => "reset".to_owned(),
            HttpOutcome::TimedOut => "no answer".to_owned(),
            HttpOutcome::NotHttp(_) => "no HTTP is spoken here".to_owned(),
            HttpOutcome::NotConnected(why)
            | HttpOutcome::Broken(why)
            | HttpOutcome::Failed(why) => why.clone(),
        };
        let begins = format!("{version} {said}");
        if !parts.iter().any(|part| part.starts_with(&begins)) {
            parts.push(format!("{begins} in {}", step.took));
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let answered = (!parts.is_empty()).then(|| listed(&parts, 5));
    let kept = transcript
        .keep_alives()
        .filter_map(|(_, probe)| kept(probe));
    let all: Vec<String> = answered.into_iter().chain(kept).collect();
    (!all.is_empty()).then(|| all.join(" · "))
}

/// `an idle connection is closed after 5.00 s`.
fn kept(probe: &KeepAliveProbe) -> Option<String> {
    let how = if probe.by_reset { "reset" } else { "closed" };
    let idle = match probe.idle {
        Some(idle) => Some(format!("an idle connection is {how} after {idle}")),
        None if probe.waited > Span::ZERO => Some(format!(
            "an idle connection is still open after {}",
            probe.waited
        )),
        None => None,
    };
    let requests = probe.requests.map(|count| {
        let count = count_of(u64::from(count), "request");
        format!("a connection carries {count}")
    });
    let both: Vec<String> = idle.into_iter().chain(requests).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

fn application(transcript: &Transcript) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for (_, call) in transcript.grpc_calls() {
        // Few servers answer reflection, and none must.
        let is_health = call.method.contains(".health.");
        parts.push(match (&call.reply, call.status) {
            (PeerReply::Fine, Some(0)) if !call.health.is_empty() => {
                format!("gRPC health {}", call.health)
            }
            (_, Some(0)) if !call.services.is_empty() => {
                let services: Vec<&str> = call.services.iter().map(String::as_str).collect();
                format!("services {}", listed(&services, 3))
            }
            _ if !is_health => continue,
            (_, Some(status)) => format!("gRPC health: status {status}"),
            (PeerReply::Fine, None) => match call.http_status {
                Some(status) => format!("HTTP {status} without grpc-status"),
                None => "no grpc-status".to_owned(),
            },
            (reply, None) => format!("gRPC: {}", reply_word(reply)),
        });
    }
    for (_, call) in transcript.websockets() {
        parts.push(match &call.outcome {
            WebSocketOutcome::Open => match call.ping {
                Some(ping) => format!("WebSocket open, ping {ping}"),
                None => "WebSocket open".to_owned(),
            },
            WebSocketOutcome::Status(status) => format!("WebSocket refused with {status}"),
            WebSocketOutcome::Wrong(why) => format!("WebSocket: {why}"),
            WebSocketOutcome::NoAnswer => "WebSocket: no answer".to_owned(),
        });
    }
    for (_, binding) in transcript.stuns() {
        parts.push(match binding.mapped {
            Some(mapped) => format!("STUN sees us as {mapped}"),
            None => format!("STUN {}", reply_word(&binding.reply)),
        });
    }
    for (_, greeting) in transcript.greetings() {
        parts.push(match &greeting.outcome {
            GreetingOutcome::Fine if greeting.says.is_empty() => "greets as it should".to_owned(),
            GreetingOutcome::Fine => greeting.says.clone(),
            GreetingOutcome::Denied(why) => format!("refuses: {why}"),
            GreetingOutcome::Other(line) => format!("says {line}"),
            GreetingOutcome::Closed => "closed".to_owned(),
            GreetingOutcome::Reset => "reset".to_owned(),
            GreetingOutcome::Silence => "says nothing".to_owned(),
        });
    }
    for (_, stream) in transcript.arrivals() {
        parts.push(count_of(stream.events.len() as u64, "event"));
    }
    for (_, series) in transcript.series() {
        parts.push(series.remark().unwrap_or_else(|| {
            let (failed, all) = (series.failed(), series.trials.len());
            let (low, high) = chance::wilson(failed as u64, all as u64);
            let (low, high) = (chance::percent(low), chance::percent(high));
            format!("{failed} of {all} trials failed (95 % interval {low}–{high} %)")
        }));
    }
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn reply_word(reply: &PeerReply) -> String {
    match reply {
        PeerReply::Fine => "answers".to_owned(),
        PeerReply::Closed => "closed".to_owned(),
        PeerReply::Reset => "reset".to_owned(),
        PeerReply::Silence => "no answer".to_owned(),
        PeerReply::Failed(why) => why.clone(),
    }
}
