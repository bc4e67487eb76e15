//! Rules about names and their servers.
