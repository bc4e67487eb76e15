//! `cargo xtask score probe`: walks every endpoint of the lab and counts what was said right.

use super::diagnosis;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use ww_lab::endpoint::{Scenario, Site, scenarios};

const USAGE: &str = "\
usage: cargo xtask score probe [--only NAME]... [--jobs N] [--list] [--show] [--binary FILE]

  --only NAME    only scenarios whose name contains NAME
  --jobs N       scenarios run at the same time (3)
  --list         name the scenarios, run nothing
  --show         print the report of every scenario that was not said right
  --binary FILE  the wirewise to ask (target/release/wirewise, built when missing)
";

/// Exact causes, of a hundred.
const EXACT_PERCENT: usize = 95;

#[derive(Debug, Default)]
struct Options {
    only: Vec<String>,
    jobs: usize,
    list: bool,
    show: bool,
    binary: Option<PathBuf>,
}

/// Runs the chore; fails when the score is below the bars.
pub(super) fn run(args: &[String]) -> ExitCode {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match Options::parse(args).and_then(|options| score(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("score probe: {error:#}");
            ExitCode::from(2)
        }
    }
}

impl Options {
    fn parse(args: &[String]) -> Result<Options> {
        let mut options = Options {
            jobs: 3,
            ..Options::default()
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || {
                args.next()
                    .with_context(|| format!("{arg} needs a value\n\n{USAGE}"))
            };
            match arg.as_str() {
                "--only" => options.only.push(value()?.clone()),
                "--jobs" => options.jobs = value()?.parse().context("--jobs takes a number")?,
                "--binary" => options.binary = Some(value()?.into()),
                "--list" => options.list = true,
                "--show" => options.show = true,
                _ => bail!("unknown argument {arg}\n\n{USAGE}"),
            }
        }
        Ok(options)
    }
}

/// What was said of one endpoint.
#[derive(Debug, Default)]
struct Said {
    /// The rules found, severity low and above, the most important first.
    found: Vec<String>,
    report: String,
}

/// How a scenario ended.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    Right,
    Wrong(String),
}

fn score(options: &Options) -> Result<bool> {
    let mut chosen = scenarios::all();
    chosen.retain(|scenario| {
        options.only.is_empty() || options.only.iter().any(|only| scenario.name.contains(only))
    });
    if chosen.is_empty() {
        bail!("no scenario has such a name; --list names them");
    }
    if options.list {
        for scenario in &chosen {
            println!("{:32} {}", scenario.name, scenario.done);
        }
        return Ok(true);
    }
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => diagnosis::built_binary()?,
    };
    ww_lab::namespace::sweep();
    let open = open_folder()?;
    // The ordinary user who walks need not be able to read the folder of the project.
    let copy = open.path().join("wirewise");
    std::fs::copy(&binary, &copy).with_context(|| format!("copy {}", binary.display()))?;
    let walked = walk_all(&chosen, &copy, options.jobs)?;
    Ok(print(options, &chosen, &walked))
}

/// Walks every endpoint, several at a time, in the order of the scenarios.
fn walk_all(chosen: &[Scenario], binary: &Path, jobs: usize) -> Result<Vec<Said>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<Said>)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = chosen.get(index) else {
                        break;
                    };
                    let said = walk(scenario, binary)
                        .with_context(|| format!("scenario {}", scenario.name));
                    if let Ok(mut done) = done.lock() {
                        done.push((index, said));
                    }
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .map_err(|_| anyhow::anyhow!("a scenario panicked"))?;
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, said)| said).collect()
}

/// A folder that an ordinary user can read.
pub(crate) fn open_folder() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir().context("create a folder")?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), readable).context("open a folder to all")?;
    Ok(folder)
}

fn walk(scenario: &Scenario, binary: &Path) -> Result<Said> {
    let folder = open_folder()?;
    let site = Site::build(folder.path())?;
    let servers = (scenario.set_up)(&site)?;
    let args = arguments(scenario, folder.path());
    let (report, code) = site.walk(binary, &args)?;
    drop(servers);
    let value: Value = serde_json::from_str(&report)
        .with_context(|| format!("exit {code}, and no report but: {report}"))?;
    Ok(Said {
        found: found(&value),
        report,
    })
}

/// What the program is given to walk an endpoint whose site lies in `folder`.
pub(crate) fn arguments(scenario: &Scenario, folder: &Path) -> Vec<String> {
    let place = folder.display().to_string();
    let mut args = vec!["diagnose".to_owned(), scenario.target.to_owned()];
    args.extend(scenario.args.iter().map(|word| word.replace('@', &place)));
    args.extend(["--format", "json", "--quiet"].map(str::to_owned));
    args
}

/// The rules of findings that matter.
fn found(report: &Value) -> Vec<String> {
    let findings = report.get("findings").and_then(Value::as_array);
    let text = |finding: &Value, key: &str| {
        let value = finding.get(key).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    findings
        .into_iter()
        .flatten()
        .filter(|finding| text(finding, "severity") != "info")
        .map(|finding| text(finding, "rule"))
        .collect()
}

/// The cause stands first, and nothing else is said but what may stand beside it.
fn mark(scenario: &Scenario, found: &[String]) -> Mark {
    let allowed = |rule: &&String| {
        scenario.cause == Some(rule.as_str()) || scenario.beside.contains(&rule.as_str())
    };
    let others: Vec<&str> = found
        .iter()
        .filter(|rule| !allowed(rule))
        .map(String::as_str)
        .collect();
    match (scenario.cause, found.first()) {
        (Some(cause), Some(first)) if first == cause && others.is_empty() => Mark::Right,
        (None, None) => Mark::Right,
        (Some(cause), None) => Mark::Wrong(format!("nothing, not {cause}")),
        (Some(cause), Some(_)) => Mark::Wrong(format!("{}, not {cause}", found.join(" + "))),
        (None, Some(_)) => Mark::Wrong(found.join(" + ")),
    }
}

/// Prints the score; true when every bar is met.
fn print(options: &Options, chosen: &[Scenario], walked: &[Said]) -> bool {
    let (mut exact, mut faulty, mut quiet, mut healthy) = (0, 0, 0, 0);
    for (scenario, said) in chosen.iter().zip(walked) {
        let mark = mark(scenario, &said.found);
        let right = usize::from(mark == Mark::Right);
        if scenario.cause.is_some() {
            (exact, faulty) = (exact + right, faulty + 1);
        } else {
            (quiet, healthy) = (quiet + right, healthy + 1);
        }
        if let Mark::Wrong(why) = mark {
            println!("{:32} {why}", scenario.name);
            if options.show {
                println!("{}", said.report);
            }
        }
    }
    println!("exact causes               {exact} of {faulty} (bar {EXACT_PERCENT} %)");
    println!("healthy and left in peace  {quiet} of {healthy} (bar all)");
    exact * 100 >= faulty * EXACT_PERCENT && quiet == healthy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(rules: &[&str]) -> Vec<String> {
        rules.iter().map(|&rule| rule.to_owned()).collect()
    }

    #[test]
    fn a_cause_stands_first_and_alone() {
        let all = scenarios::all();
        let of = |name: &str| {
            all.iter()
                .find(|scenario| scenario.name == name)
                .expect(name)
        };
        let closed = of("port-closed");
        assert_eq!(mark(closed, &words(&["connection-refused"])), Mark::Right);
        assert_ne!(mark(closed, &words(&[])), Mark::Right);
        assert_ne!(
            mark(closed, &words(&["connection-refused", "dns-slow"])),
            Mark::Right
        );
        assert_ne!(mark(closed, &words(&["syn-unanswered"])), Mark::Right);
        let healthy = of("http");
        assert_eq!(mark(healthy, &words(&[])), Mark::Right);
        assert_ne!(mark(healthy, &words(&["dns-slow"])), Mark::Right);
    }

    #[test]
    fn remarks_are_no_findings() {
        let report = serde_json::json!({"findings": [
            {"rule": "a", "severity": "high"}, {"rule": "b", "severity": "info"},
        ]});
        assert_eq!(found(&report), ["a"]);
    }
}
