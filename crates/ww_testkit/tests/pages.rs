//! One test per rule page: what the page shows is what the tool says.
//!
//! `cargo test -p ww_testkit --test pages packet_loss` runs one page; with `UPDATE=1` its `output`
//! blocks are rewritten.

#![expect(clippy::disallowed_methods, reason = "pages are files of the project")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use ww_base::{Limits, SourceId};
use ww_evidence::transcript::{Transcript, read_transcript};
use ww_finding::{Finding, Input, InputKind};
use ww_import::Text;
use ww_model::Model;
use ww_report::{Sources, Style};
use ww_rules::CertificateOnDisk;
use ww_testkit::page::{Diagnosis, Example, Found, Outputs, pages_below, parse, run_page};

fn main() -> ExitCode {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("ww_rules/src");
    let mut trials: Vec<Trial> = pages_below(&rules)
        .into_iter()
        .map(|path| {
            let name = path
                .strip_prefix(&rules)
                .unwrap_or(&path)
                .with_extension("");
            Trial::test(name.to_string_lossy(), move || hold_to(&path))
        })
        .collect();
    let found = trials.len();
    trials.push(Trial::test("there_are_pages", move || {
        if found == 0 {
            Err(Failed::from("no page was found"))
        } else {
            Ok(())
        }
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs a page.
fn hold_to(path: &PathBuf) -> Result<(), Failed> {
    let markdown = std::fs::read_to_string(path)?;
    let page = parse(&markdown).map_err(|error| format!("{}: {error}", path.display()))?;
    let failures = run_page(path, &page, Outputs::from_environment(), &diagnose);
    let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n").into())
    }
}

/// What the tool says about an example.
fn diagnose(example: Example<'_>) -> Diagnosis {
    match example {
        Example::Capture(pcap) => of_capture(pcap),
        Example::Transcript(text) => of_transcript(text),
        Example::Files(files) => of_files(files),
        Example::Case(text, files) => of_case(text, files),
    }
}

/// What `wirewise diagnose` says about a capture.
fn of_capture(pcap: &[u8]) -> Diagnosis {
    let limits = Limits::default();
    let analysis = match ww_capture::analyse(Box::new(pcap), SourceId(0), &limits, &mut |_| {}) {
        Ok(analysis) => analysis,
        Err(error) => {
            return Diagnosis {
                found: Vec::new(),
                text: error.to_string(),
            };
        }
    };
    let inputs = [Input {
        path: "example.pcap".to_owned(),
        kind: InputKind::Capture,
        bytes: analysis.bytes,
        frames: analysis.capture.frames,
    }];
    let (findings, _) = ww_rules::consult(&[analysis.capture], &limits);
    said(&findings, &Sources::new(&inputs))
}

/// What `wirewise diagnose TARGET` says about a walk.
fn of_transcript(text: &str) -> Diagnosis {
    let limits = Limits::default();
    let transcript = match read_transcript(text) {
        Ok(transcript) => transcript,
        Err(error) => {
            return Diagnosis {
                found: Vec::new(),
                text: error.to_string(),
            };
        }
    };
    let inputs = [Input {
        path: transcript.head.target.written.clone(),
        kind: InputKind::Endpoint,
        bytes: 0,
        frames: 0,
    }];
    let (findings, _) = ww_rules::judge(&[], &[transcript], &limits);
    said(&findings, &Sources::new(&inputs))
}

/// What `wirewise diagnose TARGET --config FILES` says about a walk and files.
fn of_case(text: &str, files: &[(String, String)]) -> Diagnosis {
    match read_transcript(text) {
        Ok(transcript) => of_files_beside(vec![transcript], files),
        Err(error) => Diagnosis {
            found: Vec::new(),
            text: error.to_string(),
        },
    }
}

/// What `wirewise check` says about files.
fn of_files(files: &[(String, String)]) -> Diagnosis {
    of_files_beside(Vec::new(), files)
}

/// What is said about files, whose sources are behind those of walks.
fn of_files_beside(mut walks: Vec<Transcript>, files: &[(String, String)]) -> Diagnosis {
    let limits = Limits::default();
    for (source, walk) in (0..).map(SourceId).zip(&mut walks) {
        walk.source = source;
    }
    let first = walks.len() as u32;
    let texts: Vec<Text<'_>> = (first..)
        .map(SourceId)
        .zip(files)
        .map(|(source, (path, text))| Text {
            source,
            path,
            device: path.rsplit_once('/').map_or("", |(folder, _)| folder),
            bytes: text.as_bytes(),
        })
        .collect();
    let gathered = ww_import::gather(&texts, &limits);
    let walked = walks.iter().map(|walk| Input {
        path: walk.head.target.written.clone(),
        kind: InputKind::Endpoint,
        bytes: 0,
        frames: 0,
    });
    let read = files.iter().map(|(path, text)| Input {
        path: path.clone(),
        kind: InputKind::Other,
        bytes: text.len() as u64,
        frames: 0,
    });
    let inputs: Vec<Input> = walked.chain(read).collect();
    let mut sources = Sources::new(&inputs);
    for (source, (_, text)) in (first..).map(SourceId).zip(files) {
        sources = sources.with_text(source, text);
    }
    let none = walks.iter().map(|_| "");
    let contents = files.iter().map(|(_, text)| text.as_str());
    let contents: Vec<&str> = none.chain(contents).collect();
    let findings = if walks.is_empty() {
        ww_rules::review(&gathered.model, &limits, &contents).0
    } else {
        let certificates = certificates(&gathered.model, files);
        ww_rules::consult_jointly(
            &[],
            &walks,
            &gathered.model,
            &limits,
            &contents,
            &certificates,
        )
        .findings
    };
    let mut diagnosis = said(&findings, &sources);
    let problems = gathered.problems.iter();
    diagnosis
        .text
        .extend(problems.map(|problem| format!("problem: {}\n", problem.message)));
    diagnosis
}

/// The certificates that files name, from files of the same example.
fn certificates(model: &Model, files: &[(String, String)]) -> Vec<CertificateOnDisk> {
    let read = |path: &str| {
        let (_, pem) = files
            .iter()
            .find(|(name, _)| name == path)
            .ok_or("it is not here")?;
        let all = ww_probe::read_certificates(pem.as_bytes());
        all.into_iter().next().ok_or("it holds no certificate")
    };
    ww_rules::named_certificates(model)
        .into_iter()
        .map(|named| CertificateOnDisk {
            read: read(&named.path).map_err(str::to_owned),
            named,
        })
        .collect()
}

/// Without the remarks on what other rules could not judge, which change with every rule.
fn said(findings: &[Finding], sources: &Sources<'_>) -> Diagnosis {
    Diagnosis {
        found: findings
            .iter()
            .map(|finding| Found::new(finding, sources))
            .collect(),
        text: ww_report::text::findings(findings, sources, Style::default()),
    }
}
