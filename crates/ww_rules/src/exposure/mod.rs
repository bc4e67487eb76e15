//! Rules over what is open to everybody: by packet filters and by clusters alike.

mod cluster;
mod filter;
pub(crate) mod ports;
mod told;

pub(crate) mod admin_port_open_to_world;
pub(crate) mod database_open_to_world;
