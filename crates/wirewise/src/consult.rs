//! `wirewise consult`: files and captures of one case, joined.

use crate::cli::{ColorChoice, ConsultArguments};
use crate::diagnose::{Brought, Case};
use crate::exit::Exit;
use crate::reading;

pub(crate) fn run(arguments: &ConsultArguments, color: ColorChoice) -> anyhow::Result<Exit> {
    let brought = Brought {
        captures: arguments.capture.clone(),
        config: &arguments.paths,
        ..Brought::default()
    };
    let limits = reading::limits();
    Case::read(&brought, &limits, arguments.choice.quiet)?.report(&arguments.choice, color, &limits)
}
