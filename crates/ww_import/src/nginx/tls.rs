//! How nginx encrypts towards clients and towards servers.

use super::lower::Lowering;
use super::scope::Scope;
use super::value::has_word;
use ww_base::{Locus, Order, Setting, SourceSpan};
use ww_model::service::{CertificateFile, TlsClient, TlsServer, TlsVersion};

impl<'t> Lowering<'t, '_, '_> {
    /// The side that accepts connections; `at` makes it encrypt.
    pub(super) fn tls_server(&mut self, scope: &Scope<'t>, at: SourceSpan) -> TlsServer {
        let demands = match scope.one("ssl_verify_client") {
            Some(directive) => Setting::set(has_word(directive, "on"), directive.at),
            None => self
                .intake
                .defaults
                .flag(&self.product, "ssl_verify_client"),
        };
        let suites = match scope.one("ssl_ciphers") {
            Some(directive) => Setting::set(directive.words(), directive.at),
            None => self.default_word("ssl_ciphers"),
        };
        TlsServer {
            at: Some(at),
            versions: self.versions(scope, "ssl_protocols", "ssl_protocols"),
            suites: suites.map(|words| words.split(':').map(str::to_owned).collect()),
            demands_certificate: demands,
            certificates: scope
                .all("ssl_certificate")
                .iter()
                .filter_map(|directive| certificate(directive.arg(0)?, directive.at))
                .collect(),
        }
    }

    /// The side that calls; `prefix` begins the names of its settings.
    pub(super) fn tls_client(
        &mut self,
        scope: &Scope<'t>,
        prefix: &str,
        at: SourceSpan,
        host: &str,
    ) -> TlsClient {
        let name = |end: &str| format!("{prefix}_ssl_{end}");
        let verifies = self.flag(scope, &name("verify"), "proxy_ssl_verify");
        TlsClient {
            at: Some(at),
            checks_name: verifies.clone(),
            verifies,
            sni: self.sni(scope, prefix, host),
            shows_certificate: self.presence(scope, &name("certificate"), "proxy_ssl_certificate"),
            versions: self.versions(scope, &name("protocols"), "proxy_ssl_protocols"),
        }
    }

    /// The name that is sent: that of `…_ssl_name` or of the group, where `…_ssl_server_name` is on.
    fn sni(&mut self, scope: &Scope<'t>, prefix: &str, host: &str) -> Setting<String> {
        let is_sent = self.presence(
            scope,
            &format!("{prefix}_ssl_server_name"),
            "proxy_ssl_server_name",
        );
        let named = scope.one(&format!("{prefix}_ssl_name"));
        match is_sent {
            Setting::Set(sent) if sent.value => match named.and_then(|named| named.arg(0)) {
                Some(name) => Setting::Set(ww_base::Sourced {
                    value: name.to_owned(),
                    at: named.map_or(sent.at, |named| Locus::Text(named.at)),
                }),
                None => Setting::Set(ww_base::Sourced {
                    value: host.to_owned(),
                    at: sent.at,
                }),
            },
            Setting::Set(sent) => Setting::Off(sent.at),
            Setting::Off(at) => Setting::Off(at),
            other => other.map(|_| host.to_owned()),
        }
    }

    fn versions(&mut self, scope: &Scope<'t>, name: &str, row: &str) -> Setting<Vec<TlsVersion>> {
        match scope.one(name) {
            Some(directive) => Setting::set(versions(&directive.words()), directive.at),
            None => self.default_word(row).map(|words| versions(&words)),
        }
    }
}

/// A file that holds a certificate; none where variables name it, or it stands in the line itself.
fn certificate(path: &str, at: SourceSpan) -> Option<CertificateFile> {
    let is_file = !path.contains('$') && !path.starts_with("data:");
    is_file.then(|| CertificateFile {
        at,
        path: path.to_owned(),
    })
}

/// Versions as nginx writes them, oldest first.
fn versions(words: &str) -> Vec<TlsVersion> {
    let version = |word: &str| match word {
        "SSLv2" => Some(TlsVersion::Ssl2),
        "SSLv3" => Some(TlsVersion::Ssl3),
        "TLSv1" => Some(TlsVersion::Tls10),
        "TLSv1.1" => Some(TlsVersion::Tls11),
        "TLSv1.2" => Some(TlsVersion::Tls12),
        "TLSv1.3" => Some(TlsVersion::Tls13),
        _ => None,
    };
    let mut all: Vec<TlsVersion> = words.split_whitespace().filter_map(version).collect();
    all.put_in_order();
    all.dedup();
    all
}
