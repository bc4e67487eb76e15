//! `wirewise completions` and `wirewise man`: printed from the declaration of the command line.

use crate::cli::{Cli, CompletionsArguments, ManArguments};
use crate::exit::Exit;
use crate::output;
use anyhow::Context;
use clap::CommandFactory;

pub(crate) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "wirewise",
        &mut script,
    );
    output::write(&arguments.out, &String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}

pub(crate) fn man(arguments: &ManArguments) -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    command.build();
    let of_verb = arguments
        .verb
        .as_deref()
        .and_then(|verb| command.find_subcommand(verb))
        .cloned();
    let mut page = Vec::new();
    clap_mangen::Man::new(of_verb.unwrap_or(command))
        .render(&mut page)
        .context("cannot write the man page")?;
    output::write(&arguments.out, &String::from_utf8_lossy(&page))?;
    Ok(Exit::Fine)
}
