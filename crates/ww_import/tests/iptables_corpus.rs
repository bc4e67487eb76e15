//! Real rule sets: all of them are read, and what is told of them is known.
//!
//! Needs a collection of rule sets, named by `WIREWISE_CORPORA`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test against files, told by the environment; helpers are not in a test function"
)]

use std::path::{Path, PathBuf};
use ww_base::{Limits, Partial, ProblemKind, SourceId};
use ww_import::iptables;
use ww_model::filter::Ruleset;

/// The folder of the collection, or `None` after saying loudly that nothing was checked.
fn corpora(folder: &str) -> Option<PathBuf> {
    let Some(corpora) = std::env::var_os("WIREWISE_CORPORA") else {
        eprintln!("NOT CHECKED: WIREWISE_CORPORA is not set, {folder} was not read");
        return None;
    };
    Some(PathBuf::from(corpora).join(folder))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn read(bytes: &[u8]) -> Partial<Ruleset> {
    let sets = ww_import::sets::NamedSets::new();
    iptables::read(SourceId(0), bytes, None, &sets, &Limits::default())
}

fn is_dump(bytes: &[u8]) -> bool {
    let begins = |line: &[u8]| line.starts_with(b"*filter") || line.starts_with(b"*nat");
    bytes.split(|byte| *byte == b'\n').any(begins)
}

/// What is told of a file, by its name: rules that iptables refuses too, a set whose entries are
/// not in the collection.
const EXPECTED: &[(&str, &[ProblemKind])] = &[
    (
        "parser_test",
        &[
            ProblemKind::Malformed,
            ProblemKind::Malformed,
            ProblemKind::Malformed,
        ],
    ),
    ("759927.txt", &[ProblemKind::Undefined]),
];

#[test]
fn real_dumps_are_read_without_problems() {
    let mut rules = 0;
    for folder in ["reach/iptables-semantics/rulesets", "config/firewall"] {
        let Some(folder) = corpora(folder) else {
            return;
        };
        for path in files(&folder) {
            let bytes = std::fs::read(&path).unwrap();
            if !is_dump(&bytes) {
                continue;
            }
            let read = read(&bytes);
            let name = path.file_name().unwrap().to_string_lossy();
            let expected = EXPECTED.iter().find(|(known, _)| *known == name);
            let expected = expected.map_or(&[][..], |(_, kinds)| kinds);
            let kinds: Vec<_> = read.problems.iter().map(|told| told.kind).collect();
            assert_eq!(kinds, expected, "{name}: {:?}", read.problems);
            let chains = read.value.chains.iter();
            rules += chains.map(|chain| chain.rules.len()).sum::<usize>();
        }
    }
    assert!(rules > 5000, "{rules} rules were read");
}
