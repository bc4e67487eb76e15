//! The cases of netpol-analyzer: connectivity, exposure, differences and focus, as sets of lines.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Tally;
use super::connectivity::{Analysis, text};
use super::world::npguard_cluster;

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
        let lines = answer(suite, &case)?;
        tally.compare(name.trim(), &lines_of(&expected), &lines);
    }
    Ok(tally)
}

fn answer(suite: &Path, case: &Case) -> Result<BTreeSet<String>> {
    let cluster = npguard_cluster(&suite.join("tests").join(&case.folder))?;
    let analysis = Analysis::of(&cluster, &[]);
    let connectivity = analysis.connectivity();
    let line = |((from, to), connections): (&(_, _), &_)| -> String {
        let (from, to): (&super::connectivity::Peer, &super::connectivity::Peer) = (from, to);
        format!("{} => {} : {}", from.text(), to.text(), text(connections))
    };
    Ok(connectivity.iter().map(line).collect())
}

/// The lines of an expected file, with blanks made one.
fn lines_of(text: &str) -> BTreeSet<String> {
    let clean = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines()
        .map(clean)
        .filter(|line| !line.is_empty())
        .collect()
}
