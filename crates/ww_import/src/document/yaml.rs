//! YAML texts (and JSON, which is YAML) to trees.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span};
use ww_base::{Limits, SourceId};

use super::tree::{Node, Tree, Value};

/// What was found between two document marks.
pub(crate) enum Document<'t> {
    /// A document.
    Tree(Tree<'t>),
    /// A document that has a mapping for a key, as unquoted `{{ … }}` makes.
    Template(u32),
    /// Too many nodes, from this byte on; the tree holds those before.
    TooLarge(Tree<'t>, u32),
    /// What is wrong, and at which byte.
    Malformed(String, u32),
}

/// Every document of a text, handed to `visit` one by one.
///
/// A tab before a line inside brackets is a blank to kubectl and an error to the parser. Behind such
/// an error the text is read again with blanks for such tabs, and a document that has one elsewhere
/// is malformed then.
pub(crate) fn read(
    text: &str,
    source: SourceId,
    limits: &Limits,
    mut visit: impl FnMut(Document<'_>),
) {
    let pass = Pass {
        source,
        base: 0,
        limits,
        tabs: Vec::new(),
    };
    let Some(from) = pass.read(text, &mut visit) else {
        return;
    };
    let (mended, tabs) = without_tabs(text.get(from..).unwrap_or_default());
    let pass = Pass {
        source,
        base: from as u32,
        limits,
        tabs,
    };
    pass.read(&mended, &mut visit);
}

/// One reading of a text.
struct Pass<'l> {
    source: SourceId,
    /// How many bytes of the file stand before the text.
    base: u32,
    limits: &'l Limits,
    /// Where the text had tabs that are blanks now, ascending.
    tabs: Vec<u32>,
}

impl Pass<'_> {
    /// Reads the text; stops at the first document with a tab before a line, and says where that
    /// document starts, unless tabs are blanks already.
    fn read(&self, text: &str, visit: &mut impl FnMut(Document<'_>)) -> Option<usize> {
        let nesting = self.limits.document_nesting as usize;
        let options = granit_parser::options! {
            flow_nesting_limit: nesting,
            block_nesting_limit: nesting,
            emit_comments: false,
        };
        let new_builder = || {
            Builder::new(
                self.source,
                (text, self.base),
                self.limits.document_nodes as usize,
            )
        };
        let mut parser = Parser::new_from_str_with_options(text, options);
        let mut builder = new_builder();
        let mut document_start = 0;
        while let Some(next) = parser.next_event() {
            match next {
                Ok((Event::DocumentStart(..), span)) => {
                    document_start = span.byte_range().unwrap_or_default().start;
                    builder = new_builder();
                }
                Ok((Event::DocumentEnd, span)) => {
                    let end = span.byte_range().unwrap_or_default().end;
                    let own_tabs = self.tabs_in(document_start, end);
                    visit(builder.finish(own_tabs));
                }
                Ok((event, span)) => builder.take(event, span),
                Err(error) => {
                    let at = error.marker().byte_offset().unwrap_or(text.len());
                    if self.tabs.is_empty() && *error.kind() == ErrorKind::TabInBlockIndentation {
                        return Some(document_start);
                    }
                    let place = self.base + at.min(text.len()) as u32;
                    visit(Document::Malformed(error.to_string(), place));
                    builder = new_builder();
                    if !parser.proceed_next_document().unwrap_or(false) {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// The places of tabs between two places of the text.
    fn tabs_in(&self, start: usize, end: usize) -> &[u32] {
        let from = self.tabs.partition_point(|tab| (*tab as usize) < start);
        let to = self.tabs.partition_point(|tab| (*tab as usize) < end);
        self.tabs.get(from..to).unwrap_or_default()
    }
}

/// The text with a blank for each tab that a line begins with, and where they were; no byte moves.
fn without_tabs(text: &str) -> (String, Vec<u32>) {
    let mut tabs = Vec::new();
    let mut mended = String::with_capacity(text.len());
    let mut at_start = true;
    for letter in text.chars() {
        let is_tab = at_start && letter == '\t';
        if is_tab {
            tabs.push(mended.len() as u32);
        }
        at_start = letter == '\n' || (at_start && matches!(letter, ' ' | '\t'));
        mended.push(if is_tab { ' ' } else { letter });
    }
    (mended, tabs)
}

/// Puts events together.
struct Builder<'t> {
    source: SourceId,
    text: &'t str,
    base: u32,
    nodes: Vec<Node<'t>>,
    /// Nodes that aliases name.
    shared: Vec<u32>,
    /// Collections that are open: their nodes, and the key that waits for its value.
    open: Vec<(u32, Option<u32>)>,
    /// From where to where there were brackets.
    brackets: Vec<(u32, u32)>,
    anchors: HashMap<usize, u32>,
    most_nodes: usize,
    template_at: Option<u32>,
    full_at: Option<u32>,
}

impl<'t> Builder<'t> {
    fn new(source: SourceId, (text, base): (&'t str, u32), most_nodes: usize) -> Builder<'t> {
        Builder {
            source,
            text,
            base,
            nodes: Vec::new(),
            shared: Vec::new(),
            open: Vec::new(),
            brackets: Vec::new(),
            anchors: HashMap::new(),
            most_nodes,
            template_at: None,
            full_at: None,
        }
    }

    /// The document, when each tab that has become a blank was inside brackets or a text.
    fn finish(&mut self, tabs: &[u32]) -> Document<'t> {
        if let Some(tab) = self.misplaced(tabs) {
            return Document::Malformed("a tab cannot indent".to_owned(), tab);
        }
        let tree = Tree::new(
            self.source,
            (self.text, self.base),
            std::mem::take(&mut self.nodes),
            &self.shared,
            std::mem::take(&mut self.brackets),
        );
        match (self.template_at, self.full_at) {
            (Some(at), _) => Document::Template(at),
            (None, Some(at)) => Document::TooLarge(tree, at),
            (None, None) => Document::Tree(tree),
        }
    }

    /// The first tab that was neither inside brackets nor inside a text.
    fn misplaced(&self, tabs: &[u32]) -> Option<u32> {
        let first = *tabs.first()?;
        let texts = self
            .nodes
            .iter()
            .filter(|node| matches!(node.value, Value::Scalar(..)));
        let texts = texts.map(|node| (node.start, node.end));
        let mut ranges: Vec<(u32, u32)> = self.brackets.iter().copied().chain(texts).collect();
        ranges.sort_unstable();
        let mut furthest = self.base + first;
        for (_, end) in &mut ranges {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        let is_inside = |tab: &u32| {
            let behind = ranges.partition_point(|(start, _)| start <= tab);
            let before = behind.checked_sub(1).and_then(|index| ranges.get(index));
            before.is_some_and(|(_, furthest)| tab < furthest)
        };
        tabs.iter()
            .map(|tab| self.base + tab)
            .find(|tab| !is_inside(tab))
    }

    fn take(&mut self, event: Event<'t>, span: Span) {
        let bytes = span.byte_range().unwrap_or_default();
        let (start, end) = (self.base + bytes.start as u32, self.base + bytes.end as u32);
        if self.nodes.len() >= self.most_nodes {
            self.full_at.get_or_insert(start);
            return;
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Scalar(text, style == ScalarStyle::Plain);
                self.add(Node { start, end, value }, anchor);
            }
            Event::SequenceStart(_, anchor, _) => {
                let value = Value::List(Vec::new());
                let id = self.add(Node { start, end, value }, anchor);
                self.open.push((id, None));
            }
            Event::MappingStart(_, anchor, _) => {
                let value = Value::Map(Vec::new());
                let id = self.add(Node { start, end, value }, anchor);
                self.open.push((id, None));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close((start < end).then_some(end)),
            Event::Alias(anchor) => {
                if let Some(target) = self.anchors.get(&anchor).copied() {
                    self.shared.push(target);
                    self.attach(target);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, node: Node<'t>, anchor: usize) -> u32 {
        let id = self.nodes.len() as u32;
        self.nodes.push(node);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.attach(id);
        id
    }

    /// Makes a node the next child of the innermost open collection.
    fn attach(&mut self, id: u32) {
        let Some((parent, key)) = self.open.last_mut() else {
            return;
        };
        let Some(parent) = self.nodes.get_mut(*parent as usize) else {
            return;
        };
        match (&mut parent.value, key.take()) {
            (Value::List(items), _) => items.push(id),
            (Value::Map(pairs), Some(key)) => pairs.push((key, id)),
            (Value::Map(_), None) => {
                *key = Some(id);
                self.note_template(id);
            }
            (Value::Scalar(..), _) => {}
        }
    }

    /// A mapping as a key is what unquoted braces of a template look like.
    fn note_template(&mut self, key: u32) {
        if let Some(node) = self.nodes.get(key as usize)
            && matches!(node.value, Value::Map(_))
        {
            self.template_at.get_or_insert(node.start);
        }
    }

    /// Ends the innermost collection: at its closing bracket, or where its last child ends.
    fn close(&mut self, bracket: Option<u32>) {
        let Some((id, _)) = self.open.pop() else {
            return;
        };
        let last = match self.nodes.get(id as usize).map(|node| &node.value) {
            Some(Value::List(items)) => items.last(),
            Some(Value::Map(pairs)) => pairs.last().map(|(_, value)| value),
            _ => None,
        };
        let end = last
            .and_then(|last| self.nodes.get(*last as usize))
            .map(|node| node.end);
        let end = bracket.or(end);
        if let (Some(node), Some(end)) = (self.nodes.get_mut(id as usize), end) {
            node.end = node.end.max(end);
            self.brackets.extend(bracket.map(|end| (node.start, end)));
        }
    }
}
