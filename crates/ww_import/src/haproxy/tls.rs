//! How HAProxy encrypts towards clients and towards servers.

use super::lower::Lowering;
use super::section::Line;
use super::server::Server;
use super::value::none;
use ww_base::{Gap, Locus, Setting};
use ww_model::service::{CertificateFile, TlsClient, TlsServer, TlsVersion};

/// Versions as HAProxy writes them, and the words that switch each off.
const VERSIONS: [(&str, &str, TlsVersion); 5] = [
    ("SSLv3", "no-sslv3", TlsVersion::Ssl3),
    ("TLSv1.0", "no-tlsv10", TlsVersion::Tls10),
    ("TLSv1.1", "no-tlsv11", TlsVersion::Tls11),
    ("TLSv1.2", "no-tlsv12", TlsVersion::Tls12),
    ("TLSv1.3", "no-tlsv13", TlsVersion::Tls13),
];

impl<'t> Lowering<'t, '_, '_> {
    /// The side that accepts connections, by the line of its `bind`.
    pub(super) fn tls_server(&mut self, bind: &'t Line) -> TlsServer {
        let options = self.global_line("ssl-default-bind-options");
        let own = bind.behind("ciphers").map(|word| (word, bind.at));
        let suites = own.or_else(|| {
            let line = self.global_line("ssl-default-bind-ciphers")?;
            Some((line.words.get(1)?, line.at))
        });
        let verify = bind.behind("verify");
        TlsServer {
            at: Some(bind.at),
            versions: written_versions(&[Some(bind), options], Some("TLSv1.2")).unwrap_or_else(
                || {
                    let oldest = self.default_word("ssl-min-ver");
                    oldest.map(|word| between(&word, "", &[]))
                },
            ),
            suites: suites.map_or_else(Setting::default, |(words, at)| {
                let suites = words.text.split(':').map(str::to_owned);
                Setting::set(suites.collect(), at)
            }),
            demands_certificate: match verify {
                Some(word) => Setting::set(word.text == "required", bind.at),
                None => self.intake.defaults.flag(&self.product, "verify of bind"),
            },
            certificates: self.certificates(bind),
        }
    }

    /// The files that a `bind` names; a relative path begins at `crt-base`, where there is one.
    fn certificates(&self, bind: &Line) -> Vec<CertificateFile> {
        let base = self.global_line("crt-base").map(|line| line.word(1));
        let words = bind.words.iter().zip(bind.words.iter().skip(1));
        words
            .filter(|(word, _)| word.text == "crt")
            .map(|(_, file)| CertificateFile {
                at: bind.at,
                path: match base {
                    Some(base) if !file.text.starts_with('/') => {
                        format!("{}/{}", base.trim_end_matches('/'), file.text)
                    }
                    _ => file.text.clone(),
                },
            })
            .collect()
    }

    /// The side that calls; none where no server is called with TLS.
    pub(super) fn tls_client(&mut self, servers: &[Server<'t>]) -> Option<TlsClient> {
        let server = servers.iter().find(|one| one.flag("ssl").is_some())?;
        let options = self.global_line("ssl-default-server-options");
        let verifies = match (
            server.value("verify"),
            self.global_line("ssl-server-verify"),
        ) {
            (Some((word, line)), _) => Setting::set(word.text != "none", line.at),
            (None, Some(line)) => Setting::set(line.word(1) != "none", line.at),
            (None, None) => self
                .default_word("ssl-server-verify")
                .map(|word| word != "none"),
        };
        let sni = server.value("sni");
        let name = server.value("verifyhost").or(sni);
        Some(TlsClient {
            at: server.flag("ssl").map(|line| line.at),
            checks_name: match (&verifies, name) {
                (Setting::Set(off), _) if !off.value => verifies.clone(),
                (_, Some((_, line))) => Setting::set(true, line.at),
                (_, None) if self.usual_sni().is_off() => {
                    none("HAProxy compares no name unless verifyhost or sni is set")
                }
                (_, None) => Setting::default(),
            },
            verifies,
            sni: match (sni, server.flag("no-sni-auto")) {
                (Some((word, line)), _) => Setting::set(word.text.clone(), line.at),
                (None, Some(line)) => Setting::Off(Locus::Text(line.at)),
                (None, None) => self.usual_sni(),
            },
            shows_certificate: match server.value("crt") {
                Some((_, line)) => Setting::set(true, line.at),
                None => none("no certificate of its own is set"),
            },
            versions: written_versions(&[Some(server.line), options], None).unwrap_or_default(),
        })
    }

    /// The name that is sent where no line says one.
    fn usual_sni(&self) -> Setting<String> {
        match self.default_word("sni") {
            Setting::Default { .. } => Setting::Unknown(Gap::new(
                "which name is sent as SNI: that in Host of each request is taken",
                "the names that requests ask for",
            )),
            other => other,
        }
    }
}

/// The versions that lines allow, by the first that says enough. Where no oldest one is written,
/// it is the usual one; there is none towards servers, where OpenSSL decides.
fn written_versions(
    lines: &[Option<&Line>],
    usual: Option<&str>,
) -> Option<Setting<Vec<TlsVersion>>> {
    let mut lines = lines.iter().flatten();
    lines.find_map(|line| Some(Setting::set(allowed(line, usual)?, line.at)))
}

/// The versions that a line allows; none when it does not say.
fn allowed(line: &Line, usual: Option<&str>) -> Option<Vec<TlsVersion>> {
    let word = |name: &str| line.behind(name).map(|word| word.text.as_str());
    let off: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
    let forced = VERSIONS.iter().find(|(name, _, _)| {
        let name = name.to_ascii_lowercase().replace('.', "");
        off.contains(&format!("force-{name}").as_str())
    });
    if let Some((_, _, version)) = forced {
        return Some(vec![*version]);
    }
    let (least, most) = (word("ssl-min-ver"), word("ssl-max-ver"));
    let says = VERSIONS.iter().any(|(_, no, _)| off.contains(no));
    if least.is_none() && most.is_none() && !says {
        return None;
    }
    let oldest = least.or(says.then_some("SSLv3")).or(usual)?;
    Some(between(oldest, most.unwrap_or(""), &off))
}

/// The versions from one to another without those that are switched off.
fn between(oldest: &str, newest: &str, off: &[&str]) -> Vec<TlsVersion> {
    let position = |name: &str| VERSIONS.iter().position(|(known, _, _)| *known == name);
    let first = position(oldest).unwrap_or_default();
    let last = position(newest).unwrap_or(VERSIONS.len());
    let range = VERSIONS.iter().enumerate();
    let range = range.filter(|(at, (_, no, _))| (first..=last).contains(at) && !off.contains(no));
    range.map(|(_, (_, _, version))| *version).collect()
}
