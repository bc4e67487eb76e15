//! Rules over Kubernetes manifests.

pub(crate) mod pods;

pub(crate) mod egress_unrestricted;
pub(crate) mod namespace_without_default_deny;
pub(crate) mod policy_selects_nothing;
pub(crate) mod service_selects_nothing;
