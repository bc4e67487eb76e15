//! Every rule, sorted by family and name.

use crate::{Rule, capture, dns, net, tcp};

/// Every rule.
pub static RULES: &[&Rule] = &[
    &capture::capture_dropped_packets::RULE,
    &capture::clock_goes_backwards::RULE,
    &capture::duplicated_capture::RULE,
    &capture::mid_stream_capture::RULE,
    &capture::offloaded_segments::RULE,
    &capture::one_way_capture::RULE,
    &capture::truncated_capture::RULE,
    &dns::dns_name_error_burst::RULE,
    &dns::dns_parallel_query_race::RULE,
    &dns::dns_search_expansion::RULE,
    &dns::dns_server_failure::RULE,
    &dns::dns_slow::RULE,
    &dns::dns_stale_address::RULE,
    &dns::dns_truncated_without_tcp::RULE,
    &dns::dns_unanswered::RULE,
    &net::arp_conflict::RULE,
    &net::fragment_lost::RULE,
    &net::icmp_rejected::RULE,
    &net::port_scan::RULE,
    &net::routing_loop::RULE,
    &net::syn_flood::RULE,
    &net::udp_port_unreachable::RULE,
    &tcp::network_duplication::RULE,
    &tcp::packet_loss::RULE,
    &tcp::packet_reordering::RULE,
    &tcp::path_mtu_black_hole::RULE,
    &tcp::policer_loss::RULE,
    &tcp::queueing_delay::RULE,
    &tcp::retransmission_timeout_stall::RULE,
    &tcp::spurious_retransmission::RULE,
];

/// The rule of that name.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.meta.name == name)
}
