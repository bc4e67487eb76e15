//! Asks the released binary, as a user would.

use super::judge::Said;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release binary of this workspace, built when it is missing.
pub(super) fn built_binary() -> Result<PathBuf> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let binary = target.join("release/wirewise");
    if !binary.exists() {
        let built = Command::new("cargo")
            .args(["build", "--release", "--package", "wirewise"])
            .status();
        if !built.context("run cargo")?.success() {
            bail!("wirewise cannot be built");
        }
    }
    Ok(binary)
}

/// What the score looks at in a report.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The findings, in the order of the report.
    pub(super) findings: Vec<Said>,
    /// Every range of frames that any of them points at.
    pub(super) exhibits: Vec<Exhibit>,
}

/// A range of frames that a finding points at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exhibit {
    pub(super) rule: String,
    pub(super) first: u64,
    pub(super) last: u64,
    /// A Wireshark display filter that shall select them.
    pub(super) filter: Option<String>,
}

/// The report of `wirewise diagnose FILE`.
pub(super) fn diagnose(binary: &Path, file: &Path) -> Result<Report> {
    let mut command = Command::new(binary);
    command
        .arg("diagnose")
        .arg(file)
        .args(["--format", "json", "--fail-on", "never"]);
    let output = command
        .output()
        .with_context(|| format!("run {}", binary.display()))?;
    let parsed: serde_json::Result<Value> = serde_json::from_slice(&output.stdout);
    match parsed {
        Ok(value) => report(&value).with_context(|| format!("report of {}", file.display())),
        Err(error) => bail!(
            "{}: no JSON report ({error}); exit {}: {}",
            file.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}

fn report(value: &Value) -> Result<Report> {
    let mut report = Report::default();
    for finding in value
        .get("findings")
        .and_then(Value::as_array)
        .context("no array `findings`")?
    {
        let said = said(finding)?;
        for exhibit in finding
            .get("exhibits")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            report.exhibits.extend(frames(
                &said.rule,
                exhibit.get("locus").context("exhibit without `locus`")?,
            )?);
        }
        report.findings.push(said);
    }
    Ok(report)
}

fn said(finding: &Value) -> Result<Said> {
    let text = |key: &str| {
        let value = finding.get(key).and_then(Value::as_str).map(str::to_owned);
        value.with_context(|| format!("finding without `{key}`"))
    };
    Ok(Said {
        rule: text("rule")?,
        class: text("class")?,
        severity: text("severity")?,
        owner: text("owner")?,
    })
}

/// The frames of a locus; `None` when it points elsewhere.
fn frames(rule: &str, locus: &Value) -> Result<Option<Exhibit>> {
    if locus.get("kind").and_then(Value::as_str) != Some("frames") {
        return Ok(None);
    }
    let number = |key: &str| {
        let value = locus.get(key).and_then(Value::as_u64);
        value.with_context(|| format!("frames without `{key}`"))
    };
    let filter = locus
        .get("filter")
        .and_then(Value::as_str)
        .map(str::to_owned);
    Ok(Some(Exhibit {
        rule: rule.to_owned(),
        first: number("first")?,
        last: number("last")?,
        filter,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_and_their_frames_are_read_in_their_order() {
        let value = serde_json::json!({"findings": [
            {"rule": "packet-loss", "class": "performance", "severity": "high", "owner": "network", "exhibits": [
                {"locus": {"kind": "frames", "path": "a", "first": 3, "last": 5, "filter": "tcp"}, "says": "…"},
                {"locus": {"kind": "text", "path": "b", "line": 1}, "says": "…"},
            ]},
            {"rule": "truncated-capture", "class": "capture", "severity": "info", "owner": "capture"},
        ]});
        let report = report(&value).unwrap();
        let rules: Vec<&str> = report
            .findings
            .iter()
            .map(|said| said.rule.as_str())
            .collect();
        assert_eq!(rules, ["packet-loss", "truncated-capture"]);
        let frames = Exhibit {
            rule: "packet-loss".into(),
            first: 3,
            last: 5,
            filter: Some("tcp".into()),
        };
        assert_eq!(report.exhibits, [frames]);
    }

    #[test]
    fn a_report_of_another_shape_is_an_error() {
        assert!(report(&serde_json::json!({})).is_err());
        assert!(report(&serde_json::json!({"findings": [{"rule": "x"}]})).is_err());
    }
}
