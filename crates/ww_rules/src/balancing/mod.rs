//! Rules on how requests are spread over the targets of a call.

pub(crate) mod backup_never_used;
pub(crate) mod connection_limit_per_worker;
pub(crate) mod failures_not_shared_between_workers;
pub(crate) mod first_without_limit;
pub(crate) mod retry_stays_at_failed_server;
mod workers;
