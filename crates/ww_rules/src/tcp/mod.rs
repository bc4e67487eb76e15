//! Rules about connections.

pub(crate) mod attempts;
mod hosts;
mod idle_timers;
mod losses;
mod proxies;
mod waits;

pub(crate) mod aborted_by_application;
pub(crate) mod accept_queue_overflow;
pub(crate) mod connection_churn;
pub(crate) mod connection_refused;
pub(crate) mod half_open_connection;
pub(crate) mod handshake_options_stripped;
pub(crate) mod handshake_retransmitted;
pub(crate) mod idle_connection_dropped;
pub(crate) mod idle_connection_reset;
pub(crate) mod local_ports_exhausted;
pub(crate) mod nagle_delayed_ack;
pub(crate) mod network_duplication;
pub(crate) mod packet_loss;
pub(crate) mod packet_reordering;
pub(crate) mod path_mtu_black_hole;
pub(crate) mod policer_loss;
pub(crate) mod port_reuse_collision;
pub(crate) mod queueing_delay;
pub(crate) mod receive_window_limited;
pub(crate) mod request_unanswered;
pub(crate) mod reset_injected;
pub(crate) mod retransmission_timeout_stall;
pub(crate) mod sender_limited_transfer;
pub(crate) mod slow_application;
pub(crate) mod slow_start_limited;
pub(crate) mod spurious_retransmission;
pub(crate) mod syn_unanswered;
pub(crate) mod zero_window_stall;

pub(crate) use handshake_options_stripped::Offers;
pub(crate) use hosts::Services;
pub(crate) use proxies::Proxied;
