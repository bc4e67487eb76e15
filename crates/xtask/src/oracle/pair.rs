//! `cargo xtask oracle pair`: connections through two routers against Linux.

use super::kernel::new_seed;
use anyhow::{Context as _, Result, bail};
use std::time::{Duration, Instant};
use ww_lab::kernel::pair::{self, Plan};

/// Compares; the number of networks with a disagreement, of which the first ends it.
#[expect(clippy::disallowed_methods, reason = "a chore tells how long it took")]
pub(super) fn run(args: &[String]) -> Result<usize> {
    let plan = plan(args)?;
    println!("seed {}", plan.seed);
    let started = Instant::now();
    let tally = pair::run(&plan)?;
    println!(
        "{} networks, {} translated, {} not told by the files, in {:.1} s",
        tally.networks,
        tally.translated,
        tally.untold,
        started.elapsed().as_secs_f64()
    );
    for (fate, count) in &tally.connections {
        println!("  {count:>9} {fate}");
    }
    if let Some(words) = &tally.disagreement {
        println!("\n{words}");
    }
    Ok(usize::from(tally.disagreement.is_some()))
}

fn plan(args: &[String]) -> Result<Plan> {
    let mut plan = Plan {
        seed: new_seed(),
        networks: 200,
        connections: 100,
        patience: Duration::from_mins(5),
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let value = words
            .next()
            .with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--networks" => plan.networks = value.parse()?,
            "--per-case" => plan.connections = value.parse()?,
            "--seed" => plan.seed = value.parse()?,
            "--seconds" => plan.patience = Duration::from_secs(value.parse()?),
            other => bail!("no such option: {other}"),
        }
    }
    Ok(plan)
}
