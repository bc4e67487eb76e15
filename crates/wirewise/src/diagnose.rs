//! `wirewise diagnose`: what is wrong, whose side it is on, and what to do.

use crate::certificates;
use crate::cli::{ColorChoice, DiagnoseArguments, ReportChoice};
use crate::exit::Exit;
use crate::files::{self, Files};
use crate::probing::arguments::ProbeArguments;
use crate::probing::{self, Endpoint};
use crate::reading::{self, Reading};
use crate::report;
use crate::watching;
use std::path::PathBuf;
use ww_base::{Gap, Limits, Problem};
use ww_evidence::transcript::Transcript;
use ww_finding::{Consultation, Finding, Input, InputKind, Outcome, Severity};
use ww_report::{Sources, Traffic};

pub(crate) fn run(arguments: &DiagnoseArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let mut brought = Brought {
        config: &arguments.config,
        probing: Some(&arguments.probing),
        ..Brought::default()
    };
    for input in &arguments.inputs {
        match probing::endpoint(input)? {
            Some(endpoint) => brought.endpoints.push(endpoint),
            None => brought.captures.push(input.clone()),
        }
    }
    brought.captures.extend(arguments.capture.iter().cloned());
    if arguments.probing.watch {
        let alone = brought.captures.is_empty() && arguments.config.is_empty();
        let endpoints = if alone {
            brought.endpoints.as_slice()
        } else {
            &[]
        };
        return watching::run(endpoints, &arguments.probing, &arguments.choice);
    }
    let limits = reading::limits();
    Case::read(&brought, &limits, arguments.choice.quiet)?.report(&arguments.choice, color, &limits)
}

/// What the user names of one case.
#[derive(Debug, Default)]
pub(crate) struct Brought<'a> {
    /// Captures.
    pub(crate) captures: Vec<PathBuf>,
    /// Endpoints, or walks that were recorded.
    pub(crate) endpoints: Vec<Endpoint>,
    /// How endpoints are walked.
    pub(crate) probing: Option<&'a ProbeArguments>,
    /// Files and folders.
    pub(crate) config: &'a [PathBuf],
}

/// All that was brought, and what endpoints answered.
#[derive(Debug)]
pub(crate) struct Case {
    inputs: Vec<Input>,
    reading: Reading,
    walks: Vec<Transcript>,
    files: Option<Files>,
}

/// Findings, the outcome of every rule that was asked, and what could not be joined.
type Judged = (Vec<Finding>, Vec<(&'static str, Outcome)>, Vec<Gap>);

impl Case {
    /// Reads what was brought, and walks the endpoints.
    pub(crate) fn read(
        brought: &Brought<'_>,
        limits: &Limits,
        quiet: bool,
    ) -> anyhow::Result<Case> {
        let reading = match brought.captures.as_slice() {
            [] => Reading::default(),
            captures => reading::read(captures, limits, quiet)?,
        };
        let mut inputs = reading.inputs.clone();
        let walks = match brought.probing {
            Some(how) => probing::walk(&brought.endpoints, how, &mut inputs, quiet)?,
            None => Vec::new(),
        };
        let files = match brought.config {
            [] => None,
            paths => Some(files::read_behind(inputs.clone(), paths, limits)?),
        };
        Ok(Case {
            inputs: files.as_ref().map_or(inputs, |files| files.inputs.clone()),
            reading,
            walks,
            files,
        })
    }

    /// Judges it and prints the report.
    pub(crate) fn report(
        self,
        choice: &ReportChoice,
        color: ColorChoice,
        limits: &Limits,
    ) -> anyhow::Result<Exit> {
        let consultation = self.consult(choice, limits);
        let exit = report::print(&consultation, &self.sources(), choice, color)?;
        // The process is about to end: taking every connection and finding apart again would only cost time.
        std::mem::forget((self, consultation));
        Ok(exit)
    }

    /// Asks the rules that the user wants to hear.
    fn consult(&self, choice: &ReportChoice, limits: &Limits) -> Consultation {
        let (mut findings, mut outcomes, mut gaps) = self.judge(limits);
        let asked = outcomes.len();
        findings.retain(|finding| choice.wants(finding.rule));
        outcomes.retain(|(rule, _)| choice.wants(rule));
        let seen = self.reading.captures.iter().map(|capture| &capture.gaps);
        let seen = seen.chain(self.walks.iter().map(|walk| &walk.gaps));
        for gap in seen.flatten() {
            if !gaps.contains(gap) {
                gaps.push(gap.clone());
            }
        }
        Consultation {
            verdict: self.verdict(&findings, &outcomes, &gaps, asked),
            inputs: self.inputs.clone(),
            findings,
            outcomes,
            gaps,
            problems: self.problems(),
        }
    }

    fn judge(&self, limits: &Limits) -> Judged {
        let captures = &self.reading.captures;
        match &self.files {
            Some(files) => {
                let certificates = certificates::read(&files.model, &files.inputs);
                let joint = ww_rules::consult_jointly(
                    captures,
                    &self.walks,
                    &files.model,
                    limits,
                    &files.texts(),
                    &certificates,
                );
                (joint.findings, joint.outcomes, joint.gaps)
            }
            None if self.walks.is_empty() => {
                let (findings, outcomes) = ww_rules::consult(captures, limits);
                (findings, outcomes, Vec::new())
            }
            None => {
                let (findings, outcomes) = ww_rules::judge(captures, &self.walks, limits);
                (findings, outcomes, Vec::new())
            }
        }
    }

    fn verdict(
        &self,
        findings: &[Finding],
        outcomes: &[(&'static str, Outcome)],
        gaps: &[Gap],
        asked: usize,
    ) -> String {
        if !self.walks.is_empty() {
            return ww_report::verdict_on_walks(findings, &self.walks);
        }
        let traffic = Traffic::of(&self.reading.captures)
            .without_rules(asked - outcomes.len())
            .without_inputs(self.reading.inputs_with_problems());
        let seen = ww_report::verdict(findings, outcomes, gaps, &traffic);
        match &self.files {
            Some(files) if findings.iter().all(|one| one.severity == Severity::Info) => {
                let is_file = |input: &&Input| input.kind != InputKind::Capture;
                let inputs: Vec<Input> = files.inputs.iter().filter(is_file).cloned().collect();
                let read = ww_report::verdict_on_files(findings, &inputs, &files.problems);
                format!("{seen}. {read}")
            }
            _ => seen,
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let files = self.files.as_ref().map(|files| files.problems.clone());
        [self.reading.problems.clone(), files.unwrap_or_default()].concat()
    }

    fn sources(&self) -> Sources<'_> {
        let sources = match &self.files {
            Some(files) => files.sources(),
            None => Sources::new(&self.inputs),
        };
        sources.with_walks(&self.walks)
    }
}
