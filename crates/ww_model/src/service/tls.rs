//! How a side encrypts.

use ww_base::{Setting, SourceSpan};

/// A version of TLS, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// SSL 2.0 (prohibited by RFC 6176).
    Ssl2,
    /// SSL 3.0 (RFC 7568).
    Ssl3,
    /// TLS 1.0 (RFC 8996).
    Tls10,
    /// TLS 1.1 (RFC 8996).
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// As RFCs write it.
    pub fn word(self) -> &'static str {
        match self {
            TlsVersion::Ssl2 => "SSL 2.0",
            TlsVersion::Ssl3 => "SSL 3.0",
            TlsVersion::Tls10 => "TLS 1.0",
            TlsVersion::Tls11 => "TLS 1.1",
            TlsVersion::Tls12 => "TLS 1.2",
            TlsVersion::Tls13 => "TLS 1.3",
        }
    }
}

/// How the side that accepts connections encrypts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsServer {
    /// Where it is written.
    pub at: Option<SourceSpan>,
    /// Versions that are spoken.
    pub versions: Setting<Vec<TlsVersion>>,
    /// Suites, as written, in order; products write them as one word or a list.
    pub suites: Setting<Vec<String>>,
    /// Whether clients have to show a certificate.
    pub demands_certificate: Setting<bool>,
    /// The files whose certificates are shown, one of which a client gets.
    pub certificates: Vec<CertificateFile>,
}

/// A file with a certificate, as it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFile {
    /// Where it is named.
    pub at: SourceSpan,
    /// Its path as written; a relative one begins where the program looks for it.
    pub path: String,
}

/// How the side that calls encrypts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsClient {
    /// Where it is written.
    pub at: Option<SourceSpan>,
    /// Whether the server's certificate is verified.
    pub verifies: Setting<bool>,
    /// Whether its name is compared with the one that is called.
    pub checks_name: Setting<bool>,
    /// The name sent as SNI; off when none is sent.
    pub sni: Setting<String>,
    /// Whether a certificate of its own is shown.
    pub shows_certificate: Setting<bool>,
    /// Versions that are spoken.
    pub versions: Setting<Vec<TlsVersion>>,
}
