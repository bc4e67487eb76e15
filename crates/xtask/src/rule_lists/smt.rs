//! Rule lists in SMT-LIB 2, as bit vectors, and z3 to answer.

#![expect(clippy::disallowed_methods, reason = "a chore starts programs")]

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{FIELDS, Point, Rule};
use crate::bench::find;

/// Where z3 is; Debian's package `z3` and PyPI's `z3-solver` bring it.
pub(crate) fn z3() -> Option<PathBuf> {
    find("z3")
}

/// Questions to z3.
pub(crate) struct Script {
    text: String,
}

/// What z3 says to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// No point.
    None,
    /// This one among others.
    Some(Point),
}

impl Script {
    pub(crate) fn new() -> Script {
        let mut text = "(set-logic QF_BV)\n".to_owned();
        for (name, width) in FIELDS {
            let _ = writeln!(text, "(declare-const {name} (_ BitVec {width}))");
        }
        Script { text }
    }

    /// Declares `NAME`, whether a point is accepted, and `NAME-N`, whether rule N fits it.
    pub(crate) fn list(&mut self, name: &str, rules: &[Rule]) {
        let _ = writeln!(
            self.text,
            "(define-fun {name}-from-{} () Bool false)",
            rules.len()
        );
        for (number, rule) in rules.iter().enumerate().rev() {
            let _ = writeln!(
                self.text,
                "(define-fun {name}-{number} () Bool (and true{}))\n\
                 (define-fun {name}-from-{number} () Bool (ite {name}-{number} {} {name}-from-{}))",
                conditions(rule),
                rule.accept,
                number + 1
            );
        }
        let _ = writeln!(self.text, "(define-fun {name} () Bool {name}-from-0)");
    }

    /// Asks for a point with this property.
    pub(crate) fn ask(&mut self, property: &str) {
        let names = FIELDS.map(|(name, _)| name).join(" ");
        let _ = writeln!(
            self.text,
            "(push)\n(assert {property})\n(check-sat)\n(get-value ({names}))\n(pop)"
        );
    }

    /// The answers, in the order of the questions.
    ///
    /// # Errors
    /// When z3 cannot be run or says something else.
    pub(crate) fn answers(&self, z3: &Path) -> io::Result<Vec<Said>> {
        let mut child = Command::new(z3)
            .args(["-in", "-smt2"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let sent = stdin.map_or(Ok(()), |mut stdin| stdin.write_all(self.text.as_bytes()));
        let output = child.wait_with_output()?;
        sent?;
        read(&String::from_utf8_lossy(&output.stdout))
    }
}

/// A property: one of the points, each with whether the list accepts it, is decided otherwise.
pub(crate) fn mistaken(list: &str, points: &[(Point, bool)]) -> String {
    let mut property = "(or false".to_owned();
    for (point, accepted) in points {
        let at: Vec<String> = FIELDS
            .iter()
            .zip(point)
            .map(|((name, width), value)| format!("(= {name} {})", number(*value, *width)))
            .collect();
        let at = at.join(" ");
        let _ = write!(property, " (and (not (= {list} {accepted})) {at})");
    }
    property + ")"
}

fn conditions(rule: &Rule) -> String {
    let mut text = String::new();
    for ((name, width), side) in FIELDS.iter().zip(rule.sides) {
        if let Some((first, last)) = side {
            let (first, last) = (number(first, *width), number(last, *width));
            let _ = write!(text, " (bvule {first} {name}) (bvule {name} {last})");
        }
    }
    text
}

fn number(value: u32, width: u32) -> String {
    format!("(_ bv{value} {width})")
}

/// `unsat` and an error about the missing model, or `sat` and `((src #x0a000001) …)`.
fn read(text: &str) -> io::Result<Vec<Said>> {
    let mut answers = Vec::new();
    let mut words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'));
    while let Some(word) = words.next() {
        match word {
            "unsat" => answers.push(Said::None),
            "sat" => answers.push(Said::Some(Point::default())),
            "error" => {
                let said: Vec<&str> = words.by_ref().take(8).collect();
                if !said.contains(&"model") {
                    return Err(io::Error::other(format!("z3: {}", said.join(" "))));
                }
            }
            "unknown" | "timeout" => return Err(io::Error::other("z3 does not know")),
            _ => {
                let field = FIELDS.iter().position(|(name, _)| *name == word);
                let Some(field) = field else { continue };
                let value = words.by_ref().find(|word| !word.is_empty());
                let value = value.and_then(|value| value.strip_prefix("#x"));
                let value = value.and_then(|value| u32::from_str_radix(value, 16).ok());
                let slot = match answers.last_mut() {
                    Some(Said::Some(point)) => point.get_mut(field),
                    _ => None,
                };
                let (Some(slot), Some(value)) = (slot, value) else {
                    return Err(io::Error::other(format!("z3 says {word} out of place")));
                };
                *slot = value;
            }
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::{Said, read};

    #[test]
    fn answers_of_z3_are_read() {
        let text = "sat\n((src #x0a000001)\n (dst #x00000000)\n (proto #x06)\n (sport #x0000)\n (dport #x01bb))\n\
                    unsat\n(error \"line 9 column 40: model is not available\")\n";
        let point = [0x0a00_0001, 0, 6, 0, 443];
        assert_eq!(read(text).unwrap(), [Said::Some(point), Said::None]);
        assert!(read("(error \"line 1 column 2: unknown constant x\")").is_err());
        assert!(read("unknown\n").is_err());
    }
}
