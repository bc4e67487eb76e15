//! Real rule sets, and rules that nft's own tests accept: all are read, and what is told of them
//! is known.
//!
//! Needs a collection of rule sets, named by `WIREWISE_CORPORA`.

use crate::shape;
use std::path::{Path, PathBuf};
use ww_base::{Limits, ProblemKind, SourceId};
use ww_import::nft::{NoIncludes, read};

/// The folder of the collection, or `None` after saying loudly that nothing was checked.
fn collection() -> Option<PathBuf> {
    let folder = "config/firewall/nftables";
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

#[test]
fn rule_sets_of_projects_are_read_without_a_problem() {
    let Some(folder) = collection() else {
        return;
    };
    let mut told = Vec::new();
    let mut read_files = 0;
    for part in ["files", "integration"] {
        for path in files(&folder.join(part)) {
            let text = std::fs::read(&path).unwrap();
            let read = read(SourceId(0), &text, &mut NoIncludes, &Limits::default());
            read_files += 1;
            let problems = read.problems.iter();
            told.extend(
                problems.map(|one| format!("{}: {}", path.display(), shape::problem(&text, one))),
            );
        }
    }
    assert!(read_files >= 12);
    assert_eq!(told, Vec::<String>::new());
}

/// A file of nft's tests as one table: its rules that are marked as good, in a chain.
fn as_table(file: &str) -> String {
    let of_mark = |mark: char| file.lines().filter_map(move |line| line.strip_prefix(mark));
    let families: Vec<&str> = of_mark('*')
        .filter_map(|line| line.split(';').next())
        .collect();
    let family = match families.as_slice() {
        all if all.contains(&"inet") => "inet",
        [first, ..] => first,
        [] => "ip",
    };
    let mut text = format!("table {family} t {{\n");
    for set in of_mark('!').filter_map(|line| line.split(';').next()) {
        let name = set.split(' ').next().unwrap_or(set);
        text += &["set ", name, " {\ntype ipv4_addr\n}\n"].concat();
    }
    text += "chain c {\n";
    for line in file
        .lines()
        .filter(|line| !line.starts_with(['*', '!', ':', '?', '-', '#']))
    {
        let mut parts = line.split(';');
        if let (Some(rule), Some(verdict)) = (parts.next(), parts.next())
            && verdict.trim().starts_with("ok")
        {
            text += &[rule, "\n"].concat();
        }
    }
    text + "}\n}\n"
}

/// What rules have that no nft reads any more: escapes for a shell, translations without `to`,
/// names of services that are not in use.
const OUT_OF_DATE: &[&str] = &["\\", "dnat ct mark", "re-mail-ck"];

#[test]
fn rules_that_nft_accepts_are_read() {
    let Some(folder) = collection() else {
        return;
    };
    let (mut rules, mut told) = (0, Vec::new());
    for path in files(&folder.join("tests")) {
        let table = as_table(&std::fs::read_to_string(&path).unwrap());
        let bytes = table.as_bytes();
        let read = read(SourceId(0), bytes, &mut NoIncludes, &Limits::default());
        rules += read
            .value
            .chains
            .iter()
            .map(|chain| chain.rules.len())
            .sum::<usize>();
        for problem in &read.problems {
            let shown = shape::problem(bytes, problem);
            let number = shown.trim_start_matches("problem in line ");
            let number = number.split(':').next().unwrap().parse::<usize>().unwrap();
            let rule = table.lines().nth(number - 1).unwrap();
            let expected = problem.kind == ProblemKind::Unsupported
                || OUT_OF_DATE.iter().any(|part| rule.contains(part));
            if !expected {
                told.push(format!("{}: {rule}: {}", path.display(), problem.message));
            }
        }
    }
    assert!(rules > 900, "{rules} rules");
    assert_eq!(told, Vec::<String>::new());
}
