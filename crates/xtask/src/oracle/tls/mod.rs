//! `cargo xtask oracle tls`: versions and suites of real servers, as our hellos and as sslyze's handshakes
//! find them, and how long both take side by side.

#![expect(
    clippy::disallowed_methods,
    reason = "a chore starts servers, waits for them and measures time"
)]

mod servers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use servers::{SETUPS, Server};
use ww_evidence::transcript::{Service, Target};
use ww_probe::{Options, survey_tls};

/// How many times faster ours shall be.
const BAR: f64 = 4.0;

/// Accepted suites by version.
type Accepted = BTreeMap<String, BTreeSet<String>>;

/// What sslyze says.
struct Judgement {
    accepted: Accepted,
    /// Every suite that it tried in each version.
    tried: Accepted,
    took: Duration,
}

/// Compares; the number of servers about which the two disagree.
pub(super) fn run() -> Result<usize> {
    let python = python().context(
        "sslyze is not installed: pip install sslyze==6.3.1 into target/judges, as .ci/run does",
    )?;
    let folder = tempfile::tempdir()?;
    servers::credentials(folder.path())?;
    let mut wrong = 0;
    let mut compared = 0;
    let (mut ours_in_all, mut theirs_in_all) = (Duration::ZERO, Duration::ZERO);
    for setup in SETUPS {
        let Some(server) = setup.start(folder.path())? else {
            println!("{}: NOT COMPARED, not installed", setup.name);
            continue;
        };
        let (ours, took) = survey(&server)?;
        let theirs = judge(&python, &server, folder.path())?;
        compared += 1;
        ours_in_all += took;
        theirs_in_all += theirs.took;
        let differences = differences(&ours, &theirs);
        println!(
            "{}: {}; {} ms, sslyze {} ms ({:.0} times)",
            setup.name,
            counts(&theirs.accepted),
            took.as_millis(),
            theirs.took.as_millis(),
            theirs.took.as_secs_f64() / took.as_secs_f64()
        );
        for difference in &differences {
            println!("  {difference}");
        }
        if let Some(more) = unknown_to_them(&ours, &theirs) {
            println!("  beyond what sslyze asks for: {more}");
        }
        wrong += usize::from(!differences.is_empty());
    }
    ensure!(compared > 0, "no server is installed");
    let ratio = theirs_in_all.as_secs_f64() / ours_in_all.as_secs_f64();
    println!(
        "{compared} servers, {wrong} disagree; {ratio:.1} times as fast as sslyze, {} the bar of {BAR}",
        if ratio >= BAR { "above" } else { "BELOW" }
    );
    Ok(wrong)
}

/// A Python that has sslyze.
fn python() -> Option<PathBuf> {
    let judges = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/judges/bin/python");
    [judges, PathBuf::from("python3")]
        .into_iter()
        .find(|python| {
            let output = Command::new(python).args(["-c", "import sslyze"]).output();
            output.is_ok_and(|output| output.status.success())
        })
}

/// Ours, and how long it took.
fn survey(server: &Server) -> Result<(Accepted, Duration)> {
    let target = Target {
        written: server.address.to_string(),
        service: Service::Tls,
        host: server.address.ip().to_string(),
        port: server.address.port(),
        path: "/".to_owned(),
    };
    let began = Instant::now();
    let survey = survey_tls(&target, &Options::default(), server.address)?;
    let took = began.elapsed();
    let accepted = survey
        .versions
        .into_iter()
        .map(|one| (one.version, one.suites.into_iter().collect()))
        .collect();
    Ok((accepted, took))
}

/// sslyze's, without the time that Python takes to start.
fn judge(python: &Path, server: &Server, folder: &Path) -> Result<Judgement> {
    let path = folder.join("sslyze.json");
    let _ = std::fs::remove_file(&path);
    Command::new(python)
        .args(["-m", "sslyze", "--quiet", "--mozilla_config=disable"])
        .args(["--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3"])
        .arg(format!("--json_out={}", path.display()))
        .arg(server.address.to_string())
        .stdout(Stdio::null())
        .status()?;
    let text = std::fs::read_to_string(&path).context("sslyze wrote nothing")?;
    let json: Value = serde_json::from_str(&text)?;
    let result = json
        .pointer("/server_scan_results/0/scan_result")
        .filter(|result| !result.is_null())
        .with_context(|| format!("sslyze did not scan: {text}"))?;
    let mut judgement = Judgement {
        accepted: Accepted::new(),
        tried: Accepted::new(),
        took: between(&json, "date_scans_started", "date_scans_completed")?,
    };
    for (key, version) in [
        ("ssl_3_0", "SSL 3.0"),
        ("tls_1_0", "TLS 1.0"),
        ("tls_1_1", "TLS 1.1"),
        ("tls_1_2", "TLS 1.2"),
        ("tls_1_3", "TLS 1.3"),
    ] {
        let found = result
            .pointer(&format!("/{key}_cipher_suites/result"))
            .with_context(|| format!("sslyze says nothing of {version}"))?;
        let suites = |list: &str| -> BTreeSet<String> {
            let list = found.get(list).and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .filter_map(|one| one.pointer("/cipher_suite/name")?.as_str())
                .map(str::to_owned)
                .collect()
        };
        let accepted = suites("accepted_cipher_suites");
        let mut tried = suites("rejected_cipher_suites");
        ensure!(
            !tried.is_empty() || !accepted.is_empty(),
            "sslyze tried nothing"
        );
        tried.extend(accepted.iter().cloned());
        judgement.tried.insert(version.to_owned(), tried);
        if !accepted.is_empty() {
            judgement.accepted.insert(version.to_owned(), accepted);
        }
    }
    Ok(judgement)
}

/// The time between two moments of one day, as ISO 8601 writes them.
fn between(json: &Value, from: &str, to: &str) -> Result<Duration> {
    let seconds = |name: &str| -> Option<f64> {
        let (_, time) = json
            .get(name)?
            .as_str()?
            .trim_end_matches('Z')
            .split_once('T')?;
        let mut parts = time.split(':').map(str::parse::<f64>);
        let mut next = || parts.next()?.ok();
        Some(next()? * 3_600.0 + next()? * 60.0 + next()?)
    };
    let (from, to) = seconds(from)
        .zip(seconds(to))
        .context("sslyze tells no time")?;
    // Past midnight a day is missing.
    Ok(Duration::from_secs_f64((to - from).rem_euclid(86_400.0)))
}

/// What one finds and the other does not, of all that both ask for.
fn differences(ours: &Accepted, theirs: &Judgement) -> Vec<String> {
    let nothing = BTreeSet::new();
    let mut all = Vec::new();
    for (version, tried) in &theirs.tried {
        let ours = ours.get(version).unwrap_or(&nothing);
        let theirs = theirs.accepted.get(version).unwrap_or(&nothing);
        for suite in tried {
            match (ours.contains(suite), theirs.contains(suite)) {
                (true, false) => all.push(format!("only ours: {version} {suite}")),
                (false, true) => all.push(format!("only sslyze: {version} {suite}")),
                _ => {}
            }
        }
    }
    all
}

/// Suites that we find and sslyze does not ask for.
fn unknown_to_them(ours: &Accepted, theirs: &Judgement) -> Option<String> {
    let nothing = BTreeSet::new();
    let more: Vec<String> = ours
        .iter()
        .flat_map(|(version, suites)| {
            let tried = theirs.tried.get(version).unwrap_or(&nothing);
            suites
                .difference(tried)
                .map(move |suite| format!("{version} {suite}"))
        })
        .collect();
    (!more.is_empty()).then(|| more.join(", "))
}

fn counts(accepted: &Accepted) -> String {
    let all: Vec<String> = accepted
        .iter()
        .map(|(version, suites)| format!("{version} {}", suites.len()))
        .collect();
    all.join(", ")
}
