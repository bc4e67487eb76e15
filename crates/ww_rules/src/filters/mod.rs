//! Rules over packet filters.

pub(crate) mod dead;
pub(crate) mod egress;
pub(crate) mod exact;
pub(crate) mod opening;
pub(crate) mod probe;

pub(crate) mod default_accept_policy;
pub(crate) mod hairpin_unreachable;
pub(crate) mod icmp_needed_blocked;
pub(crate) mod missing_established_accept;
pub(crate) mod reply_blocked;
pub(crate) mod rule_never_matches;
pub(crate) mod rule_redundant;
