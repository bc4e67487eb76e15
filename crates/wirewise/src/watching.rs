//! `wirewise diagnose --watch`: the same walk again and again, until it is over or the user has enough.

#![expect(
    clippy::disallowed_methods,
    reason = "a watch lives in real time: it waits between walks and ends when its time is over"
)]

use crate::cli::{ReportChoice, ReportFormat};
use crate::exit::Exit;
use crate::output;
use crate::probing::{Endpoint, arguments::ProbeArguments};
use anyhow::{Context, bail};
use serde_json::json;
use std::io::Write;
use std::time::{Duration, Instant};
use ww_base::{Limits, SourceId};
use ww_evidence::transcript::Target;
use ww_report::watch::{History, Round};

/// How often the wish to end is looked for while nothing is done.
const LOOK: Duration = Duration::from_millis(100);

/// Watches the endpoint that was named.
///
/// # Errors
/// Something else than one live endpoint was named, a form that is none of a stream, or the system's refusal.
pub(crate) fn run(
    endpoints: &[Endpoint],
    arguments: &ProbeArguments,
    choice: &ReportChoice,
) -> anyhow::Result<Exit> {
    let [Endpoint::Live(target)] = endpoints else {
        bail!("--watch is for one live endpoint: name a URL or HOST:PORT and nothing else");
    };
    if !matches!(choice.format, ReportFormat::Text | ReportFormat::Json) {
        bail!("--watch prints text or JSON: --format text, --format json");
    }
    catch_interrupts()?;
    let mut out = output::open(&choice.out)?;
    let mut history = History::default();
    let over = arguments.watch_for().map(|whole| Instant::now() + whole);
    let is_over = || is_interrupted() || over.is_some_and(|over| Instant::now() >= over);
    loop {
        let round = walk(target, arguments, choice, &mut history)?;
        tell(&mut out, &round, choice.format)?;
        let next = Instant::now() + ww_probe::spacing(arguments.interval());
        while !is_over() && Instant::now() < next {
            std::thread::sleep(LOOK);
        }
        if is_over() {
            break;
        }
    }
    let summary = history.summary();
    match choice.format {
        ReportFormat::Json => writeln!(out, "{}", json!({ "summary": summary }))?,
        _ => writeln!(
            out,
            "{}: {}",
            ww_report::printable(&target.written),
            summary.says
        )?,
    }
    out.flush()?;
    Ok(if summary.troubled > 0 {
        Exit::Found
    } else {
        Exit::Fine
    })
}

fn walk(
    target: &Target,
    arguments: &ProbeArguments,
    choice: &ReportChoice,
    history: &mut History,
) -> anyhow::Result<Round> {
    let limits = Limits::default();
    let walk = ww_probe::walk(target, &arguments.options()?, SourceId(0), &mut |_| {})
        .with_context(|| format!("cannot probe {}", target.written))?;
    let (mut findings, _) = ww_rules::judge(&[], std::slice::from_ref(&walk), &limits);
    findings.retain(|finding| choice.wants(finding.rule));
    Ok(history.note(&walk, &findings, &limits))
}

/// A line of JSON for every walk, or what changed in text.
fn tell(out: &mut impl Write, round: &Round, format: ReportFormat) -> anyhow::Result<()> {
    match format {
        ReportFormat::Json => writeln!(out, "{}", serde_json::to_string(round)?)?,
        _ => out.write_all(round.text().as_bytes())?,
    }
    out.flush()?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn catch_interrupts() -> anyhow::Result<()> {
    ww_sys::catch_interrupts().context("cannot wait for the user's wish to end")
}

#[cfg(target_os = "linux")]
fn is_interrupted() -> bool {
    ww_sys::is_interrupted()
}

#[cfg(not(target_os = "linux"))]
fn catch_interrupts() -> anyhow::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn is_interrupted() -> bool {
    false
}
