//! Rules on what is tried again: requests that may be carried out twice, tries that never happen.

mod ways;

pub(crate) mod retries_cut_short;
pub(crate) mod retry_amplification;
pub(crate) mod retry_never_happens;
pub(crate) mod unsafe_retry;
