//! DNSViz as a judge of signed and broken zones: it asks the zones' own servers and judges every link by itself.

#![expect(
    clippy::disallowed_methods,
    reason = "a chore reads the environment, starts a program and reads what it wrote"
)]

use anyhow::{Context as _, Result};
use serde_json::Value;
use std::env;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use ww_lab::namespace::Namespace;
use ww_lab::signed::{Case, Tree};

/// How long each of its programs may take, seconds.
const PATIENCE: &str = "20";

/// Debian's pygraphviz has no `release`, which its DNSViz asks for a version before it takes trust anchors.
const GROK: &str = r#"
import runpy, sys, types
import pygraphviz
sys.modules["pygraphviz.release"] = pygraphviz.release = types.SimpleNamespace(version=pygraphviz.__version__)
runpy.run_path("/usr/bin/dnsviz", run_name="__main__")
"#;

/// What it makes of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Its verdict, as transcripts write it.
    Verdict(&'static str),
    /// It came to none.
    Stopped(String),
}

impl Said {
    /// In a column of a table.
    pub(super) fn word(&self) -> &str {
        match self {
            Said::Verdict(verdict) => verdict,
            Said::Stopped(_) => "–",
        }
    }
}

/// Whether it is there; where `CI` is set, it must be.
pub(super) fn is_there() -> Result<bool> {
    let started = Command::new("dnsviz")
        .arg("help")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if started.is_ok() {
        return Ok(true);
    }
    if env::var_os("CI").is_some() {
        started.context("start dnsviz (Debian: dnsviz)")?;
    }
    println!("dnsviz is not there (Debian: dnsviz): NOTHING IS COMPARED WITH IT");
    Ok(false)
}

/// Asks the zones' server and judges.
pub(super) fn judge(
    namespace: &Namespace,
    tree: &Tree,
    case: &Case,
    folder: &Path,
) -> Result<Said> {
    let asked = folder.join("dnsviz-asked.json").display().to_string();
    let judged = folder.join("dnsviz-judged.json");
    let servers = format!(".+:ns.test={}", tree.server);
    let probe = [
        "dnsviz", "probe", "-4", "-A", "-a", ".", "-x", &servers, "-R", case.kind, "-o", &asked,
        case.name,
    ];
    let probed = run(namespace, &probe)?;
    if !probed.status.success() {
        return Ok(stopped("probe", &probed));
    }
    let anchor = tree.anchor().display().to_string();
    let out = judged.display().to_string();
    let grok = [
        "/usr/bin/python3",
        "-c",
        GROK,
        "grok",
        "-c",
        "-l",
        "info",
        "-t",
        &anchor,
        "-r",
        &asked,
        "-o",
        &out,
        case.name,
    ];
    let said = run(namespace, &grok)?;
    if !said.status.success() {
        return Ok(stopped("grok", &said));
    }
    let text = std::fs::read_to_string(&judged).context("read what dnsviz says")?;
    let report: Value = serde_json::from_str(&text).context("read what dnsviz says")?;
    Ok(verdict(&report, case.name, case.kind))
}

fn run(namespace: &Namespace, words: &[&str]) -> Result<Output> {
    namespace
        .run(|| Command::new("timeout").arg(PATIENCE).args(words).output())?
        .context("start dnsviz")
}

/// Why it came to no verdict: the last line of what it says.
fn stopped(program: &str, output: &Output) -> Said {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().last().unwrap_or("it was too slow").trim();
    Said::Stopped(format!("{program}: {last}"))
}

/// The worst that it says of the question and of what aliases lead to. The zones above the name are asked for the same
/// type, and are another matter.
fn verdict(report: &Value, name: &str, kind: &str) -> Said {
    let name = format!("{}.", name.to_lowercase());
    let is_above =
        |other: &str| other != name && (other == "." || name.ends_with(&format!(".{other}")));
    let mut worst: Option<&'static str> = None;
    let zones = report.as_object().into_iter().flatten();
    let queries = zones.filter_map(|(_, zone)| zone.get("queries")?.as_object());
    for (question, answer) in queries.flatten() {
        let owner = question.strip_suffix(&format!("/IN/{kind}"));
        if owner.is_none_or(|owner| is_above(&owner.to_lowercase())) {
            continue;
        }
        let parts = ["answer", "nodata", "nxdomain"];
        let said = parts.iter().filter_map(|part| answer.get(part)?.as_array());
        for status in said.flatten().filter_map(|one| one.get("status")?.as_str()) {
            let word = match status {
                "SECURE" => "secure",
                "INSECURE" => "insecure",
                "BOGUS" => "bogus",
                _ => "indeterminate",
            };
            if worst.is_none_or(|known| rank(known) < rank(word)) {
                worst = Some(word);
            }
        }
    }
    match worst {
        Some(verdict) => Said::Verdict(verdict),
        None => Said::Stopped(format!("it says nothing of {name} {kind}")),
    }
}

fn rank(verdict: &str) -> usize {
    let order = ["secure", "insecure", "indeterminate", "bogus"];
    order.iter().position(|word| *word == verdict).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_worst_of_a_name_and_its_aliases_counts_and_not_its_zones() {
        let report = json!({
            "test.": {"queries": {"test./IN/A": {"nodata": [{"status": "BOGUS"}]}}},
            "bad.links.test.": {"queries": {"bad.links.test./IN/A": {"answer": [{"status": "SECURE"}]}}},
            "www.plain.test.": {"queries": {"www.plain.test./IN/A": {"nxdomain": [{"status": "INSECURE"}]}}},
        });
        assert_eq!(
            verdict(&report, "Bad.links.test", "A"),
            Said::Verdict("insecure")
        );
        assert_eq!(
            verdict(&report, "bad.links.test", "MX"),
            Said::Stopped("it says nothing of bad.links.test. MX".to_owned())
        );
    }
}
