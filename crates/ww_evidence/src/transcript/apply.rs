//! What is spoken beyond HTTP, and the same question many times.

use super::written;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Not;
use ww_base::{Span, chance};

/// What is spoken at an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Not known: a connection and nothing more.
    #[default]
    Tcp,
    /// TLS, not known what within.
    Tls,
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
    /// gRPC over clear text.
    Grpc,
    /// gRPC over TLS.
    Grpcs,
    /// STUN over UDP.
    Stun,
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// Redis.
    Redis,
    /// SMTP.
    Smtp,
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
    /// LDAP.
    Ldap,
    /// SSH.
    Ssh,
    /// A name server.
    Dns,
    /// A name server over TLS (RFC 7858).
    DnsOverTls,
    /// A name server over HTTPS (RFC 8484).
    DnsOverHttps,
}

impl Service {
    /// It begins with a TLS handshake.
    pub fn is_tls(self) -> bool {
        matches!(
            self,
            Service::Tls
                | Service::Https
                | Service::Wss
                | Service::Grpcs
                | Service::DnsOverTls
                | Service::DnsOverHttps
        )
    }

    /// It is spoken over HTTP.
    pub fn is_http(self) -> bool {
        matches!(
            self,
            Service::Http
                | Service::Https
                | Service::Ws
                | Service::Wss
                | Service::Grpc
                | Service::Grpcs
        )
    }
}

/// How a peer of another protocol answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerReply {
    /// As the protocol has it.
    Fine,
    /// It closed the connection.
    Closed,
    /// A reset came.
    Reset,
    /// Nothing came.
    #[default]
    Silence,
    /// Something else came, or it could not be asked.
    Failed(String),
}

/// A gRPC call (the health service, `grpc.health.v1.Health/Check`, or reflection).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct GrpcCall {
    /// To where.
    pub to: Option<SocketAddr>,
    /// The method with its service (`grpc.health.v1.Health/Check`).
    pub method: String,
    /// The service whose health was asked for; empty for the whole server.
    pub asked: String,
    /// How the peer answered.
    pub reply: PeerReply,
    /// The HTTP status.
    pub http_status: Option<u16>,
    /// `grpc-status`; `None` when there was none.
    pub status: Option<u32>,
    /// `grpc-message`, decoded.
    pub message: String,
    /// The status came with the first header fields, as servers do that never reached the method.
    #[serde(skip_serializing_if = "Not::not")]
    pub trailers_only: bool,
    /// The health that was told: `SERVING`, `NOT_SERVING`, `UNKNOWN`, `SERVICE_UNKNOWN`.
    pub health: String,
    /// Services that reflection names.
    pub services: Vec<String>,
}

/// How a WebSocket handshake ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebSocketOutcome {
    /// 101, and the accept key fits.
    Open,
    /// Another status.
    Status(u16),
    /// 101, and something about it is wrong.
    Wrong(String),
    /// No answer of HTTP.
    #[default]
    NoAnswer,
}

/// A WebSocket handshake (RFC 6455 section 4).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct WebSocketCall {
    /// To where.
    pub to: Option<SocketAddr>,
    /// How it ended.
    pub outcome: WebSocketOutcome,
    /// Header fields of the answer.
    pub headers: Vec<(String, String)>,
    /// How long a pong took.
    #[serde(with = "written::optional_ms")]
    pub ping: Option<Span>,
    /// The server ended the idle connection after this time.
    #[serde(with = "written::optional_ms")]
    pub idle: Option<Span>,
}

/// When the events of a stream arrived.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Arrivals {
    /// To where.
    pub to: Option<SocketAddr>,
    /// From the request to the header fields.
    #[serde(with = "written::ms")]
    pub headers: Span,
    /// From the request to each event, in order.
    #[serde(with = "written::each_ms")]
    pub events: Vec<Span>,
    /// The stream ended by itself.
    #[serde(skip_serializing_if = "Not::not")]
    pub ended: bool,
}

/// A STUN binding request (RFC 8489).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct StunBinding {
    /// To where.
    pub to: Option<SocketAddr>,
    /// How the peer answered.
    pub reply: PeerReply,
    /// Our address as the server sees it.
    pub mapped: Option<SocketAddr>,
    /// Our address as we see it.
    pub local: Option<SocketAddr>,
}

/// What a server said first, or to a first question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GreetingOutcome {
    /// As the protocol has it.
    Fine,
    /// It refuses in the protocol's own words.
    Denied(String),
    /// It speaks another protocol: its first line.
    Other(String),
    /// It closed the connection.
    Closed,
    /// A reset came.
    Reset,
    /// Nothing came.
    #[default]
    Silence,
}

/// A greeting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Greeting {
    /// To where.
    pub to: Option<SocketAddr>,
    /// What was expected there.
    pub service: Service,
    /// What came.
    pub outcome: GreetingOutcome,
    /// Product and version, where the server says so.
    pub says: String,
    /// It offers TLS within the protocol (`STARTTLS`, `SSLRequest`); `None` when not asked.
    pub offers_tls: Option<bool>,
    /// It says that it takes passwords in clear text.
    #[serde(skip_serializing_if = "Not::not")]
    pub takes_clear_passwords: bool,
}

/// The same question many times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Trials {
    /// What is asked each time, as a noun (`request`, `connection`).
    pub what: String,
    /// Each trial in order.
    pub trials: Vec<Trial>,
    /// Why it ended before its time: `convicted`, `cleared`; empty when it did not.
    pub stopped: String,
    /// Source ports that were used again and again afterwards: is it they that fail?
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortTrials>,
}

/// The same question several times from one source port: routers and balancers that choose by a hash of addresses and
/// ports choose the same way each time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct PortTrials {
    /// To where.
    pub to: Option<SocketAddr>,
    /// Our own port.
    pub port: u16,
    /// How the first trial failed, by which the port was chosen; empty when it did not.
    pub first: String,
    /// How each further trial failed; empty for one that did not.
    pub again: Vec<String>,
}

impl Trials {
    /// How many failed.
    pub fn failed(&self) -> usize {
        self.trials
            .iter()
            .filter(|trial| !trial.failure.is_empty())
            .count()
    }

    /// What it tells that none failed, as a sentence; `None` when one did, or nothing was tried.
    pub fn remark(&self) -> Option<String> {
        let count = self.trials.len();
        if count == 0 || self.failed() > 0 {
            return None;
        }
        let rate = chance::percent(chance::detectable_rate(count as u64));
        Some(format!(
            "no failure in {count} trials: a fault that strikes {rate} % or more of them would have been seen with 95 % confidence"
        ))
    }
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Trial {
    /// When it began, after the first.
    #[serde(with = "written::ms")]
    pub at: Span,
    /// How long it took.
    #[serde(with = "written::ms")]
    pub took: Span,
    /// How it failed; empty when it did not.
    pub failure: String,
    /// What it can be told by: `address`, `certificate`, `source-port`, `connection` (`new`, `reused`), `server`, …
    pub keys: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_without_a_failure_tell_what_they_would_have_seen() {
        let mut trials = Trials {
            trials: vec![Trial::default(); 59],
            ..Trials::default()
        };
        assert_eq!(
            trials.remark().as_deref(),
            Some(
                "no failure in 59 trials: a fault that strikes 5 % or more of them would have been seen with 95 % confidence"
            )
        );
        trials.trials.push(Trial {
            failure: "reset".to_owned(),
            ..Trial::default()
        });
        assert_eq!(trials.failed(), 1);
        assert_eq!(trials.remark(), None);
        assert_eq!(Trials::default().remark(), None);
    }
}
