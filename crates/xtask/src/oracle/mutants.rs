//! `cargo xtask oracle mutants`: whether the comparison with the kernel finds bugs that are planted.

use anyhow::{Result, bail};

/// Bugs that are not found. Runs itself again where bugs cannot be planted, which is wherever products are built.
#[cfg(not(feature = "mutants"))]
#[expect(
    clippy::disallowed_methods,
    reason = "the chore starts itself again with bugs planted"
)]
pub(super) fn run(args: &[String]) -> Result<usize> {
    use anyhow::Context as _;
    use std::env::var_os;
    use std::process::Command;

    let cargo = var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "run",
            "--quiet",
            "--package",
            "xtask",
            "--features",
            "mutants",
            "--",
            "oracle",
            "mutants",
        ])
        .args(args)
        .status()
        .context("cannot start cargo")?;
    match status.code() {
        Some(0) => Ok(0),
        Some(1) => Ok(1),
        _ => bail!("the run with planted bugs did not end as it should"),
    }
}

/// Bugs that are not found.
#[cfg(feature = "mutants")]
pub(super) fn run(args: &[String]) -> Result<usize> {
    use ww_lab::kernel::mutants::hunt;
    use ww_lab::kernel::oracle;

    let mut plan = super::kernel::plan(args)?;
    if args.is_empty() {
        plan.seed = SEED;
        plan.packets = PACKETS;
        plan.packets_per_case = PACKETS_PER_CASE;
    }
    println!("seed {}", plan.seed);
    let mut trials = Vec::new();
    oracle::run(&plan, &mut |trial| trials.push(trial.clone()))?;
    let verdicts = match hunt(&trials) {
        Ok(verdicts) => verdicts,
        Err(disagreeing) => {
            bail!("{disagreeing} rule sets disagree with no bug planted; see `oracle kernel`")
        }
    };
    for verdict in &verdicts {
        match verdict.found_after {
            Some(number) => println!("  found in rule set {:>4}: {}", number + 1, verdict.name),
            None => println!("  NOT FOUND            : {}", verdict.name),
        }
    }
    let missed = verdicts
        .iter()
        .filter(|verdict| verdict.found_after.is_none())
        .count();
    let found = verdicts.len() - missed;
    println!(
        "{found} of {} planted bugs found by {} rule sets",
        verdicts.len(),
        trials.len()
    );
    Ok(missed)
}

/// What invents the rule sets when nothing is asked for.
#[cfg(feature = "mutants")]
const SEED: u64 = 20_261_122;
/// Packets in all, and through each rule set: many small rule sets find more than a few large ones.
#[cfg(feature = "mutants")]
const PACKETS: usize = 300_000;
#[cfg(feature = "mutants")]
const PACKETS_PER_CASE: usize = 150;
