//! Rules on timers of requests: missing, contradicting one another, written in the wrong unit.

mod patience;

pub(crate) mod caller_gives_up_first;
pub(crate) mod connect_timeout_too_long;
pub(crate) mod connect_timeout_too_short;
pub(crate) mod idle_transaction_unbounded;
pub(crate) mod statement_outlives_request;
pub(crate) mod stream_cut_by_timeout;
pub(crate) mod time_without_unit;
pub(crate) mod timeout_below_answer_time;
pub(crate) mod timeout_missing;
pub(crate) mod timeouts_equal_along_chain;
pub(crate) mod upgrade_not_passed;
pub(crate) mod worker_killed_before_timeout;
