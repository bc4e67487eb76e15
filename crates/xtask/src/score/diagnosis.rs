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

/// The findings of `wirewise diagnose FILE`, in the order of the report.
pub(super) fn diagnose(binary: &Path, file: &Path) -> Result<Vec<Said>> {
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
        Ok(report) => findings(&report).with_context(|| format!("report of {}", file.display())),
        Err(error) => bail!(
            "{}: no JSON report ({error}); exit {}: {}",
            file.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}

fn findings(report: &Value) -> Result<Vec<Said>> {
    let findings = report
        .get("findings")
        .and_then(Value::as_array)
        .context("no array `findings`")?;
    findings.iter().map(finding).collect()
}

fn finding(finding: &Value) -> Result<Said> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_read_in_their_order() {
        let report = serde_json::json!({"findings": [
            {"rule": "packet-loss", "class": "performance", "severity": "high", "owner": "network", "id": "F1"},
            {"rule": "truncated-capture", "class": "capture", "severity": "info", "owner": "capture"},
        ]});
        let rules: Vec<String> = findings(&report)
            .unwrap()
            .into_iter()
            .map(|said| said.rule)
            .collect();
        assert_eq!(rules, ["packet-loss", "truncated-capture"]);
    }

    #[test]
    fn a_report_of_another_shape_is_an_error() {
        assert!(findings(&serde_json::json!({})).is_err());
        assert!(findings(&serde_json::json!({"findings": [{"rule": "x"}]})).is_err());
    }
}
