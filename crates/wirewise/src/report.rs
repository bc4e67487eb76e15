//! A consultation in the form that was asked for.

use crate::cli::{ColorChoice, ReportChoice, ReportFormat};
use crate::exit::Exit;
use crate::output;
use crate::rules;
use ww_finding::{Consultation, Finding};
use ww_report::{Sources, Style, printable};

/// Prints it, and tells how the run ended. A finding that matters is said louder than an input that could not be
/// read.
pub(crate) fn print(
    consultation: &Consultation,
    sources: &Sources<'_>,
    choice: &ReportChoice,
    color: ColorChoice,
) -> anyhow::Result<Exit> {
    let text = match choice.format {
        ReportFormat::Json => ww_report::json::render(consultation, sources)?,
        ReportFormat::Markdown => ww_report::markdown::render(consultation, sources),
        ReportFormat::Sarif => ww_report::sarif::render(consultation, sources, &rules::all())?,
        ReportFormat::Text if choice.quiet => {
            format!("{}\n", printable(&consultation.verdict))
        }
        ReportFormat::Text => {
            let style = Style {
                every_finding: !choice.rule.is_empty(),
                ..output::style(color, &choice.out)
            };
            ww_report::text::render(consultation, sources, style)
        }
    };
    output::write(&choice.out, &text)?;
    Ok(ended(consultation, choice))
}

/// How the run ended.
pub(crate) fn ended(consultation: &Consultation, choice: &ReportChoice) -> Exit {
    let matters = |finding: &Finding| choice.fail_on.reached_by(finding.severity);
    if consultation.findings.iter().any(matters) {
        Exit::Found
    } else if consultation.problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Incomplete
    }
}
