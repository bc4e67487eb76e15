//! Variables in compose files (`${NAME:-default}`).

use std::collections::BTreeMap;
use ww_base::Sourced;

/// How deep variables may stand in the defaults of others.
const DEEPEST: u32 = 8;

/// Values of variables, as the file beside the project sets them.
pub(super) struct Variables {
    values: BTreeMap<String, String>,
}

/// A text with its variables put in.
pub(super) struct Interpolated {
    pub(super) text: String,
    /// The first variable that nobody sets and that has no default.
    pub(super) missing: Option<String>,
}

impl Variables {
    pub(super) fn new(set: &[(String, Sourced<String>)]) -> Variables {
        let values = set.iter();
        let values = values.map(|(name, value)| (name.clone(), value.value.clone()));
        Variables {
            values: values.collect(),
        }
    }

    /// Puts the values of variables into a text; of one that has none it stays as it is written.
    pub(super) fn put_into(&self, text: &str) -> Interpolated {
        let mut whole = Interpolated {
            text: String::with_capacity(text.len()),
            missing: None,
        };
        self.put(text, DEEPEST, &mut whole);
        whole
    }

    fn put(&self, text: &str, depth: u32, whole: &mut Interpolated) {
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            whole.text.push_str(before);
            if let Some(behind) = behind.strip_prefix('$') {
                whole.text.push('$');
                rest = behind;
            } else if let Some((inside, behind)) = braced(behind) {
                self.braces(inside, depth, whole);
                rest = behind;
            } else {
                let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let end = behind.find(|letter| !is_name(letter));
                let (name, behind) = behind
                    .split_at_checked(end.unwrap_or(behind.len()))
                    .unwrap_or((behind, ""));
                self.value(name, whole);
                rest = behind;
            }
        }
        whole.text.push_str(rest);
    }

    /// What stands between `${` and `}`: a name, and what to do when it has no value.
    fn braces(&self, inside: &str, depth: u32, whole: &mut Interpolated) {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = inside
            .find(|letter| !is_name(letter))
            .unwrap_or(inside.len());
        let (name, operator) = inside.split_at_checked(end).unwrap_or((inside, ""));
        let value = self.values.get(name);
        let counts = |value: &&String| !operator.starts_with(':') || !value.is_empty();
        let value = value.filter(counts);
        let word = operator.trim_start_matches(':');
        match (word.chars().next(), value) {
            (Some('+'), None) => {}
            (Some('+'), Some(_)) | (Some('-'), None) => self.nested(word, depth, whole),
            (_, Some(value)) => whole.text.push_str(value),
            (_, None) => self.value(name, whole),
        }
    }

    /// The text behind an operator.
    fn nested(&self, word: &str, depth: u32, whole: &mut Interpolated) {
        let text = word.get(1..).unwrap_or_default();
        match depth.checked_sub(1) {
            Some(depth) => self.put(text, depth, whole),
            None => whole.text.push_str(text),
        }
    }

    fn value(&self, name: &str, whole: &mut Interpolated) {
        if let Some(value) = self.values.get(name) {
            whole.text.push_str(value);
        } else {
            whole.text.push_str("${");
            whole.text.push_str(name);
            whole.text.push('}');
            whole.missing.get_or_insert_with(|| name.to_owned());
        }
    }
}

/// What stands between the braces that a text begins with, and what stands behind them.
fn braced(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('{')?;
    let mut open = 1_u32;
    for (at, letter) in inside.char_indices() {
        match letter {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            let (inside, behind) = inside.split_at_checked(at)?;
            return Some((inside, behind.get(1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Variables;
    use ww_base::{Locus, SourceId, Sourced};

    #[test]
    fn a_variable_has_its_value_or_its_default_or_stays() {
        let set = |name: &str, value: &str| {
            let at = Locus::Whole(SourceId(0));
            let value = value.to_owned();
            (name.to_owned(), Sourced { value, at })
        };
        let variables = Variables::new(&[set("A", "1"), set("E", "")]);
        let cases = [
            ("x$A y${A}", "x1 y1", None),
            ("${B:-5}s ${E:-2}${E-3}", "5s 2", None),
            ("${B:-${A:-0}}", "1", None),
            ("${B} $C", "${B} ${C}", Some("B")),
            ("${A:?needed} ${B:?needed}", "1 ${B}", Some("B")),
            ("${A:+on}${B:+on}", "on", None),
            ("$$A 5$", "$A 5${}", Some("")),
            ("${A", "${}{A", Some("")),
        ];
        for (text, wanted, missing) in cases {
            let put = variables.put_into(text);
            assert_eq!(put.text, wanted, "{text}");
            assert_eq!(put.missing.as_deref(), missing, "{text}");
        }
    }
}
