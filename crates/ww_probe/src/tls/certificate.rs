//! Certificates as a server sends them: what they say, who signed them, whom they are good for.

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::net::IpAddr;
use ww_base::Moment;
use ww_evidence::transcript::{Certificate, KeyInfo};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

/// Names of one certificate that are written down. A certificate may have thousands.
const NAMES: usize = 200;
/// Characters of one name.
const CHARACTERS: usize = 1_000;
/// Where issuers can be fetched, of one certificate.
const URLS: usize = 8;

/// Whether a signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    /// It does.
    Holds,
    /// It does not fit the key.
    Fails,
    /// Made in a way that we cannot check.
    NotJudged,
}

/// Reads one certificate; none when it is broken.
pub(super) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der)
        .ok()
        .map(|(_, certificate)| certificate)
}

/// What a certificate says. Of one that cannot be read, its fingerprint alone.
pub(super) fn told(der: &[u8]) -> Certificate {
    let fingerprint = hex(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
    let Some(read) = parse(der) else {
        return Certificate {
            fingerprint,
            ..Certificate::default()
        };
    };
    let algorithm = read.signature_algorithm.algorithm.to_id_string();
    Certificate {
        subject: bounded(&read.subject().to_string()),
        issuer: bounded(&read.issuer().to_string()),
        names: names(&read),
        not_before: moment(read.validity().not_before.timestamp()),
        not_after: moment(read.validity().not_after.timestamp()),
        key: key(read.public_key()),
        signature: signature_name(&algorithm).map_or(algorithm, str::to_owned),
        serial: hex(read.raw_serial()),
        fingerprint,
        authority: read.is_ca(),
        issuer_urls: issuer_urls(&read),
    }
}

/// What the certificates of a PEM file say, in their order; at most this many are read.
pub fn read_certificates(pem: &[u8]) -> Vec<Certificate> {
    const MOST: usize = 100;
    CertificateDer::pem_slice_iter(pem)
        .flatten()
        .take(MOST)
        .map(|der| told(&der))
        .collect()
}

/// Text that a peer sent, not longer than we keep.
pub(super) fn bounded(text: &str) -> String {
    text.chars().take(CHARACTERS).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .take(64)
        .fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

fn moment(unix_seconds: i64) -> Moment {
    Moment(unix_seconds.saturating_mul(1_000_000_000))
}

/// The subject alternative names. A host name that looks like an address is marked, as no client compares
/// it with an address.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    alternative_names(certificate)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) if name.parse::<IpAddr>().is_ok() => {
                Some(format!("DNS:{name}"))
            }
            GeneralName::DNSName(name) => Some(bounded(name)),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        })
        .take(NAMES)
        .collect()
}

fn alternative_names<'c, 'd>(
    certificate: &'c X509Certificate<'d>,
) -> impl Iterator<Item = &'c GeneralName<'d>> {
    certificate
        .extensions()
        .iter()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        })
        .flatten()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

/// Where the issuer's certificate can be fetched.
pub(super) fn issuer_urls(certificate: &X509Certificate<'_>) -> Vec<String> {
    // id-ad-caIssuers, RFC 5280 section 4.2.2.1.
    const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
    certificate
        .extensions()
        .iter()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => Some(&access.accessdescs),
            _ => None,
        })
        .flatten()
        .filter(|access| access.access_method.to_id_string() == CA_ISSUERS)
        .filter_map(|access| match access.access_location {
            GeneralName::URI(url) => Some(bounded(url)),
            _ => None,
        })
        .take(URLS)
        .collect()
}

/// Whether a certificate is good for a host (RFC 9525): a name by its `dNSName`s, with a wildcard for the
/// whole first label; an address by its `iPAddress`es. The common name does not count.
pub(super) fn is_for(certificate: &X509Certificate<'_>, host: &str) -> bool {
    let host_address = host.parse::<IpAddr>().ok();
    alternative_names(certificate).any(|name| match (name, host_address) {
        (GeneralName::DNSName(pattern), None) => name_fits(pattern, host),
        (GeneralName::IPAddress(bytes), Some(host)) => address(bytes) == Some(host),
        _ => false,
    })
}

fn name_fits(pattern: &str, host: &str) -> bool {
    let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        None => pattern == host,
        Some(parent) => host.split_once('.').is_some_and(|(label, behind)| {
            !label.is_empty() && behind == parent && parent.contains('.')
        }),
    }
}

/// A public key's kind and size.
fn key(info: &SubjectPublicKeyInfo<'_>) -> KeyInfo {
    let (algorithm, bits) = match info.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => ("RSA", parsed_bits(info)),
        "1.2.840.10045.2.1" => ("EC", curve_bits(info)),
        "1.2.840.10040.4.1" => ("DSA", parsed_bits(info)),
        "1.3.101.112" => ("Ed25519", 256),
        "1.3.101.113" => ("Ed448", 456),
        other => {
            return KeyInfo {
                algorithm: other.to_owned(),
                bits: 0,
            };
        }
    };
    KeyInfo {
        algorithm: algorithm.to_owned(),
        bits,
    }
}

fn parsed_bits(info: &SubjectPublicKeyInfo<'_>) -> u32 {
    use x509_parser::public_key::PublicKey;
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => {
            let mut digits = key.modulus.iter().skip_while(|&&byte| byte == 0);
            let top = digits.next().map_or(0, |byte| 8 - byte.leading_zeros());
            top + 8 * digits.count() as u32
        }
        Ok(other) => other.key_size() as u32,
        Err(_) => 0,
    }
}

fn curve_bits(info: &SubjectPublicKeyInfo<'_>) -> u32 {
    match curve(info).as_deref() {
        Some(P256 | "1.3.132.0.10") => 256,
        Some(P384) => 384,
        Some("1.3.132.0.35") => 521,
        Some("1.3.132.0.33") => 224,
        Some("1.2.840.10045.3.1.1") => 192,
        _ => parsed_bits(info),
    }
}

const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";

fn curve(info: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?;
    Some(curve.to_id_string())
}

/// Signature algorithms by their object identifiers.
const SIGNATURES: [(&str, &str); 16] = [
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.2.840.10040.4.3", "dsa-with-SHA1"),
    ("2.16.840.1.101.3.4.3.2", "dsa-with-SHA256"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];

fn signature_name(id: &str) -> Option<&'static str> {
    SIGNATURES
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, name)| *name)
}

/// Whether `issuer`'s key made the signature of `certificate`. Weak algorithms are checked as well: that they are
/// weak is another matter.
pub(super) fn signed_by(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
) -> Signature {
    let id = certificate.signature_algorithm.algorithm.to_id_string();
    let key = issuer.public_key();
    let Some(algorithm) = checker(signature_name(&id).unwrap_or_default(), key) else {
        return Signature::NotJudged;
    };
    let key = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
    let signed = certificate.tbs_certificate.as_ref();
    match key.verify(signed, &certificate.signature_value.data) {
        Ok(()) => Signature::Holds,
        Err(_) => Signature::Fails,
    }
}

fn checker(
    signature: &str,
    key: &SubjectPublicKeyInfo<'_>,
) -> Option<&'static dyn VerificationAlgorithm> {
    let info = self::key(key);
    match (info.algorithm.as_str(), signature) {
        ("RSA", "sha1WithRSAEncryption") if info.bits >= 1024 => {
            Some(&signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY)
        }
        ("RSA", "sha256WithRSAEncryption") if info.bits >= 1024 => {
            Some(&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY)
        }
        ("RSA", "sha512WithRSAEncryption") if info.bits >= 1024 => {
            Some(&signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY)
        }
        ("RSA", "sha384WithRSAEncryption") if info.bits >= 2048 => {
            Some(&signature::RSA_PKCS1_2048_8192_SHA384)
        }
        ("EC", "ecdsa-with-SHA256") => match curve(key)?.as_str() {
            P256 => Some(&signature::ECDSA_P256_SHA256_ASN1),
            P384 => Some(&signature::ECDSA_P384_SHA256_ASN1),
            _ => None,
        },
        ("EC", "ecdsa-with-SHA384") => match curve(key)?.as_str() {
            P256 => Some(&signature::ECDSA_P256_SHA384_ASN1),
            P384 => Some(&signature::ECDSA_P384_SHA384_ASN1),
            _ => None,
        },
        ("Ed25519", "Ed25519") => Some(&signature::ED25519),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let cases = [
            ("a.example", "a.example", true),
            ("A.Example.", "a.example", true),
            ("*.a.example", "x.a.example", true),
            ("*.a.example", "a.example", false),
            ("*.a.example", "x.y.a.example", false),
            ("*.a.example", ".a.example", false),
            ("x*.a.example", "xy.a.example", false),
            ("*.example", "a.example", false),
            ("*", "localhost", false),
            ("localhost", "localhost", true),
        ];
        for (pattern, host, fits) in cases {
            assert_eq!(name_fits(pattern, host), fits, "{pattern} for {host}");
        }
    }

    #[test]
    fn a_certificate_is_told_as_it_is() {
        let mut params =
            rcgen::CertificateParams::new(vec!["a.example".to_owned(), "192.0.2.1".to_owned()])
                .expect("names");
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "common.example");
        params.subject_alt_names.push(rcgen::SanType::DnsName(
            "192.0.2.9".try_into().expect("a name"),
        ));
        let key = rcgen::KeyPair::generate().expect("a key");
        let made = params.self_signed(&key).expect("a certificate");
        let told = told(made.der());
        assert_eq!(told.names, ["a.example", "192.0.2.1", "DNS:192.0.2.9"]);
        assert_eq!((told.key.algorithm.as_str(), told.key.bits), ("EC", 256));
        assert_eq!(told.signature, "ecdsa-with-SHA256");
        assert_eq!(told.fingerprint.len(), 64);
        let read = parse(made.der()).expect("readable");
        assert!(is_for(&read, "a.example") && is_for(&read, "192.0.2.1"));
        assert!(!is_for(&read, "192.0.2.9"), "a dNSName is no address");
        assert!(!is_for(&read, "common.example"), "the common name is none");
        assert_eq!(signed_by(&read, &read), Signature::Holds);
    }

    #[test]
    fn no_bytes_are_too_strange() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let made = rcgen::CertificateParams::new(vec!["a.example".to_owned()])
            .expect("a name")
            .self_signed(&key)
            .expect("a certificate");
        let good: &[u8] = made.der();
        for at in 0..good.len() {
            let mut bent = good.to_vec();
            bent[at] ^= 0xff;
            assert_eq!(told(&bent).fingerprint.len(), 64);
            assert_eq!(told(&good[..at]).subject, "");
        }
    }
}
