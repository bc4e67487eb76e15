//! Rules about names and their servers.

mod bound;
mod common;
mod heard;
mod lookup;
mod servers;
mod unheard;

pub(crate) use common::Habit;
pub(crate) use heard::Heard;
pub(crate) use lookup::Lookup;
pub(crate) use servers::is_found;

pub(crate) mod dns_answers_disagree;
pub(crate) mod dns_delegation_differs;
pub(crate) mod dns_fragments_dropped;
pub(crate) mod dns_lame_delegation;
pub(crate) mod dns_name_error_burst;
pub(crate) mod dns_name_not_found;
pub(crate) mod dns_no_address;
pub(crate) mod dns_over_https_missing;
pub(crate) mod dns_parallel_query_race;
pub(crate) mod dns_refused;
pub(crate) mod dns_search_expansion;
pub(crate) mod dns_server_failure;
pub(crate) mod dns_slow;
pub(crate) mod dns_stale_address;
pub(crate) mod dns_tcp_blocked;
pub(crate) mod dns_truncated_without_tcp;
pub(crate) mod dns_unanswered;
pub(crate) mod dnssec_bogus;
pub(crate) mod dnssec_signature_expiring;
pub(crate) mod https_record_malformed;
pub(crate) mod https_record_unreachable;

#[cfg(test)]
mod tests;
