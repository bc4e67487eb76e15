//! `wirewise diagnose TARGET`: walks a live endpoint, or reads a walk that was recorded.

pub(crate) mod arguments;

use crate::progress::Progress;
use anyhow::Context;
use arguments::ProbeArguments;
use std::io::Write;
use std::path::{Path, PathBuf};
use ww_base::SourceId;
use ww_evidence::transcript::{Target, Transcript, read_transcript, write_head, write_step};
use ww_finding::{Input, InputKind};

/// What is called an endpoint on the command line.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    /// A live one.
    Live(Target),
    /// A walk that was recorded.
    Recorded(PathBuf),
}

/// Ends of names that belong to captures.
const CAPTURES: [&str; 6] = ["pcap", "pcapng", "cap", "gz", "zst", "dmp"];

/// The endpoint that an argument names; none when it names a capture.
///
/// # Errors
/// It can only be an endpoint, and names none.
pub(crate) fn endpoint(argument: &Path) -> anyhow::Result<Option<Endpoint>> {
    let Some(text) = argument.to_str().filter(|text| *text != "-") else {
        return Ok(None);
    };
    if text.contains("://") {
        return Ok(Some(Endpoint::Live(ww_probe::parse_target(text)?)));
    }
    if argument.is_file() {
        let recorded = argument.extension().is_some_and(|end| end == "ndjson");
        return Ok(recorded.then(|| Endpoint::Recorded(argument.to_owned())));
    }
    let is_path = text.contains('/') || argument.exists();
    let is_capture = argument
        .extension()
        .and_then(|end| end.to_str())
        .is_some_and(|end| CAPTURES.contains(&end));
    if is_path || is_capture {
        return Ok(None);
    }
    Ok(Some(Endpoint::Live(ww_probe::parse_target(text)?)))
}

/// Walks each endpoint in turn, or reads its recorded walk. Their sources are behind those of `inputs`.
///
/// # Errors
/// A file that the options name cannot be read or written, a recording that cannot be understood.
pub(crate) fn walk(
    endpoints: &[Endpoint],
    arguments: &ProbeArguments,
    inputs: &mut Vec<Input>,
    quiet: bool,
) -> anyhow::Result<Vec<Transcript>> {
    let options = arguments.options()?;
    let mut record = arguments.record.as_deref().map(create).transpose()?;
    let mut walks = Vec::new();
    for endpoint in endpoints {
        let source = SourceId(inputs.len() as u32);
        let mut walk = match endpoint {
            Endpoint::Live(target) => {
                let mut progress = Progress::new(&target.written, None, quiet);
                let walk = ww_probe::walk(target, &options, source, &mut |step| {
                    progress.step(&ww_report::progress(step));
                });
                walk.with_context(|| format!("cannot probe {}", target.written))?
            }
            Endpoint::Recorded(path) => recorded(path)?,
        };
        walk.source = source;
        if let Some((path, file)) = &mut record {
            write(file, &walk).with_context(|| format!("cannot write {}", path.display()))?;
        }
        inputs.push(Input {
            path: walk.head.target.written.clone(),
            kind: InputKind::Endpoint,
            bytes: 0,
            frames: 0,
        });
        walks.push(walk);
    }
    Ok(walks)
}

fn write(file: &mut impl Write, walk: &Transcript) -> std::io::Result<()> {
    writeln!(file, "{}", write_head(&walk.head))?;
    for step in &walk.steps {
        writeln!(file, "{}", write_step(step))?;
    }
    file.flush()
}

fn recorded(path: &Path) -> anyhow::Result<Transcript> {
    let bytes = read_file(path)?;
    let text = String::from_utf8_lossy(&bytes);
    read_transcript(&text)
        .with_context(|| format!("cannot read the recorded walk {}", path.display()))
}

/// A file that an option names.
#[expect(
    clippy::disallowed_methods,
    reason = "reading the files that options name is this surface's work"
)]
fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "writing the file that --record names is this surface's work"
)]
fn create(path: &Path) -> anyhow::Result<(PathBuf, std::fs::File)> {
    let file = std::fs::File::create(path)
        .with_context(|| format!("cannot write to {}", path.display()))?;
    Ok((path.to_owned(), file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_told_from_captures() {
        let live = |text: &str| matches!(endpoint(Path::new(text)), Ok(Some(Endpoint::Live(_))));
        for text in [
            "https://a.example",
            "a.example:443",
            "a.example",
            "10.0.0.1",
            "[::1]:80",
        ] {
            assert!(live(text), "{text}");
        }
        for text in ["-", "missing.pcap", "dir/missing", "x.pcapng.gz", "/etc"] {
            assert!(matches!(endpoint(Path::new(text)), Ok(None)), "{text}");
        }
        assert!(endpoint(Path::new("ftp://a.example")).is_err());
    }
}
