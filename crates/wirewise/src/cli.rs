//! The command line, declared once: parsing, help, completions and man page come from here.

use crate::rule_name::RuleName;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use ww_finding::RuleMeta;

const EXAMPLES: &str = "\
Examples:
  wirewise rules                          what can be found
  wirewise explain idle-connection-reset  what a finding means and how to mend it
";

/// A networking specialist as a program.
#[derive(Debug, Parser)]
#[command(name = "wirewise", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,

    /// Colour text: on a terminal unless NO_COLOR is set, always, or never.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Explain a finding: what it means, why it matters, how to see it, how to fix it
    Explain(ExplainArguments),
    /// List everything that can be found
    Rules(RulesArguments),
    /// Print completions for a shell
    Completions(CompletionsArguments),
    /// Print a man page
    Man(ManArguments),
}

/// Whether to colour text; `Auto` is on a terminal that has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// The form of a report: for reading or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// The form of a page: for a terminal, or as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageFormat {
    Text,
    Markdown,
}

/// Where the result goes.
#[derive(Debug, Args)]
pub(crate) struct OutFile {
    /// Write the result to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The finding's name, as reports and `wirewise rules` print it.
    #[arg(value_name = "NAME", value_parser = RuleName, hide_possible_values = true)]
    pub(crate) name: &'static RuleMeta,

    /// The form of the page.
    #[arg(long, value_enum, default_value_t = PageFormat::Text)]
    pub(crate) format: PageFormat,

    #[command(flatten)]
    pub(crate) out: OutFile,
}

#[derive(Debug, Args)]
pub(crate) struct RulesArguments {
    /// The form of the list.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) out: OutFile,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,

    #[command(flatten)]
    pub(crate) out: OutFile,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The verb whose page to print; that of wirewise itself without it.
    pub(crate) verb: Option<String>,

    #[command(flatten)]
    pub(crate) out: OutFile,
}
