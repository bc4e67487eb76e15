//! `cargo xtask tidy`: what holds for every file of the project, checked. It runs as a test too.

mod layers;
mod rules;
mod texts;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The project's texts by their path from its root, with `/` between the parts.
#[derive(Debug, Default)]
struct Tree(BTreeMap<String, String>);

/// Something that is not tidy.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Complaint {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Checks the project and prints what is not tidy.
pub(crate) fn run() -> ExitCode {
    let tree = match Tree::read(&root()) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("the project cannot be read: {error}");
            return ExitCode::from(4);
        }
    };
    for (path, lines) in texts::long_files(&tree) {
        println!("note: {path} has {lines} lines; look for a second job to move out");
    }
    let complaints = check(&tree);
    for complaint in &complaints {
        println!("{complaint}");
    }
    println!("{} texts, {} complaints", tree.0.len(), complaints.len());
    if complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Everything that is not tidy, in order of path and line.
fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = layers::check(tree);
    complaints.extend(rules::check(tree));
    complaints.extend(texts::check(tree));
    complaints.sort();
    complaints
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Tree {
    /// Reads manifests, sources and documents below `root`, but no build results and no hidden
    /// folders.
    fn read(root: &Path) -> std::io::Result<Tree> {
        let mut tree = Tree::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the chores look at the project's files"
    )]
    fn read_folder(&mut self, folder: &Path, prefix: &str) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let is_text = Path::new(&name).extension().is_some_and(|extension| {
                ["rs", "md", "toml"].iter().any(|known| extension == *known)
            });
            if entry.file_type()?.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    self.read_folder(&entry.path(), &format!("{path}/"))?;
                }
            } else if is_text {
                self.0.insert(path, std::fs::read_to_string(entry.path())?);
            }
        }
        Ok(())
    }

    /// The texts whose path begins and ends so.
    fn files<'a>(
        &'a self,
        start: &'a str,
        end: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(move |(path, _)| path.starts_with(start) && path.ends_with(end))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

impl Complaint {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Complaint {
        Complaint {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn tree(files: &[(&str, &str)]) -> Tree {
        Tree(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }

    pub(super) fn said(complaints: &[Complaint]) -> Vec<String> {
        complaints.iter().map(Complaint::to_string).collect()
    }

    #[test]
    fn the_project_is_tidy() {
        let tree = Tree::read(&root()).unwrap();
        assert!(tree.0.contains_key("crates/xtask/src/tidy/mod.rs"));
        let complaints = said(&check(&tree));
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }
}
