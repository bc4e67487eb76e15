//! Rules about connections.

mod losses;
mod waits;

pub(crate) mod nagle_delayed_ack;
pub(crate) mod network_duplication;
pub(crate) mod packet_loss;
pub(crate) mod packet_reordering;
pub(crate) mod path_mtu_black_hole;
pub(crate) mod policer_loss;
pub(crate) mod queueing_delay;
pub(crate) mod receive_window_limited;
pub(crate) mod request_unanswered;
pub(crate) mod retransmission_timeout_stall;
pub(crate) mod sender_limited_transfer;
pub(crate) mod slow_application;
pub(crate) mod slow_start_limited;
pub(crate) mod spurious_retransmission;
pub(crate) mod zero_window_stall;
