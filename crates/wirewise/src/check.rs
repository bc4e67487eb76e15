//! `wirewise check`: which settings in these files will hurt.

use crate::cli::{CheckArguments, ColorChoice, ReportFormat};
use crate::exit::Exit;
use crate::files::{self, Files};
use crate::fixing;
use crate::output;
use crate::rules;
use ww_base::Limits;
use ww_finding::{Consultation, Finding};
use ww_report::mending::State;
use ww_report::printable;

pub(crate) fn run(arguments: &CheckArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let limits = Limits::default();
    let files = files::read(&arguments.paths, &limits)?;
    let (files, consultation, found) = consult(files, arguments, &limits);
    let wants = |finding: &Finding| arguments.choice.wants(finding.rule);
    if arguments.diff {
        let mended = fixing::mend(&files, &found, &limits, &wants);
        output::write(&arguments.choice.out, &fixing::diff(&mended, &files))?;
        return Ok(exit(&consultation, arguments));
    }
    if arguments.fix {
        let mended = fixing::mend(&files, &found, &limits, &wants);
        fixing::apply(&mended, &files)?;
        if !mended.texts.is_empty() {
            let again = files::read(&arguments.paths, &limits)?;
            let (files, consultation, _) = consult(again, arguments, &limits);
            return report(&files, &consultation, arguments, color);
        }
    }
    report(&files, &consultation, arguments, color)
}

/// Prints the report in the form that was asked for.
fn report(
    files: &Files,
    consultation: &Consultation,
    arguments: &CheckArguments,
    color: ColorChoice,
) -> anyhow::Result<Exit> {
    let sources = files.sources();
    let text = match arguments.choice.format {
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
    };
    output::write(&arguments.choice.out, &text)?;
    Ok(exit(consultation, arguments))
}

/// Asks the rules that the user wants to hear.
fn consult(
    mut files: Files,
    arguments: &CheckArguments,
    limits: &Limits,
) -> (Files, Consultation, State) {
    let texts = files.texts();
    let (mut findings, mut outcomes) = ww_rules::review(&files.model, limits, &texts);
    let found = State {
        findings: findings.clone(),
        problems: files.problems.len(),
    };
    findings.retain(|finding| arguments.choice.wants(finding.rule));
    outcomes.retain(|(rule, _)| arguments.choice.wants(rule));
    let verdict = ww_report::verdict_on_files(&findings, &files.inputs, &files.problems);
    let consultation = Consultation {
        verdict,
        inputs: files.inputs.clone(),
        findings,
        outcomes,
        gaps: Vec::new(),
        problems: std::mem::take(&mut files.problems),
    };
    (files, consultation, found)
}

/// A finding that matters is said louder than an input that could not be read.
fn exit(consultation: &Consultation, arguments: &CheckArguments) -> Exit {
    let matters = |finding: &Finding| arguments.choice.fail_on.reached_by(finding.severity);
    if consultation.findings.iter().any(matters) {
        Exit::Found
    } else if consultation.problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Incomplete
    }
}
