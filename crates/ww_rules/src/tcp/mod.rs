//! Rules about connections.

mod losses;

pub(crate) mod network_duplication;
pub(crate) mod packet_loss;
pub(crate) mod packet_reordering;
pub(crate) mod path_mtu_black_hole;
pub(crate) mod policer_loss;
pub(crate) mod queueing_delay;
pub(crate) mod retransmission_timeout_stall;
pub(crate) mod spurious_retransmission;
