//! Rules about certificates and encryption.

mod alerts;
mod endpoint;

pub(crate) mod large_client_hello_dropped;
pub(crate) mod plaintext_on_tls_port;
pub(crate) mod tls_handshake_rejected;
pub(crate) mod tls_obsolete_version;
pub(crate) mod tls_on_plaintext_port;
pub(crate) mod tls_weak_cipher;
