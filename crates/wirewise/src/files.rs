//! Files and folders on the command line to a declared network.

use crate::output;
use anyhow::bail;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use ww_base::{Gap, Limits, Locus, Order, Problem, ProblemKind, SourceId, SourceSpan};
use ww_finding::{Input, InputKind};
use ww_import::{Format, Gathered, Text, recognise};
use ww_model::Model;
use ww_report::Sources;

/// What is said of a file that is none of ours.
const NO_FORMAT: &str = "is in no format that wirewise reads; `wirewise check --help` lists them, and a name that tells what the file is helps: nginx.conf, haproxy.cfg, compose.yaml, rules.v4";

/// What is said of a walk among files of settings.
const A_WALK: &str = "is a recorded walk: name it in place of a target, wirewise diagnose FILE";

/// Folders below a named one are entered this deep.
const FOLDERS_DEEP: usize = 32;

/// All that was read.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Every file that was read, and every path that could not be.
    pub(crate) inputs: Vec<Input>,
    /// What stands in them, in the same order; empty where nothing was read.
    texts: Vec<String>,
    /// The device that each belongs to, by its folder.
    devices: Vec<String>,
    /// What they declare.
    pub(crate) model: Model,
    /// What could not be read or understood.
    pub(crate) problems: Vec<Problem>,
}

impl Files {
    /// What stands in the files, in the order of the inputs.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.texts.iter().map(String::as_str).collect()
    }

    /// The same files with other texts in some of them, read again.
    pub(crate) fn with(&self, texts: &BTreeMap<SourceId, String>, limits: &Limits) -> Files {
        let own = (0..).map(SourceId).zip(&self.texts);
        let mut files = Files {
            inputs: self.inputs.clone(),
            texts: own
                .map(|(source, text)| texts.get(&source).unwrap_or(text).clone())
                .collect(),
            devices: self.devices.clone(),
            ..Files::default()
        };
        files.model = files.understand(0..files.inputs.len(), limits);
        files
    }

    /// The files as reports point into them.
    pub(crate) fn sources(&self) -> Sources<'_> {
        let mut sources = Sources::new(&self.inputs);
        for (source, text) in (0..).map(SourceId).zip(&self.texts) {
            sources = sources.with_text(source, text);
        }
        sources
    }

    /// One line for each of the first inputs that could not be read, or not wholly.
    pub(crate) fn complain(&self) {
        let sources = self.sources();
        let mut by_source: BTreeMap<SourceId, Vec<&Problem>> = BTreeMap::new();
        for problem in &self.problems {
            if let Locus::Text(SourceSpan { source, .. }) | Locus::Whole(source) = &problem.at {
                by_source.entry(*source).or_default().push(problem);
            }
        }
        for problems in by_source.values().take(COMPLAINTS) {
            let Some(first) = problems.first() else {
                continue;
            };
            let more = match problems.len() - 1 {
                0 => String::new(),
                count => format!(" (and {count} more in this file)"),
            };
            let place = place(&first.at, &sources);
            output::complain(&format!("{place}: {}{more}", first.message));
        }
        if by_source.len() > COMPLAINTS {
            let more = by_source.len() - COMPLAINTS;
            output::complain(&format!("{more} more files were not understood wholly"));
        }
    }

    /// What could not be understood, as what an answer does not know.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let sources = self.sources();
        let gap = |problem: &Problem| {
            Gap::new(
                format!("{}: {}", place(&problem.at, &sources), problem.message),
                "mend that place, or bring what it stands for in a form that wirewise reads",
            )
        };
        self.problems.iter().map(gap).collect()
    }
}

/// Inputs that are complained of by name.
const COMPLAINTS: usize = 8;

/// A place as compilers print it.
fn place(at: &Locus, sources: &Sources<'_>) -> String {
    match at {
        Locus::Text(span) => match sources.range(*span) {
            Some(range) => {
                let path = sources.path(span.source);
                format!("{path}:{}:{}", range.line, range.column)
            }
            None => sources.path(span.source).to_owned(),
        },
        Locus::Whole(source) => sources.path(*source).to_owned(),
        _ => String::new(),
    }
}

/// Reads every file that is named and every file in a named folder that declares a network. What
/// cannot be read is told on standard error and kept as a problem.
///
/// # Errors
/// When nothing that declares a network was found.
pub(crate) fn read(paths: &[PathBuf], limits: &Limits) -> anyhow::Result<Files> {
    let files = read_in_silence(paths, limits);
    files.complain();
    something(&files.inputs, paths)?;
    Ok(files)
}

/// The same for questions about reachability: objects that answers do not follow are problems too.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_to_reach(paths: &[PathBuf], limits: &Limits) -> anyhow::Result<Files> {
    let mut files = read_in_silence(paths, limits);
    files.caution(&[]);
    files.complain();
    something(&files.inputs, paths)?;
    Ok(files)
}

/// Reads files of a case whose first inputs are captures: their sources are behind those.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_behind(
    captures: Vec<Input>,
    paths: &[PathBuf],
    limits: &Limits,
) -> anyhow::Result<Files> {
    let first = captures.len();
    let mut intake = Intake {
        files: Files {
            devices: vec![String::new(); first],
            texts: vec![String::new(); first],
            inputs: captures,
            ..Files::default()
        },
        ..Intake::default()
    };
    intake.all(paths, limits);
    let mut files = intake.files;
    files.model = files.understand(first..files.inputs.len(), limits);
    files.complain();
    something(files.inputs.get(first..).unwrap_or_default(), paths)?;
    Ok(files)
}

fn read_in_silence(paths: &[PathBuf], limits: &Limits) -> Files {
    let mut intake = Intake::default();
    intake.all(paths, limits);
    let mut files = intake.files;
    files.model = files.understand(0..files.inputs.len(), limits);
    files
}

fn names(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
    names.join(", ")
}

/// Reads two states of a network; the files of both are in the first, and so are the problems.
///
/// # Errors
/// As [`read`], for either.
pub(crate) fn read_two(
    old: &[PathBuf],
    new: &[PathBuf],
    limits: &Limits,
) -> anyhow::Result<(Files, Model)> {
    let mut intake = Intake::default();
    intake.all(old, limits);
    let first_new = intake.files.inputs.len();
    intake.seen.clear();
    intake.all(new, limits);
    let mut files = intake.files;
    let old_model = files.understand(0..first_new, limits);
    let new_model = files.understand(first_new..files.inputs.len(), limits);
    files.model = old_model;
    files.caution(&[&new_model]);
    files.complain();
    for (paths, range) in [(old, 0..first_new), (new, first_new..files.inputs.len())] {
        let inputs = files.inputs.get(range).unwrap_or_default();
        something(inputs, paths)?;
    }
    Ok((files, new_model))
}

/// An error unless one of the inputs declares a network.
fn something(inputs: &[Input], paths: &[PathBuf]) -> anyhow::Result<()> {
    if inputs.iter().all(|input| input.kind == InputKind::Other) {
        bail!(
            "nothing that declares a network was found in {}; `wirewise check --help` lists the \
             formats that are read, and a name that tells what a file is helps: nginx.conf, \
             haproxy.cfg, compose.yaml, rules.v4",
            names(paths)
        );
    }
    Ok(())
}

impl Files {
    /// Tells what answers about reachability do not follow, in these models too.
    fn caution(&mut self, others: &[&Model]) {
        let models = std::iter::once(&self.model).chain(others.iter().copied());
        let problems: Vec<Problem> = models
            .flat_map(|model| ww_reach::kube::unfollowed(&model.cluster))
            .collect();
        self.problems.extend(problems);
    }

    /// What some of the files declare; their problems are kept.
    fn understand(&mut self, range: Range<usize>, limits: &Limits) -> Model {
        let first = range.start as u32;
        let texts: Vec<Text<'_>> = self
            .texts
            .get(range.clone())
            .unwrap_or_default()
            .iter()
            .zip(self.inputs.get(range.clone()).unwrap_or_default())
            .zip(self.devices.get(range).unwrap_or_default())
            .zip((first..).map(SourceId))
            .map(|(((text, input), device), source)| Text {
                source,
                path: &input.path,
                device,
                bytes: text.as_bytes(),
            })
            .collect();
        let Gathered { model, problems } = ww_import::gather(&texts, limits);
        self.problems.extend(problems);
        model
    }
}

/// Files while they are collected.
#[derive(Default)]
struct Intake {
    files: Files,
    seen: BTreeSet<PathBuf>,
}

impl Intake {
    fn all(&mut self, paths: &[PathBuf], limits: &Limits) {
        for path in paths {
            self.named(path, limits);
        }
    }

    /// A path that the user named: what cannot be used is a problem.
    fn named(&mut self, path: &Path, limits: &Limits) {
        if path.is_dir() {
            self.folder(path, path, limits, 0);
            return;
        }
        match read_text(path, limits) {
            Ok(text) => {
                let kind = kind_of(recognise(&path.to_string_lossy(), text.as_bytes()));
                if kind == InputKind::Other {
                    let source = SourceId(self.files.inputs.len() as u32);
                    let message = if text.trim().is_empty() {
                        "is empty"
                    } else if path.extension().is_some_and(|end| end == "ndjson") {
                        A_WALK
                    } else {
                        NO_FORMAT
                    };
                    self.files.problems.push(Problem {
                        at: Locus::Whole(source),
                        kind: ProblemKind::Unsupported,
                        message: message.to_owned(),
                    });
                }
                self.add(path, kind, text, String::new());
            }
            Err(message) => self.refuse(path, message),
        }
    }

    /// What declares a network in a folder and below; everything else is none of our business.
    fn folder(&mut self, root: &Path, folder: &Path, limits: &Limits, depth: usize) {
        let mut entries: Vec<PathBuf> = match std::fs::read_dir(folder) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) => return self.refuse(folder, format!("cannot be opened: {error}")),
        };
        entries.put_in_order();
        for path in entries {
            if path.is_dir() {
                if depth < FOLDERS_DEEP && !path.is_symlink() && !is_hidden(&path) {
                    self.folder(root, &path, limits, depth + 1);
                }
                continue;
            }
            let text = match read_text(&path, limits) {
                Ok(text) => text,
                Err(message) => {
                    // What cannot be read declares a network where its name says so.
                    if recognise(&path.to_string_lossy(), &[]) != Format::Unknown {
                        self.refuse(&path, message);
                    }
                    continue;
                }
            };
            let kind = kind_of(recognise(&path.to_string_lossy(), text.as_bytes()));
            if kind != InputKind::Other {
                let device = folder.strip_prefix(root).unwrap_or(folder);
                self.add(&path, kind, text, device.to_string_lossy().into_owned());
            }
        }
    }

    fn add(&mut self, path: &Path, kind: InputKind, text: String, device: String) {
        if !self.seen.insert(path.to_owned()) {
            return;
        }
        self.files.inputs.push(Input {
            path: path.to_string_lossy().into_owned(),
            kind,
            bytes: text.len() as u64,
            frames: 0,
        });
        self.files.texts.push(text);
        self.files.devices.push(device);
    }

    fn refuse(&mut self, path: &Path, message: String) {
        let source = SourceId(self.files.inputs.len() as u32);
        self.files.problems.push(Problem {
            at: Locus::Whole(source),
            kind: ProblemKind::Undefined,
            message,
        });
        self.add(path, InputKind::Other, String::new(), String::new());
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn kind_of(format: Format) -> InputKind {
    match format {
        Format::Iptables => InputKind::Iptables,
        Format::Ipset => InputKind::Ipset,
        Format::Nft | Format::NftJson => InputKind::Nftables,
        Format::IpRoute => InputKind::Routes,
        Format::WireGuard => InputKind::Wireguard,
        Format::Kubernetes => InputKind::Kubernetes,
        Format::Nginx | Format::Haproxy | Format::Envoy => InputKind::Proxy,
        Format::Compose | Format::Dockerfile | Format::Environment => InputKind::Deployment,
        Format::Spring | Format::Application => InputKind::Application,
        Format::Postgres | Format::Mysql | Format::Redis | Format::Pgbouncer => InputKind::Database,
        Format::Resolver | Format::Sysctl => InputKind::Host,
        Format::Facts => InputKind::Facts,
        Format::Unknown => InputKind::Other,
    }
}

/// The text of a file; `-` is standard input.
#[expect(
    clippy::disallowed_methods,
    reason = "opening the files that the user names is this surface's work"
)]
fn read_text(path: &Path, limits: &Limits) -> Result<String, String> {
    let refused = |error: std::io::Error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    // One byte more than allowed, so that the importer sees that it is too much.
    let most = u64::from(limits.text_bytes) + 1;
    if path.as_os_str() == "-" {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            return Err("standard input is a terminal; pipe rules or manifests in".to_owned());
        }
        stdin
            .lock()
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(refused)?;
    } else {
        let file = File::open(path).map_err(refused)?;
        file.take(most).read_to_end(&mut bytes).map_err(refused)?;
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| in_place(error.into_bytes())))
}

/// A text that is no UTF-8, with every strange byte replaced by one character of one byte, so that
/// places stay what they are.
fn in_place(mut bytes: Vec<u8>) -> String {
    for byte in &mut bytes {
        if !byte.is_ascii() {
            *byte = b'?';
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}
