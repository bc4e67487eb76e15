//! Runs the scenarios of the lab, several at a time, and turns their captures into cases.

use super::index;
use super::judge::Case;
use anyhow::{Result, anyhow, bail};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;
use ww_lab::error::LabError;
use ww_lab::proof;
use ww_lab::rng::Rng;
use ww_lab::run::{Run, run};
use ww_lab::scenario::Scenario;

/// Runs every scenario into `folder` and writes `index.tsv` there.
pub(super) fn record(
    scenarios: &[Scenario],
    seed: u64,
    folder: &Path,
    jobs: usize,
) -> Result<Vec<Case>> {
    ww_lab::namespace::sweep();
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<Run>)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some((index, scenario)) = take(scenarios, &next) {
                    let outcome = record_one(scenario, seed, folder);
                    if let Ok(mut done) = done.lock() {
                        done.push((index, outcome));
                    }
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .map_err(|_| anyhow!("a scenario panicked"))?;
    done.sort_by_key(|(index, _)| *index);
    let mut cases = Vec::new();
    let mut indexed = Vec::new();
    let mut failures = Vec::new();
    for (scenario, (_, outcome)) in scenarios.iter().zip(done) {
        let run = match outcome {
            Ok(run) => run,
            Err(error) => {
                failures.push(format!("{}: {error:#}", scenario.name));
                continue;
            }
        };
        for (case, taken) in self::cases(scenario, &run).into_iter().zip(&run.taken) {
            indexed.push((case.clone(), taken.view.vantage.word(), scenario.done));
            cases.push(case);
        }
    }
    index::write(folder, &indexed)?;
    if !failures.is_empty() {
        bail!("scenarios that could not be made:\n{}", failures.join("\n"));
    }
    Ok(cases)
}

fn take<'a>(scenarios: &'a [Scenario], next: &AtomicUsize) -> Option<(usize, &'a Scenario)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, scenarios.get(index)?))
}

fn record_one(scenario: &Scenario, seed: u64, folder: &Path) -> Result<Run> {
    let started = Instant::now();
    let run = run_complete(scenario, Rng::derive(seed, scenario.name), folder)?;
    let harms: Vec<String> = run
        .harms
        .iter()
        .map(|(kind, count)| format!("{count} {}", kind.word()))
        .collect();
    eprintln!(
        "{:34} {:5.1} s, {} answered, {} not; {}",
        scenario.name,
        started.elapsed().as_secs_f64(),
        run.tally.answered,
        run.tally.failed,
        if harms.is_empty() {
            "no packet harmed".to_owned()
        } else {
            harms.join(", ")
        }
    );
    Ok(run)
}

/// Runs a scenario, again at most twice when the machine was too busy to capture or to show all of it.
fn run_complete(scenario: &Scenario, seed: u64, folder: &Path) -> Result<Run> {
    let mut reason = String::new();
    for _ in 0..3 {
        match run(scenario, seed, folder) {
            Err(LabError::Capture(incomplete)) => reason = incomplete,
            Err(error) => return Err(error.into()),
            Ok(run) => match proof::missing(scenario, &run)? {
                missing if missing.is_empty() => return Ok(run),
                missing => reason = missing.join("; "),
            },
        }
        eprintln!("{:34} again: {reason}", scenario.name);
    }
    bail!("three runs, and none is what the scenario says: {reason}")
}

fn cases(scenario: &Scenario, run: &Run) -> Vec<Case> {
    let several = run.taken.len() > 1;
    let case = |taken: &ww_lab::run::Taken| Case {
        name: if several {
            format!("{}@{}", scenario.name, taken.view.vantage.word())
        } else {
            scenario.name.to_owned()
        },
        file: taken.file.clone(),
        class: scenario.class,
        expected: owned(&taken.view.expected),
        never: owned(&scenario.never),
        owner: (!scenario.owner.is_empty()).then(|| scenario.owner.to_owned()),
    };
    run.taken.iter().map(case).collect()
}

fn owned(rules: &[&str]) -> Vec<String> {
    rules.iter().map(|rule| (*rule).to_owned()).collect()
}
