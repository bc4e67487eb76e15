//! Numbers of types and response codes with their mnemonics (IANA, DNS parameters).

/// An IPv4 address.
pub(crate) const A: u16 = 1;
/// A name server of a zone.
pub(crate) const NS: u16 = 2;
/// Another name.
pub(in crate::dns) const CNAME: u16 = 5;
/// The head of a zone.
pub(crate) const SOA: u16 = 6;
/// A name for an address.
pub(in crate::dns) const PTR: u16 = 12;
/// A mail server.
pub(in crate::dns) const MX: u16 = 15;
/// Text.
pub(super) const TXT: u16 = 16;
/// An IPv6 address.
pub(crate) const AAAA: u16 = 28;
/// A service's host and port.
pub(crate) const SRV: u16 = 33;
/// Another name for a whole tree.
pub(in crate::dns) const DNAME: u16 = 39;
/// EDNS.
pub(super) const OPT: u16 = 41;
/// The digest of a key, at the parent.
pub(in crate::dns) const DS: u16 = 43;
/// A signature.
pub(in crate::dns) const RRSIG: u16 = 46;
/// What does not exist.
pub(in crate::dns) const NSEC: u16 = 47;
/// A key.
pub(in crate::dns) const DNSKEY: u16 = 48;
/// What does not exist, by digests.
pub(in crate::dns) const NSEC3: u16 = 50;
/// How these digests are made.
pub(super) const NSEC3PARAM: u16 = 51;
/// A certificate that is expected.
pub(super) const TLSA: u16 = 52;
/// The digest of a key, for the parent.
pub(super) const CDS: u16 = 59;
/// A key, for the parent.
pub(super) const CDNSKEY: u16 = 60;
/// How a service is reached.
pub(super) const SVCB: u16 = 64;
/// How an HTTPS service is reached.
pub(crate) const HTTPS: u16 = 65;
/// Who may issue certificates.
pub(super) const CAA: u16 = 257;

const KINDS: [(u16, &str); 25] = [
    (A, "A"),
    (NS, "NS"),
    (CNAME, "CNAME"),
    (SOA, "SOA"),
    (PTR, "PTR"),
    (13, "HINFO"),
    (MX, "MX"),
    (TXT, "TXT"),
    (AAAA, "AAAA"),
    (SRV, "SRV"),
    (35, "NAPTR"),
    (DNAME, "DNAME"),
    (OPT, "OPT"),
    (DS, "DS"),
    (RRSIG, "RRSIG"),
    (NSEC, "NSEC"),
    (DNSKEY, "DNSKEY"),
    (NSEC3, "NSEC3"),
    (NSEC3PARAM, "NSEC3PARAM"),
    (TLSA, "TLSA"),
    (CDS, "CDS"),
    (CDNSKEY, "CDNSKEY"),
    (SVCB, "SVCB"),
    (HTTPS, "HTTPS"),
    (CAA, "CAA"),
];

/// The mnemonic of a type, or `TYPE65280` (RFC 3597).
pub(crate) fn kind_name(kind: u16) -> String {
    KINDS
        .iter()
        .find(|(number, _)| *number == kind)
        .map_or_else(|| format!("TYPE{kind}"), |(_, name)| (*name).to_owned())
}

/// The number of a mnemonic that is known here.
pub(in crate::dns) fn number_of_kind(name: &str) -> Option<u16> {
    let known = KINDS.iter().find(|(_, known)| *known == name);
    known.map(|(number, _)| *number)
}

const RCODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",
];

/// The mnemonic of a response code.
pub(in crate::dns) fn rcode_name(rcode: u16) -> String {
    match (RCODES.get(usize::from(rcode)), rcode) {
        (Some(name), _) => (*name).to_owned(),
        (None, 16) => "BADVERS".to_owned(),
        (None, 23) => "BADCOOKIE".to_owned(),
        _ => format!("RCODE{rcode}"),
    }
}
