//! The Kubernetes queries of network-config-analyzer: each returns a number.

mod compare;
mod policies;
mod queries;
mod scheme;
mod yaml;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Tally;
use scheme::Scheme;

/// Compares the numbers of all queries of the family `k8s` that have an expected one and whose
/// sources are here.
pub(super) fn score(suite: &Path) -> Result<Tally> {
    let mut tally = Tally::new("network-config-analyzer k8s");
    let table = suite.join("cases.tsv");
    let table = fs::read_to_string(&table).with_context(|| format!("read {}", table.display()))?;
    let mut schemes: BTreeMap<String, Scheme> = BTreeMap::new();
    let mut namesakes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
        let (file, query, kind) = (cell(0), cell(1), cell(2));
        let namesake = namesakes.entry((file, query)).or_default();
        let place = *namesake;
        *namesake += 1;
        let (Ok(expected), "k8s", "") = (cell(4).parse::<usize>(), cell(3), cell(8)) else {
            continue;
        };
        if !schemes.contains_key(file) {
            schemes.insert(
                file.to_owned(),
                Scheme::read(&suite.join("tests").join(file))?,
            );
        }
        let clusters = schemes
            .get(file)
            .and_then(|scheme| scheme.asked(query, kind, place));
        let found = clusters.and_then(|clusters| queries::answer(kind, &clusters.0, clusters.1));
        let name = Path::new(file)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or(file);
        let differs =
            (found != Some(expected)).then(|| format!("expected {expected}, found {found:?}"));
        tally.count(
            &format!("{name}/{query} {kind}"),
            differs.into_iter().collect(),
        );
    }
    Ok(tally)
}
