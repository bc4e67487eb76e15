//! `wirewise explain`: what a finding means.

use crate::cli::{ColorChoice, ExplainArguments, PageFormat};
use crate::exit::Exit;
use crate::output;
use ww_report::pages;

pub(crate) fn run(arguments: &ExplainArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let style = output::style(color, &arguments.out);
    let text = match arguments.format {
        PageFormat::Text => pages::text(arguments.name, style),
        PageFormat::Markdown => pages::markdown(arguments.name).to_owned(),
    };
    output::write(&arguments.out, &text)?;
    Ok(Exit::Fine)
}
