//! Interface names as rule sets tell them apart.

use std::collections::BTreeSet;
use ww_model::filter::NamePattern;

/// One name for each class of names that fit the same patterns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    names: Vec<String>,
    /// How many of them, from the first, are names that rules or devices use; the others stand for
    /// all that no rule tells from them.
    used: usize,
}

impl Names {
    /// The classes of these patterns and names, each by one of its names.
    pub(super) fn new(patterns: &BTreeSet<NamePattern>, known: &BTreeSet<String>) -> Names {
        let exact = patterns.iter().filter(|pattern| !pattern.prefix);
        let mut names: BTreeSet<String> = exact.map(|pattern| pattern.text.clone()).collect();
        names.extend(known.iter().cloned());
        names.retain(|name| !name.is_empty());
        let prefixes: BTreeSet<&str> = patterns
            .iter()
            .filter(|pattern| pattern.prefix)
            .map(|pattern| pattern.text.as_str())
            .chain([""])
            .collect();
        let fresh: Vec<String> = prefixes
            .iter()
            .filter_map(|prefix| representative(prefix, &prefixes, &names))
            .collect();
        Names {
            used: names.len(),
            names: names.into_iter().chain(fresh).collect(),
        }
    }

    /// How many classes there are.
    pub(super) fn len(&self) -> u32 {
        self.names.len() as u32
    }

    /// A name of a class.
    pub(super) fn get(&self, class: u128) -> &str {
        let class = usize::try_from(class).unwrap_or(usize::MAX);
        self.names.get(class).map_or("", String::as_str)
    }

    /// A class in words.
    pub(super) fn words(&self, class: u128) -> String {
        let name = self.get(class);
        let used = class < self.used as u128;
        match name {
            _ if used => name.to_owned(),
            "other0" => "any other".to_owned(),
            _ => format!("{name} and its like"),
        }
    }

    /// The class of a name: its own, or that of the names that nobody uses and the same patterns fit.
    pub(super) fn class_of(&self, name: &str, patterns: &BTreeSet<NamePattern>) -> Option<u128> {
        let alike = |known: &String| {
            patterns
                .iter()
                .all(|pattern| pattern.fits(known) == pattern.fits(name))
        };
        let itself = self.names.iter().position(|known| known == name);
        let place = itself.or_else(|| {
            let unused = self.names.get(self.used..)?;
            Some(self.used + unused.iter().position(alike)?)
        });
        place.map(|place| place as u128)
    }

    /// The classes for which something holds, as ranges.
    pub(super) fn classes(&self, holds: impl Fn(&str) -> bool) -> Vec<(u128, u128)> {
        (0u128..)
            .zip(&self.names)
            .filter(|(_, name)| holds(name))
            .map(|(place, _)| (place, place))
            .collect()
    }
}

/// A name whose longest prefix among `prefixes` is this one, and that is not taken.
fn representative(
    prefix: &str,
    prefixes: &BTreeSet<&str>,
    taken: &BTreeSet<String>,
) -> Option<String> {
    let fits = |name: &String| {
        let longest = prefixes.iter().filter(|other| name.starts_with(**other));
        !name.is_empty()
            && !taken.contains(name)
            && longest.map(|other| other.len()).max() == Some(prefix.len())
    };
    let beginnings = if prefix.is_empty() {
        vec!["other".to_owned(), "any".to_owned()]
    } else {
        vec![prefix.to_owned()]
    };
    let endings = || ('0'..='9').chain('a'..='z').map(String::from);
    let pairs = endings().flat_map(|one| endings().map(move |two| format!("{one}{two}")));
    let endings: Vec<String> = endings().chain([String::new()]).chain(pairs).collect();
    beginnings
        .iter()
        .flat_map(|beginning| endings.iter().map(move |end| format!("{beginning}{end}")))
        .find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, prefix: bool) -> NamePattern {
        NamePattern {
            text: text.into(),
            prefix,
        }
    }

    #[test]
    fn a_name_that_nobody_uses_is_in_no_class_of_a_used_one() {
        let known = BTreeSet::from(["eth0".to_owned()]);
        let names = Names::new(&BTreeSet::new(), &known);
        let class = |name: &str| names.class_of(name, &BTreeSet::new());
        assert_eq!(class("eth0"), Some(0));
        assert_eq!(class("eth7"), class("other0"));
        assert_ne!(class("eth7"), class("eth0"));
    }

    #[test]
    fn every_class_of_names_has_a_name() {
        let patterns = BTreeSet::from([
            pattern("eth0", false),
            pattern("eth", true),
            pattern("eth1", true),
            pattern("wg0", false),
        ]);
        let names = Names::new(&patterns, &BTreeSet::new());
        let class = |name: &str| names.class_of(name, &patterns).unwrap();
        assert_eq!(names.len(), 5);
        assert_eq!(class("eth7"), class("ethernet"));
        assert_eq!(class("eth10"), class("eth1"));
        assert_eq!(class("lo"), class("tun3"));
        let distinct: BTreeSet<u128> = ["eth0", "eth7", "eth1", "wg0", "lo"].map(class).into();
        assert_eq!(distinct.len(), 5);
        let ethernets = names.classes(|name| pattern("eth", true).fits(name));
        assert_eq!(ethernets.len(), 3);
    }

    #[test]
    fn a_crowded_prefix_still_finds_a_name() {
        let digits = (0..10).map(|digit| pattern(&format!("e{digit}"), true));
        let patterns: BTreeSet<NamePattern> = digits.chain([pattern("e", true)]).collect();
        let names = Names::new(&patterns, &BTreeSet::new());
        assert_eq!(names.len(), 12);
        let only_e = names.classes(|name| name.starts_with('e'));
        assert_eq!(only_e.len(), 11);
    }
}
