//! The command line of `wirewise reach`.

use crate::cli::{Format, OutFile};
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;
use ww_reach::question::{Place, Service};

const PLACES: &str = "\
Places:
  10.0.0.5, 10.0.0.0/8, 2001:db8::/32    addresses
  internet, any                          all public addresses; everything
  pod:NAMESPACE/NAME, NAMESPACE/NAME     a pod, or the pods of a workload
  svc:NAMESPACE/NAME, ns:NAME            a service; all pods of a namespace
  device, eth0                           the filtering device itself; the networks behind eth0

Exit codes:
  0  something gets through (can), somebody reaches it (who), nothing opened (diff)
  1  blocked (can), nobody (who), something opened (diff)
  2  wrong usage
  3  it depends on what these files do not say, or some of them could not be read
  4  could not run
";

const TRACE_EXAMPLES: &str = "\
Examples:
  wirewise reach trace rules.v4 --hook forward --packet 'iif=eth0 oif=eth1 dst=192.0.2.1 dport=443'
  wirewise reach trace rules.v4 sets.ipset --hook input --packets packets.jsonl --format json

Fields of a packet:
  id, iif, oif, src, dst, proto, sport, dport, tcp_flags, icmp_type, icmp_code, ct_state, mark
  As JSON, a line each: {\"id\": 1, \"src\": \"10.0.0.1\", \"dst\": \"192.0.2.1\", \"proto\": \"tcp\", \"dport\": 443}
";

/// Who can reach whom, with which packets, decided by which line.
#[derive(Debug, Args)]
#[command(after_help = PLACES)]
pub(crate) struct ReachArguments {
    /// What to ask.
    #[command(subcommand)]
    pub(crate) question: Question,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Question {
    /// Whether one place reaches another, with a witness and the deciding lines
    Can(CanArguments),
    /// Everybody who reaches a place
    Who(WhoArguments),
    /// Groups of places that behave alike, and who of them reaches whom
    Matrix(MatrixArguments),
    /// Rules that never decide, and what decides in their place
    Shadowed(ShadowedArguments),
    /// Whether two states of a network let the same packets through
    Equivalent(DiffArguments),
    /// Which flows a change opens and which it closes, by which lines
    Diff(DiffArguments),
    /// What happens to one packet, or to many, rule by rule
    Trace(TraceArguments),
}

/// What declares the network.
#[derive(Debug, Args)]
pub(crate) struct Declaration {
    /// Files and folders: iptables-save, ipset save, nftables rules, Kubernetes manifests; - is
    /// standard input.
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
}

/// Which device, and which of the ways through it.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The device, where the files are of several.
    #[arg(long, value_name = "NAME")]
    pub(crate) device: Option<String>,

    /// The way: to the device, through it, or from it. Told from the places when absent.
    #[arg(long, value_enum)]
    pub(crate) hook: Option<HookArgument>,
}

/// The form of an answer.
#[derive(Debug, Args)]
pub(crate) struct AnswerForm {
    /// The form of the answer.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) out: OutFile,
}

#[derive(Debug, Args)]
#[command(after_help = PLACES)]
pub(crate) struct CanArguments {
    #[command(flatten)]
    pub(crate) declaration: Declaration,

    /// Where connections come from.
    #[arg(long, value_name = "PLACE")]
    pub(crate) from: Place,

    /// Where they go.
    #[arg(long, value_name = "PLACE")]
    pub(crate) to: Place,

    #[command(flatten)]
    pub(crate) which: Which,

    /// The service: 5432/tcp, 53/udp, 8000-8100/tcp; all of them without it.
    #[arg(long, value_name = "PORT/PROTOCOL")]
    pub(crate) port: Option<Service>,

    #[command(flatten)]
    pub(crate) form: AnswerForm,
}

#[derive(Debug, Args)]
#[command(after_help = PLACES)]
pub(crate) struct WhoArguments {
    #[command(flatten)]
    pub(crate) declaration: Declaration,

    /// The place that is reached.
    #[arg(long, value_name = "PLACE")]
    pub(crate) to: Place,

    #[command(flatten)]
    pub(crate) which: Which,

    /// The service: 5432/tcp, 53/udp, 8000-8100/tcp; all of them without it.
    #[arg(long, value_name = "PORT/PROTOCOL")]
    pub(crate) port: Option<Service>,

    #[command(flatten)]
    pub(crate) form: AnswerForm,
}

/// The form of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixFormat {
    /// Groups and edges, to read.
    Text,
    /// The same for programs.
    Json,
    /// A line per edge.
    Csv,
    /// A graph for Graphviz.
    Dot,
}

#[derive(Debug, Args)]
pub(crate) struct MatrixArguments {
    #[command(flatten)]
    pub(crate) declaration: Declaration,

    #[command(flatten)]
    pub(crate) which: Which,

    /// The service: 5432/tcp, 53/udp, 8000-8100/tcp; all of them without it.
    #[arg(long, value_name = "PORT/PROTOCOL")]
    pub(crate) port: Option<Service>,

    /// The form of the answer.
    #[arg(long, value_enum, default_value_t = MatrixFormat::Text, hide_possible_values = false)]
    pub(crate) format: MatrixFormat,

    #[command(flatten)]
    pub(crate) out: OutFile,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The files or folder as they were.
    #[arg(value_name = "OLD", value_hint = ValueHint::AnyPath)]
    pub(crate) old: PathBuf,

    /// The files or folder as they will be.
    #[arg(value_name = "NEW", value_hint = ValueHint::AnyPath)]
    pub(crate) new: PathBuf,

    #[command(flatten)]
    pub(crate) form: AnswerForm,
}

/// Where a packet stands to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HookArgument {
    /// It is for the device itself.
    Input,
    /// It passes through.
    Forward,
    /// The device sends it.
    Output,
}

#[derive(Debug, Args)]
#[command(after_help = TRACE_EXAMPLES)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["packet", "packets"]))]
pub(crate) struct TraceArguments {
    #[command(flatten)]
    pub(crate) declaration: Declaration,

    /// Where the packets stand to the device.
    #[arg(long, value_enum)]
    pub(crate) hook: HookArgument,

    /// A packet as words: 'src=10.0.0.1 dst=192.0.2.1 proto=tcp dport=443'.
    #[arg(long, value_name = "WORDS")]
    pub(crate) packet: Option<String>,

    /// Packets as JSON, a line each; - is standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) packets: Option<PathBuf>,

    /// The device whose rules to walk, where the files hold those of several.
    #[arg(long, value_name = "NAME")]
    pub(crate) device: Option<String>,

    #[command(flatten)]
    pub(crate) form: AnswerForm,
}

#[derive(Debug, Args)]
pub(crate) struct ShadowedArguments {
    #[command(flatten)]
    pub(crate) declaration: Declaration,

    /// The device, where the files are of several.
    #[arg(long, value_name = "NAME")]
    pub(crate) device: Option<String>,

    #[command(flatten)]
    pub(crate) form: AnswerForm,
}
