//! Signatures over sets of records (RFC 4034 section 3, RFC 4035 section 5.3).

use super::super::wire::Reader;
use super::algorithm::{self, Checked};
use super::budget::Budget;
use super::keys::Key;
use super::name::Name;
use super::reason::{Broken, Ended};
use super::records::RecordSet;
use ww_evidence::transcript::ChainReasonKind as Kind;

/// Signatures of one set, and checks of them by keys of the same tag, that are made: more than rollovers ever
/// need, and few enough that a hostile zone costs nothing (CVE-2023-50387).
const CHECKS_PER_SET: usize = 8;

/// An RRSIG record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// The type that it covers.
    pub(super) covered: u16,
    algorithm: u8,
    labels: u8,
    /// The TTL of the records when they were signed.
    original_ttl: u32,
    expires: u32,
    begins: u32,
    tag: u16,
    /// The zone whose key made it.
    pub(super) signer: Name,
    head: Vec<u8>,
    signed: Vec<u8>,
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// It was made then, seconds since 1970.
    pub(super) begins: i64,
    /// It holds until then.
    pub(super) expires: i64,
    /// How long a cache has held the records, seconds: their TTL was larger when they were signed.
    pub(super) cached_for: i64,
    /// The records come from a wildcard: the name above it.
    pub(super) wildcard_of: Option<Name>,
}

impl Signature {
    /// Reads the data of a record, with its names written out.
    pub(super) fn read(data: &[u8]) -> Option<Signature> {
        let mut reader = Reader::new(data);
        let covered = reader.u16()?;
        let (algorithm, labels, original_ttl) = (reader.u8()?, reader.u8()?, reader.u32()?);
        let (expires, begins, tag) = (reader.u32()?, reader.u32()?, reader.u16()?);
        let signer = Name::parse(&reader.name()?)?;
        let mut head = data.get(..18)?.to_vec();
        head.extend(signer.wire());
        Some(Signature {
            covered,
            algorithm,
            labels,
            original_ttl,
            expires,
            begins,
            tag,
            signer,
            head,
            signed: reader.rest().to_vec(),
        })
    }

    /// The data of the record.
    #[cfg(test)]
    pub(super) fn data(&self) -> Vec<u8> {
        [self.head.as_slice(), &self.signed].concat()
    }

    /// When it begins and expires: the times nearest to now (RFC 4034 section 3.1.5).
    fn times(&self, now: i64) -> (i64, i64) {
        let near = |time: u32| now + i64::from(time.wrapping_sub(now as u32) as i32);
        (near(self.begins), near(self.expires))
    }

    /// How long a cache has held the records, as far as TTLs tell.
    fn cached_for(&self, set: &RecordSet) -> i64 {
        i64::from(self.original_ttl.saturating_sub(set.ttl))
    }

    /// What was signed (RFC 4034 section 3.1.8.1).
    pub(super) fn message(&self, set: &RecordSet) -> Vec<u8> {
        let mut owner = set.owner.clone();
        if self.is_of_wildcard(set) {
            owner = owner.suffix(usize::from(self.labels)).wildcard();
        }
        let owner = owner.wire();
        let mut message = self.head.clone();
        for data in &set.data {
            message.extend(&owner);
            message.extend(set.kind.to_be_bytes());
            message.extend(1_u16.to_be_bytes());
            message.extend(self.original_ttl.to_be_bytes());
            message.extend((data.len() as u16).to_be_bytes());
            message.extend(data);
        }
        message
    }

    /// Fewer labels were signed than the name has: the records are those of a wildcard.
    fn is_of_wildcard(&self, set: &RecordSet) -> bool {
        usize::from(self.labels) < signed_labels(&set.owner)
    }
}

/// The labels that a signature counts (RFC 4034 section 3.1.3).
fn signed_labels(owner: &Name) -> usize {
    owner.count() - usize::from(owner.is_wildcard())
}

/// Looks for a signature by one of these keys of a zone that holds now.
///
/// # Errors
///
/// Why there is none, of the signature that comes nearest; or that the budget is used up.
pub(super) fn verify(
    set: &RecordSet,
    zone: &Name,
    keys: &[Key],
    now: i64,
    budget: &mut Budget,
) -> Result<Held, Ended> {
    let mut nearest: Option<Broken> = None;
    let mut told = |broken: Broken| {
        if nearest
            .as_ref()
            .is_none_or(|known| rank(known.kind) < rank(broken.kind))
        {
            nearest = Some(broken);
        }
    };
    let mut checks = 0;
    for signature in set.signatures.iter().take(CHECKS_PER_SET) {
        let broken = |kind| broken(kind, set, zone, signature, now);
        if signature.signer != *zone || usize::from(signature.labels) > signed_labels(&set.owner) {
            told(broken(Kind::SignerIsNotZone));
            continue;
        }
        if !algorithm::is_supported(signature.algorithm) {
            told(broken(Kind::UnsupportedAlgorithm));
            continue;
        }
        let (begins, expires) = signature.times(now);
        let untimely = if expires < begins {
            Some(Kind::SignatureEndsBeforeItBegins)
        } else if now > expires {
            Some(Kind::SignatureExpired)
        } else if now < begins {
            Some(Kind::SignatureNotYetValid)
        } else {
            None
        };
        let mut by_tag = keys
            .iter()
            .filter(|key| key.tag == signature.tag && key.algorithm == signature.algorithm)
            .peekable();
        if by_tag.peek().is_none() {
            told(broken(Kind::SigningKeyMissing));
        }
        for key in by_tag {
            if !key.is_of_zone() || key.is_revoked() {
                told(broken(if key.is_revoked() {
                    Kind::KeyRevoked
                } else {
                    Kind::KeyWithoutZoneFlag
                }));
                continue;
            }
            if let Some(kind) = untimely {
                told(broken(kind));
                continue;
            }
            checks += 1;
            if checks > CHECKS_PER_SET || !budget.check() {
                return Err(Ended::unknown(broken(Kind::TooMuchWork)));
            }
            let message = signature.message(set);
            match algorithm::check(
                signature.algorithm,
                &key.public,
                &message,
                &signature.signed,
            ) {
                Checked::Holds => {
                    return Ok(Held {
                        begins,
                        expires,
                        cached_for: signature.cached_for(set),
                        wildcard_of: signature
                            .is_of_wildcard(set)
                            .then(|| set.owner.suffix(usize::from(signature.labels))),
                    });
                }
                Checked::Fails => told(broken(Kind::SignatureInvalid)),
                Checked::NotUsable => told(broken(Kind::UnsupportedAlgorithm)),
            }
        }
    }
    Err(Ended::bogus(nearest.unwrap_or_else(|| {
        Broken::of(Kind::SignatureMissing, zone, &set.owner, set.kind)
    })))
}

/// How near a signature comes to one that holds.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::SignatureExpired | Kind::SignatureNotYetValid => 6,
        Kind::SignatureEndsBeforeItBegins => 5,
        Kind::SignatureInvalid => 4,
        Kind::KeyWithoutZoneFlag | Kind::KeyRevoked => 3,
        Kind::SigningKeyMissing => 2,
        Kind::SignerIsNotZone => 1,
        _ => 0,
    }
}

fn broken(kind: Kind, set: &RecordSet, zone: &Name, signature: &Signature, now: i64) -> Broken {
    let (begins, expires) = signature.times(now);
    Broken {
        key_tag: Some(signature.tag),
        algorithm: signature.algorithm,
        begins: Some(begins),
        expires: Some(expires),
        cached_for: signature.cached_for(set),
        ..Broken::of(kind, zone, &set.owner, set.kind)
    }
}
