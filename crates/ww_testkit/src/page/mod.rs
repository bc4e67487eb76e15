//! A rule's page: the same headings on every one, and examples that are tests.

mod run;

use std::collections::BTreeMap;
use std::fmt;

pub use run::{
    Diagnosis, Example, Failure, Found, Outputs, Place, pages_below, run_page, run_pages,
};

/// The headings of every page, in this order.
pub const HEADINGS: [&str; 6] = [
    "What it means",
    "Why it matters",
    "How to see it",
    "Example",
    "Fix",
    "References",
];

/// A page that has the shape of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rule's name.
    pub title: String,
    /// The sections under [`HEADINGS`].
    pub sections: Vec<Section>,
    /// The fenced blocks under `### Fires` and `### Silent`, in order.
    pub fences: Vec<Fence>,
}

/// One section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// The line of the heading, from 1.
    pub line: usize,
    /// What stands below it, fences and all.
    pub body: String,
}

/// What an example promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// The rule finds something in it.
    Fires,
    /// The rule finds nothing in it.
    Silent,
}

/// A fenced block of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// What the example promises.
    pub promise: Promise,
    /// The first word after the backticks: `capture`, `transcript`, `output`, or a format.
    pub kind: String,
    /// The `key=value` words after it.
    pub attributes: BTreeMap<String, String>,
    /// The line of the opening backticks, from 1; the text begins on the next.
    pub line: usize,
    /// What stands between.
    pub text: String,
}

/// Why a text is no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there and what would be right.
    pub message: String,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for PageError {}

/// Reads a page and checks its shape.
///
/// # Errors
///
/// The first departure from the shape: another heading, an unknown block under an example, a fence
/// that is never closed, an example that promises nothing.
pub fn parse(markdown: &str) -> Result<Page, PageError> {
    let mut reader = Reader::default();
    for (index, line) in markdown.lines().enumerate() {
        reader.line = index + 1;
        reader.read(line)?;
    }
    reader.finish()
}

/// The page as far as it has been read.
#[derive(Default)]
struct Reader {
    line: usize,
    title: Option<String>,
    sections: Vec<Section>,
    promise: Option<Promise>,
    promised: Vec<(Promise, usize)>,
    fences: Vec<Fence>,
    open: Option<Open>,
}

/// A fence that has begun: its ticks, and its content when it belongs to an example.
struct Open {
    ticks: String,
    line: usize,
    fence: Option<Fence>,
}

impl Reader {
    fn read(&mut self, line: &str) -> Result<(), PageError> {
        if let Some(section) = self.sections.last_mut()
            && !(self.open.is_none() && line.starts_with("## "))
        {
            section.body.push_str(line);
            section.body.push('\n');
        }
        if let Some(open) = &mut self.open {
            if line.trim_end() == open.ticks {
                self.fences
                    .extend(self.open.take().and_then(|open| open.fence));
            } else if let Some(fence) = &mut open.fence {
                fence.text.push_str(line);
                fence.text.push('\n');
            }
            return Ok(());
        }
        if line.starts_with("```") {
            self.open_fence(line)
        } else if let Some(name) = line.strip_prefix("# ") {
            self.read_title(name.trim())
        } else if let Some(heading) = line.strip_prefix("## ") {
            self.read_heading(heading.trim())
        } else if let Some(heading) = line.strip_prefix("### ") {
            self.read_promise(heading.trim())
        } else {
            Ok(())
        }
    }

    fn read_title(&mut self, name: &str) -> Result<(), PageError> {
        let is_name = !name.is_empty()
            && name.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'
            });
        if self.title.is_some() || !self.sections.is_empty() {
            return self.error("a page has one title, on its first line");
        }
        if !is_name {
            return self.error(format!(
                "the title is the rule's name in kebab-case, not `{name}`"
            ));
        }
        self.title = Some(name.to_owned());
        Ok(())
    }

    fn read_heading(&mut self, heading: &str) -> Result<(), PageError> {
        self.end_section()?;
        match HEADINGS.get(self.sections.len()) {
            _ if self.title.is_none() => {
                return self.error("a page begins with `# its-rules-name`");
            }
            Some(expected) if *expected == heading => {}
            Some(expected) => {
                return self.error(format!("expected `## {expected}`, found `## {heading}`"));
            }
            None => {
                return self.error(format!("`## {heading}` follows the last heading of a page"));
            }
        }
        self.sections.push(Section {
            heading: heading.to_owned(),
            line: self.line,
            body: String::new(),
        });
        Ok(())
    }

    fn read_promise(&mut self, heading: &str) -> Result<(), PageError> {
        let in_example = self
            .sections
            .last()
            .is_some_and(|section| section.heading == "Example");
        let promise = match (heading, in_example) {
            ("Fires", true) => Promise::Fires,
            ("Silent", true) => Promise::Silent,
            (_, true) => {
                return self
                    .error("under `## Example` there are only `### Fires` and `### Silent`");
            }
            (_, false) => return Ok(()),
        };
        self.promise = Some(promise);
        self.promised.push((promise, self.line));
        Ok(())
    }

    fn open_fence(&mut self, line: &str) -> Result<(), PageError> {
        let info = line.trim_start_matches('`');
        let ticks = "`".repeat(line.len() - info.len());
        let mut words = info.split_whitespace();
        let kind = words.next().unwrap_or_default().to_owned();
        let mut attributes = BTreeMap::new();
        let mut fence = None;
        if let Some(promise) = self.promise {
            for word in words {
                match word.split_once('=') {
                    Some((key @ ("file" | "rule"), value)) if !value.is_empty() => {
                        attributes.insert(key.to_owned(), value.to_owned());
                    }
                    _ => {
                        return self.error(format!(
                            "`{word}` is no attribute; known are file=NAME and rule=NAME"
                        ));
                    }
                }
            }
            fence = Some(self.example_fence(promise, kind, attributes)?);
        }
        self.open = Some(Open {
            ticks,
            line: self.line,
            fence,
        });
        Ok(())
    }

    fn example_fence(
        &self,
        promise: Promise,
        kind: String,
        attributes: BTreeMap<String, String>,
    ) -> Result<Fence, PageError> {
        match kind.as_str() {
            "capture" | "transcript" => {}
            "output"
                if self
                    .fences
                    .last()
                    .is_some_and(|fence| fence.promise == promise) => {}
            "output" => return self.error("an `output` block follows the input it belongs to"),
            _ if attributes.contains_key("file") => {}
            _ => {
                return self.error(
                    "a block of an example is ```capture, ```transcript, ```output, or a format with file=NAME",
                );
            }
        }
        Ok(Fence {
            promise,
            kind,
            attributes,
            line: self.line,
            text: String::new(),
        })
    }

    /// Checks what a section had to hold.
    fn end_section(&mut self) -> Result<(), PageError> {
        self.promise = None;
        let Some(section) = self.sections.last() else {
            return Ok(());
        };
        if section.body.trim().is_empty() {
            return Err(PageError {
                line: section.line,
                message: format!("`## {}` says nothing", section.heading),
            });
        }
        if section.heading != "Example" {
            return Ok(());
        }
        for promise in [Promise::Fires, Promise::Silent] {
            let is_kept = self
                .fences
                .iter()
                .any(|fence| fence.promise == promise && fence.kind != "output");
            if !is_kept {
                let at = self.promised.iter().find(|(known, _)| *known == promise);
                return Err(PageError {
                    line: at.map_or(section.line, |(_, line)| *line),
                    message: format!("an example needs a block under `### {promise:?}`"),
                });
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Page, PageError> {
        if let Some(open) = &self.open {
            return Err(PageError {
                line: open.line,
                message: "this block is never closed".to_owned(),
            });
        }
        self.end_section()?;
        if let Some(missing) = HEADINGS.get(self.sections.len()) {
            return self.error(format!("the page ends without `## {missing}`"));
        }
        Ok(Page {
            title: self.title.unwrap_or_default(),
            sections: self.sections,
            fences: self.fences,
        })
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, PageError> {
        Err(PageError {
            line: self.line,
            message: message.into(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const PAGE: &str = "# a-rule

## What it means
Words.
## Why it matters
Words.
## How to see it
```sh
# a comment, no heading
```
## Example
### Fires
```capture
client 10.0.0.5:40000
server 10.0.0.1:80
0 > S
+1ms < R.   # finds
```
```output
a-rule at 2
```
### Silent
```capture file=quiet.pcap
client 10.0.0.5:40000
server 10.0.0.1:80
0 > S
```
## Fix
Words.
## References
- RFC 9293
";

    #[test]
    fn a_page_is_read_with_its_examples() {
        let page = parse(PAGE).unwrap();
        assert_eq!(page.title, "a-rule");
        assert_eq!(page.sections.len(), 6);
        assert_eq!(page.sections[0].body, "Words.\n");
        let fences: Vec<_> = page
            .fences
            .iter()
            .map(|f| (f.promise, f.kind.as_str(), f.line))
            .collect();
        assert_eq!(
            fences,
            [
                (Promise::Fires, "capture", 13),
                (Promise::Fires, "output", 19),
                (Promise::Silent, "capture", 23),
            ]
        );
        assert_eq!(page.fences[1].text, "a-rule at 2\n");
        assert_eq!(page.fences[2].attributes["file"], "quiet.pcap");
    }

    #[test]
    fn departures_from_the_shape_are_located() {
        let broken = |from: &str, to: &str| {
            assert!(PAGE.contains(from));
            let error = parse(&PAGE.replacen(from, to, 1)).unwrap_err();
            (error.line, error.message)
        };
        let cases = [
            ("# a-rule", "# A rule", 1, "kebab-case"),
            ("# a-rule", "", 3, "begins with"),
            ("## Why", "## How", 5, "expected `## Why it matters`"),
            ("### Silent", "### Quiet", 22, "only `### Fires`"),
            ("## References", "## Links", 30, "expected `## References`"),
            ("- RFC 9293\n", "", 30, "says nothing"),
            ("```output\na-rule", "```text\na-rule", 19, "file=NAME"),
            ("capture file=", "capture name=", 23, "no attribute"),
            (
                "```capture file=quiet.pcap\n",
                "```output\n",
                23,
                "follows the input",
            ),
            ("0 > S\n```\n## Fix", "0 > S\n## Fix", 23, "never closed"),
        ];
        for (from, to, line, message) in cases {
            let error = broken(from, to);
            assert_eq!(error.0, line, "{from} → {to}: {}", error.1);
            assert!(error.1.contains(message), "{from} → {to}: {}", error.1);
        }
        let extra = format!("{PAGE}## More\nWords.\n");
        assert!(
            parse(&extra)
                .unwrap_err()
                .message
                .contains("follows the last")
        );
    }
}
