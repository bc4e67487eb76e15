//! `cargo xtask score`: makes every scenario of the lab, diagnoses its captures and counts what was said right.

#![expect(
    clippy::disallowed_methods,
    reason = "a chore reads files, starts programs and looks at the clock"
)]

mod corpus;
mod diagnosis;
mod exhibits;
mod index;
mod judge;
mod lab;
pub(crate) mod probe;
mod reach;
mod table;

use anyhow::{Context as _, Result, bail};
use judge::Case;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const USAGE: &str = "\
usage: cargo xtask score [--seed N] [--only NAME]... [--keep DIR] [--jobs N] [--record] [--exhibits] [--list] [--binary FILE]
       cargo xtask score --kept DIR [--only NAME]... [--exhibits] [--binary FILE]
       cargo xtask score --corpus [DIR] [--only NAME]... [--exhibits] [--binary FILE]
       cargo xtask score reach [DIR] [--differences]
       cargo xtask score probe [--only NAME]... [--jobs N] [--list] [--show] [--binary FILE]

  --seed N       repeat the run with this seed; a new one otherwise
  --only NAME    only scenarios (or files) whose name contains NAME
  --keep DIR     keep captures, truth logs and an index there
  --jobs N       scenarios run at the same time (3)
  --record       make the captures, diagnose nothing
  --exhibits     let tshark check every frame number and filter of the reports
  --list         name the scenarios, run nothing
  --kept DIR     score the captures that an earlier run kept there
  --corpus DIR   score the labelled captures of a corpus; without DIR, of $WIREWISE_CORPORA
  --binary FILE  the wirewise to ask (target/release/wirewise, built when missing)
";

/// What the command line asks for.
#[derive(Debug, Default)]
struct Options {
    seed: Option<u64>,
    only: Vec<String>,
    keep: Option<PathBuf>,
    jobs: usize,
    record: bool,
    exhibits: bool,
    list: bool,
    kept: Option<PathBuf>,
    corpus: Option<PathBuf>,
    binary: Option<PathBuf>,
}

/// Runs the chore; fails when the score is below the bars.
pub(crate) fn run(args: &[String]) -> ExitCode {
    if let Some((what, rest)) = args.split_first()
        && what == "reach"
    {
        return reach::run(rest);
    }
    if let Some((what, rest)) = args.split_first()
        && what == "probe"
    {
        return probe::run(rest);
    }
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match Options::parse(args).and_then(|options| score(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("score: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// True when every bar is met.
fn score(options: &Options) -> Result<bool> {
    if options.list {
        for scenario in options.selected_scenarios() {
            println!("{:34} {}", scenario.name, scenario.done);
        }
        return Ok(true);
    }
    if let Some(folder) = &options.corpus {
        let cases = options.only_named(corpus::cases(folder)?);
        return judge_all(options, &cases, &table::CORPUS_BARS);
    }
    if let Some(folder) = &options.kept {
        let cases = options.only_named(index::read(folder)?);
        return judge_all(options, &cases, &table::LAB_BARS);
    }
    let seed = options.seed.unwrap_or_else(fresh_seed);
    println!("seed {seed}");
    let temporary = tempfile::tempdir().context("create a folder for the captures")?;
    let folder = options.keep.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let scenarios = options.selected_scenarios();
    if scenarios.is_empty() {
        bail!("no scenario has such a name; --list names them");
    }
    let cases = lab::record(&scenarios, seed, folder, options.jobs)?;
    if options.record {
        return Ok(true);
    }
    judge_all(options, &cases, &table::LAB_BARS)
}

/// Diagnoses and judges every case, prints the table, and checks the exhibits when asked to; true when all is well.
fn judge_all(options: &Options, cases: &[Case], bars: &table::Bars) -> Result<bool> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => diagnosis::built_binary()?,
    };
    let mut judged = Vec::new();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for case in cases {
        let report = diagnosis::diagnose(&binary, &case.file)?;
        judged.push(judge::judge(case, &report.findings));
        if options.exhibits {
            checked += report.exhibits.len();
            wrong.extend(exhibits::wrong(&case.file, &report.exhibits)?);
        }
    }
    let met = table::print(&judged, bars);
    if options.exhibits {
        println!(
            "exhibits right            {} of {checked}",
            checked - wrong.len()
        );
        for line in &wrong {
            println!("{line}");
        }
    }
    Ok(met && wrong.is_empty())
}

fn fresh_seed() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_micros() as u64 % 1_000_000_000
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self {
            jobs: 3,
            ..Self::default()
        };
        let mut args = args.iter().peekable();
        while let Some(arg) = args.next() {
            let mut value = || {
                args.next()
                    .with_context(|| format!("{arg} needs a value\n\n{USAGE}"))
            };
            match arg.as_str() {
                "--seed" => options.seed = Some(value()?.parse().context("--seed takes a number")?),
                "--jobs" => options.jobs = value()?.parse().context("--jobs takes a number")?,
                "--only" => options.only.push(value()?.clone()),
                "--keep" => options.keep = Some(value()?.into()),
                "--kept" => options.kept = Some(value()?.into()),
                "--binary" => options.binary = Some(value()?.into()),
                "--exhibits" => options.exhibits = true,
                "--record" => options.record = true,
                "--list" => options.list = true,
                "--corpus" => {
                    let folder = args
                        .next_if(|next| !next.starts_with("--"))
                        .map(PathBuf::from);
                    let folder =
                        folder.or_else(|| std::env::var_os("WIREWISE_CORPORA").map(PathBuf::from));
                    options.corpus =
                        Some(folder.context("--corpus needs a folder or WIREWISE_CORPORA")?);
                }
                _ => bail!("unknown argument {arg}\n\n{USAGE}"),
            }
        }
        Ok(options)
    }

    fn selects(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.contains(only.as_str()))
    }

    fn selected_scenarios(&self) -> Vec<ww_lab::scenario::Scenario> {
        let mut scenarios = ww_lab::scenarios::all();
        scenarios.retain(|scenario| self.selects(scenario.name));
        scenarios
    }

    fn only_named(&self, mut cases: Vec<Case>) -> Vec<Case> {
        cases.retain(|case| self.selects(&case.name));
        cases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Options> {
        Options::parse(
            &words
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn arguments_are_understood() {
        let options =
            parse("--seed 7 --only loss --only dns --jobs 2 --record --corpus /c --only x")
                .unwrap();
        assert_eq!(
            (options.seed, options.jobs, options.record),
            (Some(7), 2, true)
        );
        assert_eq!(options.corpus, Some(PathBuf::from("/c")));
        assert!(options.selects("loss-upload-2") && !options.selects("port-closed"));
    }

    #[test]
    fn wrong_arguments_are_named() {
        for words in ["--seed", "--seed many", "--frob"] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
