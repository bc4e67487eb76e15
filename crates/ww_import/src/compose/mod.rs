//! Compose projects (the Compose Specification): each service is a unit.
//!
//! A file is first read into what it writes of each service; files that are layers of one another
//! (`compose.override.yml`, `extends`) are put together, and only then are services lowered.

mod interpolate;
mod lower;
mod merge;
mod read;
#[cfg(test)]
mod tests;
mod written;

use crate::document::{self, Document};
use crate::service::{Intake, file_name, folder, variables};
use crate::{Format, Text, recognise};
use interpolate::Variables;
use std::collections::BTreeMap;
use written::Project;
use ww_base::{ProblemKind, SourceSpan, Sourced};

/// The variables of files with one on each line, by their paths.
type Environments = BTreeMap<String, Vec<(String, Sourced<String>)>>;

/// Reads all compose projects; files with variables are there for those that name them.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    let mut environments = Environments::new();
    let mut files = Vec::new();
    for text in texts {
        match recognise(text.path, text.bytes) {
            Format::Environment => {
                environments.insert(text.path.to_owned(), variables::of_file(text));
            }
            _ => files.push(text),
        }
    }
    let mut projects = BTreeMap::new();
    for text in files {
        let beside = environments.get(&beside(text.path));
        let variables = Variables::new(beside.map_or(&[], Vec::as_slice));
        let mut project = Project::new(text.path);
        one_file(text, intake, &variables, &mut project);
        projects.insert(text.path.to_owned(), project);
    }
    for path in projects.keys() {
        if let Some((project, declared)) = merge::effective(path, &projects, intake.limits) {
            lower::project(&project, &declared, &environments, intake);
        }
    }
}

/// The file whose variables are put into a compose file.
fn beside(path: &str) -> String {
    match folder(path) {
        "" => ".env".to_owned(),
        folder => format!("{folder}/.env"),
    }
}

/// Whether a file is a layer that is put over the one with the plain name without being asked for.
fn is_override(path: &str) -> bool {
    let name = file_name(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.ends_with(".override")
}

fn one_file(
    text: &Text<'_>,
    intake: &mut Intake<'_>,
    variables: &Variables,
    project: &mut Project,
) {
    let span = |start: usize| SourceSpan {
        source: text.source,
        start: start as u32,
        end: start as u32,
    };
    if text.bytes.len() > intake.limits.document_bytes as usize {
        let most = intake.limits.document_bytes;
        let message = format!("more than {most} bytes: split the file");
        return intake.problem(span(0), ProblemKind::TooLarge, message);
    }
    let yaml = match std::str::from_utf8(text.bytes) {
        Ok(yaml) => yaml,
        Err(error) => {
            let good = error.valid_up_to();
            intake.malformed(span(good), "not UTF-8; nothing behind this byte was read");
            let good = text.bytes.get(..good).unwrap_or_default();
            std::str::from_utf8(good).unwrap_or_default()
        }
    };
    document::read(yaml, text.source, intake.limits, |document| {
        let tree = match document {
            Document::Template(at) => {
                let message = "this is a template: render it first and bring the result";
                return intake.unsupported(span(at as usize), message);
            }
            Document::Malformed(message, at) => {
                return intake.malformed(span(at as usize), format!("not YAML: {message}"));
            }
            Document::TooLarge(tree, at) => {
                let message = "too many parts in one document; nothing behind this byte was read";
                intake.problem(span(at as usize), ProblemKind::TooLarge, message);
                tree
            }
            Document::Tree(tree) => tree,
        };
        if let Some(root) = tree.root() {
            read::project(root, intake, variables, project);
            if tree.is_exhausted() {
                let message = "aliases repeat one another too often; not all of it was read";
                intake.problem(root.at(), ProblemKind::TooLarge, message);
            }
        }
    });
}
