//! What is known of a match or target of iptables: its options and what it means.

use super::command::Use;
use super::scope::Scope;
use ww_base::Order;
use ww_model::filter::{Action, Aside, Condition, Family, Step, UnknownReason};

/// How many values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arity {
    /// So many.
    Values(u8),
    /// All words up to the next option.
    Any,
}

/// A match or target.
#[derive(Debug)]
pub(super) struct Extension {
    /// Its name.
    pub(super) name: &'static str,
    /// The family of packets it exists for, when not both.
    pub(super) family: Option<Family>,
    /// Its options, by name, with a blank between them: `name` takes no value, `name=` one,
    /// `name==` two, `name*` all words up to the next option. Where some begin with `+`, one of
    /// them must be given.
    pub(super) options: &'static str,
    /// What it means.
    pub(super) meaning: Meaning,
}

/// What a match or target means.
pub(super) enum Meaning {
    /// It always holds, or decides nothing, and is there for something else.
    Aside(Aside),
    /// Every option is a test on its own that the model has no field for.
    Each(UnknownReason),
    /// It cannot be told as a whole.
    Whole(UnknownReason),
    /// A target that does just this.
    Act(Action),
    /// A match with these conditions.
    Match(fn(&Use<'_>, &mut Scope<'_>) -> Result<Vec<Condition>, String>),
    /// A target with these steps.
    Target(fn(&Use<'_>, &mut Scope<'_>) -> Result<Vec<Step>, String>),
}

impl std::fmt::Debug for Meaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meaning")
    }
}

impl Extension {
    /// The option of this name, or the only one that begins so.
    pub(super) fn option(&self, name: &str, abbreviated: bool) -> Option<(&'static str, Arity)> {
        if !abbreviated {
            return self.all_options().find(|(known, _)| *known == name);
        }
        let mut starting = self
            .all_options()
            .filter(|(known, _)| known.starts_with(name));
        let found = starting.next();
        found.filter(|_| starting.next().is_none())
    }

    /// What is wrong with the options as a whole: one is given twice, or the one needed is not.
    pub(super) fn refuses(&self, one: &Use<'_>) -> Option<String> {
        let mut names: Vec<&str> = one.given.iter().map(|given| given.name.as_ref()).collect();
        let needs = self.options.contains('+');
        let has = |option: &'static str| {
            let needed = option.strip_prefix('+').map(bare);
            needed.is_some_and(|name| names.contains(&name))
        };
        if needs && !self.options.split_ascii_whitespace().any(has) {
            return Some(format!(
                "`{} {}` lacks an option that it needs",
                one.flag, one.name
            ));
        }
        names.put_in_order();
        let twice = names.windows(2).find(|pair| pair.first() == pair.last());
        let name = twice.filter(|_| self.name != "policy")?.first()?;
        Some(format!("`--{name}` is given twice"))
    }

    fn all_options(&self) -> impl Iterator<Item = (&'static str, Arity)> {
        let options = self.options.split_ascii_whitespace();
        options
            .map(|option| option.trim_start_matches('+'))
            .map(|option| {
                if let Some(name) = option.strip_suffix("==") {
                    (name, Arity::Values(2))
                } else if let Some(name) = option.strip_suffix('=') {
                    (name, Arity::Values(1))
                } else if let Some(name) = option.strip_suffix('*') {
                    (name, Arity::Any)
                } else {
                    (option, Arity::Values(0))
                }
            })
    }
}

/// The name of an option without the signs for its values.
fn bare(option: &str) -> &str {
    option.trim_end_matches(['=', '*'])
}
