//! Texts are short, and hold no reminders.

use super::{Complaint, Tree};

/// A source longer than this is noted.
const LONG: usize = 600;

/// A source longer than this is not tidy.
const TOO_LONG: usize = 800;

/// Words that mean unfinished work, written so that this file does not hold them.
const UNFINISHED: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("dbg", "!"),
];

/// Checks every text.
pub(super) fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, lines) in lengths(tree).filter(|(_, lines)| *lines > TOO_LONG) {
        let message = format!("{lines} lines; at most {TOO_LONG}: move a job out");
        complaints.push(Complaint::new(path, 0, message));
    }
    for (path, text) in tree.files("", "") {
        for (index, line) in text.lines().enumerate() {
            let found = UNFINISHED.into_iter().filter(|word| holds_word(line, word));
            complaints.extend(found.map(|word| {
                Complaint::new(
                    path,
                    index + 1,
                    format!("`{word}`: finish it, or leave it out"),
                )
            }));
        }
    }
    complaints
}

/// Sources that are long, but not too long, with their lines.
pub(super) fn long_files(tree: &Tree) -> Vec<(String, usize)> {
    lengths(tree)
        .map(|(path, lines)| (path.to_owned(), lines))
        .filter(|(_, lines)| (LONG + 1..=TOO_LONG).contains(lines))
        .collect()
}

/// Every source with its number of lines.
fn lengths(tree: &Tree) -> impl Iterator<Item = (&str, usize)> {
    tree.files("", ".rs")
        .map(|(path, text)| (path, text.lines().count()))
}

/// Whether a line holds a word that is no part of a longer one.
fn holds_word(line: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    };
    line.match_indices(word).any(|(at, _)| {
        let (before, from) = line.split_at_checked(at).unwrap_or_default();
        let after = from.strip_prefix(word).unwrap_or_default();
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, tree};
    use super::*;

    #[test]
    fn reminders_are_found_as_words() {
        let [reminder, ..] = UNFINISHED;
        let text = format!("fine\n// {reminder}: later\nlet {reminder}S = 1;\n");
        let found = said(&check(&tree(&[("a.rs", &text)])));
        assert_eq!(
            found,
            [format!("a.rs:2: `{reminder}`: finish it, or leave it out")]
        );
    }

    #[test]
    fn long_sources_are_noted_and_longer_ones_refused() {
        let lines = |count| "\n".repeat(count);
        let files = [
            ("a.rs", lines(600)),
            ("b.rs", lines(601)),
            ("c.rs", lines(801)),
            ("d.md", lines(900)),
        ];
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        let tree = tree(&files);
        assert_eq!(long_files(&tree), [("b.rs".to_owned(), 601)]);
        assert_eq!(
            said(&check(&tree)),
            ["c.rs: 801 lines; at most 800: move a job out"]
        );
    }
}
