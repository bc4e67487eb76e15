//! What variables hold, as far as the configuration tells.

use super::scope::Scope;
use super::tree::Directive;
use std::collections::BTreeMap;

/// Stands for what is not known.
pub(super) const UNKNOWN: char = '\0';

/// Variables that begin with the slash of a path.
const OF_PATH: [&str; 3] = ["uri", "request_uri", "document_uri"];

/// Values of one text that are looked at.
const MOST: usize = 32;

/// Variables that hold variables, one after the other.
const DEEPEST: u32 = 8;

/// The maps of a configuration, by the variable they set.
#[derive(Debug, Default)]
pub(super) struct Maps<'t> {
    maps: BTreeMap<&'t str, &'t Directive>,
}

impl<'t> Maps<'t> {
    pub(super) fn new(directives: &'t [Directive]) -> Maps<'t> {
        let maps = directives.iter().filter_map(|directive| {
            let is_map = matches!(&*directive.name.text, "map" | "split_clients");
            let name = directive.arg(1).filter(|_| is_map)?;
            Some((name.strip_prefix('$')?, directive))
        });
        Maps {
            maps: maps.collect(),
        }
    }

    /// What the map of a variable, written with its `$`, can give; nothing when no map sets it.
    pub(super) fn mapped(&self, variable: &str) -> Vec<&'t str> {
        let name = variable.strip_prefix('$');
        name.and_then(|name| self.values(name)).unwrap_or_default()
    }

    /// What the map of a variable gives for a key: for none of its own, its default.
    pub(super) fn of_key(&self, variable: &str, key: &str) -> Option<&'t str> {
        let map = self.maps.get(variable)?;
        let entry = |wanted: &str| {
            let mut entries = map.inner().iter();
            entries.find(|entry| entry.name.text == wanted)?.arg(0)
        };
        entry(key).or_else(|| entry("default")).or(Some(""))
    }

    /// All that the map of a variable can give.
    fn values(&self, variable: &str) -> Option<Vec<&'t str>> {
        let map = self.maps.get(variable)?;
        let words = ["hostnames", "volatile", "include"];
        let entries = map.inner().iter();
        let entries = entries.filter(|entry| !words.contains(&&*entry.name.text));
        let mut values: Vec<&str> = Vec::new();
        for value in entries.filter_map(|entry| entry.arg(0)) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Some(values)
    }

    /// All that a text can be once its variables have values: those that `set` gives in these
    /// blocks, and those of maps. [`UNKNOWN`] stands for what a request decides.
    pub(super) fn expand(&self, scope: &Scope<'t>, text: &str) -> Vec<String> {
        let mut texts = vec![text.to_owned()];
        for _ in 0..DEEPEST {
            if !texts.iter().any(|text| text.contains('$')) {
                return texts;
            }
            texts = texts
                .iter()
                .flat_map(|text| self.once(scope, text))
                .take(MOST)
                .collect();
        }
        for text in &mut texts {
            *text = text.replace('$', &UNKNOWN.to_string());
        }
        texts
    }

    /// A text with its first variable replaced by each of its values.
    fn once(&self, scope: &Scope<'t>, text: &str) -> Vec<String> {
        let Some((before, behind)) = text.split_once('$') else {
            return vec![text.to_owned()];
        };
        let braced = behind.strip_prefix('{');
        let (name, rest) = braced
            .and_then(|rest| rest.split_once('}'))
            .unwrap_or_else(|| {
                let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let end = behind.find(|letter| !is_name(letter));
                let end = end.unwrap_or(behind.len());
                behind.split_at_checked(end).unwrap_or((behind, ""))
            });
        let set = scope.everywhere("set").find(|directive| {
            let variable = directive.arg(0).and_then(|word| word.strip_prefix('$'));
            variable == Some(name)
        });
        let unknown = UNKNOWN.to_string();
        let values = match set.and_then(|directive| directive.arg(1)) {
            Some(value) => vec![value],
            None if OF_PATH.contains(&name) => vec!["/"],
            None => self.values(name).unwrap_or_else(|| vec![&*unknown]),
        };
        let whole = |value: &&str| format!("{before}{value}{rest}");
        values.iter().map(whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::parse;
    use super::*;
    use ww_base::{Limits, SourceId};

    #[test]
    fn variables_hold_what_set_and_map_give_them() {
        let text = "map $host $pool { default one; b two; } set $api api:80; set $url http://$api;
            set $loop $loop;";
        let directives = parse(SourceId(0), text.as_bytes(), &Limits::default()).value;
        let maps = Maps::new(&directives);
        let scope = Scope::default().inside(&directives);
        let of = |text| maps.expand(&scope, text);
        assert_eq!(of("$url/x"), ["http://api:80/x"]);
        assert_eq!(of("http://${pool}"), ["http://one", "http://two"]);
        assert_eq!(of("$scheme://a"), ["\0://a"]);
        assert_eq!(of("$loop"), ["\0loop"]);
        assert_eq!(maps.of_key("pool", "b"), Some("two"));
        assert_eq!(maps.of_key("pool", "c"), Some("one"));
    }
}
