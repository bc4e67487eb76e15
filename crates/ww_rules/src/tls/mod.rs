//! Rules about certificates and encryption.

mod alerts;
mod endpoint;
mod shown;

pub(crate) use shown::{days, quoted};

pub(crate) mod alpn_mismatch;
pub(crate) mod certificate_chain_incomplete;
pub(crate) mod certificate_expired;
pub(crate) mod certificate_expiring;
pub(crate) mod certificate_name_mismatch;
pub(crate) mod certificate_not_reloaded;
pub(crate) mod certificate_not_yet_valid;
pub(crate) mod certificate_untrusted;
pub(crate) mod certificate_weak;
pub(crate) mod certificates_differ;
pub(crate) mod client_certificate_missing;
pub(crate) mod large_client_hello_dropped;
pub(crate) mod plaintext_on_tls_port;
pub(crate) mod tls_handshake_rejected;
pub(crate) mod tls_obsolete_version;
pub(crate) mod tls_on_plaintext_port;
pub(crate) mod tls_weak_cipher;
