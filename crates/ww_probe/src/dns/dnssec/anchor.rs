//! Trust anchors: keys that are believed without anybody above them.

use super::super::wire::{DNSKEY, DS};
use super::keys::{Digest, Key};
use super::name::Name;
use std::fmt;

/// The root's keys (IANA, root-anchors.xml): KSK-2017 and KSK-2024.
const ROOT: &str = "\
. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16";

/// Records that are read of one file.
const MOST: usize = 64;

/// The keys that are trusted for one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Anchor {
    /// The zone.
    pub(super) zone: Name,
    /// Digests of its keys.
    pub(super) digests: Vec<Digest>,
    /// Keys themselves.
    pub(super) keys: Vec<Key>,
    /// It came with the program: the network may have a root of its own.
    pub(super) is_built_in: bool,
}

/// Keys of zones that are trusted without a parent: where a chain of DNSSEC begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchors(pub(super) Vec<Anchor>);

/// A line of a file of trust anchors that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchorError {
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl fmt::Display for TrustAnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(self.why),
            line => write!(f, "line {line}: {}", self.why),
        }
    }
}

impl std::error::Error for TrustAnchorError {}

impl Default for TrustAnchors {
    /// The root's keys as IANA publishes them.
    fn default() -> TrustAnchors {
        let mut anchors = TrustAnchors::parse(ROOT).unwrap_or(TrustAnchors(Vec::new()));
        for anchor in &mut anchors.0 {
            anchor.is_built_in = true;
        }
        anchors
    }
}

impl TrustAnchors {
    /// Reads DS and DNSKEY records in the form of zone files, one a line, as unbound, drill and kdig take
    /// them: `. IN DS 20326 8 2 E06D…`. What follows `;` is a comment.
    ///
    /// # Errors
    ///
    /// The first line that is no such record, or a file without any.
    pub fn parse(text: &str) -> Result<TrustAnchors, TrustAnchorError> {
        let mut anchors: Vec<Anchor> = Vec::new();
        let mut count = 0;
        for (index, line) in text.lines().enumerate() {
            let line = line.split(';').next().unwrap_or_default();
            if line.trim().is_empty() {
                continue;
            }
            count += 1;
            let wrong = |why| TrustAnchorError {
                line: index + 1,
                why,
            };
            if count > MOST {
                return Err(wrong("there are more than 64 records"));
            }
            let (zone, record) = record(line).map_err(wrong)?;
            let known = anchors.iter().position(|known| known.zone == zone);
            let at = known.unwrap_or_else(|| {
                anchors.push(Anchor {
                    zone,
                    ..Anchor::default()
                });
                anchors.len() - 1
            });
            if let Some(anchor) = anchors.get_mut(at) {
                match record {
                    Record::Digest(digest) => anchor.digests.push(digest),
                    Record::Key(key) => anchor.keys.push(key),
                }
            }
        }
        if anchors.is_empty() {
            return Err(TrustAnchorError {
                line: 0,
                why: "it holds no DS or DNSKEY record",
            });
        }
        Ok(TrustAnchors(anchors))
    }
}

enum Record {
    Digest(Digest),
    Key(Key),
}

/// `NAME [TTL] [IN] DS TAG ALGORITHM TYPE DIGEST`, or the same with DNSKEY.
fn record(line: &str) -> Result<(Name, Record), &'static str> {
    const FORM: &str = "write it like `. IN DS 20326 8 2 E06D…` or `. IN DNSKEY 257 3 8 AwEAAa…`";
    let mut words = line.split_whitespace();
    let zone = words.next().and_then(Name::parse).ok_or(FORM)?;
    let mut words = words.skip_while(|word| {
        word.eq_ignore_ascii_case("IN") || word.bytes().all(|byte| byte.is_ascii_digit())
    });
    let kind = words.next().ok_or(FORM)?.to_ascii_uppercase();
    let kind = [(DS, "DS"), (DNSKEY, "DNSKEY")]
        .iter()
        .find(|(_, name)| *name == kind)
        .map(|(kind, _)| *kind)
        .ok_or(FORM)?;
    let first: u16 = words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or(FORM)?;
    let mut data = first.to_be_bytes().to_vec();
    for _ in 0..2 {
        let number: u8 = words
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or(FORM)?;
        data.push(number);
    }
    let rest: String = words.filter(|word| !matches!(*word, "(" | ")")).collect();
    let read = if kind == DS {
        data.extend(from_hex(&rest).ok_or("the digest is not hexadecimal")?);
        Digest::read(&data).map(Record::Digest)
    } else {
        data.extend(from_base64(&rest).ok_or("the key is not base64")?);
        Key::read(&data).map(Record::Key)
    };
    Ok((zone, read.ok_or(FORM)?))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect();
    if rest.is_empty() { bytes } else { None }
}

/// RFC 4648 section 4.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = held << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_known() {
        let anchors = TrustAnchors::default().0;
        let tags: Vec<u16> = anchors
            .iter()
            .flat_map(|anchor| &anchor.digests)
            .map(|digest| digest.tag)
            .collect();
        assert_eq!(tags, [20326, 38696]);
        assert!(anchors.iter().all(|anchor| anchor.is_built_in));
    }

    #[test]
    fn files_hold_records_of_zones() {
        let text = "; private\ntest. 3600 IN DNSKEY 257 3 15 ( l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4= ) ; key\n\n. DS 1 8 2 00ff\n";
        let anchors = TrustAnchors::parse(text).expect("anchors").0;
        assert_eq!(anchors.len(), 2);
        assert_eq!(anchors[0].keys[0].tag, 3613);
        assert!(!anchors[0].is_built_in);
        let error = |text: &str| {
            TrustAnchors::parse(text)
                .expect_err("no anchors")
                .to_string()
        };
        assert!(error("").contains("no DS"), "{}", error(""));
        assert!(error("\n. DS 1 8 2 xx").starts_with("line 2"));
        assert!(error(". A 192.0.2.1").starts_with("line 1: write it"));
    }
}
