//! `cargo xtask oracle kernel`: the walk through packet filters against Linux.

use anyhow::{Context as _, Result, bail};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use ww_lab::kernel::generate::Backend;
use ww_lab::kernel::oracle::{self, Plan, Tally};
use ww_lab::kernel::router::Router;
use ww_lab::kernel::shrink::{report, shrink};

/// Compares; the number of rule sets with a disagreement.
#[expect(clippy::disallowed_methods, reason = "a chore tells how long it took")]
pub(super) fn run(args: &[String]) -> Result<usize> {
    let plan = plan(args)?;
    println!("seed {}", plan.seed);
    let started = Instant::now();
    let tally = oracle::run(&plan, &mut |_| {})?;
    print(&tally, started.elapsed().as_secs_f64());
    for disagreement in &tally.disagreements {
        let small = shrink(&mut Router::build()?, disagreement)?;
        println!("\n{}", report(&small));
    }
    Ok(tally.disagreements.len())
}

pub(super) fn plan(args: &[String]) -> Result<Plan> {
    let mut plan = Plan {
        seed: new_seed(),
        packets: 100_000,
        packets_per_case: 300,
        backends: Vec::new(),
        patience: None,
        enough: 3,
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let value = words
            .next()
            .with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--packets" => plan.packets = value.parse()?,
            "--per-case" => plan.packets_per_case = value.parse()?,
            "--seed" => plan.seed = value.parse()?,
            "--keep-going" => plan.enough = value.parse()?,
            "--backend" => plan.backends.push(backend(value)?),
            other => bail!("no such option: {other}"),
        }
    }
    if plan.backends.is_empty() {
        plan.backends = Backend::ALL.to_vec();
    }
    Ok(plan)
}

fn backend(name: &str) -> Result<Backend> {
    let found = Backend::ALL
        .into_iter()
        .find(|backend| backend.name() == name);
    found.with_context(|| format!("no such backend: {name}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a new seed is what the clock says"
)]
pub(super) fn new_seed() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_nanos() as u64
}

fn print(tally: &Tally, seconds: f64) {
    let rate = tally.packets as f64 / seconds;
    println!(
        "{} rule sets, {} packets, {} passed, in {seconds:.1} s ({rate:.0} packets/s); {} rule sets disagree",
        tally.cases,
        tally.packets,
        tally.passed,
        tally.disagreements.len()
    );
    for (fate, count) in &tally.fates {
        println!("  {count:>9} {fate}");
    }
    for (words, count) in &tally.refused {
        println!("  {count:>9} rule sets refused: {words}");
    }
}
