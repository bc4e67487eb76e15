//! The words of keys: `ip saddr`, `ct original proto-dst`, `fib daddr . iif type`.

use super::Parser;
use crate::nft::key::Key;
use ww_model::filter::UnknownReason;

/// A key and the words that assignments are judged by.
pub(super) struct NamedKey<'a> {
    pub(super) key: Key,
    pub(super) header: &'a str,
    pub(super) name: &'a str,
}

const EXTENSION_HEADERS: &[&str] = &["hbh", "rt", "rt0", "rt2", "rt4", "frag", "dst", "mh", "srh"];
const OPTION_FIELDS: &[&str] = &[
    "kind", "length", "size", "count", "left", "right", "tsval", "tsecr", "subtype", "type", "ptr",
    "addr", "value", "field",
];
const RAW_BASES: &[&str] = &["ll", "nh", "th", "ih"];

impl<'a> Parser<'a, '_> {
    /// The key that stands here; where none does, nothing is taken.
    pub(super) fn key(&mut self) -> Option<NamedKey<'a>> {
        let start = self.position;
        let key = self.try_key();
        if key.is_none() {
            self.position = start;
        }
        key
    }

    fn try_key(&mut self) -> Option<NamedKey<'a>> {
        if self.take_mark("@") {
            return self.raw_key();
        }
        let header = self.peek_word()?;
        self.next();
        let named = |key, name| Some(NamedKey { key, header, name });
        let opaque = |reason| named(Key::opaque(reason), "");
        match header {
            "meta" => {
                let name = self.any_word()?;
                named(Key::meta(name)?, name)
            }
            "ct" => self.ct_key(),
            "fib" => named(self.fib_key()?, "fib"),
            "numgen" => {
                self.any_word()?;
                self.modulus()?;
                opaque(UnknownReason::Dynamic)
            }
            "symhash" => {
                self.modulus()?;
                opaque(UnknownReason::NotModelled)
            }
            "jhash" => {
                self.left().ok()?;
                self.modulus()?;
                opaque(UnknownReason::NotModelled)
            }
            "socket" => {
                if self.any_word()? == "cgroupv2" && self.take_word("level") {
                    self.any_word()?;
                }
                opaque(UnknownReason::NotModelled)
            }
            "osf" => {
                if self.take_word("ttl") {
                    self.any_word()?;
                }
                self.any_word()?;
                opaque(UnknownReason::NotModelled)
            }
            "ipsec" => {
                self.ipsec_key()?;
                opaque(UnknownReason::NotModelled)
            }
            "exthdr" => {
                self.any_word()?;
                opaque(UnknownReason::NotModelled)
            }
            "rt" if self.take_one_of(&["ip", "ip6"]) => {
                self.any_word()?;
                opaque(UnknownReason::NotModelled)
            }
            _ if EXTENSION_HEADERS.contains(&header) => {
                self.any_word()?;
                if self.take_mark("[") {
                    self.any_word()?;
                    self.expect_mark("]").ok()?;
                }
                opaque(UnknownReason::NotModelled)
            }
            "tcp" | "ip" if self.take_word("option") => {
                self.option_key()?;
                named(Key::opaque(UnknownReason::NotModelled), "option")
            }
            "arp" if matches!(self.peek_word(), Some("saddr" | "daddr")) => {
                self.next();
                self.any_word()?;
                opaque(UnknownReason::NotModelled)
            }
            _ => match self
                .peek_word()
                .and_then(|name| Some((name, Key::payload(header, name)?)))
            {
                Some((name, key)) => {
                    self.next();
                    named(key, name)
                }
                None if Key::is_bare_meta(header) => Some(NamedKey {
                    key: Key::meta(header)?,
                    header: "meta",
                    name: header,
                }),
                None => None,
            },
        }
    }

    fn any_word(&mut self) -> Option<&'a str> {
        let word = self.peek_word()?;
        self.next();
        Some(word)
    }

    /// `@th,16,16`, the `@` already taken.
    fn raw_key(&mut self) -> Option<NamedKey<'a>> {
        let base = self.any_word().filter(|base| RAW_BASES.contains(base))?;
        self.expect_mark(",").ok()?;
        let offset = self.number().ok()?;
        self.expect_mark(",").ok()?;
        let length = self.number().ok()?;
        Some(NamedKey {
            key: Key::raw(base, offset as u32, length as u32),
            header: "@",
            name: base,
        })
    }

    fn ct_key(&mut self) -> Option<NamedKey<'a>> {
        let directed = self.take_one_of(&["original", "reply"]);
        self.take_one_of(&["ip", "ip6"]);
        let name = self.any_word()?;
        Some(NamedKey {
            key: Key::ct(name, directed)?,
            header: "ct",
            name,
        })
    }

    fn fib_key(&mut self) -> Option<Key> {
        let mut flags = vec![self.any_word()?];
        while self.take_mark(".") {
            flags.push(self.any_word()?);
        }
        let result = self.any_word()?;
        Key::fib(&flags, result)
    }

    /// `mod N`, with a seed and an offset perhaps.
    fn modulus(&mut self) -> Option<()> {
        if !self.take_word("mod") {
            return None;
        }
        self.number().ok()?;
        while self.take_one_of(&["seed", "offset"]) {
            self.number().ok()?;
        }
        Some(())
    }

    fn ipsec_key(&mut self) -> Option<()> {
        self.any_word()?;
        if self.take_word("spnum") {
            self.number().ok()?;
        }
        self.take_one_of(&["ip", "ip6"]);
        self.any_word().map(|_| ())
    }

    fn option_key(&mut self) -> Option<()> {
        if self.take_mark("@") {
            for _ in 0..2 {
                self.number().ok()?;
                self.expect_mark(",").ok()?;
            }
            self.number().ok()?;
            return Some(());
        }
        self.any_word()?;
        if self
            .peek_word()
            .is_some_and(|word| OPTION_FIELDS.contains(&word))
        {
            self.next();
        }
        Some(())
    }
}
