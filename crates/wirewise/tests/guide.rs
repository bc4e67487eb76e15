//! The guide is a test: every `console` block in `docs/guide` and the README is run, and shows what the
//! program prints. `UPDATE=1` rewrites what it shows.
//!
//! A line `$ wirewise …` runs the program in the project's folder; the lines below it are its
//! standard output, then its standard error. `$ echo $?` is the exit code of the command before.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests start the program and read files; where that fails, they fail"
)]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const OPENING: &str = "```console\n";
const CLOSING: &str = "```";

#[test]
fn the_guide_shows_what_the_program_prints() {
    let update = std::env::var_os("UPDATE").is_some();
    let pages = pages();
    assert!(!pages.is_empty(), "there is no guide");
    for path in pages {
        let written = std::fs::read_to_string(&path).unwrap();
        let actual = rerun(&written);
        if update {
            std::fs::write(&path, &actual).unwrap();
        }
        assert!(
            update || written == actual,
            "{} is out of date; UPDATE=1 rewrites it. It should read:\n{actual}",
            path.display()
        );
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The README and the pages of the guide.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("docs/guide"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.extend(
        [root().join("README.md")]
            .into_iter()
            .filter(|path| path.exists()),
    );
    pages.sort();
    pages
}

/// A page with every block run again.
fn rerun(page: &str) -> String {
    let mut parts = page.split(OPENING);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (block, rest) = part.split_once(CLOSING).unwrap();
        out.push_str(OPENING);
        out.push_str(&run_block(block));
        out.push_str(CLOSING);
        out.push_str(rest);
    }
    out
}

fn run_block(block: &str) -> String {
    let mut out = String::new();
    let mut code = 0;
    for command in block.lines().filter(|line| line.starts_with("$ ")) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(command);
        out.push('\n');
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        match words.as_slice() {
            ["wirewise", arguments @ ..] => {
                let (text, exit) = run(arguments);
                out.push_str(&text);
                code = exit;
            }
            ["echo", "$?"] => writeln!(out, "{code}").unwrap(),
            _ => panic!("the guide can run wirewise and echo $?, not: {command}"),
        }
    }
    out
}

fn run(arguments: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    text.push_str(str::from_utf8(&output.stderr).unwrap());
    (text, output.status.code().unwrap())
}
