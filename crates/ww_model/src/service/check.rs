//! How a caller learns whether a target works.

use super::Target;
use ww_base::{Setting, SourceSpan, Span};

/// A probe of targets by the side that calls them.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheck {
    /// Where it is written.
    pub at: SourceSpan,
    /// What it asks.
    pub kind: CheckKind,
    /// Where it asks, when that is not where requests go.
    pub elsewhere: Option<Target>,
    /// Time between two probes.
    pub interval: Setting<Span>,
    /// Bound of one probe.
    pub timeout: Setting<Span>,
    /// Failures in a row that take a target out.
    pub fall: Setting<u64>,
    /// Successes in a row that bring it back.
    pub rise: Setting<u64>,
    /// Statuses that count as healthy, from the first to the last; empty for the product's own.
    pub statuses: Vec<(u16, u16)>,
    /// Whether it speaks TLS.
    pub encrypts: Setting<bool>,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// Whether the port accepts a connection.
    Connect,
    /// An HTTP request for a path.
    Http {
        /// The path.
        path: String,
        /// The name in `Host`; none for what the product puts there.
        host: Option<String>,
    },
    /// The health service of gRPC.
    Grpc,
    /// A protocol's own question (`PING`, a query).
    Protocol,
}

/// What is learnt about a target from the requests themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passive {
    /// Failures within the window that take a target out, the fewest of all targets; timeouts count.
    pub max_fails: Setting<u64>,
    /// The same of each target, where targets have numbers of their own.
    pub by_target: Vec<TargetFails>,
    /// The window, and how long it is left out.
    pub fail_timeout: Setting<Span>,
    /// Whether processes share what they learn.
    pub is_shared: Setting<bool>,
    /// Time in which a target that comes back gets less than its share.
    pub slow_start: Setting<Span>,
}

/// Failures that take one target out.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetFails {
    /// Where the target is written, as [`Target::at`].
    pub at: SourceSpan,
    /// Failures within the window; off where none takes it out.
    pub max_fails: Setting<u64>,
}
