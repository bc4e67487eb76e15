//! `cargo xtask bench capture`: the diagnosis against its peers, in one run on one machine.
//!
//! ```text
//! cargo xtask bench capture [--quick] [--mb N] [--runs N]   measure (500 MB, 3 runs)
//! cargo xtask bench capture --build FILE [--mb N]           only write the capture
//! cargo xtask bench reach [clusters|filters]                growing clusters and packet filters
//! cargo xtask bench check                                   a thousand configuration files
//! cargo xtask bench probe                                   walks of healthy endpoints
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "a chore reads the environment and files, starts programs and measures time"
)]

mod bars;
mod capture;
mod check;
mod contest;
mod measure;
mod probe;
mod reach;
mod walk;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

pub(crate) use capture::Rng;
use contest::Contest;
pub(crate) use measure::find;

const FULL_MB: u64 = 500;
const QUICK_MB: u64 = 50;
const FULL_RUNS: usize = 3;
const WRITE_BUFFER_BYTES: usize = 1 << 20;
const USAGE: &str = "usage: cargo xtask bench capture [--quick] [--mb N] [--runs N]\n       \
                     cargo xtask bench capture --build FILE [--mb N]\n       \
                     cargo xtask bench reach\n       \
                     cargo xtask bench check\n       \
                     cargo xtask bench probe";

/// What the command line asks for.
#[derive(Debug, Default)]
struct Request {
    quick: bool,
    mb: Option<u64>,
    runs: Option<usize>,
    build: Option<PathBuf>,
    walk: Option<(String, PathBuf)>,
}

/// Run the chore with the arguments behind `bench`.
pub(crate) fn run(args: &[String]) -> ExitCode {
    match args.split_first() {
        Some((what, rest)) if what == "reach" => {
            return run_here(args, || reach::run(rest));
        }
        Some((what, [])) if what == "check" => {
            return run_here(args, || check::measure(&release_directory()?));
        }
        Some((what, [])) if what == "probe" => {
            return run_here(args, || {
                probe::measure(&release_directory()?).map_err(io::Error::other)
            });
        }
        _ => {}
    }
    let outcome = match parse(args) {
        Some(request) => perform(&request, args),
        None => Err(io::Error::new(io::ErrorKind::InvalidInput, USAGE)),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}

/// Measures in the fast build; success when every bar is met.
fn run_here(args: &[String], measure: impl Fn() -> io::Result<bool>) -> ExitCode {
    if cfg!(debug_assertions) {
        return run_release(args).unwrap_or_else(|error| {
            eprintln!("{error}");
            ExitCode::from(2)
        });
    }
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn parse(args: &[String]) -> Option<Request> {
    let mut words = args.iter();
    if words.next()? != "capture" {
        return None;
    }
    let mut request = Request::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => request.quick = true,
            "--mb" => request.mb = Some(words.next()?.parse().ok().filter(|mb| *mb > 0)?),
            "--runs" => request.runs = Some(words.next()?.parse().ok().filter(|runs| *runs > 0)?),
            "--build" => request.build = Some(words.next()?.into()),
            "--walk" => request.walk = Some((words.next()?.clone(), words.next()?.into())),
            _ => return None,
        }
    }
    Some(request)
}

fn perform(request: &Request, args: &[String]) -> io::Result<ExitCode> {
    if cfg!(debug_assertions) {
        return run_release(args);
    }
    let mb = request
        .mb
        .unwrap_or(if request.quick { QUICK_MB } else { FULL_MB });
    if let Some((kind, file)) = &request.walk {
        walk::walk(kind, file)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &request.build {
        build(file, mb)?;
        return Ok(ExitCode::SUCCESS);
    }
    let release = release_directory()?;
    let runs = request
        .runs
        .unwrap_or(if request.quick { 1 } else { FULL_RUNS });
    let contest = Contest {
        file: cached(&release, mb)?,
        small: cached(&release, 1)?,
        release,
        runs,
    };
    contest.hold()
}

/// Build the release binaries and go on in the fast one.
fn run_release(args: &[String]) -> io::Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = [
        "build",
        "--release",
        "--quiet",
        "--package",
        "wirewise",
        "--package",
        "xtask",
    ];
    if !Command::new(cargo).args(build).status()?.success() {
        return Err(io::Error::other("the release build failed"));
    }
    let binary = release_directory()?.join("xtask");
    let status = Command::new(binary).arg("bench").args(args).status()?;
    Ok(ExitCode::from(status.code().map_or(2, |code| code as u8)))
}

/// `target/release` of the target directory this program runs from.
fn release_directory() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(Path::parent);
    target
        .map(|target| target.join("release"))
        .ok_or_else(|| io::Error::other(format!("{} is in no target directory", own.display())))
}

/// The capture of this size, built by a process of its own when it is not there yet: the memory
/// it takes must not show in the measured programs.
fn cached(release: &Path, mb: u64) -> io::Result<PathBuf> {
    let directory = release.with_file_name("bench");
    let file = directory.join(format!("mixed-{mb}mb-v{}.pcap", capture::VERSION));
    if !file.exists() {
        fs::create_dir_all(&directory)?;
        let part = file.with_extension("part");
        let size = mb.to_string();
        let args = ["bench", "capture", "--mb", &size, "--build"];
        let status = Command::new(std::env::current_exe()?)
            .args(args)
            .arg(&part)
            .status()?;
        if !status.success() {
            return Err(io::Error::other(format!(
                "building {} failed",
                file.display()
            )));
        }
        fs::rename(&part, &file)?;
    }
    Ok(file)
}

fn build(path: &Path, mb: u64) -> io::Result<()> {
    let file = BufWriter::with_capacity(WRITE_BUFFER_BYTES, File::create(path)?);
    let built = capture::build(mb, file)?;
    println!(
        "{}: {} bytes, {} packets of {} flows, fnv1a64 {:016x}",
        path.display(),
        built.bytes,
        built.packets,
        built.flows,
        built.hash
    );
    Ok(())
}
