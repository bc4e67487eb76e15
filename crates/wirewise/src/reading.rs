//! Captures on the command line to evidence.

use crate::output;
use crate::progress::Progress;
use anyhow::bail;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use ww_base::{Limits, Locus, Problem, ProblemKind, SourceId};
use ww_capture::reader::ReadError;
use ww_capture::{Analysis, analyse};
use ww_evidence::Capture;
use ww_finding::{Input, InputKind};

/// All that was read.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Every input that was named, readable or not.
    pub(crate) inputs: Vec<Input>,
    /// What those that are captures show.
    pub(crate) captures: Vec<Capture>,
    /// What could not be read.
    pub(crate) problems: Vec<Problem>,
}

/// Why nothing of an input could be read.
#[derive(Debug)]
struct Refusal {
    kind: ProblemKind,
    message: String,
}

/// Reads every capture. What cannot be read is told on standard error and kept as a problem.
///
/// # Errors
/// When not one of them can be read.
pub(crate) fn read(paths: &[PathBuf], limits: &Limits, quiet: bool) -> anyhow::Result<Reading> {
    let mut reading = Reading::default();
    for (path, source) in paths.iter().zip((0..).map(SourceId)) {
        let analysis = read_one(path, source, limits, quiet);
        reading.add(path, source, analysis);
    }
    reading.complain();
    if reading.captures.is_empty() {
        bail!("nothing could be read; name a pcap or pcapng file, or - for standard input");
    }
    Ok(reading)
}

impl Reading {
    fn add(&mut self, path: &Path, source: SourceId, analysis: Result<Analysis, Refusal>) {
        let mut input = Input {
            path: path.to_string_lossy().into_owned(),
            kind: InputKind::Capture,
            bytes: 0,
            frames: 0,
        };
        match analysis {
            Ok(analysis) => {
                input.bytes = analysis.bytes;
                input.frames = analysis.capture.frames;
                self.captures.push(analysis.capture);
                self.problems.extend(analysis.problems);
            }
            Err(refusal) => self.problems.push(Problem {
                at: Locus::Whole(source),
                kind: refusal.kind,
                message: refusal.message,
            }),
        }
        self.inputs.push(input);
    }

    /// How many inputs could not be read, or not wholly.
    pub(crate) fn inputs_with_problems(&self) -> usize {
        self.problems_by_input()
            .filter(|(_, problems)| !problems.is_empty())
            .count()
    }

    /// One line per input that could not be read, or not wholly.
    fn complain(&self) {
        for (input, problems) in self.problems_by_input() {
            let more = match problems.len() {
                0 | 1 => String::new(),
                count => format!(" (and {} more, in the report)", count - 1),
            };
            if let Some(first) = problems.first() {
                let name = ww_report::source_name(&input.path);
                output::complain(&format!("{name}: {}{more}", first.message));
            }
        }
    }

    fn problems_by_input(&self) -> impl Iterator<Item = (&Input, Vec<&Problem>)> {
        let of = |source| {
            let about = move |problem: &&Problem| source_of(&problem.at) == Some(source);
            self.problems.iter().filter(about).collect()
        };
        let sources = (0..).map(SourceId);
        self.inputs
            .iter()
            .zip(sources)
            .map(move |(input, source)| (input, of(source)))
    }
}

fn source_of(locus: &Locus) -> Option<SourceId> {
    match locus {
        Locus::Text(span) => Some(span.source),
        Locus::Frames(range) => Some(range.source),
        Locus::Probe { source, .. } | Locus::Whole(source) => Some(*source),
        Locus::Assumed { .. } => None,
    }
}

/// The bounds for captures on this machine: a second thread where there is a second processor for it.
pub(crate) fn limits() -> Limits {
    let bounds = Limits::default();
    let processors = available_parallelism().map_or(1, |count| count.get() as u32);
    Limits {
        threads: bounds.threads.min(processors),
        ..bounds
    }
}

fn read_one(
    path: &Path,
    source: SourceId,
    limits: &Limits,
    quiet: bool,
) -> Result<Analysis, Refusal> {
    let (reader, total) = open(path)?;
    let mut progress = Progress::new(&path.to_string_lossy(), total, quiet);
    // A defect in a dissector must not take the other inputs with it.
    let analysis = catch_unwind(AssertUnwindSafe(|| {
        analyse(reader, source, limits, &mut |bytes| progress.at(bytes))
    }));
    match analysis {
        Ok(analysis) => analysis.map_err(|error| refusal(&error)),
        Err(_) => Err(Refusal {
            kind: ProblemKind::Unsupported,
            message: "internal error while reading; please report it with the capture".into(),
        }),
    }
}

/// The bytes of an input, and how many there are where that is known.
#[expect(
    clippy::disallowed_methods,
    reason = "opening the files that the user names is this surface's work"
)]
fn open(path: &Path) -> Result<(Box<dyn Read>, Option<u64>), Refusal> {
    let refused = |reason: &dyn std::fmt::Display| Refusal {
        kind: ProblemKind::Undefined,
        message: format!("cannot be opened: {reason}"),
    };
    if path.as_os_str() == "-" {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            return Err(refused(
                &"standard input is a terminal; pipe a capture in, as in tcpdump -w - | wirewise diagnose -",
            ));
        }
        return Ok((Box::new(stdin.lock()), None));
    }
    let file = File::open(path).map_err(|error| refused(&error))?;
    let metadata = file.metadata().map_err(|error| refused(&error))?;
    if metadata.is_dir() {
        return Err(refused(
            &"it is a folder; name the captures in it, as in FOLDER/*.pcapng",
        ));
    }
    let total = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(file), total))
}

fn refusal(error: &ReadError) -> Refusal {
    Refusal {
        kind: match error {
            ReadError::NotACapture { .. } | ReadError::UnsupportedVersion { .. } => {
                ProblemKind::Unsupported
            }
            _ => ProblemKind::Malformed,
        },
        message: error.to_string(),
    }
}
