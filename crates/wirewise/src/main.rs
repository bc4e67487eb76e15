//! wirewise: a networking specialist as a program.

mod certificates;
mod check;
mod cli;
mod consult;
mod defaults;
mod diagnose;
mod exit;
mod explain;
mod files;
mod fixing;
mod flows;
mod manual;
mod map;
mod output;
mod probing;
mod progress;
mod reach;
mod reading;
mod report;
mod rule_name;
mod rules;
mod watching;

use clap::Parser;
use cli::{Cli, Verb};
use std::process::ExitCode;

/// A capture is tens of thousands of connections, each with a few small lists.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    ww_sys::keep_freed_memory();
    let cli = Cli::parse();
    let result = match &cli.verb {
        Verb::Diagnose(arguments) => diagnose::run(arguments, cli.color),
        Verb::Check(arguments) => check::run(arguments, cli.color),
        Verb::Consult(arguments) => consult::run(arguments, cli.color),
        Verb::Defaults(arguments) => defaults::run(arguments, cli.color),
        Verb::Map(arguments) => map::run(arguments, cli.color),
        Verb::Reach(arguments) => reach::run(arguments, cli.color),
        Verb::Flows(arguments) => flows::run(arguments),
        Verb::Explain(arguments) => explain::run(arguments, cli.color),
        Verb::Rules(arguments) => rules::run(arguments, cli.color),
        Verb::Completions(arguments) => manual::completions(arguments),
        Verb::Man(arguments) => manual::man(arguments),
    };
    exit::code(result)
}
