//! Authorities, certificates and servers for the tests.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

/// A certificate chain with the key of its first certificate.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Vec<u8>,
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub(crate) fn root(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().expect("a key"))
        .expect("a root")
}

pub(crate) fn intermediate(name: &str, above: &Authority) -> Authority {
    intermediate_with(above, |params| {
        params.distinguished_name.push(DnType::CommonName, name);
    })
}

pub(crate) fn intermediate_with(
    above: &Authority,
    change: impl FnOnce(&mut CertificateParams),
) -> Authority {
    let mut params = authority_params("Test Intermediate");
    change(&mut params);
    CertifiedIssuer::signed_by(params, KeyPair::generate().expect("a key"), above)
        .expect("an intermediate")
}

pub(crate) fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "shop.example");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 1, 1);
    params
}

/// A certificate of `above`, sent with `others`.
pub(crate) fn identity(
    above: &Authority,
    params: &CertificateParams,
    others: &[&Authority],
) -> Identity {
    let key = KeyPair::generate().expect("a key");
    let own = params.signed_by(&key, above).expect("a certificate");
    let mut chain = vec![own.der().clone()];
    chain.extend(others.iter().map(|other| other.der().clone()));
    Identity {
        chain,
        key: key.serialize_der(),
    }
}

pub(crate) fn self_signed(params: &CertificateParams) -> Identity {
    let key = KeyPair::generate().expect("a key");
    Identity {
        chain: vec![params.self_signed(&key).expect("made").der().clone()],
        key: key.serialize_der(),
    }
}

/// Authority information access with the address of the issuer's certificate (RFC 5280 section 4.2.2.1).
pub(crate) fn issuer_url(url: &str) -> CustomExtension {
    let method = [6, 8, 43, 6, 1, 5, 5, 7, 48, 2];
    let mut location = vec![0x86, url.len() as u8];
    location.extend(url.as_bytes());
    let mut description = vec![0x30, (method.len() + location.len()) as u8];
    description.extend(method);
    description.extend(location);
    let mut access = vec![0x30, description.len() as u8];
    access.extend(description);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access)
}

pub(crate) struct Setup {
    pub(crate) identity: Identity,
    pub(crate) alpn: Vec<&'static str>,
    pub(crate) clients: Option<CertificateDer<'static>>,
    pub(crate) versions: &'static [&'static rustls::SupportedProtocolVersion],
}

impl Setup {
    pub(crate) fn new(identity: Identity) -> Setup {
        Setup {
            identity,
            alpn: Vec::new(),
            clients: None,
            versions: rustls::ALL_VERSIONS,
        }
    }

    pub(crate) fn config(self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .expect("versions");
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(root) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(root).expect("a root");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.identity.key));
        let mut config = builder
            .with_single_cert(self.identity.chain, key)
            .expect("key and certificate");
        config.alpn_protocols = self
            .alpn
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        Arc::new(config)
    }
}

/// Serves one configuration at each of 127.0.0.1, 127.0.0.2, …, on one port; the port.
pub(crate) fn serve(configs: &[Arc<ServerConfig>]) -> u16 {
    let mut port = 0;
    for (nth, config) in configs.iter().enumerate() {
        let address = SocketAddr::from(([127, 0, 0, 1 + nth as u8], port));
        let listener = TcpListener::bind(address).expect("a port");
        port = listener.local_addr().expect("its address").port();
        let config = Arc::clone(config);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || {
                    let _ = talk(stream, config);
                });
            }
        });
    }
    port
}

fn talk(mut stream: std::net::TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut connection = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            let _ = connection.write_tls(&mut stream);
            return Err(error);
        }
    }
    while connection.wants_write() {
        connection.write_tls(&mut stream)?;
    }
    stream.flush()?;
    let mut rest = [0; 64];
    while stream.read(&mut rest)? > 0 {}
    Ok(())
}

/// A server that answers whatever it hears with one text.
pub(crate) fn serve_text(text: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut heard = [0; 2048];
            let _ = stream.read(&mut heard);
            let _ = stream.write_all(text.as_bytes());
        }
    });
    port
}

pub(crate) fn pem_of(der: &[u8]) -> Vec<u8> {
    pem("CERTIFICATE", der)
}

pub(crate) fn pem_key(der: &[u8]) -> Vec<u8> {
    pem("PRIVATE KEY", der)
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in der.chunks(3) {
        let bits = three
            .iter()
            .fold(0u32, |bits, &byte| bits << 8 | u32::from(byte))
            << (8 * (3 - three.len()));
        for nth in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * nth) & 63) as usize);
            text.push(if nth <= three.len() {
                digit.map_or('=', |&digit| char::from(digit))
            } else {
                '='
            });
        }
    }
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("ASCII"))
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
    .into_bytes()
}
