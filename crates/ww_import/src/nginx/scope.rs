//! Which directives are in force in a block: its own, or else those of the blocks around it.

use super::tree::Directive;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The directives of one block by their names.
type Level<'t> = BTreeMap<&'t str, Vec<&'t Directive>>;

/// A block and those around it.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'t> {
    /// The outermost first.
    levels: Vec<Rc<Level<'t>>>,
}

impl<'t> Scope<'t> {
    /// The scope of a block inside this one.
    pub(super) fn inside(&self, directives: &'t [Directive]) -> Scope<'t> {
        let mut level = Level::new();
        for directive in directives {
            let same = level.entry(directive.name.text.as_str()).or_default();
            same.push(directive);
        }
        let mut levels = self.levels.clone();
        levels.push(Rc::new(level));
        Scope { levels }
    }

    /// All directives of a name: those of the innermost block that has any. nginx takes lists, such
    /// as `proxy_set_header`, as a whole.
    pub(super) fn all(&self, name: &str) -> &[&'t Directive] {
        self.levels
            .iter()
            .rev()
            .find_map(|level| level.get(name))
            .map_or(&[], Vec::as_slice)
    }

    /// The directive of a name that is in force.
    pub(super) fn one(&self, name: &str) -> Option<&'t Directive> {
        self.all(name).first().copied()
    }

    /// All directives of a name in the block itself.
    pub(super) fn own(&self, name: &str) -> &[&'t Directive] {
        let own = self.levels.last().and_then(|level| level.get(name));
        own.map_or(&[], Vec::as_slice)
    }

    /// All directives of a name, the innermost block first.
    pub(super) fn everywhere(&self, name: &str) -> impl Iterator<Item = &'t Directive> {
        let levels = self.levels.iter().rev();
        let found = levels.filter_map(move |level| level.get(name));
        found.flatten().copied()
    }
}
