//! The cases of netpol-analyzer: connectivity, exposure, differences and focus, as sets of lines; and
//! the reasons of connections.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ww_model::kube::Protocol;
use ww_reach::kube::{Direction, UnknownPods, unknown_pods};

use super::Tally;
use super::connectivity::{Analysis, Connectivity, text};
use super::world::npguard_cluster;
use super::{npguard_diff, npguard_explain, npguard_exposure};

/// A row of `cases.tsv`.
pub(super) struct Case {
    pub(super) folder: String,
    pub(super) kind: String,
    pub(super) flags: Vec<String>,
    pub(super) expected: PathBuf,
}

/// Reads the cases below `npguard/`.
pub(super) fn cases(suite: &Path) -> Result<Vec<Case>> {
    let table = suite.join("cases.tsv");
    let table = fs::read_to_string(&table).with_context(|| format!("read {}", table.display()))?;
    let mut cases = Vec::new();
    for line in table.lines().skip(1) {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut cell = || cells.next().unwrap_or_default();
        let (folder, kind, flags, expected) = (cell(), cell(), cell(), cell());
        let flags = flags
            .split(',')
            .filter(|flag| !flag.is_empty())
            .map(str::to_owned)
            .collect();
        cases.push(Case {
            folder,
            kind,
            flags,
            expected: suite.join(expected),
        });
    }
    Ok(cases)
}

/// Compares the lines of every case of a kind.
pub(super) fn score(suite: &Path, kind: &str) -> Result<Tally> {
    let mut tally = Tally::new(format!("netpol-analyzer {kind}"));
    for case in cases(suite)? {
        if case.kind != kind || case.flags.iter().any(|flag| flag == "multiple-networks") {
            continue;
        }
        let expected = fs::read_to_string(&case.expected)
            .with_context(|| format!("read {}", case.expected.display()))?;
        let name = format!("{} {}", case.folder, case.flags.join(","));
        if kind == "explain" {
            tally.count(name.trim(), explained(suite, &case, &expected)?);
            continue;
        }
        let mut lines = answer(suite, &case)?;
        let mut wanted = lines_of(&expected);
        if case.flags.iter().any(|flag| flag == "format=dot") {
            wanted = wanted.iter().filter_map(|line| edge_of_dot(line)).collect();
            lines = lines.iter().filter_map(|line| edge_of_line(line)).collect();
        }
        tally.compare(name.trim(), &wanted, &lines);
    }
    Ok(tally)
}

fn answer(suite: &Path, case: &Case) -> Result<BTreeSet<String>> {
    let read = |folder: &str| npguard_cluster(&suite.join("tests").join(folder));
    if let Some((old, new)) = case.folder.split_once('|') {
        let (old, new) = (read(old)?, read(new)?);
        return Ok(npguard_diff::lines(
            &Analysis::of(&old, &[UnknownPods::anybody()]),
            &Analysis::of(&new, &[UnknownPods::anybody()]),
        ));
    }
    let cluster = read(&case.folder)?;
    let unknown = unknown_pods(&cluster);
    let analysis = Analysis::of(&cluster, &unknown);
    let focus = Focus::of(&case.flags);
    let mut lines = focus.lines(&analysis.connectivity());
    if case.flags.iter().any(|flag| flag == "exposure") {
        lines.extend(npguard_exposure::lines(&analysis, &unknown, &focus));
    }
    Ok(lines)
}

/// What differs in the reasons of a case, and in its exposure where it has that.
fn explained(suite: &Path, case: &Case, expected: &str) -> Result<Vec<String>> {
    let cluster = npguard_cluster(&suite.join("tests").join(&case.folder))?;
    let unknown = unknown_pods(&cluster);
    let analysis = Analysis::of(&cluster, &unknown);
    let is_all = |flag: &String| ["explain", "exposure"].contains(&flag.as_str());
    let all = case.flags.iter().all(is_all);
    let mut differences = npguard_explain::differences(&analysis, expected, all);
    if let Some(place) = expected.find("Exposure Analysis Result") {
        let focus = Focus::of(&case.flags);
        let ours = npguard_exposure::lines(&analysis, &unknown, &focus);
        let theirs = lines_of(expected.get(place..).unwrap_or_default());
        differences.extend(theirs.symmetric_difference(&ours).cloned());
    }
    Ok(differences)
}

/// What an answer is restricted to.
#[derive(Default)]
pub(super) struct Focus {
    workloads: Vec<String>,
    peers: Vec<String>,
    direction: Option<String>,
    pub(super) port: Option<(Protocol, u16)>,
}

impl Focus {
    fn of(flags: &[String]) -> Focus {
        let mut focus = Focus::default();
        for (name, value) in flags.iter().filter_map(|flag| flag.split_once('=')) {
            let names = || value.split('+').map(str::to_owned).collect();
            match name {
                "focus-workload" => focus.workloads = names(),
                "focus-workload-peer" => focus.peers = names(),
                "focus-direction" => focus.direction = Some(value.to_owned()),
                "focus-conn" => focus.port = port(value),
                _ => {}
            }
        }
        focus
    }

    fn lines(&self, connectivity: &Connectivity) -> BTreeSet<String> {
        let mut lines = BTreeSet::new();
        for ((from, to), connections) in connectivity {
            let (from_text, to_text) = (from.text(), to.text());
            if !self.holds(&from_text, &to_text) {
                continue;
            }
            match self.port {
                None => {
                    lines.insert(format!("{from_text} => {to_text} : {}", text(connections)));
                }
                Some((protocol, port)) if connections.contains(protocol, port) => {
                    lines.insert(format!("{from_text} => {to_text}"));
                }
                Some(_) => {}
            }
        }
        if let Some(port) = self.port_text().filter(|_| !lines.is_empty()) {
            lines.insert(format!("Permitted connections on {port}:"));
        }
        lines
    }

    /// Whether a workload's policies of a direction are asked for.
    pub(super) fn wants(&self, workload: &str, direction: Direction) -> bool {
        let wanted = match self.direction.as_deref() {
            Some("ingress") => direction == Direction::Ingress,
            Some("egress") => direction == Direction::Egress,
            _ => true,
        };
        wanted && is_named(&self.workloads, workload)
    }

    /// The port that is asked for, as netpol-analyzer prints it.
    pub(super) fn port_text(&self) -> Option<String> {
        let (protocol, port) = self.port?;
        Some(format!("{} {port}", format!("{protocol:?}").to_uppercase()))
    }

    /// Whether a pair is asked for.
    fn holds(&self, from: &str, to: &str) -> bool {
        let inward = is_named(&self.workloads, to) && is_named(&self.peers, from);
        let outward = is_named(&self.workloads, from) && is_named(&self.peers, to);
        match self.direction.as_deref() {
            Some("ingress") => inward,
            Some("egress") => outward,
            _ => inward || outward,
        }
    }
}

/// Whether one of the names, with or without a namespace, is that of a peer.
fn is_named(names: &[String], peer: &str) -> bool {
    let bare = peer.split('[').next().unwrap_or_default();
    let short = bare.rsplit('/').next().unwrap_or_default();
    let short = short.trim_matches(['{', '}']);
    names.is_empty() || names.iter().any(|name| name == bare || name == short)
}

fn port(text: &str) -> Option<(Protocol, u16)> {
    let (protocol, port) = text.split_once('-')?;
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => Protocol::Sctp,
    };
    Some((protocol, port.parse().ok()?))
}

/// The lines of an expected file, with blanks made one and the values of selectors sorted.
fn lines_of(text: &str) -> BTreeSet<String> {
    let clean = |line: &str| sorted_values(&line.split_whitespace().collect::<Vec<_>>().join(" "));
    text.lines()
        .map(clean)
        .filter(|line| !line.is_empty())
        .collect()
}

/// An edge of a graph: `"A" -> "B" [label="CONN" …]`.
fn edge_of_dot(line: &str) -> Option<String> {
    let mut quoted = line.split('"').skip(1).step_by(2);
    line.contains("\" -> \"").then_some(())?;
    Some(format!(
        "{} -> {} : {}",
        quoted.next()?,
        quoted.next()?,
        quoted.next()?
    ))
}

/// The edge that a line of the list or of the exposure block stands for.
fn edge_of_line(line: &str) -> Option<String> {
    let (pair, connections) = line.rsplit_once(" : ")?;
    let outward = pair.split_once(" => ");
    let (from, to) = outward.or_else(|| pair.split_once(" <= ").map(|(to, from)| (from, to)))?;
    Some(format!("{from} -> {to} : {connections}"))
}

fn sorted_values(line: &str) -> String {
    let mut parts = line.split("Values:[");
    let mut sorted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (values, rest) = part.split_once(']').unwrap_or((part, ""));
        let mut values: Vec<&str> = values.split(' ').collect();
        values.sort_unstable();
        sorted.push_str("Values:[");
        sorted.push_str(&values.join(" "));
        sorted.push(']');
        sorted.push_str(rest);
    }
    sorted
}
