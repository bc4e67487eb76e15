//! Dockerfiles: the last stage is a unit; the others are there for those who build them.
//!
//! An instruction that goes on over lines is read from a copy in which line ends, backslashes and
//! comments between are blanks, so that places stay those of the file.

mod stage;
#[cfg(test)]
mod tests;

use crate::Text;
use crate::service::Intake;
use ww_base::{SourceId, SourceSpan};

/// Instructions that say nothing of how programs call one another.
const IRRELEVANT: [&str; 10] = [
    "RUN",
    "LABEL",
    "WORKDIR",
    "USER",
    "VOLUME",
    "ONBUILD",
    "STOPSIGNAL",
    "SHELL",
    "MAINTAINER",
    "ADD",
];

/// An instruction: its word, what stands behind it and where, and its whole place.
struct Instruction<'c> {
    word: String,
    rest: &'c str,
    /// Where the rest begins.
    from: usize,
    at: SourceSpan,
}

/// Reads all Dockerfiles.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    for text in texts {
        let whole = String::from_utf8_lossy(text.bytes);
        let is_exact = whole.len() == text.bytes.len();
        let at = SourceSpan {
            source: text.source,
            start: 0,
            end: 0,
        };
        if !is_exact {
            intake.malformed(at, "not UTF-8: the Dockerfile was not read");
            continue;
        }
        let joined = joined(&whole);
        let mut stages = stage::Stages::new(text.path);
        for instruction in instructions(&joined, text.source) {
            stages.take(&instruction, intake);
        }
        stages.finish(intake);
    }
}

/// The text with blanks for what joins the lines of an instruction; no byte moves.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        let is_comment = line.trim_start().starts_with('#');
        let is_skipped = is_comment || (goes_on && line.trim().is_empty());
        if is_skipped {
            let end = if goes_on { ' ' } else { '\n' };
            let blanks = line
                .bytes()
                .map(|byte| if byte == b'\n' { end } else { ' ' });
            joined.extend(blanks);
            continue;
        }
        let content = line.trim_end();
        goes_on = content.ends_with('\\');
        if goes_on {
            let kept = content.get(..content.len() - 1).unwrap_or_default();
            joined.push_str(kept);
            joined.extend(std::iter::repeat_n(' ', line.len() - kept.len()));
        } else {
            joined.push_str(line);
        }
    }
    joined
}

fn instructions(joined: &str, source: SourceId) -> Vec<Instruction<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut document: Option<String> = None;
    for line in joined.split_inclusive('\n') {
        let from = start;
        start += line.len();
        if let Some(end) = &document {
            if line.trim() == end {
                document = None;
            }
            continue;
        }
        let blanks = line.len() - line.trim_start().len();
        let content = line.trim();
        let length = content.find(char::is_whitespace).unwrap_or(content.len());
        let Some((word, rest)) = content
            .split_at_checked(length)
            .filter(|it| !it.0.is_empty())
        else {
            continue;
        };
        document = end_of_document(rest);
        found.push(Instruction {
            word: word.to_ascii_uppercase(),
            rest,
            from: from + blanks + length,
            at: SourceSpan {
                source,
                start: (from + blanks) as u32,
                end: (from + blanks + content.len()) as u32,
            },
        });
    }
    found
}

/// The line that ends a here-document which an instruction begins (`<<EOF`).
fn end_of_document(rest: &str) -> Option<String> {
    let (_, behind) = rest.split_once("<<")?;
    let word = behind.trim_start_matches('-').split_whitespace().next()?;
    let word = word.trim_matches(['"', '\'']);
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    (!word.is_empty() && word.chars().all(is_name)).then(|| word.to_owned())
}
