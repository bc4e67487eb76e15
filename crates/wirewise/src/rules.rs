//! `wirewise rules`: everything that can be found.

use crate::cli::{ColorChoice, Format, RulesArguments};
use crate::exit::Exit;
use crate::output;
use ww_finding::RuleMeta;
use ww_report::pages;

/// The identity of every rule, in the order of the catalogue.
pub(crate) fn all() -> Vec<&'static RuleMeta> {
    ww_rules::RULES.iter().map(|rule| &rule.meta).collect()
}

pub(crate) fn run(arguments: &RulesArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let rules = all();
    let text = match arguments.format {
        Format::Text => pages::list(&rules, output::style(color, &arguments.out)),
        Format::Json => pages::json(&rules)?,
    };
    output::write(&arguments.out, &text)?;
    Ok(Exit::Fine)
}
