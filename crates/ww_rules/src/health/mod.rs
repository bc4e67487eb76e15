//! Rules on probes: what they ask, how soon they act, what they really learn.

pub(crate) mod detection_too_slow;
pub(crate) mod error_counts_as_healthy;
pub(crate) mod health_check_answered_by_proxy;
pub(crate) mod health_check_not_awaited;
pub(crate) mod identical_probes;
pub(crate) mod liveness_asks_dependency;
pub(crate) mod probe_checks_port_only;
pub(crate) mod probe_kills_slow_start;
pub(crate) mod probe_outlasts_interval;
pub(crate) mod probe_port_not_served;
pub(crate) mod probe_timeout_too_short;
mod probes;
pub(crate) mod targets_without_check;
