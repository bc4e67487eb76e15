//! Bounds that refuse work.

use ww_base::{Setting, SourceSpan, Span};

/// A limit on the rate of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    /// Where it is applied.
    pub at: SourceSpan,
    /// Requests per second that pass in the long run.
    pub per_second: Setting<f64>,
    /// Requests beyond the rate that are let through or made to wait.
    pub burst: Setting<u64>,
    /// Whether those of the burst wait until the rate allows them.
    pub delays: Setting<bool>,
    /// Requests of the burst that do not wait all the same.
    pub at_once: Setting<u64>,
    /// What becomes of the rest.
    pub refused: Setting<Refused>,
    /// Whose requests are counted together.
    pub counter: Counter,
}

/// A limit on what is under way at once.
#[derive(Clone, Debug, PartialEq)]
pub struct ConcurrencyLimit {
    /// Where it is applied.
    pub at: SourceSpan,
    /// Requests under way at once; those of one connection count as one where it carries one after
    /// the other.
    pub at_once: Setting<u64>,
    /// What becomes of the rest.
    pub refused: Setting<Refused>,
    /// Whose requests are counted together.
    pub counter: Counter,
}

/// By what a limit tells clients apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counter {
    /// What is counted, as written: an address, a header, a name.
    pub key: Setting<String>,
    /// Whether the key is the address of the connection's other end.
    pub is_peer_address: bool,
    /// Whether the address of the client is taken from what the proxy before says, with where.
    pub real_address: Setting<bool>,
}

/// The status with which a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub u16);

/// When a caller stops calling, and how much it has under way at most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Breaker {
    /// Where it is written; none when there is none.
    pub at: Option<SourceSpan>,
    /// Connections at once.
    pub connections: Setting<u64>,
    /// Requests that wait for a connection.
    pub pending: Setting<u64>,
    /// Requests at once.
    pub requests: Setting<u64>,
    /// Calls over which failures are counted.
    pub window: Setting<u64>,
    /// Time over which failures are counted.
    pub window_time: Setting<Span>,
    /// Calls that have to be seen before it opens.
    pub least_calls: Setting<u64>,
    /// Share of failures in percent that opens it.
    pub failure_percent: Setting<u64>,
    /// How long it stays open.
    pub open: Setting<Span>,
    /// Whether calls that take too long count as failures, however they end.
    pub counts_slow: Setting<bool>,
    /// Whether calls that end for want of an answer in time count as failures.
    pub counts_timeouts: Setting<bool>,
    /// Where requests go instead, as written.
    pub fallback: Option<(String, SourceSpan)>,
}

/// When one target is left out for a while because its answers fail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlier {
    /// Where it is written; none when there is none.
    pub at: Option<SourceSpan>,
    /// Failures in a row.
    pub consecutive: Setting<u64>,
    /// Time between two looks.
    pub interval: Setting<Span>,
    /// How long it is left out the first time.
    pub ejection: Setting<Span>,
    /// Share of the targets in percent that may be left out at once.
    pub max_percent: Setting<u64>,
    /// Whether one target may be left out also where that share is less than one.
    pub keeps_one_out: Setting<bool>,
    /// Share of healthy targets in percent below which all are used again.
    pub panic_percent: Setting<u64>,
}
