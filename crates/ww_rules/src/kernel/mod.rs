//! Rules on settings of the kernel.

pub(crate) mod conntrack_forgets_idle_connections;
pub(crate) mod conntrack_table_too_small;
pub(crate) mod few_local_ports;
pub(crate) mod hosts;
pub(crate) mod keepalive_probes_too_late;
pub(crate) mod local_ports_cover_listeners;
pub(crate) mod reset_on_full_backlog;
pub(crate) mod retransmits_outlast_timeouts;
pub(crate) mod selective_acknowledgment_off;
pub(crate) mod syn_cookies_off;
pub(crate) mod time_wait_limit_lowered;
pub(crate) mod time_wait_recycling;
pub(crate) mod time_wait_reuse_without_timestamps;
pub(crate) mod window_scaling_off;
