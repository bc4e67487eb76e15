//! `wirewise diagnose`: what is wrong, whose side it is on, and what to do.

use crate::cli::{ColorChoice, DiagnoseArguments, ReportFormat};
use crate::exit::Exit;
use crate::files::{self, Files};
use crate::output;
use crate::probing::{self, Endpoint};
use crate::reading::{self, Reading};
use crate::rules;
use std::path::PathBuf;
use ww_base::{Gap, Limits, Problem};
use ww_evidence::transcript::Transcript;
use ww_finding::{Consultation, Finding, Input, Outcome};
use ww_report::{Sources, Traffic, printable};

pub(crate) fn run(arguments: &DiagnoseArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let limits = Limits::default();
    let case = Case::read(arguments, &limits)?;
    let consultation = case.consult(arguments, &limits);
    output::write(
        &arguments.choice.out,
        &render(&case, &consultation, arguments, color)?,
    )?;
    let exit = exit(&consultation, arguments);
    // The process is about to end: taking every connection apart again would only cost time.
    std::mem::forget(case);
    Ok(exit)
}

/// All that was brought, and what endpoints answered.
#[derive(Debug)]
struct Case {
    inputs: Vec<Input>,
    reading: Reading,
    walks: Vec<Transcript>,
    files: Option<Files>,
}

/// Findings, the outcome of every rule that was asked, and what could not be joined.
type Judged = (Vec<Finding>, Vec<(&'static str, Outcome)>, Vec<Gap>);

impl Case {
    fn read(arguments: &DiagnoseArguments, limits: &Limits) -> anyhow::Result<Case> {
        let mut captures: Vec<PathBuf> = Vec::new();
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for input in &arguments.inputs {
            match probing::endpoint(input)? {
                Some(endpoint) => endpoints.push(endpoint),
                None => captures.push(input.clone()),
            }
        }
        captures.extend(arguments.capture.iter().cloned());
        let quiet = arguments.choice.quiet;
        let reading = match captures.as_slice() {
            [] => Reading::default(),
            captures => reading::read(captures, limits, quiet)?,
        };
        let mut inputs = reading.inputs.clone();
        let walks = probing::walk(&endpoints, &arguments.probing, &mut inputs, quiet)?;
        let files = match arguments.config.as_slice() {
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

    /// Asks the rules that the user wants to hear.
    fn consult(&self, arguments: &DiagnoseArguments, limits: &Limits) -> Consultation {
        let (mut findings, mut outcomes, mut gaps) = self.judge(limits);
        let asked = outcomes.len();
        findings.retain(|finding| arguments.choice.wants(finding.rule));
        outcomes.retain(|(rule, _)| arguments.choice.wants(rule));
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
                let joint = ww_rules::consult_jointly(
                    captures,
                    &self.walks,
                    &files.model,
                    limits,
                    &files.texts(),
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
        ww_report::verdict(findings, outcomes, gaps, &traffic)
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

fn render(
    case: &Case,
    consultation: &Consultation,
    arguments: &DiagnoseArguments,
    color: ColorChoice,
) -> anyhow::Result<String> {
    let sources = case.sources();
    Ok(match arguments.choice.format {
        ReportFormat::Json => ww_report::json::render(consultation, &sources)?,
        ReportFormat::Markdown => ww_report::markdown::render(consultation, &sources),
        ReportFormat::Sarif => ww_report::sarif::render(consultation, &sources, &rules::all())?,
        ReportFormat::Text if arguments.choice.quiet => {
            format!("{}\n", printable(&consultation.verdict))
        }
        ReportFormat::Text => {
            let style = output::style(color, &arguments.choice.out);
            ww_report::text::render(consultation, &sources, style)
        }
    })
}

/// A finding that matters is said louder than an input that could not be read.
fn exit(consultation: &Consultation, arguments: &DiagnoseArguments) -> Exit {
    let matters = |finding: &Finding| arguments.choice.fail_on.reached_by(finding.severity);
    if consultation.findings.iter().any(matters) {
        Exit::Found
    } else if consultation.problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Incomplete
    }
}
