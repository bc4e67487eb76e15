//! What iptables' own tests accept and refuse, and whether the reader does the same.
//!
//! Needs the folder `extensions` of the source of iptables 1.8, named by
//! `WIREWISE_IPTABLES_EXTENSIONS`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test against files, told by the environment; helpers are not in a test function"
)]

use std::path::Path;
use ww_base::{Limits, SourceId};
use ww_import::iptables;
use ww_model::filter::Family;

/// One line of a test: the rule, its table and chain, and whether iptables takes it.
struct Case {
    family: Family,
    table: String,
    chain: String,
    rule: String,
    taken: bool,
}

fn cases(path: &Path) -> Vec<Case> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let families: &[Family] = match name.split('_').next() {
        Some("libipt") => &[Family::Ip4],
        Some("libip6t") => &[Family::Ip6],
        Some("libxt") => &[Family::Ip4, Family::Ip6],
        _ => &[],
    };
    let text = std::fs::read_to_string(path).unwrap();
    let (mut table, mut chains) = ("filter".to_owned(), String::new());
    let mut cases = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(list) = line.strip_prefix(':') {
            list.clone_into(&mut chains);
        } else if let Some(name) = line.strip_prefix('*') {
            name.clone_into(&mut table);
        } else if !line.starts_with(['#', '@', '%']) {
            let mut parts = line.split(';');
            let rule = parts.next().unwrap_or_default().to_owned();
            let taken = parts.nth(1).is_some_and(|word| word.starts_with("OK"));
            let four = |word: &str| word.split('.').count() == 4;
            let of_ip4 = rule.split([' ', '/', ':', '-', '"']).any(four);
            let fitting = families
                .iter()
                .filter(|family| **family == Family::Ip4 || !of_ip4 || families.len() == 1);
            cases.extend(fitting.map(|family| Case {
                family: *family,
                table: table.clone(),
                chain: chains.split(',').next().unwrap_or("INPUT").to_owned(),
                rule: rule.clone(),
                taken,
            }));
        }
    }
    cases
}

fn is_taken(case: &Case) -> bool {
    let text = format!("*{}\n-A {} {}\nCOMMIT\n", case.table, case.chain, case.rule);
    let sets = ww_import::sets::NamedSets::new();
    let limits = Limits::default();
    let read = iptables::read(
        SourceId(0),
        text.as_bytes(),
        Some(case.family),
        &sets,
        &limits,
    );
    read.problems.is_empty()
}

#[test]
fn rules_are_taken_and_refused_as_iptables_does() {
    let Some(folder) = std::env::var_os("WIREWISE_IPTABLES_EXTENSIONS") else {
        eprintln!("NOT CHECKED: WIREWISE_IPTABLES_EXTENSIONS is not set");
        return;
    };
    let (mut all, mut refused, mut both_refuse) = (0, 0, 0);
    let mut wrongly_refused = Vec::new();
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "t"))
        .collect();
    paths.sort();
    for case in paths.iter().flat_map(|path| cases(path)) {
        all += 1;
        refused += u32::from(!case.taken);
        match (case.taken, is_taken(&case)) {
            (true, false) => wrongly_refused.push(format!("{:?} {}", case.family, case.rule)),
            (false, false) => both_refuse += 1,
            (false, true) => eprintln!("taken by the reader only: {}", case.rule),
            (true, true) => {}
        }
    }
    eprintln!("{all} rules; iptables refuses {refused}, the reader {both_refuse} of these");
    assert_eq!(wrongly_refused, [""; 0]);
    assert!(all > 1000 && both_refuse * 5 > refused * 2);
}
