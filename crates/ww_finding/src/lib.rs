//! Rules' identity and what they find: findings, exhibits, fixes, outcomes.
