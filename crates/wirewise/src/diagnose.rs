//! `wirewise diagnose`: what is wrong, whose side it is on, and what to do.

use crate::cli::{ColorChoice, DiagnoseArguments, ReportFormat};
use crate::exit::Exit;
use crate::output;
use crate::reading::{self, Reading};
use crate::rules;
use ww_base::{Gap, Limits};
use ww_finding::{Consultation, Finding};
use ww_report::{Sources, Traffic, printable};

pub(crate) fn run(arguments: &DiagnoseArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let limits = Limits::default();
    let reading = reading::read(&arguments.captures, &limits, arguments.choice.quiet)?;
    let consultation = consult(reading, arguments, &limits);
    output::write(
        &arguments.choice.out,
        &render(&consultation, arguments, color)?,
    )?;
    Ok(exit(&consultation, arguments))
}

/// Asks the rules that the user wants to hear.
fn consult(reading: Reading, arguments: &DiagnoseArguments, limits: &Limits) -> Consultation {
    let (mut findings, mut outcomes) = ww_rules::consult(&reading.captures, limits);
    let asked = outcomes.len();
    findings.retain(|finding| arguments.choice.wants(finding.rule));
    outcomes.retain(|(rule, _)| arguments.choice.wants(rule));

    let mut gaps: Vec<Gap> = Vec::new();
    for gap in reading.captures.iter().flat_map(|capture| &capture.gaps) {
        if !gaps.contains(gap) {
            gaps.push(gap.clone());
        }
    }
    let traffic = Traffic::of(&reading.captures)
        .without_rules(asked - outcomes.len())
        .without_inputs(reading.inputs_with_problems());
    let verdict = ww_report::verdict(&findings, &outcomes, &gaps, &traffic);
    // The process is about to end: taking every connection apart again would only cost time.
    std::mem::forget(reading.captures);
    Consultation {
        verdict,
        inputs: reading.inputs,
        findings,
        outcomes,
        gaps,
        problems: reading.problems,
    }
}

fn render(
    consultation: &Consultation,
    arguments: &DiagnoseArguments,
    color: ColorChoice,
) -> anyhow::Result<String> {
    let sources = Sources::new(&consultation.inputs);
    Ok(match arguments.choice.format {
        ReportFormat::Json => ww_report::json::render(consultation, &sources)?,
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
