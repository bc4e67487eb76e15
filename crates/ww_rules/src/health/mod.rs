//! Rules on probes: what they ask, how soon they act, what they really learn.

pub(crate) mod health_check_answered_by_proxy;
pub(crate) mod identical_probes;
pub(crate) mod probe_outlasts_interval;
mod probes;
