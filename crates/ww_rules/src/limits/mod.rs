//! Rules on bounds that refuse work.

mod bounds;
pub(crate) mod rate_limit_counts_the_proxy;
pub(crate) mod rate_limit_delays_past_timeout;
pub(crate) mod rate_limit_exceeds_capacity;
pub(crate) mod rate_limit_invites_retries;
pub(crate) mod rate_limit_key_forged;
pub(crate) mod rate_limit_per_instance;
pub(crate) mod rate_limit_without_burst;
pub(crate) mod unbounded_queue;
