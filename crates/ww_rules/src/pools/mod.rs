//! Rules on pools, workers and other numbers of places.

pub(crate) mod backlog_cut_by_kernel;
pub(crate) mod ephemeral_ports_exhausted;
pub(crate) mod idle_pool_too_small;
pub(crate) mod listener_exceeds_process;
mod opened;
pub(crate) mod per_target_cap_too_small;
pub(crate) mod pool_too_small;
pub(crate) mod pool_wait_exceeds_timeout;
pub(crate) mod pooler_exceeds_server;
pub(crate) mod pools_exceed_server;
pub(crate) mod proxy_connections_exceed_server;
pub(crate) mod threads_exceed_pool;
pub(crate) mod worker_connections_exceed_open_files;
pub(crate) mod workers_too_few;
