//! Envoy: bootstrap files with static resources, and files of resources that a bootstrap names.
//!
//! The fields are those of data-plane-api 2026-01-29 (v3). Keys are read as `snake_case` and as
//! `camelCase`, as Protocol Buffers' JSON allows. Values that somebody fills in later (`${NAME}`)
//! stay as they are in names, and are not known where a number or a time is needed.

mod cluster;
mod known;
mod listener;
mod program;
mod route;
mod tls;

use crate::Text;
use crate::document::{self, Document, View};
use crate::service::written::Entry;
use crate::service::{Intake, file_name, folder};
use program::Draft;
use ww_base::{ProblemKind, SourceSpan};
use ww_model::service::Product;

/// The component in the default tables.
const COMPONENT: &str = "envoy";

fn product() -> Product {
    Product::named(COMPONENT)
}

/// Reads all files of Envoy: each bootstrap is a program, and resources in files of their own belong
/// to the bootstrap that names these files, or together where none does.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut pieces: Vec<Draft> = Vec::new();
    for text in texts {
        each_tree(text, intake, |root, intake| {
            let mut draft = Draft::new(text.path, root.at());
            draft.read(root, intake);
            if draft.is_piece {
                pieces.push(draft);
            } else if !draft.is_empty() {
                drafts.push(draft);
            }
        });
    }
    for piece in pieces {
        match drafts.iter_mut().find(|draft| draft.takes(&piece)) {
            Some(draft) => draft.append(piece),
            None => drafts.push(piece),
        }
    }
    for draft in drafts {
        draft.finish(intake);
    }
}

/// Every document of a text; what is none is a problem.
fn each_tree(
    text: &Text<'_>,
    intake: &mut Intake<'_>,
    mut visit: impl FnMut(View<'_>, &mut Intake<'_>),
) {
    let limits = intake.limits;
    let place = |start: usize| SourceSpan {
        source: text.source,
        start: start as u32,
        end: start as u32,
    };
    if text.bytes.len() > limits.document_bytes as usize {
        let message = format!("more than {} bytes: split the file", limits.document_bytes);
        return intake.problem(place(0), ProblemKind::TooLarge, message);
    }
    let good = match std::str::from_utf8(text.bytes) {
        Ok(good) => good,
        Err(error) => {
            let end = error.valid_up_to();
            intake.malformed(place(end), "not UTF-8; nothing behind this byte was read");
            let good = text.bytes.get(..end).map(std::str::from_utf8);
            good.and_then(Result::ok).unwrap_or_default()
        }
    };
    document::read(good, text.source, limits, |document| {
        let tree = match document {
            Document::Tree(tree) => tree,
            Document::TooLarge(tree, at) => {
                let message = "too many parts in one document; nothing behind this byte was read";
                intake.problem(place(at as usize), ProblemKind::TooLarge, message);
                tree
            }
            Document::Template(at) => {
                let message = "this is a template: render it first and bring the result";
                return intake.unsupported(place(at as usize), message);
            }
            Document::Malformed(_, at) if good.contains("{{") || good.contains("{%") => {
                let message = "this is a template: render it first and bring the result";
                return intake.unsupported(place(at as usize), message);
            }
            Document::Malformed(message, at) => {
                return intake.malformed(place(at as usize), format!("not YAML: {message}"));
            }
        };
        if let Some(root) = tree.root() {
            visit(root, intake);
        }
        if let Some(root) = tree.root().filter(|_| tree.is_exhausted()) {
            let message = "aliases repeat one another too often; not all of it was read";
            intake.problem(root.at(), ProblemKind::TooLarge, message);
        }
    });
}

/// What stands behind keys one below the other, each in either spelling.
fn of<'t>(view: View<'t>, keys: &[&str]) -> Entry<'t> {
    let mut found = None;
    let mut holder = Some(view);
    for key in keys {
        let view = holder?;
        found = view
            .get_with_key(key)
            .or_else(|| view.get_with_key(&camel_case(key)));
        holder = found.map(|(_, view)| view);
    }
    found
}

/// The mapping or list behind keys one below the other.
fn below<'t>(view: View<'t>, keys: &[&str]) -> Option<View<'t>> {
    of(view, keys).map(|(_, view)| view)
}

/// The text behind keys one below the other.
fn text_of<'t>(view: View<'t>, keys: &[&str]) -> Option<&'t str> {
    below(view, keys)?.text()
}

/// The entries of a list; one entry may stand for a list of it.
fn list<'t>(view: View<'t>, key: &str) -> Vec<View<'t>> {
    match below(view, &[key]) {
        Some(list) if list.is_list() => list.items().collect(),
        other => other.into_iter().collect(),
    }
}

fn camel_case(key: &str) -> String {
    let mut words = key.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len());
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The last word of a message's type: `HttpConnectionManager`.
fn type_of(config: View<'_>) -> &str {
    let name = text_of(config, &["@type"]).unwrap_or_default();
    name.rsplit(['.', '/']).next().unwrap_or_default()
}

/// The configuration of a filter or a transport socket.
fn config(holder: View<'_>) -> Option<View<'_>> {
    below(holder, &["typed_config"]).or_else(|| below(holder, &["config"]))
}

/// The name of the folder, or of the file where there is none.
fn name_of(path: &str) -> String {
    let folder = file_name(folder(path));
    let name = if folder.is_empty() {
        file_name(path)
    } else {
        folder
    };
    format!("envoy ({name})")
}

#[cfg(test)]
mod tests;
