//! What the Kubernetes engine says of foreign suites, against what they expect.

mod conformance;
mod connectivity;
mod nca;
mod npguard;
mod npguard_diff;
mod npguard_explain;
mod npguard_exposure;
mod world;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

/// How many cases of a suite came out as expected.
pub(super) struct Tally {
    pub(super) suite: String,
    pub(super) right: usize,
    pub(super) cases: usize,
    /// Each case that did not, with what differs.
    pub(super) wrong: Vec<(String, Vec<String>)>,
}

impl Tally {
    fn new(suite: impl Into<String>) -> Tally {
        Tally {
            suite: suite.into(),
            right: 0,
            cases: 0,
            wrong: Vec::new(),
        }
    }

    /// Counts a case that is right when both sets of lines are equal.
    fn compare(&mut self, case: &str, expected: &BTreeSet<String>, found: &BTreeSet<String>) {
        let missing = expected
            .difference(found)
            .map(|line| format!("missing: {line}"));
        let extra = found
            .difference(expected)
            .map(|line| format!("extra: {line}"));
        self.count(case, missing.chain(extra).collect());
    }

    /// Counts a case that is right when nothing differs.
    fn count(&mut self, case: &str, differences: Vec<String>) {
        self.cases += 1;
        if differences.is_empty() {
            self.right += 1;
        } else {
            self.wrong.push((case.to_owned(), differences));
        }
    }
}

/// Every Kubernetes suite below a folder of corpora.
pub(super) fn score(corpora: &Path) -> Result<Vec<Tally>> {
    let npguard_suite = corpora.join("reach/npguard");
    let kinds = [
        "plain",
        "exposure",
        "diff",
        "focus",
        "focus-exposure",
        "explain",
    ];
    let mut tallies = Vec::new();
    for kind in kinds {
        tallies.push(npguard::score(&npguard_suite, kind)?);
    }
    tallies.push(conformance::score(&corpora.join("reach/conformance"))?);
    tallies.push(nca::score(&corpora.join("reach/nca"))?);
    Ok(tallies)
}

#[cfg(test)]
mod tests;
