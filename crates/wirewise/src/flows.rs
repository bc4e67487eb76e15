//! `wirewise flows`: the connections of a capture, a line each.

use crate::cli::{FlowsArguments, Format};
use crate::exit::Exit;
use crate::{output, reading};
use ww_report::{Sources, flows};

pub(crate) fn run(arguments: &FlowsArguments) -> anyhow::Result<Exit> {
    let reading = reading::read(&arguments.captures, &reading::limits(), arguments.quiet)?;
    let sources = Sources::new(&reading.inputs);
    let text = match arguments.format {
        Format::Text => flows::table(&reading.captures, &sources),
        Format::Json => flows::json(&reading.captures, &reading.problems, &sources)?,
    };
    output::write(&arguments.out, &text)?;
    Ok(if reading.problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Incomplete
    })
}
