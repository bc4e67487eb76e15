//! The published schema and what is printed agree.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read documentation, and one that cannot be read fails them"
)]

mod sample;
mod validator;

use serde_json::Value;
use std::path::{Path, PathBuf};
use ww_finding::{Class, InputKind, Layer, Owner, Safety, Severity, Support};
use ww_report::Sources;

const SCHEMA: &str = include_str!("../../../docs/report.schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn complaints(report: &str) -> Vec<String> {
    validator::complaints(&schema(), &serde_json::from_str(report).unwrap())
}

#[test]
fn a_full_report_follows_the_schema() {
    let consultation = sample::full();
    let sources = sample::sources(&consultation.inputs);
    let report = ww_report::json::render(&consultation, &sources).unwrap();
    assert_eq!(complaints(&report), Vec::<String>::new());
}

#[test]
fn an_empty_report_follows_the_schema() {
    let consultation = sample::nothing_found();
    let sources = Sources::new(&consultation.inputs);
    let report = ww_report::json::render(&consultation, &sources).unwrap();
    assert_eq!(complaints(&report), Vec::<String>::new());
}

#[test]
fn the_schema_names_every_field_that_is_written() {
    let consultation = sample::full();
    let sources = sample::sources(&consultation.inputs);
    let report = ww_report::json::render(&consultation, &sources).unwrap();
    let unknown = validator::undeclared(&schema(), &serde_json::from_str(&report).unwrap());
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn a_report_that_breaks_the_schema_is_noticed() {
    let consultation = sample::full();
    let sources = sample::sources(&consultation.inputs);
    let good = ww_report::json::render(&consultation, &sources).unwrap();
    for (from, to) in [
        ("\"severity\": \"high\"", "\"severity\": \"dire\""),
        ("\"count\": 3", "\"count\": \"3\""),
        ("\"refuter\"", "\"refutation\""),
        ("\"kind\": \"frames\"", "\"kind\": \"frame\""),
        ("\"first\": 118", "\"first\": 0"),
        ("\"idle-connection-reset\"", "\"Idle Connection\""),
    ] {
        assert!(good.contains(from), "the sample lacks {from}");
        let bad = good.replacen(from, to, 1);
        assert!(!complaints(&bad).is_empty(), "{to} passed");
    }
}

#[test]
fn the_schema_lists_exactly_the_words_in_use() {
    fn words<T: std::fmt::Display>(all: &[T]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }
    let schema = schema();
    for (pointer, expected) in [
        ("/$defs/input/properties/kind", words(InputKind::ALL)),
        ("/$defs/finding/properties/layer", words(Layer::ALL)),
        ("/$defs/finding/properties/class", words(Class::ALL)),
        ("/$defs/finding/properties/severity", words(Severity::ALL)),
        ("/$defs/finding/properties/support", words(Support::ALL)),
        ("/$defs/finding/properties/owner", words(Owner::ALL)),
        ("/$defs/fix/properties/safety", words(Safety::ALL)),
    ] {
        let listed: Vec<String> =
            serde_json::from_value(schema.pointer(pointer).unwrap()["enum"].clone()).unwrap();
        assert_eq!(listed, expected, "{pointer}");
    }
}

#[test]
fn every_report_shown_in_the_documentation_follows_the_schema() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (path, report) in json_fences(&docs) {
        let value: Value = serde_json::from_str(&report).unwrap_or_else(|error| {
            panic!("{}: a JSON example does not parse: {error}", path.display())
        });
        if value.get("findings").is_some() {
            assert_eq!(
                complaints(&report),
                Vec::<String>::new(),
                "{}",
                path.display()
            );
        }
    }
}

/// Every ```json fence of the Markdown files below a folder.
fn json_fences(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                for part in text.split("```json\n").skip(1) {
                    let fence = part.split("```").next().unwrap_or_default();
                    found.push((path.clone(), fence.to_owned()));
                }
            }
        }
    }
    found
}
