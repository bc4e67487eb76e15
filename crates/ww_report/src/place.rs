//! From a locus to what a reader can look up: a path, frame numbers, a line and a column.

use crate::sheet::printable;
use std::collections::BTreeMap;
use ww_base::{SourceId, SourceSpan};
use ww_evidence::transcript::Transcript;
use ww_finding::Input;

/// The inputs that loci point into.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    inputs: &'a [Input],
    texts: BTreeMap<SourceId, Text<'a>>,
    walks: &'a [Transcript],
}

/// A text with the offsets at which its lines begin.
#[derive(Clone, Debug)]
struct Text<'a> {
    text: &'a str,
    lines: Vec<u32>,
}

/// A range of text as editors count it: lines from 1, columns from 1 in characters, the end column
/// after the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRange {
    /// Line of the first character.
    pub line: u32,
    /// Its column.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
}

impl<'a> Sources<'a> {
    /// Sources whose text is not known; enough for captures.
    pub fn new(inputs: &'a [Input]) -> Sources<'a> {
        Sources {
            inputs,
            texts: BTreeMap::new(),
            walks: &[],
        }
    }

    /// Adds the text of a source, so that places in it get a line and a column.
    #[must_use]
    pub fn with_text(mut self, source: SourceId, text: &'a str) -> Sources<'a> {
        let ends = text.match_indices('\n').map(|(at, _)| at as u32 + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        self.texts.insert(source, Text { text, lines });
        self
    }

    /// Adds what live endpoints answered, so that their steps can be looked up.
    #[must_use]
    pub fn with_walks(mut self, walks: &'a [Transcript]) -> Sources<'a> {
        self.walks = walks;
        self
    }

    /// What live endpoints answered.
    pub fn walks(&self) -> &'a [Transcript] {
        self.walks
    }

    /// The command that repeats a step of a walk, if there is one.
    pub fn command(&self, source: SourceId, step: u32) -> Option<&'a str> {
        let walk = self.walks.iter().find(|walk| walk.source == source)?;
        let step = walk.steps.iter().find(|known| known.number == step)?;
        (!step.command.is_empty()).then_some(step.command.as_str())
    }

    /// The inputs.
    pub fn inputs(&self) -> &'a [Input] {
        self.inputs
    }

    /// The path of a source, as the user named it.
    pub fn path(&self, source: SourceId) -> &'a str {
        self.inputs
            .get(source.0 as usize)
            .map_or("?", |input| input.path.as_str())
    }

    /// The source as a sentence names it.
    pub fn name(&self, source: SourceId) -> String {
        source_name(self.path(source))
    }

    /// The end of the source's path that no other input shares: the file name, with as many folders before it as
    /// are needed.
    pub fn short_name(&self, source: SourceId) -> String {
        let path = self.path(source);
        let starts = path.rmatch_indices('/').map(|(at, _)| at + 1);
        let alone = |end: &&str| {
            let others = self.inputs.iter();
            !end.is_empty() && others.filter(|input| ends(&input.path, end)).count() <= 1
        };
        let end = starts.filter_map(|at| path.get(at..)).find(alone);
        source_name(end.unwrap_or(path))
    }

    /// The text of a span; none when its source's text is not known.
    pub fn excerpt(&self, span: SourceSpan) -> Option<&'a str> {
        let Text { text, .. } = self.texts.get(&span.source)?;
        text.get(span.start as usize..span.end as usize)
    }

    /// Line and column of a span; none when its text is not known.
    pub fn range(&self, span: SourceSpan) -> Option<TextRange> {
        let text = self.texts.get(&span.source)?;
        let (line, column) = text.position(span.start)?;
        let (end_line, end_column) = text.position(span.end)?;
        Some(TextRange {
            line,
            column,
            end_line,
            end_column,
        })
    }
}

/// The path ends with this name and the folders before it.
fn ends(path: &str, end: &str) -> bool {
    path.strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// A path as a sentence has it: `-` is standard input, control characters are escaped.
pub fn source_name(path: &str) -> String {
    if path == "-" {
        "standard input".to_owned()
    } else {
        printable(path).into_owned()
    }
}

impl Text<'_> {
    /// Line and column of a byte offset, both from 1.
    fn position(&self, offset: u32) -> Option<(u32, u32)> {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let before = self.text.get(start as usize..offset as usize)?;
        Some((line as u32, before.chars().count() as u32 + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let source = SourceId(0);
        let sources = Sources::new(&[]).with_text(source, "a\nµµ b\n");
        let span = SourceSpan {
            source,
            start: 7,
            end: 8,
        };
        assert_eq!(
            sources.range(span),
            Some(TextRange {
                line: 2,
                column: 4,
                end_line: 2,
                end_column: 5
            })
        );
    }

    #[test]
    fn short_names_tell_inputs_apart() {
        let input = |path: &str| Input {
            path: path.into(),
            kind: ww_finding::InputKind::Capture,
            bytes: 0,
            frames: 0,
        };
        let inputs = ["a/x.pcap", "b/x.pcap", "b/y.pcap", "-", "http://[::1]:80/"].map(input);
        let sources = Sources::new(&inputs);
        let names = [0, 1, 2, 3, 4].map(|id| sources.short_name(SourceId(id)));
        let short = [
            "a/x.pcap",
            "b/x.pcap",
            "y.pcap",
            "standard input",
            "[::1]:80/",
        ];
        assert_eq!(names, short);
    }

    #[test]
    fn a_span_outside_its_text_has_no_position() {
        let source = SourceId(0);
        let span = SourceSpan {
            source,
            start: 3,
            end: 9,
        };
        assert_eq!(Sources::new(&[]).with_text(source, "ab").range(span), None);
        assert_eq!(Sources::new(&[]).range(span), None);
        assert_eq!(Sources::new(&[]).path(source), "?");
    }
}
