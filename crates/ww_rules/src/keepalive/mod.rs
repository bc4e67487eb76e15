//! Rules on connections that are kept: who closes them, and when.

pub(crate) mod keep_alive_exceeds_backend;
pub(crate) mod keep_alive_race;
pub(crate) mod pool_outlives_server;
pub(crate) mod recycled_without_grace;
pub(crate) mod upstream_keep_alive_unused;
