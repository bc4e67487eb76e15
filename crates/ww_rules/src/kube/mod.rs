//! Rules over Kubernetes manifests.

pub(crate) mod policy_selects_nothing;
