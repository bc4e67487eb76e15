//! `wirewise check`: which settings in these files will hurt.

use crate::cli::{CheckArguments, ColorChoice};
use crate::exit::Exit;
use crate::files::{self, Files};
use crate::fixing;
use crate::output;
use crate::report;
use ww_base::Limits;
use ww_finding::{Consultation, Finding};
use ww_report::mending::State;

pub(crate) fn run(arguments: &CheckArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let limits = Limits::default();
    let files = files::read(&arguments.paths, &limits)?;
    let (files, consultation, found) = consult(files, arguments, &limits);
    let wants = |finding: &Finding| arguments.choice.wants(finding.rule);
    if arguments.diff {
        let mended = fixing::mend(&files, &found, &limits, &wants);
        output::write(&arguments.choice.out, &fixing::diff(&mended, &files))?;
        return Ok(report::ended(&consultation, &arguments.choice));
    }
    if arguments.fix {
        let mended = fixing::mend(&files, &found, &limits, &wants);
        fixing::apply(&mended, &files)?;
        if !mended.texts.is_empty() {
            let again = files::read(&arguments.paths, &limits)?;
            let (files, consultation, _) = consult(again, arguments, &limits);
            return report::print(&consultation, &files.sources(), &arguments.choice, color);
        }
    }
    report::print(&consultation, &files.sources(), &arguments.choice, color)
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
