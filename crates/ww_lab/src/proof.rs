//! Checks that a run is what its scenario says, with the link's own log and with tshark as the judge.

use crate::error::LabError;
use crate::run::Run;
use crate::scenario::{Proof, Scenario, Vantage};
use std::path::Path;
use std::process::{Command, Stdio};

/// What the run fails to show, in words; empty when it is what the scenario says.
///
/// # Errors
/// [`LabError::Program`] when tshark is missing or refuses.
pub fn missing(scenario: &Scenario, run: &Run) -> Result<Vec<String>, LabError> {
    let mut missing = Vec::new();
    for proof in &scenario.proofs {
        match proof {
            Proof::Harm(kind, at_least) => {
                let count = run.harms.get(kind).copied().unwrap_or(0);
                if count < *at_least {
                    missing.push(format!("{count} of {at_least} {}", kind.word()));
                }
            }
            Proof::Frames(vantage, filter, at_least) => {
                let count = matching(run, *vantage, filter)?;
                if count < *at_least {
                    missing.push(format!("{count} of {at_least} frames with {filter}"));
                }
            }
            Proof::NoFrame(vantage, filter) => {
                let count = matching(run, *vantage, filter)?;
                if count > 0 {
                    missing.push(format!("{count} frames with {filter}"));
                }
            }
        }
    }
    Ok(missing)
}

/// How many frames of the capture at `vantage` match `filter`; none when there is no such capture.
fn matching(run: &Run, vantage: Vantage, filter: &str) -> Result<usize, LabError> {
    match run.taken.iter().find(|taken| taken.view.vantage == vantage) {
        Some(taken) => count_frames(&taken.file, filter),
        None => Ok(0),
    }
}

fn count_frames(file: &Path, filter: &str) -> Result<usize, LabError> {
    let mut command = Command::new("tshark");
    command
        .args([
            "-n",
            "-Y",
            filter,
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-r",
        ])
        .arg(file);
    let failed = |reason: String| LabError::Program {
        command: format!("tshark -Y {filter:?}"),
        reason,
    };
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().count())
}
