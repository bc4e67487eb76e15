//! What a program is, and which version of it.

use std::cmp::Ordering;
use std::fmt;
use ww_base::Sourced;

/// A product as default tables name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// The component's name in the default tables, as `nginx` or `node-http`; empty when not known.
    pub component: String,
    /// Its version, where a file tells it.
    pub version: Option<Sourced<Version>>,
}

/// A version: numbers between dots, most significant first. What follows a dash, a plus or a letter
/// is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version(pub Vec<u32>);

impl Version {
    /// Reads the version that a text begins with, behind a `v` if there is one; none when it does
    /// not begin with a number.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let numbers: String = text
            .chars()
            .take_while(|letter| letter.is_ascii_digit() || *letter == '.')
            .collect();
        let parts = numbers.trim_end_matches('.').split('.');
        let parts: Option<Vec<u32>> = parts.map(|part| part.parse().ok()).collect();
        parts.map(Version)
    }

    /// Whether a range of versions, as a default table writes it, holds this one: `*`, or
    /// conditions such as `>=1.29.7`, all of which have to hold, between commas. A version that is
    /// shorter than a bound stands for all that begin so: it is in the range only if all of them
    /// are, and `None` when some are.
    pub fn is_within(&self, range: &str) -> Option<bool> {
        let mut sure = true;
        for condition in range.split(',').map(str::trim) {
            match self.meets(condition) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => sure = false,
            }
        }
        sure.then_some(true)
    }

    fn meets(&self, condition: &str) -> Option<bool> {
        if matches!(condition, "*" | "") {
            return Some(true);
        }
        let operator_length = condition
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(condition.len());
        let (operator, bound) = condition.split_at_checked(operator_length)?;
        let bound = Version::parse(bound)?;
        let ordering = self.compared(&bound);
        match operator.trim() {
            ">=" => ordering.map(Ordering::is_ge),
            ">" => ordering.map(Ordering::is_gt),
            "<" => ordering.map(Ordering::is_lt),
            "<=" => ordering.map(Ordering::is_le),
            "=" | "" => ordering.map(Ordering::is_eq),
            _ => None,
        }
    }

    /// The order of this version and a bound; none where this one is too short to tell.
    fn compared(&self, bound: &Version) -> Option<Ordering> {
        let mut own = self.0.iter();
        for part in &bound.0 {
            match own.next() {
                None if *part == 0 => {}
                None => return None,
                Some(mine) if mine != part => return Some(mine.cmp(part)),
                Some(_) => {}
            }
        }
        if own.all(|rest| *rest == 0) {
            Some(Ordering::Equal)
        } else {
            Some(Ordering::Greater)
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{part}")?;
        }
        Ok(())
    }
}

impl Product {
    /// A product whose version no file tells.
    pub fn named(component: impl Into<String>) -> Product {
        Product {
            component: component.into(),
            version: None,
        }
    }

    /// The version, if it is known.
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref().map(|version| &version.value)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn a_version_is_compared_number_by_number() {
        let within = |version, range| Version::parse(version).unwrap().is_within(range);
        assert_eq!(within("1.29.7", ">=1.29.7"), Some(true));
        assert_eq!(within("1.29.10", ">=1.29.7"), Some(true));
        assert_eq!(within("1.21.6-alpine", "<1.29.7"), Some(true));
        assert_eq!(within("1.21.6", ">=1.15.3, <1.19.10"), Some(false));
        assert_eq!(within("v2", "*"), Some(true));
    }

    #[test]
    fn a_short_version_leaves_open_what_it_does_not_say() {
        let within = |version, range| Version::parse(version).unwrap().is_within(range);
        assert_eq!(within("1.29", ">=1.29.7"), None);
        assert_eq!(within("1", ">=1.29.7"), None);
        assert_eq!(within("1.30", ">=1.29.7"), Some(true));
        assert_eq!(within("18", ">=18"), Some(true));
        assert_eq!(within("18", ">=18.0.0"), Some(true));
    }

    #[test]
    fn what_does_not_begin_with_a_number_is_no_version() {
        assert_eq!(Version::parse("latest"), None);
        assert_eq!(Version::parse(""), None);
        assert_eq!(Version::parse("3.12-slim").unwrap().to_string(), "3.12");
    }
}
