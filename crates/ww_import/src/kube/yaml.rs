//! YAML texts (and JSON, which is YAML) to trees.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use ww_base::{Limits, SourceId};

use super::tree::{Node, Tree, Value};

/// What was found between two document marks.
pub(super) enum Document<'t> {
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
pub(super) fn read<'t>(
    text: &'t str,
    source: SourceId,
    limits: &Limits,
    mut visit: impl FnMut(Document<'t>),
) {
    let nesting = limits.document_nesting as usize;
    let options = granit_parser::options! {
        flow_nesting_limit: nesting,
        block_nesting_limit: nesting,
        emit_comments: false,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::new(source, limits.document_nodes as usize);
    loop {
        match parser.next_event() {
            None => break,
            Some(Ok((Event::DocumentStart(..), _))) => {
                builder = Builder::new(source, limits.document_nodes as usize);
            }
            Some(Ok((Event::DocumentEnd, _))) => visit(builder.finish()),
            Some(Ok((event, span))) => builder.take(event, span),
            Some(Err(error)) => {
                visit(malformed(text, &error));
                builder = Builder::new(source, limits.document_nodes as usize);
                if !parser.proceed_next_document().unwrap_or(false) {
                    break;
                }
            }
        }
    }
}

fn malformed<'t>(text: &str, error: &ScanError) -> Document<'t> {
    let offset = error.marker().byte_offset();
    let at = offset.unwrap_or(text.len()).min(text.len());
    Document::Malformed(error.to_string(), at as u32)
}

/// Puts events together.
struct Builder<'t> {
    source: SourceId,
    nodes: Vec<Node<'t>>,
    /// Collections that are open: their nodes, and the key that waits for its value.
    open: Vec<(u32, Option<u32>)>,
    anchors: HashMap<usize, u32>,
    most_nodes: usize,
    template_at: Option<u32>,
    full_at: Option<u32>,
}

impl<'t> Builder<'t> {
    fn new(source: SourceId, most_nodes: usize) -> Builder<'t> {
        Builder {
            source,
            nodes: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            most_nodes,
            template_at: None,
            full_at: None,
        }
    }

    fn finish(&mut self) -> Document<'t> {
        let tree = Tree::new(self.source, std::mem::take(&mut self.nodes));
        match (self.template_at, self.full_at) {
            (Some(at), _) => Document::Template(at),
            (None, Some(at)) => Document::TooLarge(tree, at),
            (None, None) => Document::Tree(tree),
        }
    }

    fn take(&mut self, event: Event<'t>, span: Span) {
        let bytes = span.byte_range().unwrap_or_default();
        let (start, end) = (bytes.start as u32, bytes.end as u32);
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
        }
    }
}
