//! Names: how the host resolves them, every lookup, every chain of trust.

use super::{ServiceBinding, written};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::ops::Not;
use ww_base::{Moment, Span};

/// How this host resolves names (resolv.conf(5), nsswitch.conf(5), hosts(5)).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ResolverSetup {
    /// The name servers in order.
    pub servers: Vec<SocketAddr>,
    /// Suffixes that are tried.
    pub search: Vec<String>,
    /// A name with fewer dots is tried with the suffixes first.
    pub ndots: u32,
    /// How long one attempt waits.
    #[serde(with = "written::ms")]
    pub timeout: Span,
    /// How often all servers are tried.
    pub attempts: u32,
    /// Further options as they are written.
    pub options: Vec<String>,
    /// Addresses that the hosts file gives the target's name.
    pub hosts: Vec<IpAddr>,
    /// Where host names are looked for, in order (`files`, `dns`, `resolve`, `mdns4_minimal`).
    pub sources: Vec<String>,
    /// What systemd-resolved is told to do, where programs ask its stub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stub: Option<StubSetup>,
}

/// What systemd-resolved is told to do (resolved.conf(5)), as far as files say it: a link may have servers of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct StubSetup {
    /// `DNSOverTLS`: `yes`, `no`, `opportunistic`; empty where it is not written.
    pub dns_over_tls: String,
    /// `DNS`: the servers as they are written (`192.0.2.53#dns.example`).
    pub servers: Vec<String>,
}

/// Who was asked, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnsVia {
    /// The system's own resolver (`getaddrinfo`), as programs ask it.
    #[default]
    System,
    /// A name server over UDP.
    Udp(SocketAddr),
    /// A name server over TCP.
    Tcp(SocketAddr),
    /// A name server over TLS (RFC 7858).
    Tls(SocketAddr),
    /// A name server over HTTPS (RFC 8484), by its URL.
    Https(String),
}

impl DnsVia {
    /// The server's address, where there is one.
    pub fn server(&self) -> Option<SocketAddr> {
        match self {
            DnsVia::Udp(server) | DnsVia::Tcp(server) | DnsVia::Tls(server) => Some(*server),
            DnsVia::System | DnsVia::Https(_) => None,
        }
    }
}

/// A name was looked up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Lookup {
    /// The name, without the final dot.
    pub name: String,
    /// The type's mnemonic (`A`, `AAAA`, `HTTPS`, `TYPE65280`).
    pub kind: String,
    /// Who was asked.
    pub via: DnsVia,
    /// The server is one of the zone's own, not a resolver.
    #[serde(skip_serializing_if = "Not::not")]
    pub authoritative_server: bool,
    /// The server is one of the parent zone's, which is asked to whom it delegates the zone.
    #[serde(skip_serializing_if = "Not::not")]
    pub delegation: bool,
    /// The UDP size offered in the OPT record; `None` without EDNS.
    pub edns_size: Option<u16>,
    /// The DNSSEC OK bit was set.
    #[serde(skip_serializing_if = "Not::not")]
    pub dnssec_ok: bool,
    /// The Checking Disabled bit was set.
    #[serde(skip_serializing_if = "Not::not")]
    pub checking_disabled: bool,
    /// The search list made this name of a shorter one, as this C library does it (`glibc`, `musl`).
    pub expanded_by: Vec<String>,
    /// It was asked as an HTTPS record leads there: of the target's own name it tells nothing.
    #[serde(skip_serializing_if = "is_false")]
    pub by_binding: bool,
    /// What came back.
    pub outcome: LookupOutcome,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What came back of a lookup.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookupOutcome {
    /// An answer, whatever it says.
    Answered(Box<Answer>),
    /// Nothing came in the time given.
    #[default]
    TimedOut,
    /// The port is closed: ICMP port unreachable, or a reset.
    Refused,
    /// It could not be asked, or the answer could not be read.
    Failed(String),
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Answer {
    /// The response code's mnemonic (`NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`, `FORMERR`, `NOTIMP`).
    pub rcode: String,
    /// AA.
    #[serde(skip_serializing_if = "Not::not")]
    pub authoritative: bool,
    /// AD.
    #[serde(skip_serializing_if = "Not::not")]
    pub authentic: bool,
    /// TC.
    #[serde(skip_serializing_if = "Not::not")]
    pub truncated: bool,
    /// RA.
    #[serde(skip_serializing_if = "Not::not")]
    pub recursion_available: bool,
    /// Size of the message in bytes.
    pub bytes: u32,
    /// Extended errors (RFC 8914).
    pub extended_errors: Vec<ExtendedError>,
    /// The answer section.
    pub records: Vec<Record>,
    /// The authority section.
    pub authority: Vec<Record>,
    /// What the SVCB and HTTPS records of the answer section say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<ServiceBinding>,
}

impl Answer {
    /// The server does not take the form of the question, or does not know it, which tells nothing of the name: EDNS
    /// may be what it does not know (RFC 6891 section 7, RFC 8906 section 3.2).
    pub fn is_about_form(&self) -> bool {
        matches!(self.rcode.as_str(), "FORMERR" | "NOTIMP" | "BADVERS")
    }
}

/// An extended error (RFC 8914).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ExtendedError {
    /// INFO-CODE.
    pub code: u16,
    /// EXTRA-TEXT.
    pub text: String,
}

/// A resource record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Record {
    /// The owner, without the final dot.
    pub name: String,
    /// The type's mnemonic.
    pub kind: String,
    /// Time to live, seconds.
    pub ttl: u32,
    /// The data in presentation form, names without the final dot.
    pub data: String,
}

/// What DNSSEC says of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecurityVerdict {
    /// A chain of signatures leads from the trust anchor to the answer.
    Secure,
    /// A parent proves that there is no chain.
    Insecure,
    /// There must be a chain, and it does not hold.
    Bogus,
    /// It could not be found out.
    #[default]
    Indeterminate,
}

/// The DNSSEC chain of a name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Validation {
    /// The name.
    pub name: String,
    /// The type's mnemonic.
    pub kind: String,
    /// The resolver that was asked, without judging signatures (CD).
    pub server: Option<SocketAddr>,
    /// The verdict.
    pub verdict: SecurityVerdict,
    /// The zones from the trust anchor down, in the order in which they were entered.
    pub links: Vec<ZoneLink>,
    /// Why the chain ends before the answer, or does not hold; nothing when it is secure.
    pub reason: Option<ChainReason>,
    /// The signatures that hold.
    pub signatures: Vec<SignatureLife>,
    /// Questions that were put.
    pub questions: u32,
    /// Signatures that were checked.
    pub checks: u32,
}

/// One zone of a chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ZoneLink {
    /// The zone's name; `.` for the root.
    pub zone: String,
    /// The keys that the DS records at the parent name, or the anchor.
    pub ds: Vec<ZoneKey>,
    /// The zone's keys.
    pub keys: Vec<ZoneKey>,
    /// The chain holds up to here.
    pub verdict: SecurityVerdict,
}

/// A key as signatures name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ZoneKey {
    /// Its tag (RFC 4034 appendix B).
    pub tag: u16,
    /// Its algorithm (IANA, DNS security algorithm numbers).
    pub algorithm: u8,
}

/// A signature that holds, and how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct SignatureLife {
    /// The zone whose key made it.
    pub zone: String,
    /// The name of the records.
    pub owner: String,
    /// Their type's mnemonic.
    pub record: String,
    /// When it begins.
    #[serde(with = "written::unix_seconds")]
    pub begins: Moment,
    /// When it ends.
    #[serde(with = "written::unix_seconds")]
    pub expires: Moment,
    /// How long a cache has held the records: they were fetched so long ago.
    #[serde(with = "written::ms")]
    pub cached_for: Span,
}

/// Why a chain ends before the answer, or does not hold, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ChainReason {
    /// What is so.
    pub kind: ChainReasonKind,
    /// In which zone.
    pub zone: String,
    /// At which name.
    pub owner: String,
    /// Of which records: their type's mnemonic.
    pub record: String,
    /// The key that made the signature, or that the parent names.
    pub key_tag: Option<u16>,
    /// Its algorithm; 0 where there is none.
    pub algorithm: u8,
    /// When the signature begins.
    #[serde(with = "written::optional_unix_seconds")]
    pub begins: Option<Moment>,
    /// When it ends.
    #[serde(with = "written::optional_unix_seconds")]
    pub expires: Option<Moment>,
    /// How long a cache has held the records: they were fetched so long ago.
    #[serde(with = "written::ms")]
    pub cached_for: Span,
    /// What a server says, where it gives no answer.
    pub says: String,
}

/// What may end a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainReasonKind {
    /// A signature is over.
    SignatureExpired,
    /// A signature begins later.
    SignatureNotYetValid,
    /// A signature ends before it begins.
    SignatureEndsBeforeItBegins,
    /// A signature does not fit the records.
    SignatureInvalid,
    /// Records of a signed zone have no signature.
    SignatureMissing,
    /// The key that made the signature is not among the zone's.
    SigningKeyMissing,
    /// The signature is another zone's.
    SignerIsNotZone,
    /// The parent has DS records, and the zone no keys.
    KeysMissing,
    /// No key of the zone is the one that the parent's DS records, or the anchor, name.
    KeyNotAtParent,
    /// The key that the parent names does not sign the zone's keys.
    KeysNotSigned,
    /// The key may not sign records: its zone flag is not set (RFC 4034 section 2.1.1).
    KeyWithoutZoneFlag,
    /// The key is revoked (RFC 5011).
    KeyRevoked,
    /// It is not proven that what is missing does not exist (NSEC, NSEC3).
    DenialMissing,
    /// The parent proves that the zone is not signed.
    UnsignedDelegation,
    /// The parent leaves unsigned zones out of its proofs (RFC 5155 section 6).
    OptOut,
    /// The zone is signed in ways that cannot be checked: as if it were not (RFC 4035 section 5.2).
    UnsupportedAlgorithm,
    /// The parent's digests cannot be checked: the same.
    UnsupportedDigest,
    /// Proofs by digests with too many iterations: the same (RFC 9276 section 3.2).
    TooManyIterations,
    /// No trust anchor is above the name.
    NoAnchor,
    /// A server gives no answer.
    #[default]
    NoAnswer,
    /// It would take more questions or checks than one chain may cost.
    TooMuchWork,
}

impl ChainReasonKind {
    /// The extended error that a resolver would give (RFC 8914 section 4; IANA has those above 24).
    pub fn extended_error(self) -> u16 {
        match self {
            ChainReasonKind::UnsupportedAlgorithm => 1,
            ChainReasonKind::UnsupportedDigest => 2,
            ChainReasonKind::NoAnchor | ChainReasonKind::TooMuchWork => 5,
            ChainReasonKind::SignatureInvalid
            | ChainReasonKind::SignerIsNotZone
            | ChainReasonKind::KeyRevoked => 6,
            ChainReasonKind::SignatureExpired => 7,
            ChainReasonKind::SignatureNotYetValid => 8,
            ChainReasonKind::KeysMissing
            | ChainReasonKind::KeyNotAtParent
            | ChainReasonKind::SigningKeyMissing => 9,
            ChainReasonKind::SignatureMissing | ChainReasonKind::KeysNotSigned => 10,
            ChainReasonKind::KeyWithoutZoneFlag => 11,
            ChainReasonKind::DenialMissing => 12,
            ChainReasonKind::NoAnswer => 22,
            ChainReasonKind::SignatureEndsBeforeItBegins => 25,
            ChainReasonKind::TooManyIterations => 27,
            ChainReasonKind::UnsignedDelegation | ChainReasonKind::OptOut => 0,
        }
    }
}
