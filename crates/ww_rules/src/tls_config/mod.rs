//! Rules on how programs are told to encrypt.

pub(crate) mod obsolete_tls_version;
pub(crate) mod upstream_certificate_not_verified;
pub(crate) mod upstream_without_sni;
pub(crate) mod weak_cipher_suites;
