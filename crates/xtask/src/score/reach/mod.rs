//! `cargo xtask score reach`: reachability against foreign suites with expected answers.

mod iptables;
mod kube;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "\
usage: cargo xtask score reach [DIR] [--differences]

  DIR            the folder of corpora; otherwise $WIREWISE_CORPORA
  --differences  show what differs in each case that is wrong
";

/// Runs the chore.
pub(super) fn run(args: &[String]) -> ExitCode {
    match score(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("score reach: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn score(args: &[String]) -> Result<()> {
    let (mut corpora, mut differences) = (None, false);
    for arg in args {
        match arg.as_str() {
            "--differences" => differences = true,
            _ if arg.starts_with("--") => bail!("unknown argument {arg}\n\n{USAGE}"),
            _ => corpora = Some(PathBuf::from(arg)),
        }
    }
    let corpora = corpora.or_else(|| std::env::var_os("WIREWISE_CORPORA").map(PathBuf::from));
    let corpora = corpora.with_context(|| format!("no folder of corpora\n\n{USAGE}"))?;
    for tally in kube::score(&corpora)? {
        println!("{:40} {:4} of {:4}", tally.suite, tally.right, tally.cases);
        for (case, lines) in &tally.wrong {
            println!("  {case}: {} lines differ", lines.len());
            for line in lines.iter().filter(|_| differences) {
                println!("    {line}");
            }
        }
    }
    for tally in iptables::score(&corpora)? {
        println!("{:40} {:4} of {:4}", tally.suite, tally.right, tally.cases);
        for case in &tally.wrong {
            println!("  {case}");
        }
    }
    Ok(())
}
