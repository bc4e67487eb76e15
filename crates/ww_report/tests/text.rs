//! What the reports look like. `UPDATE=1` rewrites the expected files.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read and write files, and one that cannot be read fails them"
)]

mod sample;

use std::path::Path;
use ww_report::{Sources, Style};

fn same_as(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(actual, expected, "{name}");
}

#[test]
fn a_report_reads_in_ten_seconds() {
    let consultation = sample::full();
    let sources = sample::sources(&consultation.inputs);
    let text = ww_report::text::render(&consultation, &sources, Style::default());
    same_as("full.txt", &text);
    assert!(text.lines().all(|line| line.chars().count() <= 100));
    assert!(!text.contains('\x1b'));
}

#[test]
fn colour_changes_nothing_but_colour() {
    let consultation = sample::full();
    let sources = sample::sources(&consultation.inputs);
    let style = Style {
        color: true,
        ..Style::default()
    };
    let colored = ww_report::text::render(&consultation, &sources, style);
    assert!(colored.contains("\x1b[1;31mHIGH\x1b[0m"));
    let plain = ww_report::text::render(&consultation, &sources, Style::default());
    assert_eq!(without_colour(&colored), plain);
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}

#[test]
fn a_clean_capture_is_one_sentence() {
    let consultation = sample::nothing_found();
    let sources = Sources::new(&consultation.inputs);
    let text = ww_report::text::render(&consultation, &sources, Style::default());
    same_as("nothing_found.txt", &text);
}

#[test]
fn what_was_not_judged_is_in_the_verdict() {
    let consultation = sample::unjudged();
    let sources = Sources::new(&consultation.inputs);
    let text = ww_report::text::render(&consultation, &sources, Style::default());
    same_as("unjudged.txt", &text);
}

#[test]
fn json_keeps_its_fields_and_their_order() {
    let consultation = sample::full();
    let sources = sample::sources(&consultation.inputs);
    let json = ww_report::json::render(&consultation, &sources).unwrap();
    same_as("full.json", &json);
}

#[test]
fn findings_stand_alone_as_they_do_in_the_report() {
    let consultation = sample::full();
    let sources = sample::sources(&consultation.inputs);
    let alone = ww_report::text::findings(&consultation.findings, &sources, Style::default());
    let report = ww_report::text::render(&consultation, &sources, Style::default());
    assert!(alone.starts_with("F1  HIGH  10.0.0.5:3000"));
    assert!(report.contains(&alone));
}
