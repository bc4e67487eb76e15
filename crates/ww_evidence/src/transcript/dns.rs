//! Names: how the host resolves them, every lookup, every chain of trust.

use super::written;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
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
    pub authoritative_server: bool,
    /// The UDP size offered in the OPT record; `None` without EDNS.
    pub edns_size: Option<u16>,
    /// The DNSSEC OK bit was set.
    pub dnssec_ok: bool,
    /// The Checking Disabled bit was set.
    pub checking_disabled: bool,
    /// The search list made this name of a shorter one, as this C library does it (`glibc`, `musl`).
    pub expanded_by: Vec<String>,
    /// What came back.
    pub outcome: LookupOutcome,
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
    pub authoritative: bool,
    /// AD.
    pub authentic: bool,
    /// TC.
    pub truncated: bool,
    /// RA.
    pub recursion_available: bool,
    /// Size of the message in bytes.
    pub bytes: u32,
    /// Extended errors (RFC 8914).
    pub extended_errors: Vec<ExtendedError>,
    /// The answer section.
    pub records: Vec<Record>,
    /// The authority section.
    pub authority: Vec<Record>,
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
    /// The verdict.
    pub verdict: SecurityVerdict,
    /// The links from the trust anchor down.
    pub links: Vec<ZoneLink>,
    /// Why the chain does not hold, as a sentence's end with names, key tags and times.
    pub reason: String,
    /// The zone in which it does not.
    pub broken_at: String,
    /// The extended error code (RFC 8914) that fits; 0 for none.
    pub code: u16,
    /// The first signature on the way that expires does so then.
    #[serde(with = "written::optional_unix_seconds")]
    pub expires: Option<Moment>,
}

/// One zone of a chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ZoneLink {
    /// The zone's name; `.` for the root.
    pub zone: String,
    /// Key tags of the DS records at the parent, or of the anchor.
    pub ds: Vec<u16>,
    /// Key tags of the zone's keys.
    pub keys: Vec<u16>,
    /// The chain holds up to here.
    pub verdict: SecurityVerdict,
}
