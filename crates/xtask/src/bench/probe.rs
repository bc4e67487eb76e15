//! `cargo xtask bench probe`: how long a walk of a healthy endpoint takes, all layers, as an ordinary user.

use crate::score::probe::{arguments, open_folder};
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use ww_lab::endpoint::{Site, scenarios};

/// Walks of each endpoint.
const RUNS: usize = 21;

/// A healthy endpoint is walked in this time. The deliberate waits of a walk are in it.
const BAR: Duration = Duration::from_millis(150);

/// Endpoints of the lab: HTTPS by nginx, without and with an HTTPS record.
const ENDPOINTS: [&str; 2] = ["https", "https-record"];

/// Prints the median and the extremes of each endpoint; true when the medians meet the bar.
pub(super) fn measure(release: &Path) -> Result<bool> {
    ww_lab::namespace::sweep();
    let folder = open_folder()?;
    // The ordinary user who walks need not be able to read the folder of the project.
    let binary = folder.path().join("wirewise");
    fs::copy(release.join("wirewise"), &binary).context("copy the program")?;
    let mut met = true;
    for name in ENDPOINTS {
        let mut walks = walks(name, &binary)?;
        walks.sort_unstable();
        let [least, median, most] = [0, RUNS / 2, RUNS - 1].map(|at| walks.get(at).copied());
        let millis = |time: Option<Duration>| time.unwrap_or_default().as_millis();
        let in_time = median.is_some_and(|median| median <= BAR);
        met &= in_time;
        println!(
            "{name:<14} {RUNS} walks: {} ms, {} to {} ms; at most {} ms: {}",
            millis(median),
            millis(least),
            millis(most),
            BAR.as_millis(),
            if in_time { "met" } else { "missed" }
        );
    }
    Ok(met)
}

/// The time of each walk of a scenario's endpoint, from the start of the program to its end.
fn walks(name: &str, binary: &Path) -> Result<Vec<Duration>> {
    let all = scenarios::all();
    let scenario = all.iter().find(|scenario| scenario.name == name);
    let scenario = scenario.with_context(|| format!("no scenario is {name}"))?;
    let folder = open_folder()?;
    let site = Site::build(folder.path())?;
    let _servers = (scenario.set_up)(&site)?;
    let args = arguments(scenario, folder.path());
    let walk = || {
        let began = Instant::now();
        let (report, code) = site.walk(binary, &args)?;
        let took = began.elapsed();
        ensure!(code == 0, "{name}: exit {code}: {report}");
        Ok(took)
    };
    (0..RUNS).map(|_| walk()).collect()
}
