//! One zone: how it is signed, and what is wrong with it.

use super::{PARENT, Tree};
use crate::error::LabError;

/// How a zone proves what does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signed {
    /// By names (NSEC).
    #[default]
    Names,
    /// By digests of names (NSEC3).
    Digests,
    /// By digests, without unsigned delegations (opt-out).
    OptOut,
    /// It is not signed, and its parent says so.
    Not,
}

/// What is wrong with a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The parent's DS record has another digest.
    WrongDigest,
    /// The parent's DS record names an algorithm that nobody knows.
    UnknownAlgorithm,
    /// The parent's DS record has no signature.
    DelegationUnsigned,
    /// The records of this type at `www` have no signature.
    SignatureMissing(&'static str),
    /// Their signature is another one.
    SignatureCorrupt(&'static str),
    /// The zone has no keys.
    KeysMissing,
    /// Its keys have no signature.
    KeysUnsigned,
    /// What proves that names do not exist is gone, but at the head of the zone.
    DenialMissing,
}

/// A zone below `test.`.
#[derive(Clone, Copy, Debug)]
pub struct Zone<'z> {
    /// Its name without the parent's.
    pub label: &'z str,
    /// The algorithm, as `dnssec-keygen` names it.
    pub algorithm: &'z str,
    /// How it proves what does not exist.
    pub signed: Signed,
    /// When signatures begin and end, seconds from now.
    pub life: (i64, i64),
    /// Further records.
    pub records: &'z str,
    /// What is wrong.
    pub fault: Fault,
}

/// Seconds of a day.
const DAY: i64 = 86_400;

impl<'z> Zone<'z> {
    /// A zone as it should be: ECDSA, and signatures that are ten days old and end in twenty.
    pub const fn signed(label: &'z str) -> Zone<'z> {
        Zone {
            label,
            algorithm: "ECDSAP256SHA256",
            signed: Signed::Names,
            life: (-10 * DAY, 20 * DAY),
            records: "",
            fault: Fault::None,
        }
    }

    /// With another algorithm.
    #[must_use]
    pub const fn by(mut self, algorithm: &'z str) -> Zone<'z> {
        self.algorithm = algorithm;
        self
    }

    /// With another kind of proofs.
    #[must_use]
    pub const fn proving(mut self, signed: Signed) -> Zone<'z> {
        self.signed = signed;
        self
    }

    /// With signatures that begin and end so many hours from now.
    #[must_use]
    pub const fn hours(mut self, begin: i64, end: i64) -> Zone<'z> {
        self.life = (begin * 3_600, end * 3_600);
        self
    }

    /// With further records.
    #[must_use]
    pub const fn with(mut self, records: &'z str) -> Zone<'z> {
        self.records = records;
        self
    }

    /// With a fault.
    #[must_use]
    pub const fn but(mut self, fault: Fault) -> Zone<'z> {
        self.fault = fault;
        self
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        format!("{}.{PARENT}", self.label)
    }

    /// Its parent is another one of the zones.
    pub(super) fn is_below_another(&self) -> bool {
        self.label.contains('.')
    }

    /// Writes the zone; the DS record for its parent, nothing where there is none.
    pub(super) fn make(&self, tree: &Tree, host: &str) -> Result<String, LabError> {
        let records = format!("www A {host}\n{}\n", self.records);
        self.make_as(tree, &self.name(), &records, &[])
    }

    /// Writes a zone of any name. The DS records of `unsigned` lose their signatures.
    pub(super) fn make_as(
        &self,
        tree: &Tree,
        name: &str,
        records: &str,
        unsigned: &[String],
    ) -> Result<String, LabError> {
        let head = format!(
            "$ORIGIN {name}\n$TTL 300\n@ SOA ns.{PARENT} hostmaster.{PARENT} 1 3600 600 86400 300\n@ NS ns.{PARENT}\n"
        );
        let file = file_of(name);
        if self.signed == Signed::Not {
            tree.write(&format!("{file}.signed"), &format!("{head}{records}"))?;
            return Ok(String::new());
        }
        let mut keygen = vec!["-q", "-a", self.algorithm, "-f", "KSK", "-n", "ZONE"];
        if self.algorithm.starts_with("RSA") || self.algorithm.starts_with("NSEC3RSA") {
            keygen.extend(["-b", "2048"]);
        }
        keygen.push(name);
        let key = tree.run("dnssec-keygen", &keygen)?.trim().to_owned();
        tree.write(
            &format!("{file}.zone"),
            &format!("{head}{records}\n$INCLUDE {key}.key\n"),
        )?;
        self.sign(tree, name, &file, &key)?;
        let signed = tree.read(&format!("{file}.signed"))?;
        tree.write(
            &format!("{file}.signed"),
            &damaged(&signed, name, self.fault, unsigned),
        )?;
        if name == "." {
            anchor(tree, &key)?;
            return Ok(String::new());
        }
        let digest = tree.run("dnssec-dsfromkey", &["-2", &format!("{key}.key")])?;
        Ok(damaged_digest(digest.trim(), self.fault))
    }

    fn sign(&self, tree: &Tree, name: &str, file: &str, key: &str) -> Result<(), LabError> {
        let from_now = |seconds: i64| {
            let sign = if seconds < 0 { '-' } else { '+' };
            format!("now{sign}{}", seconds.unsigned_abs())
        };
        let (begin, end) = (from_now(self.life.0), from_now(self.life.1));
        let (input, output) = (format!("{file}.zone"), format!("{file}.signed"));
        let mut args = vec!["-z", "-P", "-O", "full", "-s", &begin, "-e", &end];
        match self.signed {
            Signed::Digests => args.extend(["-3", "-", "-H", "0"]),
            Signed::OptOut => args.extend(["-3", "-", "-H", "0", "-A"]),
            Signed::Names | Signed::Not => {}
        }
        args.extend(["-o", name, "-f", &output, &input, key]);
        tree.run("dnssec-signzone", &args).map(|_| ())
    }
}

/// The name of a zone's files.
pub(super) fn file_of(name: &str) -> String {
    match name.trim_end_matches('.') {
        "" => "root".to_owned(),
        name => name.to_owned(),
    }
}

/// Writes the root's key as resolvers take it.
fn anchor(tree: &Tree, key: &str) -> Result<(), LabError> {
    let record = tree.read(&format!("{key}.key"))?;
    tree.write("anchor.key", &record)?;
    let data = record
        .lines()
        .filter(|line| !line.starts_with(';'))
        .find_map(|line| line.split_once("DNSKEY"))
        .map(|(_, data)| data.trim())
        .unwrap_or_default();
    let mut words = data.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (flags, protocol, algorithm, public) = (word(), word(), word(), word());
    let public: String = public.split_whitespace().collect();
    tree.write(
        "anchor.conf",
        &format!(
            "trust-anchors {{ . static-key {flags} {protocol} {algorithm} \"{public}\"; }};\n"
        ),
    )?;
    Ok(())
}

/// A signed zone with its fault: one record a line, as `dnssec-signzone -O full` writes them.
fn damaged(text: &str, name: &str, fault: Fault, unsigned: &[String]) -> String {
    let www = format!("www.{name}");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (owner, kind, covered) = match words.as_slice() {
            [owner, _, _, kind, covered, ..] => (*owner, *kind, *covered),
            _ => continue,
        };
        let signs = |wanted: &str| kind == "RRSIG" && covered == wanted;
        let is_gone = match fault {
            Fault::SignatureMissing(kind) => owner == www && signs(kind),
            Fault::KeysMissing => kind == "DNSKEY" || signs("DNSKEY"),
            Fault::KeysUnsigned => signs("DNSKEY"),
            Fault::DenialMissing => owner != name && (kind == "NSEC" || signs("NSEC")),
            _ => false,
        };
        if is_gone || (signs("DS") && unsigned.iter().any(|zone| zone == owner)) {
            continue;
        }
        let is_corrupt =
            matches!(fault, Fault::SignatureCorrupt(kind) if owner == www && signs(kind));
        lines.push(if is_corrupt {
            corrupted(&words)
        } else {
            line.to_owned()
        });
    }
    lines.join("\n") + "\n"
}

/// The same signature with its first characters changed.
fn corrupted(words: &[&str]) -> String {
    let (head, signature) = words.split_at(12.min(words.len()));
    let signature = signature.concat();
    let other = |from: char| if from == 'A' { 'B' } else { 'A' };
    let changed: String = signature
        .char_indices()
        .map(|(at, one)| if at < 4 { other(one) } else { one })
        .collect();
    format!("{} {changed}", head.join(" "))
}

/// The DS record for the parent with its fault.
fn damaged_digest(record: &str, fault: Fault) -> String {
    let words: Vec<&str> = record.split_whitespace().collect();
    let [owner, class, kind, tag, algorithm, digest_kind, digest @ ..] = words.as_slice() else {
        return record.to_owned();
    };
    let digest = digest.concat();
    let (algorithm, digest) = match fault {
        Fault::WrongDigest => (*algorithm, digest.chars().rev().collect()),
        Fault::UnknownAlgorithm => ("12", digest),
        _ => (*algorithm, digest),
    };
    format!("{owner} {class} {kind} {tag} {algorithm} {digest_kind} {digest}")
}
