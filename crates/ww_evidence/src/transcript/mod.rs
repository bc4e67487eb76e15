//! What a walk over a live endpoint saw, step by step.
//!
//! A [`Transcript`] is the observation of one target: every question that was put to it (a *step*), what
//! came back, how long it took, and the command that asks the same with common tools. It holds facts, no
//! judgement. Its written form is NDJSON: the head on the first line, a step on each further one; what
//! a line leaves out has its default.
//!
//! Times are milliseconds in the written form, as people read them.

mod apply;
mod binding;
mod date;
mod dns;
mod http;
mod tcp;
mod tls;
mod written;

pub use apply::{
    Arrivals, Greeting, GreetingOutcome, GrpcCall, PeerReply, PortTrials, Service, StunBinding,
    Trial, Trials, WebSocketCall, WebSocketOutcome,
};
pub use binding::{BindingFault, BindingOutcome, BindingProbe, ServiceBinding};
pub use dns::{
    Answer, ChainReason, ChainReasonKind, DnsVia, ExtendedError, Lookup, LookupOutcome, Record,
    ResolverSetup, SecurityVerdict, SignatureLife, StubSetup, Validation, ZoneKey, ZoneLink,
};
pub use http::{
    Body, Decoding, HttpExchange, HttpOutcome, HttpReply, HttpVersion, KeepAliveProbe, Phases,
    QuicOutcome, QuicProbe,
};
pub use tcp::{
    Connect, ConnectOutcome, Hop, IcmpReport, IdleFate, IdleProbe, IdleTry, LocalState, PathTrace,
    SegmentSizes, SizeTry, TcpInfo,
};
pub use tls::{
    Certificate, ClientCertificateDemand, HelloProbe, HelloReply, KeyInfo, Suites, TlsHandshake,
    TlsOutcome, TlsSurvey, TrustVerdict, server_name,
};
pub use written::{ReadTranscriptError, read_transcript, write_head, write_step};

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::ops::Not;
use ww_base::{Gap, Moment, SourceId, Span};

/// Everything that was seen of one target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The input that exhibits point at.
    pub source: SourceId,
    /// What was probed, when, from where.
    pub head: Head,
    /// The steps, numbered from 1 in the order in which they began.
    pub steps: Vec<Step>,
    /// What could not be observed, and how to learn it.
    pub gaps: Vec<Gap>,
}

/// What was probed, when, from where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Head {
    /// The target.
    pub target: Target,
    /// When the walk began.
    #[serde(with = "written::unix_seconds")]
    pub began: Moment,
    /// The network namespace that was walked from, as the user named it; empty for the program's own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// What the kernel says of its clock.
    pub clock: ClockState,
    /// The program's effective user was the superuser.
    #[serde(skip_serializing_if = "Not::not")]
    pub privileged: bool,
    /// When the kernel repeats a SYN that is not answered, counted from the first one (Linux:
    /// `net.ipv4.tcp_syn_linear_timeouts`, `tcp_syn_retries`); empty when not known.
    #[serde(with = "written::each_ms")]
    pub syn_repeats: Vec<Span>,
}

/// Whether something keeps a host's clock right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockState {
    /// The kernel does not tell.
    #[default]
    Unknown,
    /// A program sets it, as from a server of NTP.
    Synchronised,
    /// Nothing has set it for long (`STA_UNSYNC` of `adjtimex(2)`).
    Unsynchronised,
}

/// The endpoint as the user named it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Target {
    /// As it was written on the command line.
    pub written: String,
    /// What is spoken there.
    pub service: Service,
    /// Name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query of a URL, from its first slash; `/` when there is none.
    pub path: String,
}

impl Target {
    /// The host is an address, so that there is no name to resolve.
    pub fn is_address(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_ok()
    }

    /// The name that clients send in the server name indication; empty where they send none.
    pub fn server_name(&self) -> &str {
        server_name(&self.host)
    }
}

/// One question and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Its number, from 1.
    #[serde(default)]
    pub number: u32,
    /// When it began, after the walk did.
    #[serde(default, with = "written::ms")]
    pub began: Span,
    /// How long it took.
    #[serde(default, with = "written::ms")]
    pub took: Span,
    /// Why it was asked, where an earlier answer raised the question.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What was expected of it, where it was chosen among questions that could be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
    /// A command that asks the same with common tools; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// What was asked and seen.
    #[serde(flatten)]
    pub seen: Seen,
}

/// Why a question was put before others: what the walk expected of it. Questions that were put side by side have the
/// same one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Chosen {
    /// What does not work.
    pub symptom: String,
    /// The step that shows it.
    pub raised_by: u32,
    /// What was asked side by side.
    pub controls: Vec<String>,
    /// The causes that were to be told apart.
    pub causes: Vec<String>,
    /// What the answers were expected to tell, bits.
    pub bits: f64,
    /// How much there was to tell, bits.
    pub open: f64,
    /// Packets of ours that they take at most.
    pub packets: u32,
    /// How long they were expected to take.
    #[serde(with = "written::ms")]
    pub expected: Span,
    /// How long they take at most.
    #[serde(with = "written::ms")]
    pub worst: Span,
}

/// A layer below the answers of an encrypted name server: its connection, its TLS, its HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ResolverLayer {
    /// The name server, as an endpoint of its own.
    pub server: Target,
    /// What was asked of it and seen.
    pub layer: Box<Seen>,
}

/// What was asked and seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum Seen {
    /// How this host resolves names.
    Resolver(ResolverSetup),
    /// A name was looked up.
    Lookup(Lookup),
    /// A layer below the answers of an encrypted name server, apart from those of the target.
    ResolverLayer(ResolverLayer),
    /// The DNSSEC chain of a name was walked from the root.
    Validation(Validation),
    /// A TCP connection was opened, or not.
    Connect(Connect),
    /// Routers on the way answered, or not.
    Path(PathTrace),
    /// Connections with smaller segments were tried.
    SegmentSizes(SegmentSizes),
    /// Connections were left idle.
    Idle(IdleProbe),
    /// What this host itself is short of.
    Local(LocalState),
    /// A TLS handshake.
    Handshake(TlsHandshake),
    /// A ClientHello of our own making, to see what is answered.
    Hello(HelloProbe),
    /// All versions, suites and groups.
    TlsSurvey(TlsSurvey),
    /// An HTTP request.
    Http(HttpExchange),
    /// How long, and for how many requests, a connection is kept.
    KeepAlive(KeepAliveProbe),
    /// Whether QUIC is spoken.
    Quic(QuicProbe),
    /// A client went where an HTTPS record sends it.
    Binding(BindingProbe),
    /// When the events of a stream arrived.
    Arrivals(Arrivals),
    /// A gRPC call.
    Grpc(GrpcCall),
    /// A WebSocket handshake.
    WebSocket(WebSocketCall),
    /// A STUN binding request.
    Stun(StunBinding),
    /// What a server of another protocol says first, or to a first question.
    Greeting(Greeting),
    /// The same question many times.
    Trials(Trials),
}

impl Transcript {
    /// All steps of one kind: `pick` says what is wanted of a step.
    pub fn all<'t, T>(
        &'t self,
        pick: impl Fn(&'t Seen) -> Option<T> + 't,
    ) -> impl Iterator<Item = (&'t Step, T)> + 't {
        self.steps
            .iter()
            .filter_map(move |step| Some((step, pick(&step.seen)?)))
    }
}

impl Transcript {
    /// What was seen of each encrypted name server, as if it had been walked itself. Steps keep their numbers.
    pub fn of_resolvers(&self) -> Vec<Transcript> {
        let mut walks: Vec<Transcript> = Vec::new();
        for (step, layer) in self.resolver_layers() {
            let step = Step {
                seen: (*layer.layer).clone(),
                ..step.clone()
            };
            let known = walks
                .iter_mut()
                .find(|walk| walk.head.target == layer.server);
            match known {
                Some(walk) => walk.steps.push(step),
                None => walks.push(Transcript {
                    source: self.source,
                    head: Head {
                        target: layer.server.clone(),
                        ..self.head.clone()
                    },
                    steps: vec![step],
                    gaps: Vec::new(),
                }),
            }
        }
        walks
    }

    /// Every TLS handshake over TCP.
    pub fn handshakes(&self) -> impl Iterator<Item = (&Step, &TlsHandshake)> {
        self.all_handshakes()
            .filter(|(_, handshake)| !handshake.quic)
    }

    /// Every TLS handshake within QUIC.
    pub fn quic_handshakes(&self) -> impl Iterator<Item = (&Step, &TlsHandshake)> {
        self.all_handshakes()
            .filter(|(_, handshake)| handshake.quic)
    }
}

macro_rules! of_kind {
    ($($(#[$doc:meta])* $name:ident: $kind:ident($type:ty);)+) => {
        impl Transcript {
            $($(#[$doc])*
            pub fn $name(&self) -> impl Iterator<Item = (&Step, &$type)> {
                self.all(|seen| match seen {
                    Seen::$kind(one) => Some(one),
                    _ => None,
                })
            })+
        }
    };
}

of_kind! {
    /// How this host resolves names.
    resolvers: Resolver(ResolverSetup);
    /// Every lookup.
    lookups: Lookup(Lookup);
    /// Every layer below the answers of encrypted name servers.
    resolver_layers: ResolverLayer(ResolverLayer);
    /// Every walk along a DNSSEC chain.
    validations: Validation(Validation);
    /// Every attempt to connect.
    connects: Connect(Connect);
    /// Every trace of a path.
    paths: Path(PathTrace);
    /// Every trial of segment sizes.
    segment_sizes: SegmentSizes(SegmentSizes);
    /// Every trial of idle times.
    idles: Idle(IdleProbe);
    /// What this host is short of.
    local_states: Local(LocalState);
    /// Every TLS handshake, whatever it was made over.
    all_handshakes: Handshake(TlsHandshake);
    /// Every ClientHello of our own making.
    hellos: Hello(HelloProbe);
    /// Every survey of versions and suites.
    tls_surveys: TlsSurvey(TlsSurvey);
    /// Every HTTP request.
    exchanges: Http(HttpExchange);
    /// Every trial of how long connections are kept.
    keep_alives: KeepAlive(KeepAliveProbe);
    /// Every question whether QUIC is spoken.
    quics: Quic(QuicProbe);
    /// Every endpoint that an HTTPS record names.
    bindings: Binding(BindingProbe);
    /// Every stream of events.
    arrivals: Arrivals(Arrivals);
    /// Every gRPC call.
    grpc_calls: Grpc(GrpcCall);
    /// Every WebSocket handshake.
    websockets: WebSocket(WebSocketCall);
    /// Every STUN binding.
    stuns: Stun(StunBinding);
    /// Every greeting.
    greetings: Greeting(Greeting);
    /// Every series of trials.
    series: Trials(Trials);
}

/// Where a step went, for those that go to one address.
pub fn address_of(seen: &Seen) -> Option<SocketAddr> {
    match seen {
        Seen::Connect(one) => one.to,
        Seen::Path(one) => one.to,
        Seen::SegmentSizes(one) => one.to,
        Seen::Idle(one) => one.to,
        Seen::Handshake(one) => one.to,
        Seen::Hello(one) => one.to,
        Seen::TlsSurvey(one) => one.to,
        Seen::Http(one) => one.to,
        Seen::KeepAlive(one) => one.to,
        Seen::Quic(one) => one.to,
        Seen::Binding(one) => one.to,
        Seen::Arrivals(one) => one.to,
        Seen::Grpc(one) => one.to,
        Seen::WebSocket(one) => one.to,
        Seen::Stun(one) => one.to,
        Seen::Greeting(one) => one.to,
        Seen::Local(one) => one.to,
        Seen::Resolver(_)
        | Seen::Lookup(_)
        | Seen::ResolverLayer(_)
        | Seen::Validation(_)
        | Seen::Trials(_) => None,
    }
}
