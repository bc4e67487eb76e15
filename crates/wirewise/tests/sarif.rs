//! The schema of SARIF 2.1.0 judges what `--format sarif` prints.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a judge is a program, and the examples are files; where they fail, the test fails"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Tells every way in which the log does not fit the schema.
const JUDGE: &str = "
import json, sys, jsonschema
schema, log = (json.load(open(path)) for path in sys.argv[1:])
judge = jsonschema.validators.validator_for(schema)(schema)
for error in judge.iter_errors(log):
    print('/'.join(map(str, error.path)), error.message[:200])
";

/// Where continuous integration puts the judges.
fn judges() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/judges")
}

/// A Python with jsonschema, and the schema; under CI both must be there.
fn judge() -> Option<(PathBuf, PathBuf)> {
    let schema = judges().join("sarif-2.1.0.json");
    let pythons = [judges().join("bin/python"), PathBuf::from("python3")];
    let python = pythons.into_iter().find(|python| {
        let output = Command::new(python)
            .args(["-c", "import jsonschema"])
            .output();
        output.is_ok_and(|output| output.status.success())
    });
    let found = python
        .filter(|_| schema.is_file())
        .map(|python| (python, schema));
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "jsonschema or the schema of SARIF is missing"
        );
        println!("NOT RUN: jsonschema and target/judges/sarif-2.1.0.json judge SARIF");
    }
    found
}

/// What the program prints about an example.
fn log(example: &str) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_wirewise"))
        .args(["check", "--format", "sarif", "--fail-on", "never", example])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[test]
fn the_log_fits_the_schema() {
    let Some((python, schema)) = judge() else {
        return;
    };
    for example in ["orders", "shop"] {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{example}.sarif"));
        let log = log(example);
        let text = String::from_utf8(log).unwrap();
        assert!(text.contains("\"ruleId\""), "{example} has no finding");
        std::fs::write(&path, text).unwrap();
        let output = Command::new(&python)
            .args(["-c", JUDGE])
            .args([&schema, &path])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let errors = String::from_utf8_lossy(&output.stdout);
        assert_eq!(errors, "", "{example}");
    }
}
