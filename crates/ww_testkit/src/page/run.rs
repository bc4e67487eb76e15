//! The tool held to its pages.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use ww_base::Locus;
use ww_finding::Finding;
use ww_report::Sources;

use super::{Fence, Page, Promise, parse};
use crate::capture_text::compile;

/// What an example puts before the tool.
#[derive(Clone, Copy, Debug)]
pub enum Example<'a> {
    /// The bytes of a capture.
    Capture(&'a [u8]),
    /// A walk over a live endpoint, in its written form.
    Transcript(&'a str),
    /// Files, by name, that belong together.
    Files(&'a [(String, String)]),
    /// A walk, and the files that are read beside it.
    Case(&'a str, &'a [(String, String)]),
}

/// What the tool says about one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// Its findings.
    pub found: Vec<Found>,
    /// What it prints.
    pub text: String,
}

/// One finding, as far as pages look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rule.
    pub rule: String,
    /// What its primary exhibit covers; none when it is the whole input.
    pub place: Option<Place>,
}

/// What an exhibit covers, first and last included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, where the example is made of files.
    pub file: Option<String>,
    /// The first frame, step or line.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// A frame, step or line that a page marks.
type Mark = (Option<String>, u64);

impl Found {
    /// A finding; `sources` hold the texts that its exhibits point into.
    pub fn new(finding: &Finding, sources: &Sources<'_>) -> Found {
        let place = match finding.exhibits.first().map(|exhibit| &exhibit.at) {
            Some(Locus::Frames(range)) => Some(Place {
                file: None,
                first: range.first,
                last: range.last,
            }),
            Some(Locus::Text(span)) => sources.range(*span).map(|range| Place {
                file: Some(sources.path(span.source).to_owned()),
                first: u64::from(range.line),
                last: u64::from(range.end_line),
            }),
            Some(Locus::Probe { step, .. }) => Some(Place {
                file: None,
                first: u64::from(*step),
                last: u64::from(*step),
            }),
            _ => None,
        };
        Found {
            rule: finding.rule.to_owned(),
            place,
        }
    }

    fn covers(&self, marked: &BTreeSet<Mark>) -> bool {
        match &self.place {
            None => marked.is_empty(),
            Some(place) => marked.iter().any(|(file, number)| {
                place.file == *file && (place.first..=place.last).contains(number)
            }),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, words) = match &self.file {
            None => ("frame or step", "frames"),
            Some(file) => {
                write!(f, "{file}, ")?;
                ("line", "lines")
            }
        };
        if self.first == self.last {
            write!(f, "{word} {}", self.first)
        } else {
            write!(f, "{words} {}–{}", self.first, self.last)
        }
    }
}

/// What happens to `output` blocks that differ from what the tool prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// They are failures.
    Compare,
    /// They are rewritten in the page's file.
    Rewrite,
}

impl Outputs {
    /// [`Outputs::Rewrite`] when the variable `UPDATE` is `1`.
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests decides")]
    pub fn from_environment() -> Outputs {
        if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
            Outputs::Rewrite
        } else {
            Outputs::Compare
        }
    }
}

/// A promise of a page that is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The page.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What was promised and what happened.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// Runs every page in a folder and below, in the order of their paths. A folder without a page is
/// a failure: tests that silently found nothing to test have failed.
#[expect(clippy::disallowed_methods, reason = "pages are files of the project")]
pub fn run_pages(
    folder: &Path,
    outputs: Outputs,
    diagnose: &dyn Fn(Example<'_>) -> Diagnosis,
) -> Vec<Failure> {
    let paths = pages_below(folder);
    let failure = |file: &Path, line, message: String| {
        vec![Failure {
            file: file.to_owned(),
            line,
            message,
        }]
    };
    if paths.is_empty() {
        return failure(folder, 0, "there is no page here".to_owned());
    }
    paths
        .iter()
        .flat_map(|path| match std::fs::read_to_string(path) {
            Err(error) => failure(path, 0, format!("cannot be read: {error}")),
            Ok(markdown) => match parse(&markdown) {
                Err(error) => failure(path, error.line, error.message),
                Ok(page) => run_page(path, &page, outputs, diagnose),
            },
        })
        .collect()
}

/// The pages (`*.md`) in a folder and below.
pub fn pages_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut pages = BTreeSet::new();
    find_pages(folder, &mut pages);
    pages
}

fn find_pages(folder: &Path, pages: &mut BTreeSet<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            find_pages(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.insert(path);
        }
    }
}

/// Runs the examples of one page: every `capture` and `transcript` block, and every run of blocks with `file=`,
/// under *Fires* must make the page's rule (or the one the block names with `rule=`) find something
/// whose primary exhibit covers a frame or line marked `# finds`, or that is about the whole input
/// when none is marked; every one under *Silent* must not. `output` blocks hold what the tool
/// prints about the example before.
pub fn run_page(
    path: &Path,
    page: &Page,
    outputs: Outputs,
    diagnose: &dyn Fn(Example<'_>) -> Diagnosis,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut fail = |line, message| {
        failures.push(Failure {
            file: path.to_owned(),
            line,
            message,
        });
    };
    if let Some(message) = misnamed(path, page) {
        fail(1, message);
    }
    let mut rewritten = Vec::new();
    for (example, output) in examples(page) {
        let printed = match example.run(&page.title, diagnose) {
            Ok((printed, broken)) => {
                if let Some(message) = broken {
                    fail(example.line(), message);
                }
                printed
            }
            Err((line, message)) => {
                fail(line, message);
                continue;
            }
        };
        match output.filter(|output| tidy(&output.text) != printed) {
            Some(output) if outputs == Outputs::Rewrite => rewritten.push((output, printed)),
            Some(output) => fail(output.line, difference(&output.text, &printed)),
            None => {}
        }
    }
    if let Err(error) = rewrite(path, &rewritten) {
        fail(1, format!("cannot be rewritten: {error}"));
    }
    failures
}

fn misnamed(path: &Path, page: &Page) -> Option<String> {
    let name = page.title.replace('-', "_");
    let fits = path.file_stem().is_some_and(|stem| *stem == *name);
    (!fits).then(|| format!("the page of `{}` is named {name}.md", page.title))
}

/// The blocks of one example: a capture, a walk with files beside it or without, or files that belong together.
struct Blocks<'a>(Vec<&'a Fence>);

/// The examples of a page, each with the block that holds what is printed about it.
fn examples(page: &Page) -> Vec<(Blocks<'_>, Option<&Fence>)> {
    let mut examples: Vec<(Blocks<'_>, Option<&Fence>)> = Vec::new();
    for fence in &page.fences {
        match examples.last_mut() {
            Some((_, output)) if fence.kind == "output" => *output = Some(fence),
            Some((blocks, None)) if blocks.takes(fence) => blocks.0.push(fence),
            _ => examples.push((Blocks(vec![fence]), None)),
        }
    }
    examples
}

/// Whether a block of an example is a file.
fn is_file(fence: &Fence) -> bool {
    !matches!(fence.kind.as_str(), "capture" | "transcript")
}

impl Blocks<'_> {
    /// Whether a block is one more file of this example.
    fn takes(&self, fence: &Fence) -> bool {
        let file = |fence: &Fence| fence.attributes.get("file").cloned();
        let Some(first) = self.0.first().filter(|first| first.kind != "capture") else {
            return false;
        };
        is_file(fence)
            && first.promise == fence.promise
            && self.0.iter().all(|known| file(known) != file(fence))
    }

    fn line(&self) -> usize {
        self.0.first().map_or(1, |fence| fence.line)
    }

    /// What the tool prints, and which promise it breaks; or the line of the page that cannot be
    /// read, and why.
    fn run(
        &self,
        title: &str,
        diagnose: &dyn Fn(Example<'_>) -> Diagnosis,
    ) -> Result<(String, Option<String>), (usize, String)> {
        let Some(first) = self.0.first() else {
            return Ok((String::new(), None));
        };
        let (diagnosis, marked) = if first.kind == "capture" {
            let capture =
                compile(&first.text).map_err(|error| (first.line + error.line, error.message))?;
            let marks = capture.finds.iter().map(|&frame| (None, frame)).collect();
            (diagnose(Example::Capture(&capture.pcap)), marks)
        } else if first.kind == "transcript" {
            let (text, marks) = unmarked(&first.text);
            // The head is the first line; a step is told by its number.
            let steps = marks.into_iter().map(|line| (None, line - 1));
            let (files, mut marks) = self.files();
            marks.extend(steps);
            let example = match files.as_slice() {
                [] => Example::Transcript(&text),
                files => Example::Case(&text, files),
            };
            (diagnose(example), marks)
        } else {
            let (files, marks) = self.files();
            (diagnose(Example::Files(&files)), marks)
        };
        let rule = first.attributes.get("rule").map_or(title, String::as_str);
        let broken = broken_promise(first.promise, rule, &marked, &diagnosis.found);
        Ok((tidy(&diagnosis.text), broken))
    }

    /// The files, without the marks that their lines end with, and where those were.
    fn files(&self) -> (Vec<(String, String)>, BTreeSet<Mark>) {
        let mut marked = BTreeSet::new();
        let files = self
            .0
            .iter()
            .filter(|fence| is_file(fence))
            .map(|fence| {
                let name = fence.attributes.get("file").cloned().unwrap_or_default();
                let (text, marks) = unmarked(&fence.text);
                marked.extend(marks.into_iter().map(|line| (Some(name.clone()), line)));
                (name, text)
            })
            .collect();
        (files, marked)
    }
}

/// The mark of a line that a finding must point to.
const FINDS: &str = "# finds";

/// A text without the marks that its lines end with, and the lines on which those were, from 1.
fn unmarked(marked: &str) -> (String, Vec<u64>) {
    let mut text = String::new();
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(marked.lines()) {
        let bare = line.strip_suffix(FINDS).map(str::trim_end);
        if bare.is_some() {
            lines.push(number);
        }
        text.push_str(bare.unwrap_or(line));
        text.push('\n');
    }
    (text, lines)
}

/// What is wrong with the findings about an example, if anything.
fn broken_promise(
    promise: Promise,
    rule: &str,
    marked: &BTreeSet<Mark>,
    found: &[Found],
) -> Option<String> {
    let ours: Vec<&Found> = found.iter().filter(|one| one.rule == rule).collect();
    let places = || {
        let places: Vec<String> = ours.iter().map(|one| place(one)).collect();
        places.join("; ")
    };
    if promise == Promise::Silent {
        return (!ours.is_empty())
            .then(|| format!("`{rule}` must be silent here, but points to {}", places()));
    }
    if ours.is_empty() {
        let others: BTreeSet<&str> = found.iter().map(|one| one.rule.as_str()).collect();
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        let others = if others.is_empty() {
            "nothing".to_owned()
        } else {
            others
        };
        return Some(format!("`{rule}` must fire here; found: {others}"));
    }
    (!ours.iter().any(|one| one.covers(marked))).then(|| {
        format!(
            "`{rule}` must point to {}, but points to {}",
            wanted(marked),
            places()
        )
    })
}

fn wanted(marked: &BTreeSet<Mark>) -> String {
    if marked.is_empty() {
        return "the whole input (no line is marked `# finds`)".to_owned();
    }
    let each = marked.iter().map(|(file, number)| {
        Place {
            file: file.clone(),
            first: *number,
            last: *number,
        }
        .to_string()
    });
    each.collect::<Vec<_>>().join(" or ")
}

fn place(found: &Found) -> String {
    match &found.place {
        Some(place) => place.to_string(),
        None => "the whole input".to_owned(),
    }
}

/// Text as it stands in a block: no blanks at line ends, one line end at the end.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let text = lines.join("\n");
    let text = text.trim_matches('\n');
    if text.is_empty() {
        String::new()
    } else {
        format!("{text}\n")
    }
}

fn difference(promised: &str, printed: &str) -> String {
    let at = promised
        .lines()
        .zip(printed.lines())
        .take_while(|(promised, printed)| promised.trim_end() == *printed)
        .count();
    format!(
        "the tool prints something else from line {} of the block on; it prints:\n{printed}\
         (UPDATE=1 rewrites the block)",
        at + 1
    )
}

/// Replaces the text of blocks in the page's file.
#[expect(clippy::disallowed_methods, reason = "pages are files of the project")]
fn rewrite(path: &Path, blocks: &[(&Fence, String)]) -> std::io::Result<()> {
    if blocks.is_empty() {
        return Ok(());
    }
    let markdown = std::fs::read_to_string(path)?;
    let mut lines = markdown.lines().enumerate().peekable();
    let mut rewritten = String::new();
    while let Some((index, line)) = lines.next() {
        rewritten.push_str(line);
        rewritten.push('\n');
        if let Some((fence, text)) = blocks.iter().find(|(fence, _)| fence.line == index + 1) {
            let end = fence.line + fence.text.lines().count();
            while lines.next_if(|(index, _)| *index < end).is_some() {}
            rewritten.push_str(text);
        }
    }
    std::fs::write(path, rewritten)
}

#[cfg(test)]
mod tests;
