//! The chain of trust from an anchor down to an answer (RFC 4035 section 5).

use super::super::wire::{CNAME, DNAME, DNSKEY, DS, NSEC, NSEC3, SOA};
use super::anchor::Anchor;
use super::budget::Budget;
use super::denial::{Below, Proof, Proofs};
use super::keys::{self, Digest, Key};
use super::name::Name;
use super::reason::{Broken, Ended, moment};
use super::records::{RecordSet, Reply};
use super::signature::{self, Held};
use std::collections::BTreeMap;
use std::rc::Rc;
use ww_base::{Order, Span};
use ww_evidence::transcript::{
    ChainReasonKind as Kind, SecurityVerdict as Verdict, SignatureLife, ZoneLink,
};

/// Aliases that are followed.
const ALIASES: usize = 12;

/// Response codes that say something of a name.
const NO_ERROR: u16 = 0;
const NAME_ERROR: u16 = 3;

/// Whoever answers questions, without judging signatures.
pub(super) trait Source {
    /// The answer, or why there is none.
    async fn ask(&self, name: &Name, kind: u16) -> Result<Reply, String>;
}

/// A zone whose keys are known to be its own.
#[derive(Clone, Debug)]
struct Zone {
    name: Name,
    keys: Vec<Key>,
}

/// What stands at a name on the way down.
#[derive(Clone, Debug)]
enum Cut {
    /// A signed zone begins.
    Zone(Rc<Zone>),
    /// It belongs to the zone above it.
    SameZone,
    /// There is nothing, and nothing below it.
    Nothing,
}

/// A walk down the chain. What it learned of zones serves further names.
pub(super) struct Chain<'s, S> {
    source: &'s S,
    anchors: &'s [Anchor],
    /// Seconds since 1970.
    now: i64,
    pub(super) budget: Budget,
    cuts: BTreeMap<Name, Result<Cut, Ended>>,
    pub(super) links: Vec<ZoneLink>,
    pub(super) signatures: Vec<SignatureLife>,
}

impl<'s, S: Source> Chain<'s, S> {
    pub(super) fn new(source: &'s S, anchors: &'s [Anchor], now: i64) -> Chain<'s, S> {
        Chain {
            source,
            anchors,
            now,
            budget: Budget::default(),
            cuts: BTreeMap::new(),
            links: Vec::new(),
            signatures: Vec::new(),
        }
    }

    /// Judges what is said of a name and type, along aliases.
    ///
    /// # Errors
    ///
    /// Where the chain ends before the answer, or does not hold: the worst of it.
    pub(super) async fn judge(&mut self, name: &Name, kind: u16) -> Result<(), Ended> {
        let reply = self.ask(name, kind).await?;
        self.judge_reply(name, kind, reply).await
    }

    /// The same of a reply that is there already.
    pub(super) async fn judge_reply(
        &mut self,
        name: &Name,
        kind: u16,
        mut reply: Reply,
    ) -> Result<(), Ended> {
        let mut name = name.clone();
        let mut worst: Option<Ended> = None;
        for _ in 0..ALIASES {
            let (said, target) = self.one(&name, kind, &reply).await;
            if let Err(ended) = said {
                let outweighs = |known: &Ended| weight(known.verdict) < weight(ended.verdict);
                if worst.as_ref().is_none_or(outweighs) {
                    worst = Some(ended);
                }
            }
            let Some(target) = target else {
                return worst.map_or(Ok(()), Err);
            };
            if !speaks_of(&reply, &target) {
                match self.ask(&target, kind).await {
                    Ok(next) => reply = next,
                    Err(ended) => return Err(worst.unwrap_or(ended)),
                }
            }
            name = target;
        }
        let endless = Broken::of(Kind::TooMuchWork, &Name::root(), &name, CNAME);
        Err(worst.unwrap_or_else(|| Ended::unknown(endless)))
    }

    /// Judges what a reply says of one name, and tells where it leads on.
    async fn one(
        &mut self,
        name: &Name,
        kind: u16,
        reply: &Reply,
    ) -> (Result<(), Ended>, Option<Name>) {
        if let Some(set) = reply.answer_for(name, kind) {
            return (self.set(set, reply).await, None);
        }
        let above = reply
            .answer
            .iter()
            .find(|set| set.kind == DNAME && name.is_below(&set.owner));
        // What a DNAME record makes of the name is not signed (RFC 6672 section 5.3.1).
        let alias = above.or_else(|| reply.answer_for(name, CNAME));
        match alias {
            Some(set) => {
                let target = reply.answer_for(name, CNAME).and_then(target);
                (self.set(set, reply).await, target.filter(|to| to != name))
            }
            None => (self.denied(name, kind, reply).await, None),
        }
    }

    /// Judges a set of records.
    async fn set(&mut self, set: &RecordSet, reply: &Reply) -> Result<(), Ended> {
        let holder = holder(&set.owner, set.kind);
        let signers = set.signatures.iter().map(|signature| &signature.signer);
        let signer = signers.clone().find(|&signer| holder.is_in(signer));
        let zone = self.descend(signer.unwrap_or(&holder)).await?;
        let held = self.verified(set, &zone, &zone.keys)?;
        let Some(closest) = held.wildcard_of else {
            return Ok(());
        };
        let (proofs, broken) = self.proofs(reply, &zone);
        let proof = proofs.only_wildcard(&set.owner, &closest, &mut self.budget);
        match proof {
            Proof::ButForOptOut => Ok(()),
            _ => told(proof, &zone.name, &set.owner, set.kind, broken),
        }
    }

    /// Judges that there is nothing.
    async fn denied(&mut self, name: &Name, kind: u16, reply: &Reply) -> Result<(), Ended> {
        let holder = holder(name, kind);
        let signer = reply
            .authority
            .iter()
            .filter(|set| matches!(set.kind, NSEC | NSEC3 | SOA))
            .flat_map(|set| &set.signatures)
            .map(|signature| &signature.signer)
            .find(|&signer| holder.is_in(signer));
        let zone = self.descend(signer.unwrap_or(&holder)).await?;
        let (proofs, broken) = self.proofs(reply, &zone);
        let proof = match reply.rcode {
            NAME_ERROR => proofs.no_name(name, &mut self.budget),
            _ => proofs.no_data(name, kind, &mut self.budget),
        };
        told(proof, &zone.name, name, kind, broken)
    }

    /// The records of an answer that prove what is not there, as far as signatures of the zone hold; and what
    /// is wrong with the first that does not.
    fn proofs(&mut self, reply: &Reply, zone: &Zone) -> (Proofs, Option<Ended>) {
        let mut good = Vec::new();
        let mut broken = None;
        for set in &reply.authority {
            if !matches!(set.kind, NSEC | NSEC3) || set.data.is_empty() {
                continue;
            }
            match self.verified(set, zone, &zone.keys) {
                Ok(held) if held.wildcard_of.is_none() => good.push(set),
                Ok(_) => {}
                Err(ended) => _ = broken.get_or_insert(ended),
            }
        }
        (Proofs::of(&zone.name, &good), broken)
    }

    /// The zone that a name is in, or the last one above it that is signed.
    async fn descend(&mut self, to: &Name) -> Result<Rc<Zone>, Ended> {
        let anchors = self.anchors;
        let anchor = anchors
            .iter()
            .filter(|anchor| to.is_in(&anchor.zone))
            .max_by_key(|anchor| anchor.zone.count());
        let Some(anchor) = anchor else {
            let root = Name::root();
            return Err(Ended::unknown(Broken::of(
                Kind::NoAnchor,
                &root,
                to,
                DNSKEY,
            )));
        };
        let mut zone = match self.cuts.get(&anchor.zone) {
            Some(Ok(Cut::Zone(zone))) => zone.clone(),
            Some(Err(ended)) => return Err(ended.clone()),
            _ => {
                let entered = self.anchored(anchor).await;
                self.cuts
                    .insert(anchor.zone.clone(), entered.clone().map(Cut::Zone));
                entered?
            }
        };
        for count in anchor.zone.count() + 1..=to.count() {
            let name = to.suffix(count);
            let cut = if let Some(cut) = self.cuts.get(&name) {
                cut.clone()
            } else {
                let cut = self.cut(&zone, &name).await;
                self.cuts.insert(name, cut.clone());
                cut
            };
            match cut? {
                Cut::Zone(below) => zone = below,
                Cut::SameZone => {}
                Cut::Nothing => break,
            }
        }
        Ok(zone)
    }

    /// The zone of an anchor.
    async fn anchored(&mut self, anchor: &Anchor) -> Result<Rc<Zone>, Ended> {
        let entered = self
            .enter(&anchor.zone, &anchor.digests, &anchor.keys)
            .await;
        match entered {
            // A network with a root of its own, or a resolver that passes no signatures on, breaks no zone.
            Err(ended) if anchor.is_built_in && !is_about_time(ended.broken.kind) => Err(Ended {
                verdict: Verdict::Indeterminate,
                ..ended
            }),
            entered => entered,
        }
    }

    /// What stands at a name below a zone.
    async fn cut(&mut self, above: &Zone, name: &Name) -> Result<Cut, Ended> {
        let reply = self.ask(name, DS).await?;
        if let Some(set) = reply.answer_for(name, DS) {
            self.verified(set, above, &above.keys)?;
            let digests = Digest::all(&set.data);
            return self.enter(name, &digests, &[]).await.map(Cut::Zone);
        }
        if let Some(alias) = reply.answer_for(name, CNAME) {
            self.verified(alias, above, &above.keys)?;
            return Ok(Cut::SameZone);
        }
        let (proofs, broken) = self.proofs(&reply, above);
        let ended = |kind| Broken::of(kind, &above.name, name, DS);
        match proofs.below(name, &mut self.budget) {
            Below::SameZone => Ok(Cut::SameZone),
            Below::Nothing => Ok(Cut::Nothing),
            Below::Unsigned => Err(Ended::insecure(ended(Kind::UnsignedDelegation))),
            Below::OptedOut => Err(Ended::insecure(ended(Kind::OptOut))),
            Below::NotProven(proof) => {
                told(proof, &above.name, name, DS, broken)?;
                Ok(Cut::SameZone)
            }
        }
    }

    /// Learns the keys of a zone, one of which is known by its digest or by itself.
    async fn enter(
        &mut self,
        name: &Name,
        digests: &[Digest],
        known: &[Key],
    ) -> Result<Rc<Zone>, Ended> {
        let broken = |kind| Broken::of(kind, name, name, DNSKEY);
        let usable = keys::usable(digests);
        let mut link = ZoneLink {
            zone: name.to_string(),
            ds: digests
                .iter()
                .map(Digest::told)
                .chain(known.iter().map(Key::told))
                .collect(),
            ..ZoneLink::default()
        };
        link.ds.put_in_order();
        link.ds.dedup();
        let entered = if usable.is_empty() && known.is_empty() {
            let first = digests.first();
            let supported = |digest: &&Digest| super::algorithm::is_supported(digest.algorithm);
            let kind = match digests.iter().find(supported) {
                Some(_) => Kind::UnsupportedDigest,
                None => Kind::UnsupportedAlgorithm,
            };
            Err(Ended::insecure(Broken {
                key_tag: first.map(|digest| digest.tag),
                algorithm: first.map_or(0, |digest| digest.algorithm),
                ..Broken::of(kind, name, name, DS)
            }))
        } else {
            match self.ask(name, DNSKEY).await {
                Err(ended) => Err(ended),
                Ok(reply) => match reply.answer_for(name, DNSKEY) {
                    None => Err(Ended::bogus(broken(Kind::KeysMissing))),
                    Some(set) => {
                        let keys = Key::all(&set.data);
                        link.keys = keys.iter().map(Key::told).collect();
                        self.keys(set, keys, &usable, known)
                    }
                },
            }
        };
        link.verdict = match &entered {
            Ok(_) => Verdict::Secure,
            Err(ended) => ended.verdict,
        };
        self.links.push(link);
        entered
    }

    /// A set of keys holds when one of those that are known signed it.
    fn keys(
        &mut self,
        set: &RecordSet,
        keys: Vec<Key>,
        digests: &[Digest],
        known: &[Key],
    ) -> Result<Rc<Zone>, Ended> {
        let name = &set.owner;
        let is_known = |key: &Key| {
            known.iter().any(|known| known.public == key.public)
                || digests.iter().any(|digest| digest.is_of(name, key))
        };
        let entries: Vec<Key> = keys.iter().filter(|key| is_known(key)).cloned().collect();
        let named = digests.first().map(|digest| (digest.tag, digest.algorithm));
        let wanted = named.or_else(|| known.first().map(|key| (key.tag, key.algorithm)));
        let broken = |kind| Broken {
            key_tag: wanted.map(|(tag, _)| tag),
            algorithm: wanted.map_or(0, |(_, algorithm)| algorithm),
            ..Broken::of(kind, name, name, DNSKEY)
        };
        if entries.is_empty() {
            return Err(Ended::bogus(broken(Kind::KeyNotAtParent)));
        }
        if !entries.iter().any(Key::is_of_zone) {
            return Err(Ended::bogus(broken(Kind::KeyWithoutZoneFlag)));
        }
        let zone = Zone {
            name: name.clone(),
            keys,
        };
        match self.verified(set, &zone, &entries) {
            Ok(_) => Ok(Rc::new(zone)),
            // The set is signed by others alone: the key that the parent names signs nothing.
            Err(ended) if ended.broken.kind == Kind::SigningKeyMissing => {
                Err(Ended::bogus(broken(Kind::KeysNotSigned)))
            }
            Err(ended) => Err(ended),
        }
    }

    /// A set of a zone whose signature by one of these keys holds.
    fn verified(&mut self, set: &RecordSet, zone: &Zone, keys: &[Key]) -> Result<Held, Ended> {
        let held = signature::verify(set, &zone.name, keys, self.now, &mut self.budget)?;
        let life = SignatureLife {
            zone: zone.name.to_string(),
            owner: set.owner.to_string(),
            record: super::super::wire::kind_name(set.kind),
            begins: moment(held.begins),
            expires: moment(held.expires),
            cached_for: Span::from_secs(held.cached_for),
        };
        if !self.signatures.contains(&life) {
            self.signatures.push(life);
        }
        Ok(held)
    }

    /// What is said of a name and type.
    pub(super) async fn ask(&mut self, name: &Name, kind: u16) -> Result<Reply, Ended> {
        let root = Name::root();
        if !self.budget.question() {
            return Err(Ended::unknown(Broken::of(
                Kind::TooMuchWork,
                &root,
                name,
                kind,
            )));
        }
        let why = match self.source.ask(name, kind).await {
            Ok(reply) if matches!(reply.rcode, NO_ERROR | NAME_ERROR) => return Ok(reply),
            Ok(reply) => super::super::wire::rcode_name(reply.rcode),
            Err(why) => why,
        };
        Err(Ended::unknown(Broken {
            says: why,
            ..Broken::of(Kind::NoAnswer, &root, name, kind)
        }))
    }
}

/// Which verdict stands where parts of an answer have different ones.
fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Secure => 0,
        Verdict::Insecure => 1,
        Verdict::Indeterminate => 2,
        Verdict::Bogus => 3,
    }
}

fn is_about_time(kind: Kind) -> bool {
    matches!(kind, Kind::SignatureExpired | Kind::SignatureNotYetValid)
}

/// The name whose zone holds such records: a DS record stands above the cut.
fn holder(owner: &Name, kind: u16) -> Name {
    if kind == DS {
        owner.parent()
    } else {
        owner.clone()
    }
}

/// Where an alias leads.
fn target(set: &RecordSet) -> Option<Name> {
    let mut reader = super::super::wire::Reader::new(set.data.first()?);
    Name::parse(&reader.name()?)
}

/// A reply has something about a name at which an alias ends.
fn speaks_of(reply: &Reply, name: &Name) -> bool {
    let in_answer = reply.answer.iter().any(|set| set.owner == *name);
    let denies = |set: &&RecordSet| set.kind == SOA && name.is_in(&set.owner);
    in_answer || reply.authority.iter().any(|set| denies(&set))
}

/// What a proof means for the answer: what is wrong with the records of proofs goes before that they prove
/// nothing.
fn told(
    proof: Proof,
    zone: &Name,
    name: &Name,
    kind: u16,
    broken: Option<Ended>,
) -> Result<(), Ended> {
    let of = |why| Broken::of(why, zone, name, kind);
    Err(match proof {
        Proof::Proven => return Ok(()),
        Proof::ButForOptOut => Ended::insecure(of(Kind::OptOut)),
        Proof::TooManyIterations => Ended::insecure(of(Kind::TooManyIterations)),
        Proof::TooMuchWork => Ended::unknown(of(Kind::TooMuchWork)),
        Proof::Missing => broken.unwrap_or_else(|| Ended::bogus(of(Kind::DenialMissing))),
    })
}
