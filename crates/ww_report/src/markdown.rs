//! The report as Markdown, for tickets and reviews.

use crate::Sources;
use crate::json::finding_id;
use crate::sheet::printable;
use crate::text::{command, figures, filter, place};
use crate::walk;
use std::fmt::Write as _;
use ww_finding::{Consultation, Finding};

/// The report as Markdown (CommonMark, with tables as GitHub has them).
pub fn render(consultation: &Consultation, sources: &Sources<'_>) -> String {
    let mut text = format!("# {}\n", plain(&consultation.verdict));
    for transcript in sources.walks() {
        let target = plain(&transcript.head.target.written);
        let _ = write!(text, "\n{target}: {}\n\n", walk::summary(transcript));
        text.push_str("| layer | | seen |\n|---|---|---|\n");
        for line in walk::lines(transcript, &consultation.findings) {
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                line.stage.word(),
                line.glyph(),
                plain(&line.says)
            );
        }
        let lists = [
            ("Asked to tell causes apart", walk::choices(transcript)),
            ("Cannot be told from here", walk::open_questions(transcript)),
        ];
        for (title, lines) in lists.iter().filter(|(_, lines)| !lines.is_empty()) {
            let _ = write!(text, "\n{title}:\n\n");
            for says in lines {
                let _ = writeln!(text, "- {}", plain(says));
            }
        }
    }
    for (id, finding) in (1..).map(finding_id).zip(&consultation.findings) {
        one(&mut text, &id, finding, sources);
    }
    not_judged(&mut text, consultation);
    text
}

fn one(text: &mut String, id: &str, finding: &Finding, sources: &Sources<'_>) {
    let severity = finding.severity.word();
    let _ = write!(
        text,
        "\n## {id} {severity}: {}\n\n{}\n\n",
        plain(&finding.headline),
        plain(&figures(finding))
    );
    for exhibit in &finding.exhibits {
        let at = code(&place(&exhibit.at, sources));
        let _ = writeln!(text, "- {at}: {}", plain(&exhibit.says));
    }
    if let Some(filter) = filter(&finding.exhibits) {
        let _ = writeln!(text, "- Wireshark: {}", code(&filter));
    }
    if let Some(command) = command(&finding.exhibits, sources) {
        let _ = writeln!(text, "- again: {}", code(command));
    }
    if !finding.fixes.is_empty() {
        text.push_str("\nWhat to do:\n\n");
        for (number, fix) in (1..).zip(&finding.fixes) {
            let _ = writeln!(text, "{number}. {}", plain(&fix.title));
        }
    }
    if !finding.refuter.is_empty() {
        let _ = write!(text, "\nRefuted by: {}\n", plain(&finding.refuter));
    }
}

fn not_judged(text: &mut String, consultation: &Consultation) {
    let outcomes = consultation.outcomes.iter();
    let of_rules = outcomes.flat_map(|(_, outcome)| outcome.gaps());
    let mut seen = Vec::new();
    for gap in consultation.gaps.iter().chain(of_rules) {
        if !seen.contains(&gap) {
            seen.push(gap);
        }
    }
    let problems = &consultation.problems;
    if seen.is_empty() && problems.is_empty() {
        return;
    }
    text.push_str("\n## Not judged\n\n");
    for gap in seen {
        let (missing, learn) = (plain(&gap.missing), plain(&gap.how_to_learn));
        let _ = writeln!(text, "- {missing}; to learn it: {learn}");
    }
    for problem in problems {
        let _ = writeln!(text, "- not read: {}", plain(&problem.message));
    }
}

/// Words that Markdown shall not take for its own, and nothing from outside that steers a terminal.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in printable(text).chars() {
        if matches!(
            letter,
            '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '|' | '#'
        ) {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}

/// A code span whatever is in it (CommonMark 0.31, section 6.1).
fn code(text: &str) -> String {
    let text = printable(text);
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let ticks = "`".repeat(longest + 1);
    if longest == 0 {
        format!("{ticks}{text}{ticks}")
    } else {
        format!("{ticks} {text} {ticks}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_outside_stay_words() {
        assert_eq!(
            plain("a_b <img> \u{1b}[31m"),
            "a\\_b \\<img\\> \\\\u{1b}\\[31m"
        );
        assert_eq!(code("a `b` ``c``"), "``` a `b` ``c`` ```");
        assert_eq!(code("dig a"), "`dig a`");
    }
}
