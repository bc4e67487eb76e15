//! Files that stand inside a manifest, as entries of a ConfigMap.

use crate::{Format, Text, recognise};
use ww_base::SourceSpan;

/// A text inside another one.
pub(crate) struct Embedded {
    /// The path under which it is read.
    path: String,
    format: Format,
    /// The whole text around it up to its end, with blanks for all that is not part of it: so every
    /// place in it is the place in the file.
    bytes: Vec<u8>,
    outer: usize,
}

impl Embedded {
    /// The text, as one of the file that it stands in.
    pub(crate) fn text<'a>(&'a self, outer: &[Text<'a>]) -> Option<(Format, Text<'a>)> {
        let outer = outer.get(self.outer)?;
        let text = Text {
            source: outer.source,
            path: &self.path,
            device: outer.device,
            bytes: &self.bytes,
        };
        Some((self.format, text))
    }
}

/// Cuts out those of the named places that are files of programs, as long as all of them together
/// have no more bytes than the limit.
///
/// Only literal block scalars (`|`) are: in all others what is read differs from what is written, so
/// places would be wrong. Their indentation is left in; no format that is read this way minds it.
pub(crate) fn cut(
    places: Vec<(String, SourceSpan)>,
    texts: &[Text<'_>],
    most: u32,
) -> Vec<Embedded> {
    let mut left = most as usize;
    let mut found = Vec::new();
    for (path, at) in places {
        let Some(outer) = texts.iter().position(|text| text.source == at.source) else {
            continue;
        };
        let whole = texts.get(outer).map_or(&[][..], |text| text.bytes);
        let Some((start, end)) = content(whole, at) else {
            continue;
        };
        let inner = whole.get(start..end).unwrap_or_default();
        let format = recognise(&path, inner);
        let is_program = !format.is_of_packets() && !is_of_nobody(format);
        if !is_program || end > left {
            continue;
        }
        left -= end;
        let before = whole.get(..start).unwrap_or_default();
        let blank = |byte: &u8| if *byte == b'\n' { b'\n' } else { b' ' };
        let mut bytes: Vec<u8> = before.iter().map(blank).collect();
        bytes.extend_from_slice(inner);
        found.push(Embedded {
            path,
            format,
            bytes,
            outer,
        });
    }
    found
}

fn is_of_nobody(format: Format) -> bool {
    matches!(
        format,
        Format::Unknown | Format::Kubernetes | Format::Compose | Format::Dockerfile
    )
}

/// Where the lines of a literal block scalar begin and end: its place is that of its text, and what
/// stands before it is the indicator.
fn content(whole: &[u8], at: SourceSpan) -> Option<(usize, usize)> {
    let (start, end) = (at.start as usize, at.end as usize);
    let before = whole.get(..start)?.trim_ascii_end();
    let mut words = before.rsplit(u8::is_ascii_whitespace);
    let indicator = words.next().unwrap_or_default();
    let is_literal = indicator.starts_with(b"|") && start < end && end <= whole.len();
    is_literal.then_some((start, end))
}
