//! Rules on probes: what they ask, how soon they act, what they really learn.

pub(crate) mod health_check_answered_by_proxy;
pub(crate) mod identical_probes;
pub(crate) mod liveness_asks_dependency;
pub(crate) mod probe_checks_port_only;
pub(crate) mod probe_kills_slow_start;
pub(crate) mod probe_outlasts_interval;
pub(crate) mod probe_port_not_served;
mod probes;
pub(crate) mod targets_without_check;
