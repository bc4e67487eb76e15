//! Names in canonical form and order (RFC 4034 section 6).

use super::super::wire;
use std::cmp::Ordering;
use std::fmt;

/// A name: its labels in lower case, the leftmost first; the root has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Name {
    labels: Vec<Vec<u8>>,
}

impl Name {
    /// The root.
    pub(super) fn root() -> Name {
        Name::default()
    }

    /// Reads a name as text, with or without its final dot; `None` when it is none.
    pub(super) fn parse(text: &str) -> Option<Name> {
        let mut labels = wire::labels(text)?;
        for label in &mut labels {
            label.make_ascii_lowercase();
        }
        let length: usize = labels.iter().map(|label| label.len() + 1).sum();
        (length < 255).then_some(Name { labels })
    }

    /// How many labels it has.
    pub(super) fn count(&self) -> usize {
        self.labels.len()
    }

    /// Its rightmost `count` labels: the name itself, or one above it.
    pub(super) fn suffix(&self, count: usize) -> Name {
        let skipped = self.labels.len().saturating_sub(count);
        Name {
            labels: self.labels.iter().skip(skipped).cloned().collect(),
        }
    }

    /// The name without its leftmost label.
    pub(super) fn parent(&self) -> Name {
        self.suffix(self.labels.len().saturating_sub(1))
    }

    /// It is the other name or below it.
    pub(super) fn is_in(&self, other: &Name) -> bool {
        self.common(other) == other.labels.len()
    }

    /// It is below the other name.
    pub(super) fn is_below(&self, other: &Name) -> bool {
        self.labels.len() > other.labels.len() && self.is_in(other)
    }

    /// How many labels both have in common, from the right.
    pub(super) fn common(&self, other: &Name) -> usize {
        let pairs = self.labels.iter().rev().zip(other.labels.iter().rev());
        pairs.take_while(|(one, other)| one == other).count()
    }

    /// `*` below it.
    pub(super) fn wildcard(&self) -> Name {
        self.below(b"*")
    }

    /// The name with one more label.
    pub(super) fn below(&self, label: &[u8]) -> Name {
        let mut labels = vec![label.to_ascii_lowercase()];
        labels.extend(self.labels.iter().cloned());
        Name { labels }
    }

    /// It begins with the label `*`.
    pub(super) fn is_wildcard(&self) -> bool {
        self.labels.first().is_some_and(|label| label == b"*")
    }

    /// Its leftmost label.
    pub(super) fn first(&self) -> &[u8] {
        self.labels.first().map_or(&[], Vec::as_slice)
    }

    /// The name on the wire.
    pub(super) fn wire(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in &self.labels {
            bytes.push(label.len() as u8);
            bytes.extend(label);
        }
        bytes.push(0);
        bytes
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wire::text(&self.labels))
    }
}

/// Label by label from the right, each as bytes.
impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        self.labels.iter().rev().cmp(other.labels.iter().rev())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).expect(text)
    }

    #[test]
    fn names_stand_in_the_order_of_rfc_4034() {
        let ordered = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "zABC.a.EXAMPLE",
            "z.example",
            r"\001.z.example",
            "*.z.example",
            r"\200.z.example",
        ]
        .map(name);
        assert!(ordered.is_sorted());
        assert_eq!(ordered[4].to_string(), "zabc.a.example");
    }

    #[test]
    fn a_name_knows_what_is_above_it() {
        let one = name("a.b.example.");
        assert_eq!(one.suffix(1), name("example"));
        assert_eq!(one.suffix(0), Name::root());
        assert_eq!(one.suffix(9), one);
        assert!(one.is_below(&name("b.example")) && !one.is_below(&one) && one.is_in(&one));
        assert!(!one.is_in(&name("x.example")));
        assert_eq!(one.parent().wildcard(), name("*.b.example"));
        assert_eq!(one.wire(), b"\x01a\x01b\x07example\0");
        assert_eq!(Name::root().to_string(), ".");
        assert!(Name::parse(&"a.".repeat(128)).is_none());
    }
}
