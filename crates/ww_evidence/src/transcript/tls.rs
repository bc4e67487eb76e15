//! Handshakes: what is offered, what is answered, whose certificate, who is trusted.

use super::written;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::ops::Not;
use ww_base::Moment;

/// How a handshake ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsOutcome {
    /// It was completed. Whether the certificate is trusted stands elsewhere.
    Done,
    /// The server sent an alert, by its number (RFC 8446 section 6).
    Alert(u8),
    /// The server completed the handshake, then sent an alert: TLS 1.3 judges client certificates late.
    LateAlert(u8),
    /// The server closed the connection.
    Closed,
    /// A reset came.
    Reset,
    /// Nothing came in the time given.
    #[default]
    TimedOut,
    /// The server speaks something else: the first line that it said, or nothing.
    NotTls(String),
    /// The protocol that leads to it offers TLS and does not go on to it when asked (`STARTTLS`): what the server does
    /// instead, as the end of "the server fails: …".
    Refused(String),
    /// We ended it, as what the server sent breaks the protocol or is more than clients read: what, as the end of
    /// "the server fails: …".
    Broken(String),
    /// It could not be completed for another reason.
    Failed(String),
}

/// Whether the certificates lead to a root that is trusted here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustVerdict {
    /// They do.
    Trusted,
    /// A certificate that leads on is missing; its issuer.
    Incomplete(String),
    /// They lead to a root that is not trusted here; its name.
    UnknownRoot(String),
    /// The server's own certificate signs itself.
    SelfSigned,
    /// A signature on the way does not hold, or a certificate may not sign.
    Broken(String),
    /// Not judged.
    #[default]
    Unknown,
}

/// A TLS handshake.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct TlsHandshake {
    /// To where.
    pub to: Option<SocketAddr>,
    /// It was made within QUIC (RFC 9001), over UDP.
    #[serde(skip_serializing_if = "Not::not")]
    pub quic: bool,
    /// The name in the server name indication; empty when none was sent.
    pub server_name: String,
    /// The protocols offered by ALPN.
    pub alpn_offered: Vec<String>,
    /// How it ended.
    pub outcome: TlsOutcome,
    /// `TLS 1.2`, `TLS 1.3`.
    pub version: String,
    /// The suite's IANA name.
    pub suite: String,
    /// The group's IANA name.
    pub group: String,
    /// The protocol that the server chose by ALPN; empty when none.
    pub alpn: String,
    /// An earlier session was resumed.
    #[serde(skip_serializing_if = "Not::not")]
    pub resumed: bool,
    /// The address whose session was offered for resumption; the certificates are left out then.
    pub session_from: Option<SocketAddr>,
    /// The server's certificates in the order in which it sent them.
    pub certificates: Vec<Certificate>,
    /// Whether they lead to a trusted root.
    pub trust: TrustVerdict,
    /// Which of the certificates (indices from 0) lead to the root, or as far as they lead; the others are
    /// superfluous. Empty when not judged.
    pub path: Vec<u32>,
    /// The target's name is among those of the first certificate.
    #[serde(skip_serializing_if = "Not::not")]
    pub name_matches: bool,
    /// The server stapled an OCSP response.
    #[serde(skip_serializing_if = "Not::not")]
    pub ocsp_stapled: bool,
    /// The server asked for a certificate of ours.
    pub client_certificate: Option<ClientCertificateDemand>,
}

/// The server asked for a certificate of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ClientCertificateDemand {
    /// Names of the authorities that it accepts; empty when it does not say.
    pub authorities: Vec<String>,
    /// We had one and sent it.
    pub sent: bool,
}

/// A certificate (RFC 5280).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Certificate {
    /// The subject's name.
    pub subject: String,
    /// The issuer's name.
    pub issuer: String,
    /// Names and addresses it is good for.
    pub names: Vec<String>,
    /// Good from.
    #[serde(with = "written::unix_seconds")]
    pub not_before: Moment,
    /// Good until.
    #[serde(with = "written::unix_seconds")]
    pub not_after: Moment,
    /// Its key.
    pub key: KeyInfo,
    /// How it is signed (`sha256WithRSAEncryption`, `ecdsa-with-SHA256`).
    pub signature: String,
    /// The serial number in hexadecimal digits.
    pub serial: String,
    /// SHA-256 of the whole, in hexadecimal digits.
    pub fingerprint: String,
    /// It may sign others.
    #[serde(skip_serializing_if = "Not::not")]
    pub authority: bool,
    /// Where its issuer's certificate can be fetched.
    pub issuer_urls: Vec<String>,
}

/// A public key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct KeyInfo {
    /// `RSA`, `EC`, `Ed25519`, …
    pub algorithm: String,
    /// Its size.
    pub bits: u32,
}

/// What was answered to a ClientHello.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HelloReply {
    /// A ServerHello or a HelloRetryRequest.
    Accepted,
    /// An alert, by its number.
    Alert(u8),
    /// The connection was closed.
    Closed,
    /// A reset came.
    Reset,
    /// Nothing came.
    #[default]
    Silence,
    /// Something that is not TLS: its first line.
    NotTls(String),
    /// It could not be sent.
    NotSent(String),
}

/// A ClientHello of our own making.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct HelloProbe {
    /// To where.
    pub to: Option<SocketAddr>,
    /// The server name that was sent; empty for none.
    pub server_name: String,
    /// The highest version that was offered (`SSL 3.0` to `TLS 1.3`).
    pub version: String,
    /// Size of the hello, bytes.
    pub bytes: u32,
    /// It was no hello, but clear text of the same size: tells whether the size or the hello is refused.
    #[serde(skip_serializing_if = "Not::not")]
    pub clear_text: bool,
    /// It was sent in two segments.
    #[serde(skip_serializing_if = "Not::not")]
    pub split: bool,
    /// Our MSS option, where it was made smaller.
    pub mss: Option<u16>,
    /// What came back.
    pub reply: HelloReply,
    /// The version that the server chose.
    pub chosen_version: String,
    /// The suite that it chose.
    pub chosen_suite: String,
    /// The group that it chose or asked for.
    pub chosen_group: String,
}

impl HelloReply {
    /// No answer of TLS came: silence, or an end.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            HelloReply::Silence | HelloReply::Reset | HelloReply::Closed
        )
    }

    /// Something came back or the connection was closed in order: what was sent arrived.
    pub fn has_arrived(&self) -> bool {
        matches!(
            self,
            HelloReply::Accepted
                | HelloReply::Alert(_)
                | HelloReply::NotTls(_)
                | HelloReply::Closed
        )
    }
}

impl HelloProbe {
    /// A hello longer than this has a key share of ML-KEM, or is padded to its size; bytes.
    pub const LARGE: u32 = 1_000;

    /// It is as large as one with a key share of ML-KEM.
    pub fn is_large(&self) -> bool {
        self.bytes > HelloProbe::LARGE
    }

    /// What a client of today sends: this name, usual size, in one write, in segments of usual size.
    pub fn is_usual(&self, server_name: &str) -> bool {
        self.server_name == server_name
            && !(self.clear_text || self.split || self.is_large())
            && self.mss.is_none()
    }
}

/// The name that clients send in the server name indication for a host: none for an address, and none that is no name of
/// the DNS (RFC 6066 section 3).
pub fn server_name(host: &str) -> &str {
    if host.parse::<std::net::IpAddr>().is_ok() || !host.is_ascii() {
        ""
    } else {
        host
    }
}

/// All versions, suites and groups of one address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct TlsSurvey {
    /// To where.
    pub to: Option<SocketAddr>,
    /// Versions that are accepted, oldest first, with their suites.
    pub versions: Vec<Suites>,
    /// Groups that are accepted, by their IANA names.
    pub groups: Vec<String>,
    /// Only versions were asked for, one hello each.
    #[serde(skip_serializing_if = "Not::not")]
    pub versions_only: bool,
}

/// The suites of one version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Suites {
    /// `SSL 3.0`, `TLS 1.0` to `TLS 1.3`.
    pub version: String,
    /// Accepted suites by their IANA names, in the server's order where it has one.
    pub suites: Vec<String>,
    /// The server's order counts, not the client's; `None` when there is one suite only.
    pub server_order: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sent_that_the_dns_has() {
        assert_eq!(server_name("shop.example"), "shop.example");
        for none in ["192.0.2.1", "2001:db8::1", "m\u{fc}ller.example"] {
            assert_eq!(server_name(none), "", "{none}");
        }
    }

    #[test]
    fn a_usual_hello_is_that_of_most_clients() {
        let usual = HelloProbe {
            server_name: "shop.example".to_owned(),
            bytes: 237,
            ..HelloProbe::default()
        };
        assert!(usual.is_usual("shop.example") && !usual.is_usual(""));
        for other in [
            HelloProbe {
                bytes: 1_400,
                ..usual.clone()
            },
            HelloProbe {
                split: true,
                ..usual.clone()
            },
            HelloProbe {
                mss: Some(536),
                ..usual.clone()
            },
            HelloProbe {
                clear_text: true,
                ..usual.clone()
            },
        ] {
            assert!(!other.is_usual("shop.example"), "{other:?}");
        }
    }

    #[test]
    fn an_end_in_order_shows_that_a_hello_arrived_and_failed() {
        let closed = HelloReply::Closed;
        assert!(closed.is_failure() && closed.has_arrived());
        assert!(HelloReply::Reset.is_failure() && !HelloReply::Reset.has_arrived());
        assert!(!HelloReply::Alert(70).is_failure() && HelloReply::Alert(70).has_arrived());
    }
}
