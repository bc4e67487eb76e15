//! Sections of a configuration and their lines.

use super::line::words;
use crate::Text;
use crate::service::Intake;
use crate::text::{blanks_before, lines};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use ww_base::{ProblemKind, SourceSpan};
use ww_model::service::{Entry, Layout, Room};

/// First words of lines, one a line.
const KEYWORDS: &str = include_str!("../../data/haproxy.keywords");

/// The same, to look a word up.
static KNOWN: LazyLock<BTreeSet<&str>> = LazyLock::new(|| KEYWORDS.lines().collect());

/// Words that begin a section (HAProxy 3.3, configuration.txt).
const SECTIONS: [&str; 19] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "peers",
    "resolvers",
    "userlist",
    "mailers",
    "program",
    "cache",
    "http-errors",
    "ring",
    "log-forward",
    "log-profile",
    "fcgi-app",
    "crt-store",
    "traces",
    "acme",
];

/// A word with its place.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: SourceSpan,
}

/// A line of a section; it has a word at least.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) words: Vec<Word>,
    /// From its first word to its last.
    pub(super) at: SourceSpan,
}

/// A section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// The word that begins it.
    pub(super) kind: String,
    /// Its name; empty for none.
    pub(super) name: String,
    /// The defaults that it names (`from`).
    pub(super) from: Option<Word>,
    /// The line that begins it.
    pub(super) head: Line,
    /// The empty place behind that line.
    pub(super) room: SourceSpan,
    /// The blanks before its first other line.
    pub(super) indentation: Option<String>,
    /// Its other lines.
    pub(super) lines: Vec<Line>,
}

impl Section {
    /// The section as a place for further lines.
    pub(super) fn room(&self) -> Room {
        let last = self.lines.last().unwrap_or(&self.head);
        let indentation = self.indentation.as_deref().unwrap_or("    ");
        Room {
            kind: self.kind.clone(),
            block: SourceSpan {
                end: last.at.end,
                ..self.head.at
            },
            at: self.room,
            before: format!("\n{indentation}"),
            after: String::new(),
            layout: Layout::Words,
            entries: self.lines.iter().map(Line::entry).collect(),
        }
    }
}

impl Line {
    /// What it sets. `no` in front switches the same thing off.
    fn entry(&self) -> Entry {
        let from = usize::from(matches!(self.word(0), "no" | "default"));
        let (first, second) = (self.word(from), self.word(from + 1));
        let sets_several = matches!(first, "timeout" | "option");
        Entry {
            name: if sets_several {
                format!("{first} {second}")
            } else {
                first.to_owned()
            },
            room: None,
        }
    }

    /// A word by its number, from 0; empty where there is none.
    pub(super) fn word(&self, number: usize) -> &str {
        self.words.get(number).map_or("", |word| &word.text)
    }

    /// Whether it begins with these words.
    pub(super) fn begins(&self, words: &[&str]) -> bool {
        let own = self.words.iter().map(|word| word.text.as_str());
        self.words.len() >= words.len() && own.zip(words).all(|(own, word)| own == *word)
    }

    /// The words from a number on, with blanks between.
    pub(super) fn rest(&self, number: usize) -> String {
        let words = self.words.iter().skip(number);
        let words: Vec<&str> = words.map(|word| word.text.as_str()).collect();
        words.join(" ")
    }

    /// The word behind another one.
    pub(super) fn behind(&self, word: &str) -> Option<&Word> {
        let at = self.words.iter().position(|one| one.text == word)?;
        self.words.get(at + 1)
    }
}

/// The sections of a text.
pub(super) fn read(text: &Text<'_>, intake: &mut Intake<'_>) -> Vec<Section> {
    let bytes = text.bytes;
    let bytes = bytes
        .get(..intake.limits.text_bytes as usize)
        .unwrap_or(bytes);
    let mut reader = Reader {
        sections: Vec::new(),
        branches: Vec::new(),
        told: BTreeSet::new(),
    };
    for line in lines(text.source, bytes) {
        let (pieces, is_open) = words(&line.text);
        let place = |start: usize, end: usize| SourceSpan {
            start: line.at.start + start as u32,
            end: (line.at.start + end as u32).min(line.at.end),
            ..line.at
        };
        let words: Vec<Word> = pieces
            .into_iter()
            .map(|piece| Word {
                at: place(piece.start, piece.end),
                text: piece.text,
            })
            .collect();
        let (Some(first), Some(last)) = (words.first(), words.last()) else {
            continue;
        };
        let at = SourceSpan {
            end: last.at.end,
            ..first.at
        };
        if is_open {
            intake.malformed(
                at,
                "a quote is opened and not closed in this line; close it",
            );
        }
        let (_, blanks) = blanks_before(bytes, line.at.start);
        reader.line(Line { words, at }, (line.at, &blanks), intake);
    }
    if let Some(branch) = reader.branches.last() {
        intake.malformed(branch.at, "this `.if` has no `.endif`; add one");
    }
    reader.sections
}

/// A `.if` that is open.
struct Branch {
    at: SourceSpan,
    /// Whether lines are read now.
    is_read: bool,
    /// Whether a branch has been read already.
    was_read: bool,
}

struct Reader {
    sections: Vec<Section>,
    branches: Vec<Branch>,
    /// Keywords that were said not to be known.
    told: BTreeSet<String>,
}

impl Reader {
    /// A line with its place, and the blanks that it begins with.
    fn line(&mut self, line: Line, (whole, blanks): (SourceSpan, &str), intake: &mut Intake<'_>) {
        if line.word(0).starts_with('.') {
            self.condition(&line, intake);
            return;
        }
        if self.branches.iter().any(|branch| !branch.is_read) {
            return;
        }
        let first = line.word(0);
        if SECTIONS.contains(&first) {
            self.sections.push(begin(line, whole));
            return;
        }
        let keyword = match first {
            "no" | "default" => line.word(1),
            _ => first,
        };
        let Some(section) = self.sections.last_mut() else {
            let message =
                format!("`{first}` stands before any section; write the section above it");
            intake.malformed(line.at, message);
            return;
        };
        let is_known = KNOWN.contains(keyword) || keyword.contains('.');
        if !is_known && self.told.insert(keyword.to_owned()) {
            let message = format!(
                "`{keyword}` is no keyword of HAProxy that wirewise knows; check by hand what it changes"
            );
            intake.unsupported(line.at, message);
        }
        section.indentation.get_or_insert_with(|| blanks.to_owned());
        section.lines.push(line);
    }

    /// `.if` and what belongs to it: of its branches the first is read that is not plainly false.
    fn condition(&mut self, line: &Line, intake: &mut Intake<'_>) {
        let holds = !matches!(line.word(1), "0" | "false");
        match line.word(0) {
            ".if" => {
                if self.branches.len() >= intake.limits.expression_nesting as usize {
                    let message = "conditions stand too deep inside one another";
                    intake.problem(line.at, ProblemKind::TooLarge, message);
                    return;
                }
                self.branches.push(Branch {
                    at: line.at,
                    is_read: holds,
                    was_read: holds,
                });
            }
            ".elif" | ".else" => match self.branches.last_mut() {
                Some(branch) => {
                    branch.is_read = !branch.was_read && (holds || line.word(0) == ".else");
                    branch.was_read |= branch.is_read;
                }
                None => intake.malformed(line.at, "there is no `.if` that this belongs to"),
            },
            ".endif" if self.branches.pop().is_none() => {
                intake.malformed(line.at, "there is no `.if` that this ends");
            }
            _ => {}
        }
        let is_known = matches!(line.word(1), "0" | "1" | "true" | "false" | "");
        if matches!(line.word(0), ".if" | ".elif") && !is_known {
            let message = format!(
                "`{}` is not evaluated; the lines up to the next branch are read as if it held",
                line.rest(0)
            );
            intake.unsupported(line.at, message);
        }
    }
}

/// The section that a line begins; `whole` is all of the line.
fn begin(head: Line, whole: SourceSpan) -> Section {
    let from = head.behind("from").cloned();
    let name = head.word(1);
    let is_named = name != "from";
    Section {
        kind: head.word(0).to_owned(),
        name: if is_named {
            name.to_owned()
        } else {
            String::new()
        },
        from,
        head,
        room: SourceSpan {
            start: whole.end,
            ..whole
        },
        indentation: None,
        lines: Vec::new(),
    }
}
