use std::path::PathBuf;

use super::*;

/// Bars for suites, in percent of cases; what is missing must be named in the document.
const LEAST_PERCENT: usize = 95;

#[test]
fn foreign_suites_come_out_as_expected_or_as_explained() {
    let Some(corpora) = std::env::var_os("WIREWISE_CORPORA").map(PathBuf::from) else {
        println!("NOT RUN: set WIREWISE_CORPORA to compare clusters with foreign suites");
        return;
    };
    let document = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reach-deviations.md"
    );
    let document = std::fs::read_to_string(document).unwrap();
    for tally in score(&corpora).unwrap() {
        assert!(tally.cases > 0, "{} has no cases", tally.suite);
        let percent = tally.right * 100 / tally.cases;
        assert!(percent >= LEAST_PERCENT, "{}: {percent} %", tally.suite);
        for (case, differences) in &tally.wrong {
            let name = case.split(' ').next().unwrap_or(case);
            assert!(
                document.contains(&format!("`{name}`")),
                "{case}: {differences:#?}"
            );
        }
    }
}
