//! Conditions: ACLs by their names or in braces.

use super::section::{Line, Section};

/// The words of the condition of a line, those of `if` or `unless` with what they name in place;
/// none where it has no condition.
pub(super) fn of_line(section: &Section, line: &Line) -> Option<Vec<String>> {
    let words = line.words.iter().map(|word| word.text.as_str());
    let words: Vec<&str> = words.collect();
    let at = words
        .iter()
        .position(|word| matches!(*word, "if" | "unless"))?;
    let mut out = Vec::new();
    for word in words.get(at + 1..).unwrap_or_default() {
        let name = word.trim_start_matches('!');
        let acls = section.lines.iter();
        let acls = acls.filter(|acl| acl.begins(&["acl"]) && acl.word(1) == name);
        let before = out.len();
        out.extend(acls.flat_map(|acl| acl.words.iter().skip(2).map(|word| word.text.clone())));
        if out.len() == before {
            out.push((*word).to_owned());
        }
    }
    Some(out)
}

/// The words from `if` or `unless` on, as written.
pub(super) fn written(line: &Line) -> Option<String> {
    let mut words = line.words.iter();
    let at = words.position(|word| matches!(&*word.text, "if" | "unless"))?;
    Some(line.rest(at))
}

/// Whether the condition of a line holds for nothing but requests that ask for WebSocket.
pub(super) fn is_upgrade(section: &Section, line: &Line) -> bool {
    let Some(written) = written(line) else {
        return false;
    };
    let has_choice = written.contains('!') || written.contains("||") || written.contains(" or ");
    if written.starts_with("unless") || has_choice {
        return false;
    }
    let words = of_line(section, line).unwrap_or_default();
    let is = |word: &str, name: &str| word.eq_ignore_ascii_case(name);
    let header = ["hdr(upgrade)", "req.hdr(upgrade)", "req.fhdr(upgrade)"];
    let at = words
        .iter()
        .position(|word| header.iter().any(|name| is(word, name)));
    at.is_some_and(|at| {
        let mut behind = words.iter().skip(at + 1).take(3);
        behind.any(|word| is(word, "websocket"))
    })
}

/// The path that a condition asks for.
pub(super) fn path(condition: &[String]) -> Option<&str> {
    let tests = ["path", "path_beg", "url", "path_reg"];
    let at = condition
        .iter()
        .position(|word| tests.contains(&word.as_str()))?;
    let mut words = condition.iter().skip(at + 1);
    words
        .find(|word| word.starts_with(['/', '^']))
        .map(String::as_str)
}
