//! `wirewise consult`: files and captures of one case, joined.

use crate::cli::{ColorChoice, ConsultArguments, ReportFormat};
use crate::exit::Exit;
use crate::files::{self, Files};
use crate::output;
use crate::reading::{self, Reading};
use crate::rules;
use ww_base::Limits;
use ww_finding::{Consultation, Finding, Input, InputKind, Severity};
use ww_report::{Traffic, printable};
use ww_rules::Joint;

pub(crate) fn run(arguments: &ConsultArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let limits = Limits::default();
    let reading = reading::read(&arguments.capture, &limits, arguments.choice.quiet)?;
    let files = files::read_behind(reading.inputs.clone(), &arguments.paths, &limits)?;
    let consultation = consult(reading, &files, arguments, &limits);
    let sources = files.sources();
    let text = match arguments.choice.format {
        ReportFormat::Json => ww_report::json::render(&consultation, &sources)?,
        ReportFormat::Markdown => ww_report::markdown::render(&consultation, &sources),
        ReportFormat::Sarif => ww_report::sarif::render(&consultation, &sources, &rules::all())?,
        ReportFormat::Text if arguments.choice.quiet => {
            format!("{}\n", printable(&consultation.verdict))
        }
        ReportFormat::Text => {
            let style = output::style(color, &arguments.choice.out);
            ww_report::text::render(&consultation, &sources, style)
        }
    };
    output::write(&arguments.choice.out, &text)?;
    Ok(exit(&consultation, arguments))
}

/// Asks the rules that the user wants to hear.
fn consult(
    reading: Reading,
    files: &Files,
    arguments: &ConsultArguments,
    limits: &Limits,
) -> Consultation {
    let joint =
        ww_rules::consult_jointly(&reading.captures, &[], &files.model, limits, &files.texts());
    let Joint {
        mut findings,
        mut outcomes,
        mut gaps,
    } = joint;
    let asked = outcomes.len();
    findings.retain(|finding| arguments.choice.wants(finding.rule));
    outcomes.retain(|(rule, _)| arguments.choice.wants(rule));
    for gap in reading.captures.iter().flat_map(|capture| &capture.gaps) {
        if !gaps.contains(gap) {
            gaps.push(gap.clone());
        }
    }
    let traffic = Traffic::of(&reading.captures)
        .without_rules(asked - outcomes.len())
        .without_inputs(reading.inputs_with_problems());
    let problems = [&*reading.problems, &*files.problems].concat();
    let mut verdict = ww_report::verdict(&findings, &outcomes, &gaps, &traffic);
    if findings.iter().all(|one| one.severity == Severity::Info) {
        let is_file = |input: &&Input| input.kind != InputKind::Capture;
        let inputs: Vec<Input> = files.inputs.iter().filter(is_file).cloned().collect();
        let files = ww_report::verdict_on_files(&findings, &inputs, &files.problems);
        verdict = format!("{verdict}. {files}");
    }
    // The process is about to end: taking every connection apart again would only cost time.
    std::mem::forget(reading.captures);
    Consultation {
        verdict,
        inputs: files.inputs.clone(),
        findings,
        outcomes,
        gaps,
        problems,
    }
}

/// A finding that matters is said louder than an input that could not be read.
fn exit(consultation: &Consultation, arguments: &ConsultArguments) -> Exit {
    let matters = |finding: &Finding| arguments.choice.fail_on.reached_by(finding.severity);
    if consultation.findings.iter().any(matters) {
        Exit::Found
    } else if consultation.problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Incomplete
    }
}
