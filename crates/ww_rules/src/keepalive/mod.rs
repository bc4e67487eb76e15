//! Rules on connections that are kept: who closes them, and when.

mod forgotten;
pub(crate) mod handshake_per_request;
pub(crate) mod keep_alive_exceeds_backend;
pub(crate) mod keep_alive_pool_too_small;
pub(crate) mod keep_alive_race;
pub(crate) mod keep_alive_requests_too_few;
pub(crate) mod pool_outlives_middlebox;
pub(crate) mod pool_outlives_server;
pub(crate) mod probe_later_than_middlebox;
pub(crate) mod recycled_without_grace;
pub(crate) mod upgrade_turns_keep_alive_on;
pub(crate) mod upstream_keep_alive_unused;
