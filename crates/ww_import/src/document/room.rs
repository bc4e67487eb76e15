//! Mappings of a document as places for further keys.

use super::View;
use super::tree::{Node, Value};
use ww_base::SourceSpan;
use ww_model::service::{Entry, Layout, Room};

/// How deep mappings inside one another are looked into.
const DEEPEST: u32 = 12;

/// How far a line is looked through, in bytes.
const LONGEST_LINE: usize = 4096;

impl View<'_> {
    /// The mapping as a place for further keys; `block` is what it is the room of. None for anything
    /// else, and for what aliases name: a key put there would be put into other objects too.
    pub(crate) fn room(self, kind: &str, block: SourceSpan) -> Option<Room> {
        self.room_within(kind, block, DEEPEST)
    }

    fn room_within(self, kind: &str, block: SourceSpan, depth: u32) -> Option<Room> {
        let depth = depth.checked_sub(1)?;
        let Value::Map(pairs) = &self.node.value else {
            return None;
        };
        if self.tree.is_shared(self.node.start) {
            return None;
        }
        let node = |id: &u32| self.tree.node(*id);
        let pairs: Vec<(&Node<'_>, &Node<'_>)> = pairs
            .iter()
            .filter_map(|(key, value)| Some((node(key)?, node(value)?)))
            .collect();
        let place = self.place(&pairs)?;
        let entries = pairs.iter().filter_map(|(key, value)| {
            let Value::Scalar(name, _) = &key.value else {
                return None;
            };
            // What stands before its key is the target of an alias.
            let inner = View {
                tree: self.tree,
                node: value,
            };
            let is_own = value.start >= key.end;
            let room = is_own.then(|| inner.room_within("", inner.at(), depth));
            Some(Entry {
                name: name.to_string(),
                room: room.flatten(),
            })
        });
        Some(Room {
            kind: kind.to_owned(),
            block,
            at: SourceSpan {
                start: place.at,
                end: place.at,
                ..block
            },
            before: place.before,
            after: place.after,
            layout: place.layout,
            entries: entries.collect(),
        })
    }

    fn place(self, pairs: &[(&Node<'_>, &Node<'_>)]) -> Option<Place> {
        let (text, base) = self.tree.text();
        let lines = Lines {
            text,
            base,
            is_json: self.tree.is_json,
        };
        let own = lines.between(self.node.start, self.node.end)?;
        if own.starts_with('{') && own.ends_with('}') {
            in_braces(lines, self.node, pairs, own)
        } else if self.tree.is_in_brackets(self.node.start) {
            // A pair without braces of its own: `[a: b]`.
            None
        } else {
            in_lines(lines, pairs)
        }
    }
}

/// Where a key goes, and what has to stand around it there.
struct Place {
    at: u32,
    before: String,
    after: String,
    layout: Layout,
}

/// Between braces: before the first key, in a line of its own where that has one.
fn in_braces(
    lines: Lines<'_>,
    own: &Node<'_>,
    pairs: &[(&Node<'_>, &Node<'_>)],
    text: &str,
) -> Option<Place> {
    let Some((first, _)) = pairs.first() else {
        let inside = text.strip_prefix('{')?.strip_suffix('}')?;
        return inside.trim().is_empty().then(|| Place {
            at: own.start + 1,
            before: String::new(),
            after: String::new(),
            layout: lines.layout_of_braces(None),
        });
    };
    let blanks = lines.before(first.start)?;
    let is_alone = blanks.chars().all(|letter| matches!(letter, ' ' | '\t'));
    Some(Place {
        at: first.start,
        before: String::new(),
        after: if is_alone {
            format!(",{}{blanks}", lines.ending(first.start))
        } else {
            ", ".to_owned()
        },
        layout: lines.layout_of_braces(lines.between(first.start, first.end)),
    })
}

/// In lines: behind the last value that is a single line, or before the first key.
fn in_lines(lines: Lines<'_>, pairs: &[(&Node<'_>, &Node<'_>)]) -> Option<Place> {
    let (first, _) = pairs.first()?;
    let head = lines.before(first.start)?;
    // A dash of a list, and blanks, stand before a key; anything else is an anchor, a tag or `?`.
    let is_plain = head.chars().all(|letter| matches!(letter, ' ' | '-'));
    let column = is_plain.then(|| " ".repeat(head.len()))?;
    let ending = lines.ending(first.start);
    let simple = pairs.iter().rev().find_map(|(key, value)| {
        let is_word = matches!(&value.value, Value::Scalar(text, _) if !text.is_empty());
        let is_here = value.start >= key.end && is_word;
        is_here.then(|| lines.end_of_simple(key.start, value))?
    });
    Some(match simple {
        Some(end) => Place {
            at: end,
            before: format!("{ending}{column}"),
            after: String::new(),
            layout: Layout::Block,
        },
        None => Place {
            at: first.start,
            before: String::new(),
            after: format!("{ending}{column}"),
            layout: Layout::Block,
        },
    })
}

/// The lines of the text of a document.
#[derive(Clone, Copy)]
struct Lines<'t> {
    text: &'t str,
    base: u32,
    is_json: bool,
}

impl<'t> Lines<'t> {
    fn between(self, start: u32, end: u32) -> Option<&'t str> {
        let start = start.checked_sub(self.base)? as usize;
        let end = end.checked_sub(self.base)? as usize;
        self.text.get(start..end)
    }

    fn from(self, place: u32) -> Option<&'t str> {
        self.text.get(place.checked_sub(self.base)? as usize..)
    }

    /// What stands before a place in its line; none where the line is very long.
    fn before(self, place: u32) -> Option<&'t str> {
        let end = place.checked_sub(self.base)? as usize;
        let least = end.saturating_sub(LONGEST_LINE);
        let start = (least..=end).find(|at| self.text.is_char_boundary(*at))?;
        let near = self.text.get(start..end)?;
        match near.rsplit_once('\n') {
            Some((_, line)) => Some(line),
            None => (start == 0).then_some(near),
        }
    }

    /// How the line of a place ends; as the first one of the text where it is the last.
    fn ending(self, place: u32) -> &'static str {
        let of = |text: &'t str| {
            let mut letters = text.bytes().take(LONGEST_LINE);
            let at = letters.position(|letter| letter == b'\n')?;
            Some(text.get(..at)?.ends_with('\r'))
        };
        let own = self.from(place).and_then(of);
        match own.or_else(|| of(self.text)) {
            Some(true) => "\r\n",
            _ => "\n",
        }
    }

    /// Where the line ends that a key begins and its value ends, with a comment behind it at most.
    fn end_of_simple(self, key: u32, value: &Node<'_>) -> Option<u32> {
        let written = self.between(key, value.end)?;
        let is_block = self
            .from(value.start)
            .is_none_or(|text| text.starts_with(['|', '>']));
        if written.contains('\n') || is_block {
            return None;
        }
        let rest = self.from(value.end)?.split('\n').next()?;
        let rest = rest.strip_suffix('\r').unwrap_or(rest);
        let trimmed = rest.trim_start_matches([' ', '\t']);
        let is_comment = trimmed.starts_with('#') && trimmed.len() < rest.len();
        (trimmed.is_empty() || is_comment).then(|| value.end + rest.len() as u32)
    }

    /// Whether braces are JSON: their first key is in quotes, or all of the document is in brackets.
    fn layout_of_braces(self, key: Option<&str>) -> Layout {
        let is_json = key.map_or(self.is_json, |key| key.starts_with('"'));
        if is_json { Layout::Json } else { Layout::Flow }
    }
}
