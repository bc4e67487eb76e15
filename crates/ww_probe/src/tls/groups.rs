//! Groups for key agreement.
//!
//! Source: IANA, "TLS Supported Groups" in the registry of Transport Layer Security parameters.

/// A group's number.
pub(crate) type Group = u16;

/// X25519 (RFC 8446 section 4.2.7).
pub(super) const X25519: Group = 29;
/// ML-KEM-768 and X25519 together, which browsers offer since 2024.
pub(super) const X25519_MLKEM768: Group = 4588;

/// The groups that clients of today offer, best known first.
pub(super) const USUAL: [Group; 5] = [X25519, 23, 24, 25, 30];

/// Every group, usual ones first.
pub(super) const GROUPS: [(Group, &str); 47] = [
    (X25519, "x25519"),
    (23, "secp256r1"),
    (24, "secp384r1"),
    (25, "secp521r1"),
    (30, "x448"),
    (X25519_MLKEM768, "X25519MLKEM768"),
    (4587, "SecP256r1MLKEM768"),
    (4589, "SecP384r1MLKEM1024"),
    (512, "MLKEM512"),
    (513, "MLKEM768"),
    (514, "MLKEM1024"),
    (25497, "X25519Kyber768Draft00"),
    (256, "ffdhe2048"),
    (257, "ffdhe3072"),
    (258, "ffdhe4096"),
    (259, "ffdhe6144"),
    (260, "ffdhe8192"),
    (31, "brainpoolP256r1tls13"),
    (32, "brainpoolP384r1tls13"),
    (33, "brainpoolP512r1tls13"),
    (26, "brainpoolP256r1"),
    (27, "brainpoolP384r1"),
    (28, "brainpoolP512r1"),
    (41, "curveSM2"),
    (22, "secp256k1"),
    (21, "secp224r1"),
    (20, "secp224k1"),
    (19, "secp192r1"),
    (18, "secp192k1"),
    (17, "secp160r2"),
    (16, "secp160r1"),
    (15, "secp160k1"),
    (14, "sect571r1"),
    (13, "sect571k1"),
    (12, "sect409r1"),
    (11, "sect409k1"),
    (10, "sect283r1"),
    (9, "sect283k1"),
    (8, "sect239k1"),
    (7, "sect233r1"),
    (6, "sect233k1"),
    (5, "sect193r2"),
    (4, "sect193r1"),
    (3, "sect163r2"),
    (2, "sect163r1"),
    (1, "sect163k1"),
    (34, "GC256A"),
];

/// A group's name, or its number where no registry knows it.
pub(super) fn name(group: Group) -> String {
    GROUPS
        .iter()
        .find(|(code, _)| *code == group)
        .map_or_else(|| format!("group {group}"), |(_, name)| (*name).to_owned())
}

/// A public key that every server accepts and nobody has the secret of a client for: the base point of
/// X25519, and for ML-KEM-768 an encapsulation key whose coefficients are all zero, which passes the check
/// of FIPS 203 section 7.2. None for groups that are only asked for.
pub(super) fn inert_share(group: Group) -> Option<Vec<u8>> {
    let mut base_point = vec![0; 32];
    if let Some(first) = base_point.first_mut() {
        *first = 9;
    }
    match group {
        X25519 => Some(base_point),
        X25519_MLKEM768 => {
            let mut share = vec![0; 1184];
            share.extend(base_point);
            Some(share)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_once() {
        let mut codes: Vec<Group> = GROUPS.iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        assert!(codes.is_sorted_by(|a, b| a < b));
        assert_eq!(name(4588), "X25519MLKEM768");
        assert_eq!(name(9999), "group 9999");
    }
}
