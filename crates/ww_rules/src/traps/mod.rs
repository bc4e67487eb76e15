//! Rules on settings that mean something else than they seem to.

pub(crate) mod default_changed_between_versions;
pub(crate) mod setting_not_in_force;
pub(crate) mod setting_without_effect;
pub(crate) mod zero_timeout_expires_at_once;
