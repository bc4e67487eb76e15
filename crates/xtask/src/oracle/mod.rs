//! `cargo xtask oracle`: what other programs say, and whether ours say the same.

mod dnssec;
mod dnsviz;
mod kernel;
mod labels;
mod mutants;
mod pair;
mod segments;
mod tls;
mod z3;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask oracle labels FILE|FOLDER… | --random N [--seed S]
       cargo xtask oracle kernel|mutants [--packets N] [--per-case N] [--seed S] [--backend NAME]... [--keep-going N]
       cargo xtask oracle pair [--networks N] [--per-case N] [--seed S] [--seconds N]
       cargo xtask oracle z3 [--lists N] [--seed S]
       cargo xtask oracle tls
       cargo xtask oracle dnssec

  labels   our TCP labels against tshark's, on any captures or on N of random segments
  kernel   walks through packet filters against what Linux does with the same rules and packets
  mutants  plants bugs and demands that the comparison with Linux finds every one
  pair     connections through two routers in a chain, with routes and translations, against Linux
  z3       our diagrams of random rule lists against a solver's answers
  tls      versions and suites of servers on loopback against sslyze, and how long both take
  dnssec   verdicts on signed and broken zones against delv's and DNSViz's

  --packets N      packets in all (100000)
  --per-case N     packets through each rule set (300)
  --seed S         repeat the run with this seed; a new one otherwise
  --backend NAME   only this one: iptables-nft, iptables-legacy, nft
  --keep-going N   stop after so many rule sets with a disagreement (3)
  --networks N     pairs of routers (200)
  --seconds N      stop after so long in any case (300)";

/// Runs the chore; exit code 1 when something differs.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let outcome = match args.split_first() {
        Some((what, paths)) if what == "labels" && !paths.is_empty() => labels::run(paths),
        Some((what, rest)) if what == "kernel" => kernel::run(rest),
        Some((what, rest)) if what == "mutants" => mutants::run(rest),
        Some((what, rest)) if what == "pair" => pair::run(rest),
        Some((what, rest)) if what == "z3" => z3::run(rest),
        Some((what, [])) if what == "tls" => tls::run(),
        Some((what, [])) if what == "dnssec" => dnssec::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("oracle: {error:#}");
            ExitCode::FAILURE
        }
    }
}
