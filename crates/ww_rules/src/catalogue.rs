//! Every rule, sorted by family and name.

use crate::{Rule, capture, dns, kube, net, tcp, tls};

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
    &kube::policy_selects_nothing::RULE,
    &net::arp_conflict::RULE,
    &net::fragment_lost::RULE,
    &net::icmp_rejected::RULE,
    &net::port_scan::RULE,
    &net::routing_loop::RULE,
    &net::syn_flood::RULE,
    &net::udp_port_unreachable::RULE,
    &tcp::aborted_by_application::RULE,
    &tcp::accept_queue_overflow::RULE,
    &tcp::connection_churn::RULE,
    &tcp::connection_refused::RULE,
    &tcp::half_open_connection::RULE,
    &tcp::handshake_options_stripped::RULE,
    &tcp::handshake_retransmitted::RULE,
    &tcp::idle_connection_dropped::RULE,
    &tcp::idle_connection_reset::RULE,
    &tcp::nagle_delayed_ack::RULE,
    &tcp::network_duplication::RULE,
    &tcp::packet_loss::RULE,
    &tcp::packet_reordering::RULE,
    &tcp::path_mtu_black_hole::RULE,
    &tcp::policer_loss::RULE,
    &tcp::port_reuse_collision::RULE,
    &tcp::queueing_delay::RULE,
    &tcp::receive_window_limited::RULE,
    &tcp::request_unanswered::RULE,
    &tcp::reset_injected::RULE,
    &tcp::retransmission_timeout_stall::RULE,
    &tcp::sender_limited_transfer::RULE,
    &tcp::slow_application::RULE,
    &tcp::slow_start_limited::RULE,
    &tcp::spurious_retransmission::RULE,
    &tcp::syn_unanswered::RULE,
    &tcp::zero_window_stall::RULE,
    &tls::tls_handshake_rejected::RULE,
];

/// The rule of that name.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.meta.name == name)
}
