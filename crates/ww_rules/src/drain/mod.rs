//! Rules on stopping: how long a program has to finish what is under way.

pub(crate) mod budget_blocks_drain;
pub(crate) mod grace_shorter_than_requests;
pub(crate) mod grace_shorter_than_shutdown;
pub(crate) mod rollout_below_load;
pub(crate) mod short_termination_grace;
pub(crate) mod stops_before_endpoints;
