//! The command line, declared once: parsing, help, completions and man page come from here.

use crate::probing::arguments::ProbeArguments;
use crate::reach::arguments::ReachArguments;
use crate::rule_name::RuleName;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;
use ww_finding::{RuleMeta, Severity};

const EXAMPLES: &str = "\
Examples:
  wirewise diagnose incident.pcapng       what is wrong, whose side, what to do
  wirewise diagnose https://api.example.com  the same of a live endpoint
  wirewise flows incident.pcapng          its connections, a line each
  wirewise check /etc/nftables.conf       which settings will hurt
  wirewise consult nginx/ --capture incident.pcapng   both, joined
  wirewise rules                          what can be found
  wirewise explain truncated-capture      what a finding means and how to mend it
";

const DIAGNOSE_EXAMPLES: &str = "\
Examples:
  wirewise diagnose incident.pcapng
  wirewise diagnose client.pcap.gz server.pcap.zst
  wirewise diagnose https://api.example.com      a live endpoint, layer by layer
  wirewise diagnose db.internal:5432 --depth deep
  wirewise diagnose https://api.example.com --config nginx/ --capture incident.pcapng
  tcpdump -i eth0 -w - -c 100000 | wirewise diagnose -
  wirewise diagnose --format json --out report.json nightly.pcapng
  wirewise diagnose --fail-on medium --ignore truncated-capture nightly.pcapng

Exit codes:
  0  nothing at or above --fail-on
  1  something is
  2  wrong usage
  3  finished, but some input could not be read
  4  could not run
";

const CHECK_EXAMPLES: &str = "\
Examples:
  wirewise check rules.v4 rules.v6
  wirewise check compose.yaml nginx/ app/
  wirewise check manifests/
  wirewise check --diff nginx.conf        what the safe fixes would change
  wirewise check --fix nginx.conf         apply them
  wirewise check --format sarif --out review.sarif .
  nft list ruleset | wirewise check -
  kubectl get networkpolicy,pod,ns -A -o yaml | wirewise check -

Formats, told by a file's name and content:
  firewalls     iptables-save, ipset save, nftables (text or JSON)
  hosts         ip -j addr, route and rule, WireGuard, resolv.conf, sysctl.conf
  proxies       nginx, HAProxy, Envoy
  Kubernetes    workloads, services, policies, Ingress, Gateway API, Istio
  deployment    compose projects, Dockerfiles, .env files
  applications  Spring, Node.js, Python, Go, Java, Ruby
  databases     PostgreSQL, MySQL and MariaDB, Redis, PgBouncer
  your team     wirewise.toml
";

const CONSULT_EXAMPLES: &str = "\
Examples:
  wirewise consult compose.yaml nginx/ --capture proxy.pcapng
  wirewise consult /etc/haproxy --capture client.pcap.gz --capture server.pcap.gz
  tcpdump -i eth0 -w - -c 100000 | wirewise consult manifests/ --capture -
";

const DEFAULTS_EXAMPLES: &str = "\
Examples:
  wirewise defaults                       the components that are known
  wirewise defaults nginx
  wirewise defaults nginx@1.27
";

const FLOWS_EXAMPLES: &str = "\
Examples:
  wirewise flows incident.pcapng
  wirewise flows --format json incident.pcapng
";

/// A networking specialist as a program.
#[derive(Debug, Parser)]
#[command(name = "wirewise", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,

    /// Colour text: auto (heeds NO_COLOR), always or never.
    #[arg(long, global = true, value_name = "WHEN")]
    #[arg(value_enum, default_value_t = ColorChoice::Auto, hide_possible_values = true)]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Say what is wrong in a packet capture or at a live endpoint, whose side it is on, and what to do
    Diagnose(Box<DiagnoseArguments>),
    /// List the TCP connections of a packet capture, a line each
    Flows(FlowsArguments),
    /// Say which settings in these files will hurt, alone or against one another
    Check(CheckArguments),
    /// Read files and captures of one case, and join what they tell of the same connections
    Consult(ConsultArguments),
    /// Print what is in force where a product's files say nothing, with sources
    Defaults(DefaultsArguments),
    /// Draw who talks to whom, across which trust boundary
    Map(MapArguments),
    /// Say who can reach whom, with which packets, decided by which line
    Reach(ReachArguments),
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

/// The form of a report on findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// To read.
    Text,
    /// For programs.
    Json,
    /// Markdown, for a ticket.
    Markdown,
    /// SARIF 2.1.0, for code review.
    Sarif,
}

/// The form of a page: for a terminal, or as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageFormat {
    Text,
    Markdown,
}

/// The severity from which findings make a run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Critical,
    High,
    Medium,
    Low,
    Info,
    Never,
}

impl FailOn {
    /// Whether a finding of this severity makes the run fail.
    pub(crate) fn reached_by(self, severity: Severity) -> bool {
        let least = match self {
            FailOn::Critical => Severity::Critical,
            FailOn::High => Severity::High,
            FailOn::Medium => Severity::Medium,
            FailOn::Low => Severity::Low,
            FailOn::Info => Severity::Info,
            FailOn::Never => return false,
        };
        severity >= least
    }
}

/// Where the result goes.
#[derive(Debug, Args)]
pub(crate) struct OutFile {
    /// Write the result to a file instead of standard output.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = DIAGNOSE_EXAMPLES)]
pub(crate) struct DiagnoseArguments {
    /// Captures: pcap or pcapng, also compressed (.gz, .zst), - for standard input; or live endpoints: a URL
    /// (https, wss, grpcs, postgres, redis, tcp …) or HOST:PORT; or walks that were recorded (.ndjson).
    #[arg(value_name = "CAPTURE|TARGET", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) inputs: Vec<PathBuf>,

    /// Files and folders, as `wirewise check` reads them, to join with what is seen; may be repeated.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) config: Vec<PathBuf>,

    /// A capture of the same trouble, beside a live endpoint; may be repeated.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) capture: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) choice: ReportChoice,

    #[command(flatten)]
    pub(crate) probing: ProbeArguments,
}

/// What of a report is wanted, and in which form.
#[derive(Debug, Args)]
pub(crate) struct ReportChoice {
    /// The form of the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,

    #[command(flatten)]
    pub(crate) out: OutFile,

    /// Exit with 1 from this severity on, info to critical, or never.
    #[arg(long, value_name = "SEVERITY")]
    #[arg(value_enum, default_value_t = FailOn::High, hide_possible_values = true)]
    pub(crate) fail_on: FailOn,

    /// Report only this finding; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = RuleName, hide_possible_values = true)]
    pub(crate) rule: Vec<&'static RuleMeta>,

    /// Leave this finding out; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = RuleName, hide_possible_values = true)]
    pub(crate) ignore: Vec<&'static RuleMeta>,

    /// Print the verdict alone, and no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl ReportChoice {
    /// Whether the user wants to hear of this rule.
    pub(crate) fn wants(&self, rule: &str) -> bool {
        let named = |rules: &[&RuleMeta]| rules.iter().any(|meta| meta.name == rule);
        (self.rule.is_empty() || named(&self.rule)) && !named(&self.ignore)
    }
}

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct CheckArguments {
    /// Files and folders: firewalls, proxies, manifests, compose projects, applications, databases;
    /// - is standard input.
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// Apply the safe fixes to the files, then report what is left.
    #[arg(long, conflicts_with = "diff")]
    pub(crate) fix: bool,

    /// Print what the safe fixes would change, as a unified diff, and change nothing.
    #[arg(long)]
    pub(crate) diff: bool,

    #[command(flatten)]
    pub(crate) choice: ReportChoice,
}

#[derive(Debug, Args)]
#[command(after_help = CONSULT_EXAMPLES)]
pub(crate) struct ConsultArguments {
    /// Files and folders, as `wirewise check` reads them.
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// A capture, as `wirewise diagnose` reads it; may be repeated. - is standard input.
    #[arg(long, value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) capture: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) choice: ReportChoice,
}

/// The form of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MapFormat {
    /// A tree, to read.
    Text,
    /// The same for programs.
    Json,
    /// A flowchart for Mermaid.
    Mermaid,
    /// A graph for Graphviz.
    Dot,
}

#[derive(Debug, Args)]
pub(crate) struct MapArguments {
    /// Files and folders: iptables-save, ipset save, nftables rules, Kubernetes manifests; - is
    /// standard input.
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// The form of the map.
    #[arg(long, value_enum, default_value_t = MapFormat::Text)]
    pub(crate) format: MapFormat,

    #[command(flatten)]
    pub(crate) out: OutFile,
}

#[derive(Debug, Args)]
#[command(after_help = DEFAULTS_EXAMPLES)]
pub(crate) struct DefaultsArguments {
    /// The component, alone or with a version; without it, all components are listed.
    #[arg(value_name = "COMPONENT[@VERSION]")]
    pub(crate) component: Option<String>,

    /// The form of the table.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) out: OutFile,
}

#[derive(Debug, Args)]
#[command(after_help = FLOWS_EXAMPLES)]
pub(crate) struct FlowsArguments {
    /// Captures: pcap or pcapng, also compressed (.gz, .zst); - is standard input.
    #[arg(value_name = "CAPTURE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) captures: Vec<PathBuf>,

    /// The form of the list.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) out: OutFile,

    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
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
    #[arg(value_parser = verb_name)]
    pub(crate) verb: Option<String>,

    #[command(flatten)]
    pub(crate) out: OutFile,
}

/// The name of a verb, as one argument of another.
fn verb_name(name: &str) -> Result<String, String> {
    match Cli::command().find_subcommand(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err("no such verb; wirewise --help lists them".to_owned()),
    }
}
