//! Rules over addresses, routes and tunnels.

pub(crate) mod allowed_ips_overlap;
pub(crate) mod asymmetric_path;
pub(crate) mod overlapping_networks;
pub(crate) mod route_to_nowhere;
