//! Keys of zones, and the digests by which parents name them (RFC 4034 sections 2 and 5).

use super::algorithm;
use super::name::Name;
use ww_evidence::transcript::ZoneKey;

/// Keys and digests of one set that are read.
const MOST: usize = 64;

/// A DNSKEY record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The tag by which signatures name it.
    pub(super) tag: u16,
    /// Flags.
    flags: u16,
    protocol: u8,
    /// The algorithm's number.
    pub(super) algorithm: u8,
    /// The key itself.
    pub(super) public: Vec<u8>,
    data: Vec<u8>,
}

/// A DS record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    /// The tag of the key.
    pub(super) tag: u16,
    /// The key's algorithm.
    pub(super) algorithm: u8,
    /// The type of the digest.
    pub(super) kind: u8,
    made: Vec<u8>,
}

impl Key {
    /// Reads the data of a record.
    pub(super) fn read(data: &[u8]) -> Option<Key> {
        let (head, public) = data.split_first_chunk::<4>()?;
        let [high, low, protocol, algorithm] = *head;
        Some(Key {
            tag: tag(data),
            flags: u16::from_be_bytes([high, low]),
            protocol,
            algorithm,
            public: public.to_vec(),
            data: data.to_vec(),
        })
    }

    /// Those of a set.
    pub(super) fn all(data: &[Vec<u8>]) -> Vec<Key> {
        let keys = data.iter().filter_map(|data| Key::read(data));
        keys.take(MOST).collect()
    }

    /// It may sign records of its zone (RFC 4034 sections 2.1.1 and 2.1.2).
    pub(super) fn is_of_zone(&self) -> bool {
        self.flags & 0x0100 != 0 && self.protocol == 3
    }

    /// Its owner takes it back (RFC 5011 section 2.1).
    pub(super) fn is_revoked(&self) -> bool {
        self.flags & 0x0080 != 0
    }

    /// As the transcript holds it.
    pub(super) fn told(&self) -> ZoneKey {
        ZoneKey {
            tag: self.tag,
            algorithm: self.algorithm,
        }
    }
}

impl Digest {
    /// Reads the data of a record.
    pub(super) fn read(data: &[u8]) -> Option<Digest> {
        let (head, digest) = data.split_first_chunk::<4>()?;
        let [high, low, algorithm, kind] = *head;
        Some(Digest {
            tag: u16::from_be_bytes([high, low]),
            algorithm,
            kind,
            made: digest.to_vec(),
        })
    }

    /// Those of a set.
    pub(super) fn all(data: &[Vec<u8>]) -> Vec<Digest> {
        let digests = data.iter().filter_map(|data| Digest::read(data));
        digests.take(MOST).collect()
    }

    /// Names a key of this tag and algorithm.
    pub(super) fn names(&self, key: &Key) -> bool {
        self.tag == key.tag && self.algorithm == key.algorithm
    }

    /// It is the digest of this key of a zone.
    pub(super) fn is_of(&self, zone: &Name, key: &Key) -> bool {
        self.names(key)
            && algorithm::digest(self.kind, &[&zone.wire(), &key.data])
                .is_some_and(|digest| digest == self.made)
    }

    /// As the transcript holds it.
    pub(super) fn told(&self) -> ZoneKey {
        ZoneKey {
            tag: self.tag,
            algorithm: self.algorithm,
        }
    }
}

/// The digests by which keys can be known: those of supported algorithms and types, and those of SHA-1 only
/// where there is nothing better (RFC 4509 section 3).
pub(super) fn usable(digests: &[Digest]) -> Vec<Digest> {
    let mut usable: Vec<Digest> = digests
        .iter()
        .filter(|one| algorithm::is_supported(one.algorithm) && algorithm::is_digest(one.kind))
        .cloned()
        .collect();
    if usable.iter().any(|one| one.kind != 1) {
        usable.retain(|one| one.kind != 1);
    }
    usable
}

/// RFC 4034 appendix B.
fn tag(data: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for (at, &byte) in data.iter().enumerate() {
        sum += if at % 2 == 0 {
            u32::from(byte) << 8
        } else {
            u32::from(byte)
        };
    }
    (sum + (sum >> 16 & 0xffff)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_data_is_no_key_and_no_digest() {
        for length in 0..4 {
            assert_eq!(Key::read(&vec![0; length]), None);
            assert_eq!(Digest::read(&vec![0; length]), None);
        }
        assert!(Key::read(&[1, 0, 3, 8]).is_some_and(|key| key.is_of_zone()));
        assert!(Key::read(&[0, 0, 3, 8]).is_some_and(|key| !key.is_of_zone()));
        assert!(Key::read(&[1, 0x80, 3, 8]).is_some_and(|key| key.is_revoked()));
    }

    #[test]
    fn a_digest_of_sha_1_counts_where_there_is_no_better_one() {
        let digest = |kind, algorithm| Digest {
            tag: 1,
            algorithm,
            kind,
            made: Vec::new(),
        };
        assert_eq!(usable(&[digest(1, 8)]).len(), 1);
        assert_eq!(usable(&[digest(1, 8), digest(2, 8)]), [digest(2, 8)]);
        assert_eq!(usable(&[digest(2, 12), digest(3, 8)]), []);
    }
}
