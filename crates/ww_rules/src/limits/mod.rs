//! Rules on bounds that refuse work.

pub(crate) mod rate_limit_counts_the_proxy;
pub(crate) mod rate_limit_invites_retries;
