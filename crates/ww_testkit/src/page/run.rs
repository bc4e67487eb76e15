//! The tool held to its pages.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use ww_base::Locus;
use ww_finding::Finding;

use super::{Fence, Page, Promise, parse};
use crate::capture_text::{CompiledCapture, compile};

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
    /// The frames of the primary exhibit, first and last; none when it is the whole capture.
    pub frames: Vec<(u64, u64)>,
}

impl From<&Finding> for Found {
    fn from(finding: &Finding) -> Found {
        let frames = match finding.exhibits.first().map(|exhibit| &exhibit.at) {
            Some(Locus::Frames(range)) => vec![(range.first, range.last)],
            _ => Vec::new(),
        };
        Found {
            rule: finding.rule.to_owned(),
            frames,
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
    diagnose: &dyn Fn(&[u8]) -> Diagnosis,
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

/// Runs the examples of one page: every `capture` block under *Fires* must make the page's rule
/// (or the one the block names with `rule=`) find something whose primary exhibit covers a frame
/// marked `# finds`, or that is about the whole capture when none is marked; every one under
/// *Silent* must not. `output` blocks hold what the tool prints about the block before.
pub fn run_page(
    path: &Path,
    page: &Page,
    outputs: Outputs,
    diagnose: &dyn Fn(&[u8]) -> Diagnosis,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut fail = |line, message| {
        failures.push(Failure {
            file: path.to_owned(),
            line,
            message,
        });
    };
    if path
        .file_stem()
        .is_none_or(|stem| *stem != *page.title.replace('-', "_"))
    {
        fail(
            1,
            format!(
                "the page of `{}` is named {}.md",
                page.title,
                page.title.replace('-', "_")
            ),
        );
    }
    let mut printed = None;
    let mut rewritten = Vec::new();
    for fence in &page.fences {
        match (fence.kind.as_str(), &printed) {
            ("capture", _) => match compile(&fence.text) {
                Ok(capture) => {
                    let diagnosis = diagnose(&capture.pcap);
                    let rule = fence.attributes.get("rule").unwrap_or(&page.title);
                    if let Some(message) =
                        broken_promise(fence.promise, rule, &capture, &diagnosis.found)
                    {
                        fail(fence.line, message);
                    }
                    printed = Some(tidy(&diagnosis.text));
                }
                Err(error) => {
                    fail(fence.line + error.line, error.message);
                    printed = None;
                }
            },
            ("output", Some(text)) if tidy(&fence.text) != *text => match outputs {
                Outputs::Compare => fail(fence.line, difference(&fence.text, text)),
                Outputs::Rewrite => rewritten.push((fence, text.clone())),
            },
            _ => {}
        }
    }
    if let Err(error) = rewrite(path, &rewritten) {
        fail(1, format!("cannot be rewritten: {error}"));
    }
    failures
}

/// What is wrong with the findings about a capture, if anything.
fn broken_promise(
    promise: Promise,
    rule: &str,
    capture: &CompiledCapture,
    found: &[Found],
) -> Option<String> {
    let ours: Vec<&Found> = found.iter().filter(|one| one.rule == rule).collect();
    if promise == Promise::Silent {
        let places: Vec<String> = ours.iter().map(|one| places(one)).collect();
        return (!ours.is_empty()).then(|| {
            format!(
                "`{rule}` must be silent here, but points to {}",
                places.join("; ")
            )
        });
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
    let covers = |one: &&Found| {
        if capture.finds.is_empty() {
            one.frames.is_empty()
        } else {
            let covered = |frame: &u64| {
                one.frames
                    .iter()
                    .any(|(first, last)| (first..=last).contains(&frame))
            };
            capture.finds.iter().any(covered)
        }
    };
    let marked = if capture.finds.is_empty() {
        "the whole capture (no line is marked `# finds`)".to_owned()
    } else {
        format!("frame {}", join(&capture.finds))
    };
    let places: Vec<String> = ours.iter().map(|one| places(one)).collect();
    (!ours.iter().any(covers)).then(|| {
        format!(
            "`{rule}` must point to {marked}, but points to {}",
            places.join("; ")
        )
    })
}

fn places(found: &Found) -> String {
    let ranges: Vec<String> = found
        .frames
        .iter()
        .map(|(first, last)| {
            if first == last {
                format!("frame {first}")
            } else {
                format!("frames {first}–{last}")
            }
        })
        .collect();
    if ranges.is_empty() {
        "the whole capture".to_owned()
    } else {
        ranges.join(", ")
    }
}

fn join(frames: &BTreeSet<u64>) -> String {
    frames
        .iter()
        .map(u64::to_string)
        .collect::<Vec<_>>()
        .join(" or ")
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
mod tests {
    use super::*;
    use crate::page::tests::PAGE;

    /// A tool that finds `a-rule` in every capture of two frames or more.
    fn tool(frames: Vec<(u64, u64)>) -> impl Fn(&[u8]) -> Diagnosis {
        move |pcap| {
            let fires = pcap.len() >= 24 + 2 * (16 + 54);
            let found = Found {
                rule: "a-rule".to_owned(),
                frames: frames.clone(),
            };
            Diagnosis {
                found: if fires { vec![found] } else { Vec::new() },
                text: "a-rule at 2  \n\n".to_owned(),
            }
        }
    }

    fn messages(markdown: &str, tool: &dyn Fn(&[u8]) -> Diagnosis) -> Vec<String> {
        let page = parse(markdown).unwrap();
        run_page(Path::new("a_rule.md"), &page, Outputs::Compare, tool)
            .iter()
            .map(Failure::to_string)
            .collect()
    }

    #[test]
    fn a_tool_that_keeps_every_promise_passes() {
        assert_eq!(messages(PAGE, &tool(vec![(1, 2)])), [""; 0]);
    }

    #[test]
    fn every_broken_promise_is_reported_with_its_line() {
        let elsewhere = messages(PAGE, &tool(vec![(1, 1)]));
        assert_eq!(
            elsewhere,
            ["a_rule.md:13: `a-rule` must point to frame 2, but points to frame 1"]
        );

        let mute = messages(PAGE, &|_| Diagnosis::default());
        assert_eq!(
            mute[0],
            "a_rule.md:13: `a-rule` must fire here; found: nothing"
        );
        assert!(mute[1].starts_with("a_rule.md:19: the tool prints something else"));

        let noisy = PAGE.replace("0 > S\n```\n## Fix", "0 > S\n+1 > S\n```\n## Fix");
        let noisy = messages(&noisy, &tool(vec![(2, 2)]));
        assert_eq!(
            noisy,
            ["a_rule.md:23: `a-rule` must be silent here, but points to frame 2"]
        );

        let broken = messages(&PAGE.replace("+1ms < R.", "+1ms < Q."), &tool(vec![(2, 2)]));
        assert!(
            broken[0].starts_with("a_rule.md:17: `Q.` are no flags"),
            "{broken:?}"
        );
    }

    #[test]
    fn findings_about_the_whole_capture_need_no_mark() {
        let unmarked = PAGE.replace("# finds", "");
        assert_eq!(messages(&unmarked, &tool(Vec::new())), [""; 0]);
        assert!(messages(&unmarked, &tool(vec![(2, 2)]))[0].contains("no line is marked"));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "rewriting is about files")]
    fn outputs_are_rewritten_in_place() {
        let folder = std::env::temp_dir().join(format!("wirewise-pages-{}", std::process::id()));
        let file = folder.join("a_rule.md");
        std::fs::create_dir_all(&folder).unwrap();
        for stale in ["a-rule at 7\nand more\n", ""] {
            std::fs::write(&file, PAGE.replace("a-rule at 2\n", stale)).unwrap();
            let before = run_pages(&folder, Outputs::Compare, &tool(vec![(2, 2)]));
            assert_eq!(before.len(), 1);
            assert_eq!(
                run_pages(&folder, Outputs::Rewrite, &tool(vec![(2, 2)])),
                []
            );
            assert_eq!(std::fs::read_to_string(&file).unwrap(), PAGE);
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(
            run_pages(&folder, Outputs::Compare, &tool(Vec::new()))[0]
                .message
                .contains("no page")
        );
    }
}
