//! wirewise: a networking specialist as a program.

mod cli;
mod diagnose;
mod exit;
mod explain;
mod flows;
mod manual;
mod output;
mod progress;
mod reading;
mod rule_name;
mod rules;

use clap::Parser;
use cli::{Cli, Verb};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.verb {
        Verb::Diagnose(arguments) => diagnose::run(arguments, cli.color),
        Verb::Flows(arguments) => flows::run(arguments),
        Verb::Explain(arguments) => explain::run(arguments, cli.color),
        Verb::Rules(arguments) => rules::run(arguments, cli.color),
        Verb::Completions(arguments) => manual::completions(arguments),
        Verb::Man(arguments) => manual::man(arguments),
    };
    exit::code(result)
}
