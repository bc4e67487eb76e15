//! Environment variables: what of them may enter the model, and the files that hold them.

use crate::Text;
use ww_base::{Locus, SourceSpan, Sourced};

/// Parts of names whose values are secrets.
const SECRET: [&str; 8] = [
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "PRIVATE",
    "API_KEY",
    "ACCESS_KEY",
];

/// A variable's value as the model may hold it: none for one whose name says that it is a secret,
/// and without the user and the password of an address.
pub(crate) fn harmless(name: &str, value: &str) -> Option<String> {
    let name = name.to_ascii_uppercase();
    let is_secret = SECRET.iter().any(|part| name.contains(part)) || name.ends_with("_KEY");
    (!is_secret).then(|| without_user(value))
}

/// A text without what stands between `://` and `@` in its addresses.
pub(crate) fn without_user(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        harmless.push_str(before);
        harmless.push_str("://");
        let end = behind
            .find(|letter: char| {
                matches!(letter, '/' | '?' | '#' | '"' | '\'') || letter.is_whitespace()
            })
            .unwrap_or(behind.len());
        let (authority, _) = behind.split_at_checked(end).unwrap_or((behind, ""));
        let user_length = authority.rfind('@').map_or(0, |at| at + 1);
        rest = behind.get(user_length..).unwrap_or_default();
    }
    harmless.push_str(rest);
    harmless
}

/// The variables of a file with one on each line (`NAME=value`), in order; the place is that of the
/// whole line. Values in quotes lose them; a comment ends a value without quotes.
pub(crate) fn of_file(text: &Text<'_>) -> Vec<(String, Sourced<String>)> {
    let lines = crate::text::lines(text.source, text.bytes);
    lines
        .filter_map(|line| {
            let (name, value) = assignment(&line.text)?;
            let value = harmless(name, &value)?;
            Some((name.to_owned(), sourced(value, line.at)))
        })
        .collect()
}

fn sourced(value: String, at: SourceSpan) -> Sourced<String> {
    Sourced {
        value,
        at: Locus::Text(at),
    }
}

/// A variable and its value, when a line sets one.
fn assignment(line: &str) -> Option<(&str, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inside) = value.strip_prefix(quote) {
            return Some((
                name,
                inside.split(quote).next().unwrap_or_default().to_owned(),
            ));
        }
    }
    let value = value.split(" #").next().unwrap_or_default();
    Some((name, value.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{assignment, harmless, without_user};

    #[test]
    fn secrets_stay_out() {
        assert_eq!(harmless("DB_PASSWORD", "x"), None);
        assert_eq!(harmless("STRIPE_KEY", "x"), None);
        let url = "postgres://me:p%40ss@db:5432/shop?user=a@b";
        let left = "postgres://db:5432/shop?user=a@b".to_owned();
        assert_eq!(harmless("DATABASE_URL", url), Some(left));
        assert_eq!(without_user("a://b@c d://e"), "a://c d://e");
        assert_eq!(without_user("no address"), "no address");
        assert_eq!(without_user("x://"), "x://");
    }

    #[test]
    fn a_line_sets_a_variable() {
        let set = |line| assignment(line).map(|(name, value)| format!("{name}={value}"));
        assert_eq!(set("A=b c # d"), Some("A=b c".to_owned()));
        assert_eq!(set("export A = 'b # c' # d"), Some("A=b # c".to_owned()));
        assert_eq!(set("A=\"\""), Some("A=".to_owned()));
        assert_eq!(set("# A=b"), None);
        assert_eq!(set("A"), None);
    }
}
