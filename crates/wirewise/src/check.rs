//! `wirewise check`: which settings in these files will hurt.

use crate::cli::{CheckArguments, ColorChoice, Format};
use crate::exit::Exit;
use crate::files::{self, Files};
use crate::output;
use ww_base::Limits;
use ww_finding::{Consultation, Finding};
use ww_report::printable;

pub(crate) fn run(arguments: &CheckArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let limits = Limits::default();
    let files = files::read(&arguments.paths, &limits)?;
    let (files, consultation) = consult(files, arguments, &limits);
    let sources = files.sources();
    let text = match arguments.choice.format {
        Format::Json => ww_report::json::render(&consultation, &sources)?,
        Format::Text if arguments.choice.quiet => printable(&consultation.verdict) + "\n",
        Format::Text => {
            let style = output::style(color, &arguments.choice.out);
            ww_report::text::render(&consultation, &sources, style)
        }
    };
    output::write(&arguments.choice.out, &text)?;
    Ok(exit(&consultation, arguments))
}

/// Asks the rules that the user wants to hear.
fn consult(mut files: Files, arguments: &CheckArguments, limits: &Limits) -> (Files, Consultation) {
    let texts = files.texts();
    let (mut findings, mut outcomes) = ww_rules::review(&files.model, limits, &texts);
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
    (files, consultation)
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
