//! Rules about connections.
