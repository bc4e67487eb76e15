//! Lines of shell scripts, as far as they call iptables plainly.

use crate::text::{Quoting, words};
use std::borrow::Cow;
use std::collections::BTreeMap;
use ww_model::filter::Family;

/// A line of a script.
pub(super) enum Shell {
    /// Calls of iptables, each with its family and words.
    Calls(Vec<(Family, Vec<String>)>),
    /// Nothing that concerns rules.
    Nothing,
    /// Something that decides whether or how often other lines run.
    ControlFlow,
    /// Not understood.
    Other,
}

/// What a script has said so far.
#[derive(Default)]
pub(super) struct Script {
    variables: BTreeMap<String, String>,
}

/// Commands that leave the rules alone.
const HARMLESS: &[&str] = &[
    "echo",
    "printf",
    "modprobe",
    "insmod",
    "sysctl",
    "set",
    "exit",
    "export",
    "sleep",
    "ipset",
    "ip",
    "touch",
    "true",
    "false",
    ":",
    "cd",
    "unset",
    "logger",
    "service",
    "systemctl",
    "local",
    "return",
    "source",
    ".",
    "readonly",
    "umask",
    "trap",
    "cat",
    "test",
    "[",
    "iptables-restore",
    "ip6tables-restore",
    "iptables-save",
    "ip6tables-save",
    "EOF",
    "END",
];

/// Words that decide whether or how often other lines run.
const CONTROL: &[&str] = &[
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac",
    "function", "{", "}", "[[", "select", "break", "continue", ";;",
];

impl Script {
    /// Reads one line.
    pub(super) fn line(&mut self, line: &str) -> Shell {
        let expanded = self.expand(line);
        let (all, _) = words(&expanded, Quoting::Shell);
        let Some(first) = all.first() else {
            return Shell::Nothing;
        };
        let assigned = match first.as_ref() {
            "export" | "local" | "readonly" => all.get(1),
            _ => Some(first),
        };
        if let Some((name, value)) = assigned.and_then(|word| assignment(word)) {
            self.variables.insert(name.to_owned(), value.to_owned());
            return Shell::Nothing;
        }
        if CONTROL.contains(&first.as_ref()) || first.ends_with("()") || first.ends_with(')') {
            return Shell::ControlFlow;
        }
        let calls = calls(&all);
        if !calls.is_empty() {
            return Shell::Calls(calls);
        }
        let name = first.rsplit('/').next().unwrap_or_default();
        if HARMLESS.contains(&name) {
            Shell::Nothing
        } else {
            Shell::Other
        }
    }

    /// The line with `$NAME` and `${NAME}` replaced where their values are known.
    fn expand<'l>(&self, line: &'l str) -> Cow<'l, str> {
        if !line.contains('$') || self.variables.is_empty() {
            return Cow::Borrowed(line);
        }
        let mut pieces = line.split('$');
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let braced = piece
                .strip_prefix('{')
                .and_then(|rest| rest.split_once('}'));
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let (name, rest) = braced.unwrap_or_else(|| {
                let end = piece.find(|c: char| !letters(c)).unwrap_or(piece.len());
                piece.split_at(end)
            });
            if let Some(value) = self.variables.get(name) {
                out.push_str(value);
                out.push_str(rest);
            } else {
                out.push('$');
                out.push_str(piece);
            }
        }
        Cow::Owned(out)
    }
}

/// `NAME=VALUE`, where the value is plain.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let plain = !value.contains(['$', '`']);
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(letters);
    (is_name && plain).then_some((name, value))
}

/// The calls of iptables on one line. What follows `||` runs only when the call before fails, as
/// a check for a rule does that is to be added.
fn calls(words: &[Cow<'_, str>]) -> Vec<(Family, Vec<String>)> {
    let mut calls = Vec::new();
    let mut current: Vec<String> = Vec::new();
    let mut fails = true;
    for word in words {
        let (text, ends) = match word.as_ref() {
            "&&" | ";" | "|" | "&" => ("", true),
            "||" => {
                calls.extend(call(&current));
                fails = current.iter().any(|word| word == "-C" || word == "--check");
                current.clear();
                if !fails {
                    break;
                }
                continue;
            }
            redirection if is_redirection(redirection) => continue,
            plain => match plain.strip_suffix(';') {
                Some(text) => (text, true),
                None => (plain, false),
            },
        };
        if !text.is_empty() {
            current.push(text.to_owned());
        }
        if ends {
            calls.extend(call(&current));
            current.clear();
        }
    }
    if fails {
        calls.extend(call(&current));
    }
    calls
}

fn is_redirection(word: &str) -> bool {
    let bare = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
    bare.starts_with('>')
}

/// The call of iptables that these words are.
fn call(words: &[String]) -> Option<(Family, Vec<String>)> {
    let mut rest = words
        .iter()
        .skip_while(|word| word.as_str() == "sudo" || word.as_str() == "exec");
    let family = program(rest.next()?)?;
    Some((family, rest.cloned().collect()))
}

/// The family that a program is for: a name, a path, or a variable that is named like one.
fn program(word: &str) -> Option<Family> {
    let (name, variable) = match word.strip_prefix('$') {
        Some(name) => (name.trim_matches(['{', '}']).to_ascii_lowercase(), true),
        None => (word.rsplit('/').next()?.to_ascii_lowercase(), false),
    };
    let tool = |tool: &str| match name.strip_prefix(tool) {
        Some(rest) if variable => !rest.contains("save") && !rest.contains("restore"),
        Some(rest) => matches!(rest, "" | "-legacy" | "-nft"),
        None => false,
    };
    if tool("ip6tables") || variable && (name.starts_with("ip6t") || name == "ipt6") {
        Some(Family::Ip6)
    } else if tool("iptables") || variable && name.starts_with("ipt") {
        Some(Family::Ip4)
    } else {
        None
    }
}
