//! Rules on what is tried again: requests that may be carried out twice, tries that never happen.

mod ways;

pub(crate) mod retries_cut_short;
pub(crate) mod retry_amplification;
pub(crate) mod retry_body_not_kept;
pub(crate) mod retry_ignores_retry_after;
pub(crate) mod retry_never_happens;
pub(crate) mod retry_on_late_call;
pub(crate) mod retry_storm;
pub(crate) mod retry_without_backoff;
pub(crate) mod retry_without_budget;
pub(crate) mod unsafe_retry;
