//! Chains of zones that are signed here, whole and broken, and hostile ones.

use super::super::wire::{A, CNAME, DNSKEY, DS, NSEC, RRSIG};
use super::budget::Budget;
use super::keys::{Digest, Key};
use super::records::RecordSet;
use super::signature::Signature;
use super::*;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::cell::Cell;
use std::collections::BTreeMap;
use ww_evidence::transcript::ChainReasonKind as Kind;

/// 2026-11-29.
const NOW: i64 = 1_795_910_400;
const DAY: i64 = 86_400;
/// Ed25519.
const ALGORITHM: u8 = 15;

fn name(text: &str) -> Name {
    Name::parse(text).expect(text)
}

/// The key of a zone.
struct Signer {
    zone: Name,
    pair: Ed25519KeyPair,
    data: Vec<u8>,
    life: (i64, i64),
}

impl Signer {
    fn new(zone: &str, seed: u8) -> Signer {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key");
        let mut data = vec![1, 1, 3, ALGORITHM];
        data.extend(pair.public_key().as_ref());
        Signer {
            zone: name(zone),
            pair,
            data,
            life: (NOW - 10 * DAY, NOW + 20 * DAY),
        }
    }

    fn tag(&self) -> u16 {
        Key::read(&self.data).expect("a key").tag
    }

    fn digest(&self) -> Vec<u8> {
        let digest = algorithm::digest(2, &[&self.zone.wire(), &self.data]).expect("a digest");
        let mut data = self.tag().to_be_bytes().to_vec();
        data.extend([ALGORITHM, 2]);
        data.extend(digest);
        data
    }

    fn signature(&self, set: &RecordSet) -> Vec<u8> {
        let labels = set.owner.count() - usize::from(set.owner.is_wildcard());
        let mut data = set.kind.to_be_bytes().to_vec();
        data.extend([ALGORITHM, labels as u8]);
        data.extend(300_u32.to_be_bytes());
        data.extend((self.life.1 as u32).to_be_bytes());
        data.extend((self.life.0 as u32).to_be_bytes());
        data.extend(self.tag().to_be_bytes());
        data.extend(self.zone.wire());
        let head = Signature::read(&data).expect("a signature");
        data.extend(self.pair.sign(&head.message(set)).as_ref());
        data
    }

    fn signed(&self, owner: &str, kind: u16, data: &[Vec<u8>]) -> RecordSet {
        let mut set = bare(owner, kind, data);
        set.signatures = Signature::read(&self.signature(&set)).into_iter().collect();
        set
    }

    fn keys(&self) -> RecordSet {
        self.signed(
            &self.zone.to_string(),
            DNSKEY,
            std::slice::from_ref(&self.data),
        )
    }
}

fn bare(owner: &str, kind: u16, data: &[Vec<u8>]) -> RecordSet {
    let mut data = data.to_vec();
    data.sort();
    RecordSet {
        owner: name(owner),
        kind,
        ttl: 300,
        data,
        signatures: Vec::new(),
    }
}

fn answer(sets: &[RecordSet]) -> Reply {
    Reply {
        answer: sets.to_vec(),
        ..Reply::default()
    }
}

fn denial(rcode: u16, sets: &[RecordSet]) -> Reply {
    Reply {
        rcode,
        authority: sets.to_vec(),
        ..Reply::default()
    }
}

/// Whatever was said once is said again.
#[derive(Default)]
struct World {
    replies: BTreeMap<(String, u16), Reply>,
    otherwise: Reply,
    asked: Cell<u32>,
}

impl World {
    fn says(&mut self, owner: &str, kind: u16, reply: Reply) {
        self.replies.insert((owner.to_owned(), kind), reply);
    }
}

impl Source for World {
    async fn ask(&self, name: &Name, kind: u16) -> Result<Reply, String> {
        self.asked.set(self.asked.get() + 1);
        let known = self.replies.get(&(name.to_string(), kind));
        Ok(known.unwrap_or(&self.otherwise).clone())
    }
}

/// The root, `test` and an address in it.
struct Tree {
    world: World,
    root: Signer,
    test: Signer,
    address: RecordSet,
}

impl Tree {
    fn new() -> Tree {
        Tree::of(Signer::new(".", 1), Signer::new("test", 2))
    }

    fn of(root: Signer, test: Signer) -> Tree {
        let mut world = World::default();
        let address = test.signed("www.test", A, &[vec![192, 0, 2, 7], vec![192, 0, 2, 3]]);
        world.says(".", DNSKEY, answer(&[root.keys()]));
        world.says(
            "test",
            DS,
            answer(&[root.signed("test", DS, &[test.digest()])]),
        );
        world.says("test", DNSKEY, answer(&[test.keys()]));
        world.says("www.test", A, answer(std::slice::from_ref(&address)));
        Tree {
            world,
            root,
            test,
            address,
        }
    }

    /// The verdict, the reason, and the zone of the reason.
    fn judge(&self, of: &str, kind: u16) -> (SecurityVerdict, Option<Kind>, String) {
        let (ended, _) = self.walk(of, kind);
        match ended {
            None => (SecurityVerdict::Secure, None, String::new()),
            Some(ended) => (
                ended.verdict,
                Some(ended.broken.kind),
                ended.broken.zone.to_string(),
            ),
        }
    }

    fn walk(&self, of: &str, kind: u16) -> (Option<Ended>, Budget) {
        let anchor = anchor::Anchor {
            zone: Name::root(),
            digests: vec![Digest::read(&self.root.digest()).expect("a digest")],
            ..anchor::Anchor::default()
        };
        let anchors = [anchor];
        let mut chain = Chain::new(&self.world, &anchors, NOW);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let ended = runtime.block_on(chain.judge(&name(of), kind)).err();
        (ended, chain.budget)
    }
}

fn bogus(kind: Kind, zone: &str) -> (SecurityVerdict, Option<Kind>, String) {
    (SecurityVerdict::Bogus, Some(kind), zone.to_owned())
}

#[test]
fn a_chain_that_holds_is_secure_and_costs_little() {
    let tree = Tree::new();
    let (ended, budget) = tree.walk("www.test", A);
    assert_eq!(ended, None);
    assert_eq!((budget.asked(), budget.checked()), (4, 4));
}

#[test]
fn each_link_that_breaks_is_named() {
    let mut old = Signer::new("test", 2);
    old.life = (NOW - 30 * DAY, NOW - 1);
    let tree = Tree::of(Signer::new(".", 1), old);
    assert_eq!(
        tree.judge("www.test", A),
        bogus(Kind::SignatureExpired, "test")
    );

    let mut tree = Tree::new();
    tree.world.says("test", DNSKEY, Reply::default());
    assert_eq!(tree.judge("www.test", A), bogus(Kind::KeysMissing, "test"));

    let mut tree = Tree::new();
    let stranger = Signer::new("test", 9);
    tree.world.says("test", DNSKEY, answer(&[stranger.keys()]));
    assert_eq!(
        tree.judge("www.test", A),
        bogus(Kind::KeyNotAtParent, "test")
    );

    let mut tree = Tree::new();
    let both = [tree.test.data.clone(), stranger.data.clone()];
    tree.world.says(
        "test",
        DNSKEY,
        answer(&[stranger.signed("test", DNSKEY, &both)]),
    );
    assert_eq!(
        tree.judge("www.test", A),
        bogus(Kind::KeysNotSigned, "test")
    );

    let mut tree = Tree::new();
    let foreign = stranger.signed("www.test", A, &tree.address.data);
    tree.world.says("www.test", A, answer(&[foreign]));
    assert_eq!(
        tree.judge("www.test", A),
        bogus(Kind::SigningKeyMissing, "test")
    );

    let mut tree = Tree::new();
    let mut changed = tree.address.clone();
    changed.data.truncate(1);
    tree.world.says("www.test", A, answer(&[changed]));
    assert_eq!(
        tree.judge("www.test", A),
        bogus(Kind::SignatureInvalid, "test")
    );

    let mut tree = Tree::new();
    let parents = Signer::new(".", 1).signed("www.test", A, &tree.address.data);
    let mut both = tree.address.clone();
    both.signatures = parents.signatures;
    tree.world.says("www.test", A, answer(&[both]));
    // The root's signature is good, but records of another zone are none of its business.
    assert_eq!(tree.judge("www.test", A).0, SecurityVerdict::Secure);
}

#[test]
fn an_unsigned_answer_below_a_signed_zone_needs_an_unsigned_delegation() {
    let mut tree = Tree::new();
    let unsigned = bare("www.sub.test", A, &[vec![192, 0, 2, 7]]);
    tree.world.says("www.sub.test", A, answer(&[unsigned]));
    // NS in the bit map, and no DS: window 0, one byte, bit 2.
    let mut nsec = name("zz.test").wire();
    nsec.extend([0, 1, 0x20]);
    let proof = tree
        .test
        .signed("sub.test", NSEC, std::slice::from_ref(&nsec));
    tree.world.says("sub.test", DS, denial(0, &[proof]));
    assert_eq!(
        tree.judge("www.sub.test", A),
        (
            SecurityVerdict::Insecure,
            Some(Kind::UnsignedDelegation),
            "test".to_owned()
        )
    );
    tree.world.says(
        "sub.test",
        DS,
        denial(0, &[bare("sub.test", NSEC, &[nsec])]),
    );
    assert_eq!(
        tree.judge("www.sub.test", A),
        bogus(Kind::SignatureMissing, "test")
    );
    tree.world.says("sub.test", DS, Reply::default());
    assert_eq!(
        tree.judge("www.sub.test", A),
        bogus(Kind::DenialMissing, "test")
    );
}

#[test]
fn the_built_in_anchor_condemns_no_network_with_a_root_of_its_own() {
    let tree = Tree::new();
    let anchors = TrustAnchors::default().0;
    let mut chain = Chain::new(&tree.world, &anchors, NOW);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let ended = runtime
        .block_on(chain.judge(&name("www.test"), A))
        .expect_err("another root");
    assert_eq!(ended.verdict, SecurityVerdict::Indeterminate);
    assert_eq!(ended.broken.kind, Kind::KeyNotAtParent);
}

#[test]
fn aliases_end() {
    let mut tree = Tree::new();
    for nth in 0..40 {
        let alias = format!("a{nth}.test");
        let to = name(&format!("a{}.test", nth + 1)).wire();
        let set = tree.test.signed(&alias, CNAME, &[to]);
        tree.world.says(&alias, A, answer(&[set]));
    }
    assert_eq!(
        tree.judge("a0.test", A).1,
        Some(Kind::TooMuchWork),
        "a chain without an end"
    );
}

/// Keys with one tag: it is a sum of words, whatever their order.
fn keys_of_one_tag(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|nth| {
            let mut data = vec![1, 1, 3, ALGORITHM];
            data.extend((0..16_u8).flat_map(|word| {
                let turned = (usize::from(word) + nth) % 16;
                [turned as u8, if turned == nth % 7 { 0x40 } else { 0 }]
            }));
            data
        })
        .collect()
}

/// CVE-2023-50387.
#[test]
fn many_keys_and_signatures_of_one_tag_cost_little() {
    let mut tree = Tree::new();
    let mut keys = keys_of_one_tag(16);
    let tag = Key::read(&keys[0]).expect("a key").tag;
    let same = keys
        .iter()
        .filter(|key| Key::read(key).is_some_and(|key| key.tag == tag));
    assert!(same.count() >= 8);
    keys.push(tree.test.data.clone());
    let set = tree.test.signed("test", DNSKEY, &keys);
    tree.world.says("test", DNSKEY, answer(&[set]));
    let mut bad = tree.address.clone();
    let mut data = tree.test.signature(&bad);
    data[16..18].copy_from_slice(&tag.to_be_bytes());
    bad.signatures = (0..100)
        .map(|nth| {
            let mut data = data.clone();
            *data.last_mut().expect("a byte") = nth;
            Signature::read(&data).expect("a signature")
        })
        .collect();
    tree.world.says("www.test", A, answer(&[bad]));
    let (ended, budget) = tree.walk("www.test", A);
    assert_eq!(
        ended.map(|ended| ended.broken.kind),
        Some(Kind::TooMuchWork)
    );
    assert!(budget.checked() <= 3 + 9, "{}", budget.checked());
}

/// A message with these records.
fn message(reply: &Reply) -> Vec<u8> {
    let sections = [&reply.answer, &reply.authority];
    let mut bytes = vec![0, 1, 0x81, 0x80 | reply.rcode as u8, 0, 0];
    let mut records = Vec::new();
    for sets in sections {
        let mut count = 0_u16;
        for set in sets {
            let mut put = |kind: u16, data: &[u8]| {
                count += 1;
                records.extend(set.owner.wire());
                records.extend(kind.to_be_bytes());
                records.extend([0, 1, 0, 0, 1, 0x2c]);
                records.extend((data.len() as u16).to_be_bytes());
                records.extend(data);
            };
            set.data.iter().for_each(|data| put(set.kind, data));
            set.signatures
                .iter()
                .for_each(|signature| put(RRSIG, &signature.data()));
        }
        bytes.extend(count.to_be_bytes());
    }
    bytes.extend([0, 0]);
    bytes.extend(records);
    bytes
}

#[test]
fn a_message_is_read_as_it_was_written() {
    let tree = Tree::new();
    let reply =
        Reply::read(&message(&answer(std::slice::from_ref(&tree.address)))).expect("a message");
    assert_eq!(reply.answer.len(), 1);
    assert_eq!(reply.answer[0].data, tree.address.data);
    assert_eq!(reply.answer[0].signatures, tree.address.signatures);
}

/// Small numbers that look random (Marsaglia, xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

#[test]
fn damaged_messages_never_panic_never_hold_and_stay_within_the_budget() {
    let whole = Tree::new();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut verdicts = BTreeMap::new();
    for _ in 0..2_000 {
        let mut tree = Tree::new();
        let keys: Vec<_> = tree.world.replies.keys().cloned().collect();
        let key = keys[random.below(keys.len())].clone();
        let mut bytes = message(&tree.world.replies[&key]);
        // Behind the counts, so that there is something to read.
        for _ in 0..=random.below(4) {
            let at = 12 + random.below(bytes.len() - 12);
            bytes[at] = random.below(256) as u8;
        }
        if random.below(4) == 0 {
            bytes.truncate(random.below(bytes.len()));
        }
        let Some(reply) = Reply::read(&bytes) else {
            *verdicts.entry("unread".to_owned()).or_insert(0) += 1;
            continue;
        };
        tree.world.replies.insert(key, reply);
        let (ended, budget) = tree.walk("www.test", A);
        assert!(budget.asked() <= 64 && budget.checked() <= 128);
        assert_eq!(budget.asked(), tree.world.asked.get());
        let verdict = ended.map_or(SecurityVerdict::Secure, |ended| ended.verdict);
        if verdict == SecurityVerdict::Secure {
            // Nothing that is signed was changed: only TTLs and letters' case may be.
            let said = &tree.world.replies[&("www.test".to_owned(), A)];
            let set = said.answer_for(&name("www.test"), A).expect("records");
            assert_eq!(set.data, whole.address.data);
        }
        *verdicts.entry(format!("{verdict:?}")).or_insert(0) += 1;
    }
    assert!(verdicts["Bogus"] > 200, "{verdicts:?}");
    assert!(verdicts["unread"] > 200, "{verdicts:?}");
}
