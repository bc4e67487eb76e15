//! A document as nodes that know where they stand.

use std::borrow::Cow;
use std::cell::Cell;

use ww_base::{SourceId, SourceSpan};

/// How often a document's nodes may be visited for each node it has, and at least.
///
/// An alias makes one node reachable on many ways; without a bound, nine lists of nine aliases are
/// as many objects as there are atoms in a grain of sand.
const VISITS_PER_NODE: u64 = 8;
const VISITS_AT_LEAST: u64 = 100_000;

/// One document.
pub(crate) struct Tree<'t> {
    source: SourceId,
    /// The text that the document stands in, and how many bytes of the file stand before it.
    text: (&'t str, u32),
    nodes: Vec<Node<'t>>,
    /// From where to where aliases name nodes, ascending and apart: what is changed in one is changed
    /// wherever it is named.
    shared: Vec<(u32, u32)>,
    /// From where to where there are brackets, ascending and apart.
    brackets: Vec<(u32, u32)>,
    /// Whether it is written in brackets as a whole.
    pub(super) is_json: bool,
    visits_left: Cell<u64>,
}

/// A node of a document, with the bytes that it covers.
pub(crate) struct Node<'t> {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) value: Value<'t>,
}

/// What a node holds; children are indices of nodes.
pub(crate) enum Value<'t> {
    /// A text, and whether it was written without quotes.
    Scalar(Cow<'t, str>, bool),
    /// A sequence.
    List(Vec<u32>),
    /// A mapping, in order of appearance.
    Map(Vec<(u32, u32)>),
}

impl<'t> Tree<'t> {
    pub(crate) fn new(
        source: SourceId,
        text: (&'t str, u32),
        nodes: Vec<Node<'t>>,
        shared: &[u32],
        brackets: Vec<(u32, u32)>,
    ) -> Tree<'t> {
        let visits = (nodes.len() as u64).saturating_mul(VISITS_PER_NODE);
        let shared = shared.iter().filter_map(|id| nodes.get(*id as usize));
        let shared = apart(shared.map(|node| (node.start, node.end)).collect());
        Tree {
            source,
            text,
            is_json: text.0.trim_start().starts_with(['{', '[']),
            shared,
            brackets: apart(brackets),
            nodes,
            visits_left: Cell::new(visits.max(VISITS_AT_LEAST)),
        }
    }

    /// The text that the document stands in, and how many bytes of the file stand before it.
    pub(super) fn text(&self) -> (&'t str, u32) {
        self.text
    }

    /// A node by its number, whatever it holds.
    pub(super) fn node(&self, id: u32) -> Option<&Node<'t>> {
        self.nodes.get(id as usize)
    }

    /// Whether a place stands inside something that an alias names.
    pub(super) fn is_shared(&self, at: u32) -> bool {
        holds(&self.shared, at)
    }

    /// Whether a place stands between brackets.
    pub(super) fn is_in_brackets(&self, at: u32) -> bool {
        holds(&self.brackets, at)
    }

    /// The first node.
    pub(crate) fn root(&self) -> Option<View<'_>> {
        self.view(0)
    }

    /// Whether more was read than the document can honestly hold.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.visits_left.get() == 0
    }

    /// The node, unless it is a null or the document's visits are used up.
    fn view(&self, id: u32) -> Option<View<'_>> {
        let node = self.nodes.get(id as usize)?;
        let left = self.visits_left.get().checked_sub(1)?;
        self.visits_left.set(left);
        let view = View { tree: self, node };
        (!view.is_null()).then_some(view)
    }
}

/// Ranges in order, those that touch put together.
fn apart(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut all: Vec<(u32, u32)> = Vec::new();
    for (start, end) in ranges {
        match all.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => all.push((start, end)),
        }
    }
    all
}

/// Whether a place is in one of such ranges.
fn holds(ranges: &[(u32, u32)], at: u32) -> bool {
    let behind = ranges.partition_point(|(start, _)| *start <= at);
    let before = behind.checked_sub(1).and_then(|last| ranges.get(last));
    before.is_some_and(|(_, end)| at <= *end)
}

/// A node together with its document.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    pub(super) tree: &'t Tree<'t>,
    pub(super) node: &'t Node<'t>,
}

impl<'t> View<'t> {
    /// The bytes of the node.
    pub(crate) fn at(self) -> SourceSpan {
        SourceSpan {
            source: self.tree.source,
            start: self.node.start,
            end: self.node.end.max(self.node.start),
        }
    }

    fn is_null(self) -> bool {
        match &self.node.value {
            Value::Scalar(text, true) => {
                matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// What stands behind a key of a mapping, looked up in merged mappings (`<<`) too; none when it
    /// is missing or null.
    pub(crate) fn get(self, key: &str) -> Option<View<'t>> {
        self.pair(key).map(|(_, value)| value)
    }

    /// A key's value, with the bytes from the key to the value's end.
    pub(crate) fn get_with_key(self, key: &str) -> Option<(SourceSpan, View<'t>)> {
        let (key, value) = self.pair(key)?;
        let whole = SourceSpan {
            start: key.start,
            ..value.at()
        };
        Some((whole, value))
    }

    fn pair(self, key: &str) -> Option<(&'t Node<'t>, View<'t>)> {
        let Value::Map(pairs) = &self.node.value else {
            return None;
        };
        let named = |wanted: &str| {
            pairs.iter().find_map(|(key, value)| {
                let key = self.tree.nodes.get(*key as usize)?;
                let is_it = matches!(&key.value, Value::Scalar(text, _) if text == wanted);
                is_it.then_some((key, *value))
            })
        };
        match named(key) {
            Some((node, value)) => Some((node, self.tree.view(value)?)),
            None => named("<<").and_then(|(_, merged)| self.tree.view(merged)?.merged(key)),
        }
    }

    /// Looks up a key in what a merge key names: a mapping, or a list of them.
    fn merged(self, key: &str) -> Option<(&'t Node<'t>, View<'t>)> {
        match &self.node.value {
            Value::List(_) => self.items().find_map(|item| item.pair(key)),
            _ => self.pair(key),
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(self) -> Option<&'t str> {
        match &self.node.value {
            Value::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The whole number of a scalar without quotes.
    pub(crate) fn integer(self) -> Option<i64> {
        match &self.node.value {
            Value::Scalar(text, true) => text.parse().ok(),
            _ => None,
        }
    }

    /// Whether a scalar says true.
    pub(crate) fn is_true(self) -> bool {
        matches!(self.text(), Some("true" | "True" | "TRUE"))
    }

    /// Whether this is a sequence.
    pub(crate) fn is_list(self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// Whether this is a mapping.
    pub(crate) fn is_map(self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// The entries of a sequence that are not null; of anything else, none.
    pub(crate) fn items(self) -> impl Iterator<Item = View<'t>> {
        let ids = match &self.node.value {
            Value::List(ids) => ids.as_slice(),
            _ => &[],
        };
        ids.iter().filter_map(move |id| self.tree.view(*id))
    }

    /// The keys of a mapping that are texts, with their places; also of values that are null.
    pub(crate) fn keys(self) -> impl Iterator<Item = (&'t str, SourceSpan)> {
        let pairs = match &self.node.value {
            Value::Map(pairs) => pairs.as_slice(),
            _ => &[],
        };
        pairs.iter().filter_map(move |(key, _)| {
            let key = self.tree.view(*key)?;
            Some((key.text()?, key.at()))
        })
    }

    /// The entries of a mapping whose keys are texts and whose values are not null.
    pub(crate) fn entries(self) -> impl Iterator<Item = (&'t str, View<'t>)> {
        let pairs = match &self.node.value {
            Value::Map(pairs) => pairs.as_slice(),
            _ => &[],
        };
        pairs.iter().filter_map(move |(key, value)| {
            Some((self.tree.view(*key)?.text()?, self.tree.view(*value)?))
        })
    }
}
