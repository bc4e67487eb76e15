//! Files of applications, put together by their folders.

use super::code::{Code, Language};
use super::command;
use super::known::{GUNICORN_FILE, Known, PUMA_FILE};
use super::package::{self, Manifest};
use super::source::Found;
use super::written::{Value, Written};
use crate::Text;
use crate::service::{Intake, file_name, folder};
use std::collections::BTreeMap;
use ww_base::{ProblemKind, SourceSpan};
use ww_model::service::Unit;

/// Longest source that is read, in bytes; longer ones are put together by tools.
const MOST_SOURCE: usize = 4 << 20;

/// Folders of code that others wrote, or that only tests.
const NOT_OWN: [&str; 10] = [
    "node_modules",
    "vendor",
    "dist",
    "site-packages",
    ".venv",
    "venv",
    "test",
    "tests",
    "__tests__",
    "spec",
];

/// An application: what the files of a folder and those below it say.
pub(super) struct Application {
    pub(super) folder: String,
    pub(super) language: Language,
    /// Its first file, and the beginning of it.
    pub(super) path: String,
    pub(super) at: SourceSpan,
    pub(super) manifest: Manifest,
    pub(super) found: Found,
    /// Settings in the files of servers.
    pub(super) files: Vec<Written>,
}

/// Every application of these texts.
pub(super) fn applications(texts: &[Text<'_>], intake: &mut Intake<'_>) -> Vec<Application> {
    let own = |text: &&Text<'_>| !is_foreign(text.path);
    let mut applications: BTreeMap<(String, u8), Application> = BTreeMap::new();
    for text in texts.iter().filter(own) {
        if let Some(language) = of_manifest(text.path) {
            let application = applications
                .entry(key(folder(text.path), language))
                .or_insert_with(|| new(text, folder(text.path), language));
            let read = package::read(text);
            if let Some((message, at)) = read.problem {
                intake.malformed(at, message);
            }
            let manifest = &mut application.manifest;
            manifest.name = manifest.name.take().or(read.name);
            manifest.start = manifest.start.take().or(read.start);
            manifest.runtime = manifest.runtime.take().or(read.runtime);
            manifest.packages.extend(read.packages);
        }
    }
    for text in texts.iter().filter(own) {
        let Some(language) = of_source(text.path) else {
            continue;
        };
        if text.bytes.len() > MOST_SOURCE {
            let at = SourceSpan {
                source: text.source,
                start: 0,
                end: 0,
            };
            let message = format!("more than {MOST_SOURCE} bytes of source: not read");
            intake.problem(at, ProblemKind::TooLarge, message);
            continue;
        }
        let root = root(text.path, language, &applications);
        let application = applications
            .entry(key(&root, language))
            .or_insert_with(|| new(text, &root, language));
        source(text, language, application);
    }
    applications.into_values().collect()
}

/// The application that a unit starts by its command, when no file of it is at hand.
pub(super) fn of_command(unit: &Unit) -> Option<Application> {
    let command = command::read(unit, &Manifest::default());
    let component = command.server?;
    Some(Application {
        folder: folder(&unit.path).to_owned(),
        language: if component == "puma" {
            Language::Ruby
        } else {
            Language::Python
        },
        path: unit.path.clone(),
        at: command.server_at.unwrap_or(unit.at),
        manifest: Manifest::default(),
        found: Found::default(),
        files: Vec::new(),
    })
}

fn key(folder: &str, language: Language) -> (String, u8) {
    (folder.to_owned(), language as u8)
}

fn new(text: &Text<'_>, folder: &str, language: Language) -> Application {
    Application {
        folder: folder.to_owned(),
        language,
        path: text.path.to_owned(),
        at: SourceSpan {
            source: text.source,
            start: 0,
            end: 0,
        },
        manifest: Manifest::default(),
        found: Found::default(),
        files: Vec::new(),
    }
}

fn is_foreign(path: &str) -> bool {
    let name = file_name(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let tests = [".test", ".spec", "_test", ".min"];
    let is_test = stem.starts_with("test_") || tests.iter().any(|end| stem.ends_with(end));
    is_test || folder(path).split('/').any(|part| NOT_OWN.contains(&part))
}

fn of_manifest(path: &str) -> Option<Language> {
    Some(match file_name(path).to_ascii_lowercase().as_str() {
        "package.json" | "package-lock.json" => Language::JavaScript,
        "requirements.txt" | "poetry.lock" | "pyproject.toml" | "pipfile" | "pipfile.lock" => {
            Language::Python
        }
        "go.mod" => Language::Go,
        "gemfile" | "gemfile.lock" => Language::Ruby,
        _ => return None,
    })
}

fn of_source(path: &str) -> Option<Language> {
    let (_, ending) = file_name(path).rsplit_once('.')?;
    Some(match ending {
        "js" | "mjs" | "cjs" | "ts" => Language::JavaScript,
        "py" => Language::Python,
        "go" => Language::Go,
        "java" => Language::Java,
        "rb" => Language::Ruby,
        _ => return None,
    })
}

/// The folder of the application that a source belongs to: the nearest one above it that has a file
/// of packages, or else its own.
fn root(
    path: &str,
    language: Language,
    applications: &BTreeMap<(String, u8), Application>,
) -> String {
    let own = folder(path);
    if language == Language::Java {
        // Maven and Gradle keep the sources of a project below `src/main`.
        let project = path.split_once("/src/main/").map(|(project, _)| project);
        return project.unwrap_or(own).to_owned();
    }
    let mut at = own;
    loop {
        let known = applications.get(&key(at, language));
        if known.is_some_and(|it| !it.manifest.packages.is_empty() || it.manifest.name.is_some()) {
            return at.to_owned();
        }
        if at.is_empty() {
            return own.to_owned();
        }
        at = folder(at);
    }
}

fn source(text: &Text<'_>, language: Language, application: &mut Application) {
    let content = std::str::from_utf8(text.bytes).unwrap_or_else(|error| {
        let good = text.bytes.get(..error.valid_up_to()).unwrap_or_default();
        std::str::from_utf8(good).unwrap_or_default()
    });
    let code = Code::new(content, text.source, language);
    match file_name(text.path) {
        "gunicorn.conf.py" => application.files.extend(assigned(&code, GUNICORN_FILE)),
        "puma.rb" => application.files.extend(told(&code)),
        _ => application.found.read(&code),
    }
}

/// Plain assignments at the left edge: `name = value`.
fn assigned(code: &Code<'_>, known: &[Known]) -> Vec<Written> {
    let mut written = Vec::new();
    for index in 0..code.len() {
        let is_first = code.get(index).is_some_and(|token| token.is_first);
        let Some(name) = code
            .word(index)
            .filter(|_| is_first && code.is(index + 1, "="))
        else {
            continue;
        };
        let is_it = |known: &&Known| known.1 == name;
        if let Some((component, _, setting, unit)) = known.iter().find(is_it) {
            let last = code.end_of_statement(index + 2);
            written.push(Written {
                component,
                setting,
                value: super::source::value(code, index + 2, last, *unit),
                at: code.span(index, last),
            });
        }
    }
    written
}

/// The calls of `puma.rb`: `workers 2`, `threads 1, 5`.
fn told(code: &Code<'_>) -> Vec<Written> {
    let mut written = Vec::new();
    for index in 0..code.len() {
        let is_first = code.get(index).is_some_and(|token| token.is_first);
        let Some(name) = code.word(index).filter(|_| is_first) else {
            continue;
        };
        let is_threads = name == "threads";
        let known = PUMA_FILE.iter().find(|known| known.1 == name);
        let first = if is_threads && code.is(index + 2, ",") {
            index + 3
        } else {
            index + 1
        };
        let last = code.end_of_statement(first);
        let (setting, unit) = match known {
            Some((_, _, setting, unit)) => (*setting, *unit),
            None if is_threads => ("threads", super::known::Unit::Count),
            None => continue,
        };
        let value = match super::source::value(code, first, last, unit) {
            Value::Word(word) => Value::Open(word),
            value => value,
        };
        written.push(Written {
            component: "puma",
            setting,
            value,
            at: code.span(index, last),
        });
    }
    written
}
