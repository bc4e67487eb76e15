//! Directives of real configurations, as Python's crossplane reads them.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a judge is a program, and the corpora are files; where they fail, the test fails"
)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use ww_base::{Limits, SourceId};
use ww_import::nginx::{Directive, Word, parse};

/// Reads one file with crossplane, without what it includes, and prints its directives.
const JUDGE: &str = "
import json, sys, crossplane
for path in sys.stdin.read().split('\\0'):
    read = crossplane.parse(path, single=True, strict=False, check_ctx=False, check_args=False)
    first = read['config'][0]
    print(json.dumps(first['parsed'] if first['status'] == 'ok' else None))
";

/// Files that crossplane reads otherwise than nginx: it takes two words behind `${…}` for one, and
/// leaves out a directive without a `;`.
const OTHERWISE: [&str; 2] = ["messy/nginx.conf", "missing-semicolon/broken-above.conf"];

/// A Python with crossplane: that of `WIREWISE_CROSSPLANE`, of `target/judges`, or the one on
/// the path.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/judges/bin/python");
    let named = std::env::var_os("WIREWISE_CROSSPLANE").map(PathBuf::from);
    let all = [named, Some(root), Some(PathBuf::from("python3"))];
    all.into_iter().flatten().find(|python| {
        let arguments = ["-c", "import crossplane"];
        let output = Command::new(python).args(arguments).output();
        output.is_ok_and(|output| output.status.success())
    })
}

/// The nginx files of the corpora.
fn files(corpora: &Path) -> Vec<PathBuf> {
    let folder = corpora.join("config");
    let list = std::fs::read_to_string(folder.join("list.tsv")).unwrap();
    let rows = list.lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let nginx = rows.filter(|row| row.get(1) == Some(&"nginx"));
    nginx.map(|row| folder.join(row[0])).collect()
}

#[test]
fn directives_are_those_that_crossplane_reads() {
    let (corpora, python) = (std::env::var_os("WIREWISE_CORPORA"), python());
    let Some(corpora) = corpora else {
        println!("NOT RUN: set WIREWISE_CORPORA to compare with crossplane's reading");
        return;
    };
    let Some(python) = python else {
        let is_ci = std::env::var_os("CI").is_some();
        assert!(!is_ci, "crossplane is not installed");
        println!("NOT RUN: install crossplane (pip) to compare with its reading");
        return;
    };
    let files = files(Path::new(&corpora));
    let mut judge = Command::new(python)
        .args(["-c", JUDGE])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let names: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
    let mut input = judge.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, names.join("\0").as_bytes()).unwrap();
    drop(input);
    let output = judge.wait_with_output().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), files.len());
    let (mut same, mut different, mut refused) = (0, Vec::new(), Vec::new());
    for (path, answer) in files.iter().zip(answers.lines()) {
        let theirs: Value = serde_json::from_str(answer).unwrap();
        let bytes = std::fs::read(path).unwrap();
        let ours = parse(SourceId(0), &bytes, &Limits::default());
        let Some(theirs) = theirs.as_array() else {
            refused.push((path, ours.problems.len()));
            continue;
        };
        match difference(&bytes, &ours.value, theirs) {
            None => same += 1,
            Some(_) if OTHERWISE.iter().any(|end| path.ends_with(end)) => {}
            Some(difference) => different.push((path, difference)),
        }
    }
    println!("{same} files are read alike; crossplane refuses {refused:?}");
    assert!(same >= 160, "only {same} files were compared");
    assert!(different.is_empty(), "{different:#?}");
    let silent: Vec<_> = refused
        .iter()
        .filter(|(_, problems)| *problems == 0)
        .collect();
    assert!(silent.len() <= 2, "read without a problem: {silent:#?}");
}

/// The first difference between directives; comments between words, which crossplane gives as
/// directives, are left out.
fn difference(bytes: &[u8], ours: &[Directive], theirs: &[Value]) -> Option<String> {
    let is_comment = |one: &&Value| one["directive"].as_str() == Some("#");
    let theirs: Vec<&Value> = theirs.iter().filter(|one| !is_comment(one)).collect();
    for (mine, other) in ours.iter().zip(&theirs) {
        let shown = format!("{} {}", mine.name.text, mine.words());
        let name = other["directive"].as_str().unwrap();
        if raw(bytes, &mine.name) != name {
            return Some(format!("{shown} is {name}"));
        }
        let before = &bytes[..mine.at.start as usize];
        let line = before.split(|byte| *byte == b'\n').count() as u64;
        if other["line"].as_u64() != Some(line) {
            return Some(format!("{shown} in line {line} is in {}", other["line"]));
        }
        let mut args: Vec<String> = mine.args.iter().map(|word| raw(bytes, word)).collect();
        if name == "if" {
            without_parentheses(&mut args);
        }
        let mut expected: Vec<&str> = other["args"]
            .as_array()
            .unwrap()
            .iter()
            .map(|arg| arg.as_str().unwrap())
            .collect();
        if name.ends_with("_by_lua_block") {
            expected.pop();
        }
        if args != expected {
            return Some(format!("{shown}: {args:?} is {expected:?}"));
        }
        let inner = other["block"].as_array().map_or(&[] as &[_], Vec::as_slice);
        let deeper = difference(bytes, mine.inner(), inner);
        if deeper.is_some() {
            return deeper;
        }
    }
    (ours.len() != theirs.len()).then(|| format!("{} directives are {}", ours.len(), theirs.len()))
}

/// A word as crossplane gives it: without its quotes, a backslash taken away before them only.
fn raw(bytes: &[u8], word: &Word) -> String {
    let text = String::from_utf8_lossy(&bytes[word.at.start as usize..word.at.end as usize]);
    let Some(quote) = text.chars().next().filter(|_| word.is_quoted) else {
        return text.into_owned();
    };
    let inner = &text[1..text.len() - 1];
    inner.replace(&format!("\\{quote}"), &quote.to_string())
}

/// The arguments of `if` without the parentheses around them.
fn without_parentheses(args: &mut Vec<String>) {
    let is_around = args.first().is_some_and(|first| first.starts_with('('))
        && args.last().is_some_and(|last| last.ends_with(')'));
    if !is_around {
        return;
    }
    if let Some(first) = args.first_mut() {
        *first = first[1..].trim_start().to_owned();
    }
    if let Some(last) = args.last_mut() {
        *last = last[..last.len() - 1].trim_end().to_owned();
    }
    args.retain(|arg| !arg.is_empty());
}
