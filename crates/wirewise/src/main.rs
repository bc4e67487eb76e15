//! wirewise: a networking specialist as a program.

mod cli;
mod exit;
mod explain;
mod manual;
mod output;
mod rule_name;
mod rules;

use clap::Parser;
use cli::{Cli, Verb};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.verb {
        Verb::Explain(arguments) => explain::run(arguments, cli.color),
        Verb::Rules(arguments) => rules::run(arguments, cli.color),
        Verb::Completions(arguments) => manual::completions(arguments),
        Verb::Man(arguments) => manual::man(arguments),
    };
    exit::code(result)
}
