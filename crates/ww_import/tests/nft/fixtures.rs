//! Each file of `testdata/nft` beside the lines that it becomes.

use crate::shape;
use std::path::{Path, PathBuf};
use ww_base::{Limits, SourceId};
use ww_import::nft::{NoIncludes, read};

/// The rule sets of a folder, sorted by name.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "nft"))
        .collect();
    files.sort();
    files
}

/// Reads each file and compares it with what was recorded; `UPDATE=1` records it anew.
fn compare(folder: &str) -> usize {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    let files = files(folder);
    for path in &files {
        let text = std::fs::read(path).unwrap();
        let read = read(SourceId(0), &text, &mut NoIncludes, &Limits::default());
        let mut lines = shape::lines(&read.value);
        for unknown in &read.value.unknowns {
            lines.push(format!("unknown {:?}: {}", unknown.reason, unknown.text));
        }
        lines.extend(read.problems.iter().map(|one| shape::problem(&text, one)));
        let lines = lines.join("\n") + "\n";
        let recorded = path.with_extension("model");
        if update {
            std::fs::write(&recorded, &lines).unwrap();
        } else if std::fs::read_to_string(&recorded).unwrap_or_default() != lines {
            wrong.push(format!("{}:\n{lines}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    files.len()
}

#[test]
fn rule_sets_lower_as_recorded() {
    assert!(compare("testdata/nft") >= 60);
}

#[test]
fn what_no_kernel_is_asked_about_lowers_as_recorded() {
    assert!(compare("testdata/nft/text_only") >= 5);
}
