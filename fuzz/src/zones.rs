//! A root with two zones below `test.`, signed here: `good.test`, and `evil.test` whose key the bytes of an input may use.
//! What they say of either is honest, forged, or torn.

use crate::frames::Bytes;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// 2026-11-29, seconds since 1970.
pub const NOW: i64 = 1_795_910_400;

/// Ed25519 (RFC 8080).
const ALGORITHM: u8 = 15;

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const DNAME: u16 = 39;
const DS: u16 = 43;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const DNSKEY: u16 = 48;
const NSEC3: u16 = 50;

/// Owners of what is forged.
const NAMES: [&str; 10] = [
    ".",
    "test",
    "good.test",
    "www.good.test",
    "evil.test",
    "www.evil.test",
    "*.evil.test",
    "*.good.test",
    "zz.test",
    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.evil.test",
];

/// Types of what is forged.
const KINDS: [u16; 10] = [A, NS, CNAME, SOA, DNAME, DS, NSEC, DNSKEY, NSEC3, 65];

/// A record as a message carries it.
#[derive(Clone)]
struct Record {
    owner: Vec<u8>,
    kind: u16,
    data: Vec<u8>,
}

/// A zone with its key.
struct Signer {
    zone: &'static str,
    pair: Ed25519KeyPair,
    key: Vec<u8>,
}

/// What the honest servers say, in sets with their signatures.
pub struct World {
    signers: [Signer; 4],
    sets: Vec<Vec<Record>>,
}

impl Signer {
    fn new(zone: &'static str, seed: u8) -> Signer {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key");
        let key = [&[1, 1, 3, ALGORITHM], pair.public_key().as_ref()].concat();
        Signer { zone, pair, key }
    }

    /// RFC 4034 appendix B.
    fn tag(&self) -> u16 {
        let sum: u32 = (self.key.iter().enumerate())
            .map(|(nth, &byte)| u32::from(byte) << if nth % 2 == 0 { 8 } else { 0 })
            .sum();
        (sum + (sum >> 16)) as u16
    }

    fn digest(&self) -> Vec<u8> {
        let of = [wire(self.zone), self.key.clone()].concat();
        let tag = self.tag().to_be_bytes();
        [&tag, &[ALGORITHM, 2], digest(&SHA256, &of).as_ref()].concat()
    }

    /// A record with its signature, which says that it is of this zone and tag and covers so many labels.
    fn signed(&self, record: Record, zone: &str, tag: u16, labels: u8) -> Vec<Record> {
        let mut data = record.kind.to_be_bytes().to_vec();
        data.extend([ALGORITHM, labels]);
        data.extend(300_u32.to_be_bytes());
        data.extend((NOW as u32 + 1_000_000).to_be_bytes());
        data.extend((NOW as u32 - 1_000_000).to_be_bytes());
        data.extend(tag.to_be_bytes());
        data.extend(wire(zone));
        let mut message = data.clone();
        record.write(&mut message);
        data.extend(self.pair.sign(&message).as_ref());
        let signature = Record {
            owner: record.owner.clone(),
            kind: RRSIG,
            data,
        };
        vec![record, signature]
    }

    fn says(&self, owner: &str, kind: u16, data: Vec<u8>) -> Vec<Record> {
        let record = Record {
            owner: wire(owner),
            kind,
            data,
        };
        self.signed(record, self.zone, self.tag(), labels(owner))
    }
}

impl Record {
    fn write(&self, message: &mut Vec<u8>) {
        message.extend(&self.owner);
        message.extend(self.kind.to_be_bytes());
        message.extend(1_u16.to_be_bytes());
        message.extend(300_u32.to_be_bytes());
        message.extend((self.data.len() as u16).to_be_bytes());
        message.extend(&self.data);
    }
}

fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn labels(name: &str) -> u8 {
    let labels = name.split('.').filter(|label| !matches!(*label, "" | "*"));
    labels.count() as u8
}

/// The data of an NSEC record: the next name, and types below 64.
fn next(name: &str, kinds: &[u16]) -> Vec<u8> {
    let mut bits = [0_u8; 8];
    for &kind in kinds {
        bits[usize::from(kind / 8)] |= 0x80 >> (kind % 8);
    }
    [wire(name), vec![0, 8], bits.to_vec()].concat()
}

impl Default for World {
    fn default() -> World {
        let signers = [
            Signer::new(".", 1),
            Signer::new("test", 2),
            Signer::new("good.test", 3),
            Signer::new("evil.test", 4),
        ];
        let [root, test, good, evil] = &signers;
        let authority = [wire("ns.test"), wire("root.test"), vec![0; 20]].concat();
        let cut = [NS, DS, RRSIG, NSEC];
        let top = [NS, SOA, RRSIG, NSEC, DNSKEY];
        let sets = vec![
            root.says(".", DNSKEY, root.key.clone()),
            root.says("test", DS, test.digest()),
            test.says("test", DNSKEY, test.key.clone()),
            test.says("good.test", DS, good.digest()),
            test.says("evil.test", DS, evil.digest()),
            good.says("good.test", DNSKEY, good.key.clone()),
            evil.says("evil.test", DNSKEY, evil.key.clone()),
            root.says(".", NSEC, next("test", &top)),
            root.says("test", NSEC, next(".", &cut)),
            test.says("test", NSEC, next("evil.test", &top)),
            test.says("evil.test", NSEC, next("good.test", &cut)),
            test.says("good.test", NSEC, next("test", &cut)),
            good.says("good.test", NSEC, next("www.good.test", &top)),
            good.says("www.good.test", NSEC, next("good.test", &[A, RRSIG, NSEC])),
            good.says("good.test", SOA, authority.clone()),
            evil.says("evil.test", SOA, authority),
        ];
        World { signers, sets }
    }
}

impl World {
    /// The root's key, as a trust anchor is written.
    pub fn anchor(&self) -> String {
        let [root, ..] = &self.signers;
        let digest = root.digest();
        let hex: String = digest
            .iter()
            .skip(4)
            .map(|byte| format!("{byte:02X}"))
            .collect();
        format!(". DS {} {ALGORITHM} 2 {hex}", root.tag())
    }

    /// The address of `www.good.test`, which nobody but its zone can sign.
    pub fn address(&self) -> Vec<u8> {
        let [_, _, good, _] = &self.signers;
        message(0, &good.says("www.good.test", A, vec![192, 0, 2, 1]), &[])
    }

    /// What an honest server has: the set of this name and type, or what it has of the name's zone to deny it.
    pub fn honest(&self, name: &str, kind: u16) -> Vec<u8> {
        let owner = wire(name);
        let is_it = |set: &&Vec<Record>| set[0].owner == owner && set[0].kind == kind;
        if let Some(set) = self.sets.iter().find(is_it) {
            return message(0, set, &[]);
        }
        let denies = |set: &&Vec<Record>| matches!(set[0].kind, NSEC | SOA);
        let authority: Vec<Record> = self.sets.iter().filter(denies).flatten().cloned().collect();
        message(0, &[], &authority)
    }

    /// What the bytes make of a question; the honest answer where there are none left. `None`: silence.
    pub fn reply(&self, bytes: &mut Bytes<'_>, name: &str, kind: u16) -> Option<Vec<u8>> {
        let how = bytes.u8();
        match how {
            0 => return Some(self.honest(name, kind)),
            1 => return None,
            2 => {
                let length = usize::from(bytes.u16() & 0x1ff);
                return Some(bytes.take(length).to_vec());
            }
            _ => {}
        }
        let (mut answer, mut authority) = (Vec::new(), Vec::new());
        for _ in 0..how >> 2 & 7 {
            let which = bytes.u8();
            let mut set = match self.sets.get(usize::from(which & 31)) {
                Some(set) => set.clone(),
                None => self.forged(bytes),
            };
            if which & 64 != 0 {
                let (at, flip) = (usize::from(bytes.u8()), bytes.u8());
                let record = usize::from(flip & 1) % set.len();
                let data = &mut set[record].data;
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= flip;
                }
            }
            if which & 128 != 0 {
                set.truncate(1);
            }
            if which & 32 == 0 {
                &mut answer
            } else {
                &mut authority
            }
            .extend(set);
        }
        Some(message(
            [0, 3, 2, 0][usize::from(how & 3)],
            &answer,
            &authority,
        ))
    }

    /// A record that is signed with the key of `evil.test`, whatever it says.
    fn forged(&self, bytes: &mut Bytes<'_>) -> Vec<Record> {
        let [.., evil] = &self.signers;
        let named = |byte: u8| NAMES[usize::from(byte) % NAMES.len()];
        let owner = named(bytes.u8());
        let kind = KINDS[usize::from(bytes.u8()) % KINDS.len()];
        let mut data = match kind {
            NS | CNAME | DNAME | NSEC => wire(named(bytes.u8())),
            NSEC3 => vec![1],
            DS => evil.digest(),
            DNSKEY => evil.key.clone(),
            _ => Vec::new(),
        };
        let length = usize::from(bytes.u8() & 0x3f);
        data.extend(bytes.take(length));
        let how = bytes.u8();
        let claimed = &self.signers[usize::from(how & 3)];
        let tag = if how & 4 == 0 { evil } else { claimed }.tag();
        let count = if how & 8 == 0 {
            labels(owner)
        } else {
            how >> 4
        };
        let record = Record {
            owner: wire(owner),
            kind,
            data,
        };
        evil.signed(record, claimed.zone, tag, count)
    }
}

/// A response with these sections.
fn message(rcode: u8, answer: &[Record], authority: &[Record]) -> Vec<u8> {
    let mut message = vec![0, 0, 0x81, 0x80 | rcode, 0, 0];
    message.extend((answer.len() as u16).to_be_bytes());
    message.extend((authority.len() as u16).to_be_bytes());
    message.extend([0, 0]);
    for record in answer.iter().chain(authority) {
        record.write(&mut message);
    }
    message
}
