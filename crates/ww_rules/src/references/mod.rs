//! Rules on names that have to be declared somewhere.

pub(crate) mod dangling_reference;
pub(crate) mod probe_port_not_declared;
pub(crate) mod service_port_leads_nowhere;
