//! What is tried again.

use ww_base::{Setting, Span};

/// Retries of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retry {
    /// Tries in all, the first one included; 1 for none. Products that try each target once say how
    /// many targets there are.
    pub attempts: Setting<u64>,
    /// What makes it try again.
    pub on: Setting<Vec<RetryOn>>,
    /// Requests that are tried again although they may have been carried out.
    pub methods: Setting<Methods>,
    /// Bound of one try, from its first byte to the end of the answer.
    pub per_try: Setting<Span>,
    /// No further try is begun after this; one that runs goes on.
    pub until: Setting<Span>,
    /// Pauses between tries.
    pub backoff: Setting<Backoff>,
    /// Retries at once, as a share of requests in percent, or none at all.
    pub budget_percent: Setting<u64>,
    /// Retries at once over all requests.
    pub at_once: Setting<u64>,
    /// Whether each address of a target's name is tried as a target of its own, so that there may be
    /// more tries than [`attempts`](Retry::attempts) tells.
    pub tries_each_address: Setting<bool>,
    /// Whether another target is taken for the next try.
    pub elsewhere: Setting<bool>,
    /// Whether it waits as long as `Retry-After` asks for.
    pub heeds_retry_after: Setting<bool>,
}

/// What makes a call try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetryOn {
    /// The connection could not be made: nothing was sent.
    Connect,
    /// The target says that it has not begun (`REFUSED_STREAM`).
    Refused,
    /// The connection broke before an answer.
    Reset,
    /// No answer in time.
    Timeout,
    /// An answer with this status.
    Status(u16),
    /// Any 5xx.
    ServerError,
    /// A gRPC status by its number.
    Grpc(u8),
}

/// Which requests something is done to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Methods {
    /// None.
    #[default]
    None,
    /// GET, HEAD and others that only read.
    Safe,
    /// Those that may be carried out twice (RFC 9110, section 9.2.2): also PUT and DELETE.
    Idempotent,
    /// All, POST among them.
    All,
}

/// Pauses between tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first pause.
    pub first: Span,
    /// The longest pause.
    pub longest: Span,
    /// The factor from one pause to the next.
    pub factor: f64,
    /// Whether chance spreads the pauses.
    pub jitter: bool,
}
