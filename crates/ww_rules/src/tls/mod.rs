//! Rules about certificates and encryption.

mod alerts;

pub(crate) mod tls_handshake_rejected;
