//! The observed network: flows, handshakes, exchanges and events, each with its frames.
