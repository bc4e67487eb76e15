//! Kubernetes manifests: YAML (several documents) and JSON, one object or a list of them.
//!
//! Reads the kinds that decide who can reach whom and counts the others. Templates that Helm has yet
//! to render are recognised and named. See [`ww_model::kube`] for what comes out.

mod objects;
mod policies;
mod selectors;
mod services;
mod workloads;

use std::collections::BTreeMap;
use std::ops::Range;

use ww_base::{Limits, Locus, Partial, Problem, ProblemKind, SourceId, SourceSpan};
use ww_model::kube::Cluster;

use crate::document::{self, Document, View};

/// What to do with a template.
const RENDER: &str =
    "this is a template: render it first (helm template CHART) and bring the result";

/// Somebody else who reads the objects of manifests.
pub(crate) trait Observer {
    /// An object, with its kind and the path of its file.
    fn object(&mut self, kind: &str, object: View<'_>, path: &str);
}

/// Reads all files of a cluster; an object that is declared twice counts as declared last.
pub fn import<'a>(
    files: impl IntoIterator<Item = (SourceId, &'a [u8])>,
    limits: &Limits,
) -> Partial<Cluster> {
    let files = files.into_iter().map(|(source, bytes)| (source, "", bytes));
    import_observed(files, limits, &mut Nobody)
}

/// An observer that looks away.
struct Nobody;

impl Observer for Nobody {
    fn object(&mut self, _kind: &str, _object: View<'_>, _path: &str) {}
}

/// The same of files with their paths, where every object is also shown to the observer.
pub(crate) fn import_observed<'a>(
    files: impl IntoIterator<Item = (SourceId, &'a str, &'a [u8])>,
    limits: &Limits,
    observer: &mut dyn Observer,
) -> Partial<Cluster> {
    let mut intake = Intake {
        most_problems: limits.problems_per_text,
        cluster: Cluster::default(),
        problems: Vec::new(),
        met: BTreeMap::new(),
        path: "",
        observer,
    };
    for (source, path, bytes) in files {
        intake.path = path;
        intake.file(source, bytes, limits);
    }
    objects::keep_last_declarations(&mut intake);
    intake.count_untold();
    Partial {
        value: intake.cluster,
        problems: intake.problems,
    }
}

/// What has been read so far.
struct Intake<'o> {
    cluster: Cluster,
    problems: Vec<Problem>,
    /// How many problems each text had, told or not.
    met: BTreeMap<SourceId, u64>,
    /// How many are told of a text.
    most_problems: u32,
    /// The path of the file that is being read.
    path: &'o str,
    /// Who else reads the objects.
    observer: &'o mut dyn Observer,
}

impl Intake<'_> {
    fn problem(&mut self, at: SourceSpan, kind: ProblemKind, message: impl Into<String>) {
        let met = self.met.entry(at.source).or_default();
        *met += 1;
        if *met > u64::from(self.most_problems) {
            return;
        }
        let message = message.into();
        self.problems.push(Problem {
            at: Locus::Text(at),
            kind,
            message,
        });
    }

    /// How many problems all texts had.
    fn met_in_all(&self) -> u64 {
        self.met.values().sum()
    }

    /// Says of each text how many problems were not told.
    fn count_untold(&mut self) {
        for (source, met) in &self.met {
            let untold = met.saturating_sub(self.most_problems.into());
            if untold > 0 {
                self.problems.push(Problem {
                    at: Locus::Whole(*source),
                    kind: ProblemKind::TooLarge,
                    message: format!("{untold} more problems in this text are not listed"),
                });
            }
        }
    }

    fn malformed(&mut self, at: SourceSpan, message: impl Into<String>) {
        self.problem(at, ProblemKind::Malformed, message);
    }

    fn unsupported(&mut self, at: SourceSpan, message: impl Into<String>) {
        self.problem(at, ProblemKind::Unsupported, message);
    }

    fn ignore(&mut self, kind: &str) {
        let ignored: &mut BTreeMap<String, u32> = &mut self.cluster.ignored;
        if let Some(count) = ignored.get_mut(kind) {
            *count = count.saturating_add(1);
        } else {
            ignored.insert(kind.to_owned(), 1);
        }
    }

    fn file(&mut self, source: SourceId, bytes: &[u8], limits: &Limits) {
        let span = |start: usize| SourceSpan {
            source,
            start: start as u32,
            end: start as u32,
        };
        if bytes.len() > limits.document_bytes as usize {
            let message = format!("more than {} bytes: split the file", limits.document_bytes);
            self.cluster.unread += 1;
            self.cluster.policies_unread += 1;
            return self.problem(span(0), ProblemKind::TooLarge, message);
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let good = error.valid_up_to();
                self.cluster.policies_unread += 1;
                self.malformed(span(good), "not UTF-8; nothing behind this byte was read");
                bytes
                    .get(..good)
                    .and_then(|good| std::str::from_utf8(good).ok())
                    .unwrap_or_default()
            }
        };
        let mut template_named = false;
        document::read(text, source, limits, |document| {
            let template_at = self.document(document, text, &span);
            if let Some(at) = template_at.filter(|_| !template_named) {
                template_named = true;
                self.unsupported(at, RENDER);
            }
        });
    }

    /// Reads one document; the place of a template's braces when it is one.
    fn document(
        &mut self,
        document: Document<'_>,
        text: &str,
        span: &dyn Fn(usize) -> SourceSpan,
    ) -> Option<SourceSpan> {
        let tree = match document {
            Document::Template(at) => {
                self.unread_document(text, at as usize);
                return Some(span(at as usize));
            }
            Document::Malformed(message, at) => {
                self.unread_document(text, at as usize);
                if let Some(braces) = braces_in_document(text, at as usize) {
                    return Some(span(braces));
                }
                self.malformed(span(at as usize), format!("not YAML: {message}"));
                return None;
            }
            Document::TooLarge(tree, at) => {
                let message = "too many parts in one document; nothing behind this byte was read";
                self.problem(span(at as usize), ProblemKind::TooLarge, message);
                self.cluster.policies_unread += 1;
                tree
            }
            Document::Tree(tree) => tree,
        };
        let root = tree.root()?;
        let source = root.at().source;
        let before = (self.problems.len(), self.met.get(&source).copied());
        let template_at = if root.is_list() {
            let objects = root.items().map(|object| self.object(object));
            objects.fold(None, Option::or)
        } else {
            self.object(root)
        };
        if tree.is_exhausted() {
            // What seems to be missing was only not looked at.
            self.problems.truncate(before.0);
            self.met.insert(source, before.1.unwrap_or_default());
            let message = "aliases repeat one another too often; not all of it was read";
            self.problem(root.at(), ProblemKind::TooLarge, message);
            self.cluster.policies_unread += 1;
        }
        template_at
    }

    /// Counts a document that could not be read; its kind may stand in a line of its own all the same.
    fn unread_document(&mut self, text: &str, offset: usize) {
        self.cluster.unread += 1;
        let lines = || {
            text.get(document_around(text, offset))
                .unwrap_or_default()
                .lines()
        };
        let mut kinds = lines().filter_map(|line| line.strip_prefix("kind:"));
        let kind = kinds.next().map(str::trim);
        if kind.is_none_or(may_decide) || kinds.next().is_some() {
            self.cluster.policies_unread += 1;
        }
    }

    /// Reads an object, or the objects of a list; the place of a name that is still a template.
    fn object(&mut self, object: View<'_>) -> Option<SourceSpan> {
        let kind = object.get("kind").and_then(View::text);
        let Some(kind) = kind else {
            self.ignore("no kind");
            return None;
        };
        let Some(items) = object
            .get("items")
            .filter(|items| kind.ends_with("List") && items.is_list())
        else {
            return self.object_of_kind(kind, object);
        };
        let item_kind = kind.strip_suffix("List").unwrap_or_default();
        let mut template_at = None;
        for item in items.items() {
            let found = match item.get("kind").and_then(View::text) {
                None => self.object_of_kind(item_kind, item),
                Some(kind) if kind.ends_with("List") => {
                    self.ignore(kind);
                    None
                }
                Some(kind) => self.object_of_kind(kind, item),
            };
            template_at = template_at.or(found);
        }
        template_at
    }

    fn object_of_kind(&mut self, kind: &str, object: View<'_>) -> Option<SourceSpan> {
        let name = object
            .get("metadata")
            .and_then(|metadata| metadata.get("name"));
        if let Some(name) = name
            && name.text().is_some_and(|text| text.contains("{{"))
        {
            self.cluster.unread += 1;
            self.cluster.policies_unread += u32::from(may_decide(kind));
            return Some(name.at());
        }
        objects::read(self, kind, object);
        self.observer.object(kind, object, self.path);
        None
    }
}

/// Whether an object of a kind says who reaches whom, where the pods and services are known.
fn may_decide(kind: &str) -> bool {
    let quoted = ['"', '\''];
    let kind = kind.trim_matches(quoted);
    let decides = ["Policy", "List", "Namespace", "Template"];
    kind.contains("{{") || decides.iter().any(|end| kind.ends_with(end))
}

/// The document around an offset.
fn document_around(text: &str, offset: usize) -> Range<usize> {
    let Some((before, behind)) = text.split_at_checked(offset) else {
        return 0..text.len();
    };
    let start = before.rfind("\n---").unwrap_or(0);
    let end = behind.find("\n---");
    start..end.map_or(text.len(), |length| offset + length)
}

/// Where the first `{{` stands in the document around an offset.
fn braces_in_document(text: &str, offset: usize) -> Option<usize> {
    let document = document_around(text, offset);
    let start = document.start;
    let braces = text.get(document)?.find("{{");
    braces.map(|at| start + at)
}

#[cfg(test)]
mod tests;
