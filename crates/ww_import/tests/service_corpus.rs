//! Configurations of real projects are read: few have anything that breaks the format's rules.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the corpora are files, named by the environment; where they fail, the test fails"
)]

use std::path::Path;
use ww_base::{Limits, ProblemKind, SourceId};
use ww_import::{Format, Text, gather, recognise};

/// Files that are broken on purpose, or no configuration although the list says so.
const BROKEN: [&str; 7] = [
    "missing-semicolon/broken-above.conf",
    "missing-semicolon/broken-below.conf",
    "includes-globbed/servers/locations/not-included.conf",
    "includes-regular/conf.d/bar.conf",
    "includes-regular/conf.d/foo.conf",
    "ingress-nginx/test/data/cleanConf.src.conf",
    "ingress-nginx/test/data/cleanConf.expected.conf",
];

/// Reads each file of a format by itself; the share without a malformed part, in percent.
fn share(corpora: &Path, word: &str, format: Format) -> f64 {
    let folder = corpora.join("config");
    let list = std::fs::read_to_string(folder.join("list.tsv")).unwrap();
    let rows = list.lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let (mut all, mut whole, mut programs) = (0_u32, 0_u32, 0);
    for row in rows.filter(|row| row.get(1) == Some(&word)) {
        let path = row[0];
        let bytes = std::fs::read(folder.join(path)).unwrap();
        if BROKEN.iter().any(|end| path.ends_with(end)) {
            continue;
        }
        if recognise(path, &bytes) != format {
            println!("{path} is taken for {:?}", recognise(path, &bytes));
            continue;
        }
        let text = Text {
            source: SourceId(0),
            path,
            device: "",
            bytes: &bytes,
        };
        let gathered = gather(&[text], &Limits::default());
        all += 1;
        programs += gathered.model.services.programs.len();
        let mut malformed = gathered.problems.iter();
        let malformed: Vec<_> = malformed
            .by_ref()
            .filter(|problem| problem.kind == ProblemKind::Malformed)
            .collect();
        if malformed.is_empty() {
            whole += 1;
        } else {
            println!("{path}: {malformed:?}");
        }
        for problem in &gathered.problems {
            if problem.kind == ProblemKind::Unsupported {
                println!("{path}: {}", problem.message);
            }
        }
    }
    println!("{word}: {whole} of {all} files without a malformed part, {programs} programs");
    assert!(all >= 40 && programs >= 25, "{word}: too little was read");
    f64::from(whole) * 100.0 / f64::from(all)
}

#[test]
fn nginx_configurations_of_projects_are_read() {
    let Some(corpora) = std::env::var_os("WIREWISE_CORPORA") else {
        println!("NOT RUN: set WIREWISE_CORPORA to read configurations of projects");
        return;
    };
    assert!(share(Path::new(&corpora), "nginx", Format::Nginx) >= 98.0);
}

#[test]
fn haproxy_configurations_of_projects_are_read() {
    let Some(corpora) = std::env::var_os("WIREWISE_CORPORA") else {
        println!("NOT RUN: set WIREWISE_CORPORA to read configurations of projects");
        return;
    };
    assert!(share(Path::new(&corpora), "haproxy", Format::Haproxy) >= 98.0);
}
