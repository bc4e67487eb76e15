//! Rules on what stops calling: breakers, bounds of what is under way, ejection of targets.

mod guards;

pub(crate) mod breaker_ignores_timeouts;
pub(crate) mod breaker_never_trips;
pub(crate) mod breaker_opens_late;
pub(crate) mod breaker_too_tight;
pub(crate) mod ejection_takes_all;
pub(crate) mod ejection_takes_nobody;
pub(crate) mod one_failure_ejects;
