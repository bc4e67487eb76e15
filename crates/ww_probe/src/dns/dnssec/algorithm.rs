//! Signatures and digests by their numbers (IANA, DNS security algorithm numbers and DS digest types).

use ring::digest;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};

/// What a check of one signature by one key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// The key is of a kind that cannot be used here: too short or too long, or not well formed.
    NotUsable,
}

/// Shortest RSA modulus that is used, bytes; resolvers agree on no lower bound, and no zone of note signs with
/// less.
const SHORTEST_MODULUS: usize = 128;

/// Longest RSA modulus, bytes (RFC 3110 section 2).
const LONGEST_MODULUS: usize = 512;

/// Whether signatures of this algorithm can be checked. Ed448 (16) cannot; MD5, DSA and GOST must not be
/// (RFC 8624 section 3.1).
pub(super) fn is_supported(algorithm: u8) -> bool {
    matches!(algorithm, 5 | 7 | 8 | 10 | 13 | 14 | 15)
}

/// Whether digests of this type can be made (RFC 8624 section 3.3, without GOST).
pub(super) fn is_digest(kind: u8) -> bool {
    matches!(kind, 1 | 2 | 4)
}

/// The digest of a key (RFC 4034 section 5.1.4); `None` for types that cannot be made.
pub(super) fn digest(kind: u8, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let with = match kind {
        1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        2 => &digest::SHA256,
        4 => &digest::SHA384,
        _ => return None,
    };
    Some(digested(with, parts))
}

/// SHA-1, as NSEC3 uses it.
pub(super) fn sha1(parts: &[&[u8]]) -> Vec<u8> {
    digested(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts)
}

fn digested(with: &'static digest::Algorithm, parts: &[&[u8]]) -> Vec<u8> {
    let mut context = digest::Context::new(with);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// Checks a signature over a message; `algorithm` is a supported one.
pub(super) fn check(algorithm: u8, key: &[u8], message: &[u8], signed: &[u8]) -> Checked {
    match algorithm {
        5 | 7 => rsa(
            &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            key,
            message,
            signed,
        ),
        8 => rsa(
            &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            key,
            message,
            signed,
        ),
        10 => rsa(
            &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
            key,
            message,
            signed,
        ),
        13 => curve(
            &signature::ECDSA_P256_SHA256_FIXED,
            64,
            key,
            message,
            signed,
        ),
        14 => curve(
            &signature::ECDSA_P384_SHA384_FIXED,
            96,
            key,
            message,
            signed,
        ),
        15 if key.len() == 32 => said(
            UnparsedPublicKey::new(&signature::ED25519, key)
                .verify(message, signed)
                .is_ok(),
        ),
        _ => Checked::NotUsable,
    }
}

fn said(holds: bool) -> Checked {
    if holds {
        Checked::Holds
    } else {
        Checked::Fails
    }
}

/// A key of the two coordinates alone (RFC 6605 section 4).
fn curve(
    with: &'static signature::EcdsaVerificationAlgorithm,
    length: usize,
    key: &[u8],
    message: &[u8],
    signed: &[u8],
) -> Checked {
    if key.len() != length {
        return Checked::NotUsable;
    }
    let point = [&[0x04], key].concat();
    said(
        UnparsedPublicKey::new(with, point)
            .verify(message, signed)
            .is_ok(),
    )
}

/// A key of exponent and modulus (RFC 3110 section 2).
fn rsa(with: &'static RsaParameters, key: &[u8], message: &[u8], signed: &[u8]) -> Checked {
    let Some((exponent, modulus)) = rsa_parts(key) else {
        return Checked::NotUsable;
    };
    // Larger exponents exist on paper.
    if !(1..=4).contains(&exponent.len())
        || !(SHORTEST_MODULUS..=LONGEST_MODULUS).contains(&modulus.len())
    {
        return Checked::NotUsable;
    }
    let key = RsaPublicKeyComponents {
        n: modulus,
        e: exponent,
    };
    said(key.verify(with, message, signed).is_ok())
}

fn rsa_parts(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = key.split_first()?;
    let (length, rest) = match first {
        0 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        length => (usize::from(length), rest),
    };
    let (exponent, modulus) = rest.split_at_checked(length)?;
    Some((unpadded(exponent), unpadded(modulus)))
}

fn unpadded(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_has_no_form_is_not_usable_and_nothing_panics() {
        for algorithm in 0..=255 {
            for length in [0, 1, 2, 3, 4, 32, 64, 96, 131, 600] {
                for byte in [0, 1, 3, 255] {
                    let said = check(algorithm, &vec![byte; length], b"message", &[byte; 64]);
                    assert_ne!(said, Checked::Holds, "{algorithm} {length} {byte}");
                    if !is_supported(algorithm) {
                        assert_eq!(said, Checked::NotUsable);
                    }
                }
            }
        }
        assert_eq!(
            rsa_parts(&[0, 0, 2, 1, 1, 0, 9]),
            Some((&[1, 1][..], &[9][..]))
        );
    }
}
