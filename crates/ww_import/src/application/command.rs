//! The command that starts an application, and the variables that servers read.

use super::known::{Known, OPTIONS, Unit, VARIABLES};
use super::package::Manifest;
use super::written::{Value, Written};
use crate::text::{Quoting, words};
use ww_base::{Locus, SourceSpan, Sourced};
use ww_model::service::Unit as Started;

/// Programs that serve, and the component that each is.
const SERVERS: &[(&str, &str)] = &[
    ("gunicorn", "gunicorn"),
    ("uvicorn", "uvicorn"),
    ("hypercorn", "hypercorn"),
    ("waitress-serve", "waitress"),
    ("puma", "puma"),
];

/// Options by which servers are told their port or address.
const PORTS: [&str; 5] = ["-b", "--bind", "--port", "-p", "--listen"];

/// Options by which servers are told a file of settings.
const FILES: [&str; 3] = ["-c", "-C", "--config"];

/// Words that end a command.
const ENDS: [&str; 5] = ["&&", "||", ";", "|", "&"];

/// What a command says.
#[derive(Default)]
pub(super) struct Command {
    /// The server that it starts, where it is one of those that take options.
    pub(super) server: Option<&'static str>,
    /// Where that server is named.
    pub(super) server_at: Option<SourceSpan>,
    /// The file of settings that the server is told.
    pub(super) file: Option<String>,
    /// The file that an interpreter is told to run.
    pub(super) script: Option<String>,
    pub(super) written: Vec<Written>,
    pub(super) port: Option<(u16, SourceSpan)>,
    /// Whether anything is said at all.
    pub(super) is_known: bool,
}

/// Reads what starts a unit: variables first, then the command, whose options go before them.
pub(super) fn read(unit: &Started, manifest: &Manifest) -> Command {
    let flat = flattened(&unit.command, manifest);
    let mut command = Command {
        is_known: !flat.is_empty(),
        ..Command::default()
    };
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let server = flat.iter().enumerate().find_map(|(index, word)| {
        let name = name(&word.value);
        let (_, component) = SERVERS.iter().find(|(known, _)| *known == name)?;
        (!is_argument(flat.get(..index)?)).then_some((index, *component))
    });
    command.server = server.map(|(_, component)| component);
    command.server_at = server.and_then(|(index, _)| match &flat.get(index)?.at {
        Locus::Text(at) => Some(*at),
        _ => None,
    });
    for (variable, value) in &unit.environment {
        let of_server = |known: &&Known| Some(known.0) == command.server && known.1 == variable;
        if let (Some(known), Locus::Text(at)) = (VARIABLES.iter().find(of_server), &value.at) {
            command.written.push(written(known, &value.value, *at));
        }
        if variable == "GUNICORN_CMD_ARGS" && command.server == Some("gunicorn") {
            let (split, _) = words(&value.value, Quoting::Shell);
            let sourced = |word: std::borrow::Cow<'_, str>| Sourced {
                value: word.into_owned(),
                at: value.at.clone(),
            };
            let arguments: Vec<Sourced<String>> = split.into_iter().map(sourced).collect();
            command.options("gunicorn", &arguments, unit);
        }
    }
    if let Some((index, component)) = server {
        let options = flat.get(index + 1..).unwrap_or_default();
        command.options(component, options, unit);
    } else {
        let interpreters = ["node", "nodemon", "ts-node", "python", "python3", "ruby"];
        let mut words = flat
            .iter()
            .skip_while(|word| !interpreters.contains(&&*name(&word.value)));
        words.next();
        let script = words.find(|word| !word.value.starts_with('-'));
        command.script = script.map(|word| word.value.clone());
    }
    command
}

/// Whether a word behind these is an argument of something else: a package that is installed, the
/// value of an option.
fn is_argument(before: &[Sourced<String>]) -> bool {
    let mut same = before
        .iter()
        .rev()
        .take_while(|word| !ENDS.contains(&&*word.value));
    let last = before.last().map_or("", |word| &word.value);
    let is_value = last.starts_with('-') && last != "-m" && last != "--";
    is_value || same.any(|word| word.value == "install")
}

/// The words of the command, with those of a shell's line and of npm's start script put in.
fn flattened(command: &[Sourced<String>], manifest: &Manifest) -> Vec<Sourced<String>> {
    let texts: Vec<&str> = command.iter().map(|word| word.value.as_str()).collect();
    let line = match texts.as_slice() {
        [shell, flag, _, ..]
            if shell.ends_with("sh") && flag.starts_with('-') && flag.ends_with('c') =>
        {
            command.get(2)
        }
        ["npm" | "yarn" | "pnpm", "start", ..] | ["npm" | "yarn" | "pnpm", "run", "start", ..] => {
            manifest.start.as_ref()
        }
        _ => None,
    };
    let Some(line) = line else {
        return command.to_vec();
    };
    let (split, _) = words(&line.value, Quoting::Shell);
    let words: Vec<Sourced<String>> = split
        .into_iter()
        .map(|word| Sourced {
            value: word.into_owned(),
            at: line.at.clone(),
        })
        .collect();
    let is_npm = |word: &str| matches!(word, "npm" | "yarn" | "pnpm");
    match words.first() {
        Some(first) if is_npm(&first.value) && texts.first().is_some_and(|it| !is_npm(it)) => {
            flattened(&words, manifest)
        }
        _ => words,
    }
}

impl Command {
    fn options(&mut self, component: &'static str, words: &[Sourced<String>], unit: &Started) {
        let mut words = words
            .iter()
            .take_while(|word| !ENDS.contains(&&*word.value))
            .peekable();
        while let Some(word) = words.next() {
            let (flag, inside) = match word.value.split_once('=') {
                Some((flag, value)) if flag.starts_with('-') => (flag, Some(value)),
                _ => (word.value.as_str(), None),
            };
            let (flag, inside) = match (inside, flag.get(..2), flag.get(2..)) {
                (None, Some(short), Some(rest))
                    if !rest.is_empty() && short != "--" && short.starts_with('-') =>
                {
                    (short, Some(rest))
                }
                _ => (flag, inside),
            };
            let known = OPTIONS
                .iter()
                .find(|known| known.0 == component && known.1 == flag);
            let is_port = PORTS.contains(&flag);
            let is_threads = component == "puma" && (flag == "-t" || flag == "--threads");
            let is_file = FILES.contains(&flag);
            if known.is_none() && !is_port && !is_threads && !is_file {
                continue;
            }
            let (value, last) = match inside {
                Some(value) => (value, word),
                None => match words.next() {
                    Some(next) => (next.value.as_str(), next),
                    None => break,
                },
            };
            let Some(at) = between(word, last) else {
                continue;
            };
            let value = resolved(value, unit);
            if is_file {
                self.file = Some(value);
            } else if let Some(known) = known {
                self.written.push(written(known, &value, at));
            } else if is_threads {
                let most = value.rsplit(':').next().unwrap_or_default();
                let known = ("puma", flag, "threads", Unit::Count);
                self.written
                    .push(written(&(known.0, "-t", known.2, known.3), most, at));
            } else if let Some(Ok(port)) = value.rsplit(':').next().map(str::parse) {
                self.port = Some((port, at));
            }
        }
    }
}

/// From the beginning of one word to the end of another.
fn between(first: &Sourced<String>, last: &Sourced<String>) -> Option<SourceSpan> {
    let (Locus::Text(first), Locus::Text(last)) = (&first.at, &last.at) else {
        return None;
    };
    Some(SourceSpan {
        end: last.end.max(first.end),
        ..*first
    })
}

/// A value with the variable that it is put in: from the unit's environment, or its own default.
fn resolved(value: &str, unit: &Started) -> String {
    let Some(at) = value.find('$') else {
        return value.to_owned();
    };
    let (before, variable) = value.split_at_checked(at).unwrap_or((value, ""));
    let name = variable
        .trim_start_matches('$')
        .trim_start_matches('{')
        .trim_end_matches('}');
    let (name, default) = name
        .split_once(":-")
        .map_or((name, None), |(it, or)| (it, Some(or)));
    let mut set = unit.environment.iter();
    let set = set.find(|(known, _)| known == name);
    match set.map(|(_, value)| value.value.as_str()).or(default) {
        Some(found) => format!("{before}{found}"),
        None => value.to_owned(),
    }
}

fn written(known: &Known, value: &str, at: SourceSpan) -> Written {
    let (component, _, setting, unit) = known;
    let value = if value.contains('$') {
        Value::Open(value.to_owned())
    } else {
        unit.of_word(value)
    };
    Written {
        component,
        setting,
        value,
        at,
    }
}
