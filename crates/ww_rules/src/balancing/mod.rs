//! Rules on how requests are spread over the targets of a call.

pub(crate) mod affinity_without_effect;
pub(crate) mod backup_never_used;
pub(crate) mod client_hash_sees_the_proxy;
pub(crate) mod connection_limit_per_worker;
pub(crate) mod connection_pins_balancing;
pub(crate) mod failures_not_shared_between_workers;
pub(crate) mod first_without_limit;
pub(crate) mod hash_moves_all_keys;
pub(crate) mod retry_stays_at_failed_server;
mod service;
pub(crate) mod sticky_sessions_with_scaling;
pub(crate) mod streams_exceed_server_limit;
mod workers;
