//! What TLS alerts mean (RFC 8446 section 6, its predecessors and extensions).

use ww_evidence::{SideId, TlsAlert};
use ww_finding::Owner;

/// One alert, in two readings: sent by the client, sent by the server.
pub(super) struct Meaning {
    number: u8,
    /// Its name in the RFCs.
    pub(super) name: &'static str,
    says: &'static str,
    owners: [Owner; 2],
    advice: [&'static [&'static str]; 2],
}

impl Meaning {
    /// What the sender says with it, after "it says that".
    pub(super) fn says(&self, alert: TlsAlert) -> String {
        let peer = format!("the {}", alert.by.other().word());
        self.says.replace("{peer}", &peer)
    }

    /// On whose side the cause usually lies.
    pub(super) fn owner(&self, alert: TlsAlert) -> Owner {
        let [by_client, by_server] = self.owners;
        match alert.by {
            SideId::Client => by_client,
            SideId::Server => by_server,
        }
    }

    /// What to do.
    pub(super) fn advice(&self, alert: TlsAlert) -> &'static [&'static str] {
        let [by_client, by_server] = self.advice;
        match alert.by {
            SideId::Client => by_client,
            SideId::Server => by_server,
        }
    }
}

/// The meaning of an alert; none for numbers that no RFC assigns.
pub(super) fn meaning(alert: TlsAlert) -> Option<&'static Meaning> {
    MEANINGS.iter().find(|one| one.number == alert.number)
}

/// For alerts whose sender alone knows more.
pub(super) const READ_LOG: &str = "Read the log of the side that sent the alert";

const CHAIN: &str = "Look at what the server sends: openssl s_client -connect HOST:443 -servername NAME -showcerts; the certificate and every intermediate must be there (nginx: ssl_certificate with the full chain)";
const TRUST: &str = "If the issuer is a private one, install its root where the client looks for it (system store, Java trust store, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE)";
const VERSIONS: &str = "Compare what both sides allow: openssl s_client -tls1_2 and -tls1_3 against the server; nginx ssl_protocols and ssl_ciphers; the client's minimum version";
const CLIENT_CERTIFICATE: &str = "Compare the client's certificate with what the server trusts for clients (nginx: ssl_client_certificate and ssl_verify_client; Envoy: trusted_ca)";

const fn one(
    number: u8,
    name: &'static str,
    says: &'static str,
    owners: [Owner; 2],
    advice: [&'static [&'static str]; 2],
) -> Meaning {
    Meaning {
        number,
        name,
        says,
        owners,
        advice,
    }
}

static MEANINGS: &[Meaning] = &[
    one(
        10,
        "unexpected_message",
        "it received something that does not belong there",
        [Owner::Unknown, Owner::Unknown],
        [
            &[
                "See whether both sides speak TLS on this port, and whether a device between interferes",
            ],
            &[
                "See whether both sides speak TLS on this port, and whether a device between interferes",
            ],
        ],
    ),
    one(
        20,
        "bad_record_mac",
        "a record does not verify: damaged on the way, or a broken implementation",
        [Owner::Unknown, Owner::Unknown],
        [
            &[
                "Look for a device that rewrites payload, and for a broken offload of a network card",
            ],
            &[
                "Look for a device that rewrites payload, and for a broken offload of a network card",
            ],
        ],
    ),
    one(
        40,
        "handshake_failure",
        "no common parameters were found: cipher suite, group or signature algorithm; or a client certificate is missing",
        [Owner::Configuration, Owner::Configuration],
        [
            &[VERSIONS, CLIENT_CERTIFICATE],
            &[VERSIONS, CLIENT_CERTIFICATE],
        ],
    ),
    one(
        42,
        "bad_certificate",
        "{peer}'s certificate is damaged or does not verify",
        [Owner::Configuration, Owner::Client],
        [&[CHAIN], &[CLIENT_CERTIFICATE]],
    ),
    one(
        43,
        "unsupported_certificate",
        "{peer}'s certificate is of a kind it does not support",
        [Owner::Configuration, Owner::Client],
        [&[CHAIN], &[CLIENT_CERTIFICATE]],
    ),
    one(
        44,
        "certificate_revoked",
        "{peer}'s certificate has been revoked",
        [Owner::Configuration, Owner::Client],
        [
            &["Issue and install a new certificate"],
            &["Issue and install a new certificate"],
        ],
    ),
    one(
        45,
        "certificate_expired",
        "{peer}'s certificate is not valid now: expired, not yet valid, or the clock is wrong",
        [Owner::Configuration, Owner::Client],
        [
            &[
                "Look at the dates (openssl x509 -noout -dates), renew the certificate and reload whoever shows it",
                "Check the clock of the side that sent the alert",
            ],
            &[
                "Look at the dates (openssl x509 -noout -dates), renew the certificate and reload whoever shows it",
                "Check the clock of the side that sent the alert",
            ],
        ],
    ),
    one(
        46,
        "certificate_unknown",
        "{peer}'s certificate is not acceptable to it, often because its name or its issuer is not",
        [Owner::Configuration, Owner::Client],
        [
            &[
                CHAIN,
                TRUST,
                "Compare the names in the certificate with the name that the client asks for",
            ],
            &[CLIENT_CERTIFICATE],
        ],
    ),
    one(
        47,
        "illegal_parameter",
        "a field is out of range or contradicts another",
        [Owner::Unknown, Owner::Unknown],
        [&[VERSIONS], &[VERSIONS]],
    ),
    one(
        48,
        "unknown_ca",
        "it does not trust the issuer of {peer}'s certificate (which says nothing about expiry)",
        [Owner::Configuration, Owner::Client],
        [&[CHAIN, TRUST], &[CLIENT_CERTIFICATE]],
    ),
    one(
        49,
        "access_denied",
        "the certificate is valid, but access is not granted",
        [Owner::Configuration, Owner::Configuration],
        [&[CLIENT_CERTIFICATE], &[CLIENT_CERTIFICATE]],
    ),
    one(
        50,
        "decode_error",
        "a message cannot be decoded",
        [Owner::Unknown, Owner::Unknown],
        [&[VERSIONS], &[VERSIONS]],
    ),
    one(
        51,
        "decrypt_error",
        "a signature or a Finished message does not verify",
        [Owner::Unknown, Owner::Unknown],
        [
            &[
                "See that key and certificate belong together, and that no device between rewrites the handshake",
            ],
            &[
                "See that key and certificate belong together, and that no device between rewrites the handshake",
            ],
        ],
    ),
    one(
        70,
        "protocol_version",
        "{peer} offers no protocol version that it accepts",
        [Owner::Configuration, Owner::Configuration],
        [&[VERSIONS], &[VERSIONS]],
    ),
    one(
        71,
        "insufficient_security",
        "what {peer} offers is too weak for it",
        [Owner::Configuration, Owner::Configuration],
        [&[VERSIONS], &[VERSIONS]],
    ),
    one(
        80,
        "internal_error",
        "something failed inside it that has nothing to do with {peer}",
        [Owner::Client, Owner::Server],
        [&[READ_LOG], &[READ_LOG]],
    ),
    one(
        86,
        "inappropriate_fallback",
        "the client fell back to an older version than both could speak",
        [Owner::Client, Owner::Client],
        [
            &[
                "Find out why the first, newer handshake failed; the fallback is only its consequence",
            ],
            &[
                "Find out why the first, newer handshake failed; the fallback is only its consequence",
            ],
        ],
    ),
    one(
        90,
        "user_canceled",
        "the handshake was cancelled",
        [Owner::Unknown, Owner::Unknown],
        [&[READ_LOG], &[READ_LOG]],
    ),
    one(
        109,
        "missing_extension",
        "an extension that it needs is missing",
        [Owner::Configuration, Owner::Configuration],
        [&[VERSIONS], &[VERSIONS]],
    ),
    one(
        110,
        "unsupported_extension",
        "{peer} answered with an extension that was not offered",
        [Owner::Unknown, Owner::Unknown],
        [&[VERSIONS], &[VERSIONS]],
    ),
    one(
        112,
        "unrecognized_name",
        "it serves nothing under the name that the client sent",
        [Owner::Configuration, Owner::Configuration],
        [
            &[
                "Compare the client's SNI (tls.handshake.extensions_server_name) with the server's names (nginx server_name, ingress hosts)",
            ],
            &[
                "Compare the client's SNI (tls.handshake.extensions_server_name) with the server's names (nginx server_name, ingress hosts)",
            ],
        ],
    ),
    one(
        113,
        "bad_certificate_status_response",
        "the stapled OCSP answer is not valid",
        [Owner::Server, Owner::Server],
        [
            &["Renew the stapled answer (nginx: ssl_stapling and its resolver)"],
            &["Renew the stapled answer (nginx: ssl_stapling and its resolver)"],
        ],
    ),
    one(
        115,
        "unknown_psk_identity",
        "it does not know the pre-shared key",
        [Owner::Configuration, Owner::Configuration],
        [
            &["Compare the pre-shared keys of both sides"],
            &["Compare the pre-shared keys of both sides"],
        ],
    ),
    one(
        116,
        "certificate_required",
        "the client must show a certificate and has shown none",
        [Owner::Client, Owner::Client],
        [
            &[
                "Give the client its certificate and key (curl --cert and --key)",
                CLIENT_CERTIFICATE,
            ],
            &[
                "Give the client its certificate and key (curl --cert and --key)",
                CLIENT_CERTIFICATE,
            ],
        ],
    ),
    one(
        120,
        "no_application_protocol",
        "it speaks none of the protocols that the client offers by ALPN",
        [Owner::Configuration, Owner::Configuration],
        [
            &[
                "Compare the ALPN lists: openssl s_client -alpn h2,http/1.1; nginx: http2 on; gRPC needs h2",
            ],
            &[
                "Compare the ALPN lists: openssl s_client -alpn h2,http/1.1; nginx: http2 on; gRPC needs h2",
            ],
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use ww_evidence::Mark;

    #[test]
    fn an_alert_is_read_from_its_senders_side() {
        let alert = |by| TlsAlert {
            by,
            number: 48,
            mark: Mark::default(),
        };
        let unknown_ca = meaning(alert(SideId::Client)).expect("assigned");
        assert_eq!(unknown_ca.name, "unknown_ca");
        assert!(
            unknown_ca
                .says(alert(SideId::Client))
                .contains("the server's certificate")
        );
        assert!(
            unknown_ca
                .says(alert(SideId::Server))
                .contains("the client's certificate")
        );
        assert_eq!(unknown_ca.owner(alert(SideId::Server)), Owner::Client);
    }

    #[test]
    fn numbers_are_sorted_and_unique() {
        assert!(MEANINGS.is_sorted_by(|a, b| a.number < b.number));
    }
}
