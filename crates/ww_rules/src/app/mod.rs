//! Rules about what is spoken beyond HTTP, and about trouble that comes and goes.

mod codes;
mod source_ports;
mod trials;

pub(crate) mod backend_outlier;
pub(crate) mod greeting_missing;
pub(crate) mod greeting_refused;
pub(crate) mod grpc_unhealthy;
pub(crate) mod grpc_unimplemented;
pub(crate) mod intermittent_failure;
pub(crate) mod starttls_not_offered;
pub(crate) mod websocket_upgrade_refused;
