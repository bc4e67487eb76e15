//! Who is measured, in which order, and the table of what came out.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::bars::{Bar, Figures};
use super::measure::{Cost, Pin, Program, find, median};

const LATENCY_RUNS: usize = 20;
const MEGABYTE: f64 = 1e6;

/// Names in the table; the bars refer to them.
/// The walk over a mapped file, the physical limit of a program that looks at every packet once.
pub(super) const WALK: &str = "bare record walk";
pub(super) const WIREWISE: &str = "wirewise diagnose";
/// The same with all processors: one thread reads, another looks.
pub(super) const UNPINNED: &str = "… not pinned";
pub(super) const TCPTRACE: &str = "tcptrace -n -l -r";
pub(super) const TSHARK: &str = "tshark -q -z expert";
/// The same walk in a small buffer.
const COPIED_WALK: &str = "… with read(2)";
const READER: &str = "ww_capture reader";
const TCPDUMP: &str = "tcpdump -w /dev/null";

/// One comparison.
#[derive(Debug)]
pub(super) struct Contest {
    /// The large capture.
    pub(super) file: PathBuf,
    /// The capture of one megabyte.
    pub(super) small: PathBuf,
    /// Where the release binaries are.
    pub(super) release: PathBuf,
    /// Runs of each program; of the slowest one only.
    pub(super) runs: usize,
}

/// A program in the table: to be run, or the reason why not.
struct Entry {
    name: &'static str,
    program: Result<Program, String>,
    runs: usize,
    /// On one processor only.
    pinned: bool,
    costs: Vec<Cost>,
}

impl Contest {
    /// Measure, print, and judge.
    pub(super) fn hold(&self) -> io::Result<ExitCode> {
        let pin = Pin::new();
        let mut entries = self.entries()?;
        announce(&self.file, pin.as_ref())?;
        measure(&mut entries, self.runs, pin.as_ref());
        let costs: Vec<_> = entries
            .iter()
            .filter_map(|entry| Some((entry.name, median(&entry.costs)?)))
            .collect();
        print_table(&entries, &costs);
        let small = latency(&diagnosis(&self.release, &self.small));
        let figures = Figures { costs, small };
        let met: Vec<bool> = Bar::ALL.iter().map(|bar| bar.judge(&figures)).collect();
        Ok(if met.iter().all(|met| *met) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn entries(&self) -> io::Result<Vec<Entry>> {
        let own = std::env::current_exe()?;
        let walk = |kind: &str| {
            let args = ["bench", "capture", "--walk", kind].map(OsString::from);
            let args = args.into_iter().chain([self.file.clone().into()]).collect();
            Ok(Program {
                path: own.clone(),
                args,
            })
        };
        let peer = |name: &str, words: &[&str], tail: &[&str]| {
            let path = find(name).ok_or_else(|| format!("missing: {name} is not installed"))?;
            let words = words.iter().map(OsString::from);
            let args = words
                .chain([self.file.clone().into()])
                .chain(tail.iter().map(OsString::from));
            Ok(Program {
                path,
                args: args.collect(),
            })
        };
        let entry = |name, program, runs| Entry {
            name,
            program,
            runs,
            pinned: name != UNPINNED,
            costs: Vec::new(),
        };
        Ok(vec![
            entry(WALK, walk("mapped"), self.runs),
            entry(COPIED_WALK, walk("records"), self.runs),
            entry(READER, walk("reader"), self.runs),
            entry(WIREWISE, diagnosis(&self.release, &self.file), self.runs),
            entry(UNPINNED, diagnosis(&self.release, &self.file), self.runs),
            entry(
                TCPDUMP,
                peer("tcpdump", &["-r"], &["-w", "/dev/null"]),
                self.runs,
            ),
            entry(
                TCPTRACE,
                peer("tcptrace", &["-n", "-l", "-r"], &[]),
                self.runs,
            ),
            entry(
                TSHARK,
                peer("tshark", &["-n", "-q", "-z", "expert", "-r"], &[]),
                1,
            ),
        ])
    }
}

/// The diagnosis of a file, refused when it says nothing: an empty answer is not a measurement.
fn diagnosis(release: &Path, file: &Path) -> Result<Program, String> {
    let args = ["diagnose", "--format", "json", "--fail-on", "never"].map(OsString::from);
    let args = args.into_iter().chain([file.into()]).collect();
    let program = Program {
        path: release.join("wirewise"),
        args,
    };
    match program.output() {
        Ok(output) if output.starts_with(b"{") => Ok(program),
        Ok(_) => Err("not measured: it printed no report".to_owned()),
        Err(error) => Err(format!("not measured: {error}")),
    }
}

fn announce(file: &Path, pin: Option<&Pin>) -> io::Result<()> {
    let bytes = file.metadata()?.len();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(1).collect();
    println!(
        "{}: {:.1} MB; load average {}; {}\n",
        file.display(),
        bytes as f64 / MEGABYTE,
        load.concat(),
        pin.map_or("not pinned: no taskset".to_owned(), |pin| format!(
            "pinned to CPU {}",
            pin.cpu()
        ))
    );
    Ok(())
}

/// Rounds over all programs, so that a busy moment of the machine hurts all alike. The record
/// walk goes first and once more than counted, which brings the file into the page cache.
fn measure(entries: &mut [Entry], rounds: usize, pin: Option<&Pin>) {
    if let Some(Ok(walk)) = entries.first().map(|entry| &entry.program)
        && let Err(error) = walk.run(pin)
    {
        eprintln!("warming up: {error}");
    }
    for round in 0..rounds {
        for entry in entries.iter_mut().filter(|entry| round < entry.runs) {
            let Ok(program) = &entry.program else {
                continue;
            };
            match program.run(pin.filter(|_| entry.pinned)) {
                Ok(cost) => entry.costs.push(cost),
                Err(error) => {
                    entry.costs.clear();
                    entry.program = Err(format!("not measured: {error}"));
                }
            }
        }
    }
}

fn print_table(entries: &[Entry], costs: &[(&str, Cost)]) {
    let cpu = |name: &str| {
        costs
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, cost)| cost.cpu)
    };
    println!(
        "{:<22} {:>4} {:>9} {:>9} {:>9} {:>9} {:>12}",
        "tool", "runs", "CPU s", "wall s", "peak MB", "× walk", "× wirewise"
    );
    for entry in entries {
        match (&entry.program, median(&entry.costs)) {
            (Err(why), _) => println!("{:<22} {why}", entry.name),
            (Ok(_), None) => println!("{:<22} not run", entry.name),
            (Ok(_), Some(cost)) => {
                let times = |base: &str| match cpu(base) {
                    Some(base) => format!("{:.2}", cost.cpu.as_secs_f64() / base.as_secs_f64()),
                    None => "–".to_owned(),
                };
                println!(
                    "{:<22} {:>4} {:>9.3} {:>9.3} {:>9.1} {:>9} {:>12}",
                    entry.name,
                    entry.costs.len(),
                    cost.cpu.as_secs_f64(),
                    cost.wall.as_secs_f64(),
                    cost.peak as f64 / MEGABYTE,
                    times(WALK),
                    times(WIREWISE)
                );
            }
        }
    }
    println!();
}

/// Median cost of a whole process on the small file.
fn latency(program: &Result<Program, String>) -> Option<Cost> {
    let program = program.as_ref().ok()?;
    let costs: io::Result<Vec<Cost>> = (0..LATENCY_RUNS).map(|_| program.run(None)).collect();
    median(&costs.ok()?)
}
