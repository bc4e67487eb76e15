//! Files that declare a network, cut at every offset and made very large.

use crate::flood::Xorshift;
use crate::measured::alone;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use ww_base::{Limits, Locus, Problem, SourceId};
use ww_import::{Format, Gathered, Text, gather, recognise};

/// Memory that a rule set of 100 MB may take, and CPU time per megabyte, in a fast build.
const MOST_MIB: u64 = 1500;
const MOST_MS_PER_MB: u64 = 600;

/// What `wirewise check` does with one file.
///
/// # Panics
///
/// As [`read`], and when a rule panicked, of which the engine makes a gap.
fn check(path: &str, bytes: &[u8]) -> Vec<Problem> {
    let limits = Limits::default();
    let Gathered { model, problems } = read(path, bytes);
    let text = String::from_utf8_lossy(bytes);
    let (_, outcomes) = ww_rules::review(&model, &limits, &[&text]);
    for (rule, outcome) in &outcomes {
        let mut gaps = outcome.gaps().iter();
        let broken = gaps.find(|gap| gap.missing.contains("internal error"));
        assert_eq!(broken, None, "{rule}: {path}, {} bytes", bytes.len());
    }
    problems
}

/// Imports one file.
///
/// # Panics
///
/// When a problem stands outside of the text or says nothing, or there are more than the limits
/// allow.
fn read(path: &str, bytes: &[u8]) -> Gathered {
    let limits = Limits::default();
    let text = Text {
        source: SourceId(0),
        path,
        device: "",
        bytes,
    };
    let gathered = gather(&[text], &limits);
    assert!(gathered.problems.len() <= limits.problems_per_text as usize + 1);
    for problem in &gathered.problems {
        assert!(!problem.message.is_empty());
        match &problem.at {
            Locus::Text(at) => assert!(
                at.start <= at.end && at.end as usize <= bytes.len(),
                "{path}, {} bytes: {problem:?}",
                bytes.len()
            ),
            Locus::Whole(_) => {}
            other => panic!("{other:?} is no place in a text"),
        }
    }
    gathered
}

/// The importers' fixtures.
fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ww_import/testdata");
    let mut found = Vec::new();
    for folder in ["iptables", "nft", "nft/text_only", "iproute"] {
        let entries = std::fs::read_dir(root.join(folder)).expect("the folder is there");
        let paths = entries.map(|entry| entry.expect("the folder is readable").path());
        found.extend(paths.filter(|path| {
            let end = path.extension().and_then(|end| end.to_str());
            end.is_some_and(|end| ["save", "ipset", "nft", "json"].contains(&end))
        }));
    }
    found.sort();
    found
}

/// Reads every beginning of every fixture, and asks the rules about some of them.
fn cut_all(asked: usize) {
    let (mut files, mut cuts) = (0, 0);
    for path in fixtures() {
        let bytes = std::fs::read(&path).expect("the fixture is readable");
        let name = path.to_string_lossy();
        for length in 0..bytes.len() {
            if length % asked == 0 {
                check(&name, &bytes[..length]);
            } else {
                read(&name, &bytes[..length]);
            }
        }
        files += 1;
        cuts += bytes.len();
    }
    println!("{files} fixtures cut at {cuts} offsets");
    assert!(files >= 60 && cuts > 20_000, "{files} files, {cuts} cuts");
}

#[test]
fn every_fixture_cut_at_every_offset() {
    cut_all(101);
}

#[test]
#[ignore = "takes minutes; run by cargo xtask anomaly"]
fn long_every_fixture_cut_at_every_offset_and_asked_about() {
    cut_all(1);
}

/// Half of a table that is open does not pass for a whole one.
#[test]
fn a_table_that_is_cut_open_is_told() {
    let mut seen = 0;
    for path in fixtures() {
        let name = path.to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("the fixture is text");
        let last_end = match recognise(&name, text.as_bytes()) {
            Format::Iptables => text.rfind("\nCOMMIT").filter(|_| text.starts_with('*')),
            Format::Nft if text.trim_end().ends_with('}') => text.rfind('}'),
            _ => None,
        };
        if let Some(end) = last_end {
            assert_ne!(check(&name, &text.as_bytes()[..end]), [], "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 40, "{seen}");
}

#[test]
fn damaged_fixtures() {
    let mut random = Xorshift::new(5);
    for path in fixtures() {
        let whole = std::fs::read(&path).expect("the fixture is readable");
        for _ in 0..20 {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.below(256) as u8;
            }
            check(&path.to_string_lossy(), &bytes);
        }
    }
}

/// A rule set of so many bytes, in the words of `iptables-save`.
fn iptables(size: usize) -> String {
    let mut text =
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n".to_owned();
    for number in 0_u32.. {
        if text.len() + 100 > size {
            break;
        }
        let [_, second, third, last] = number.to_be_bytes();
        let _ = writeln!(
            text,
            "-A FORWARD -s 10.{second}.{third}.{last}/32 -p tcp -m tcp --dport {} -j ACCEPT",
            1 + number % 60_000
        );
    }
    text.push_str("COMMIT\n");
    text
}

/// The same in the words of nftables.
fn nftables(size: usize) -> String {
    let mut text =
        "table ip fw {\n\tchain forward {\n\t\ttype filter hook forward priority 0; policy drop;\n"
            .to_owned();
    for number in 0_u32.. {
        if text.len() + 100 > size {
            break;
        }
        let [_, second, third, last] = number.to_be_bytes();
        let _ = writeln!(
            text,
            "\t\tip saddr 10.{second}.{third}.{last} tcp dport {} accept",
            1 + number % 60_000
        );
    }
    text.push_str("\t}\n}\n");
    text
}

/// Policies that close one pod each.
fn manifests(size: usize) -> String {
    let mut text = String::new();
    for number in 0_u32.. {
        if text.len() + 300 > size {
            break;
        }
        let _ = write!(
            text,
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
             metadata: {{name: p{number}, namespace: n{}}}\n\
             spec: {{podSelector: {{matchLabels: {{app: a{number}}}}}, policyTypes: [Ingress]}}\n",
            number % 100
        );
    }
    text
}

/// Reads files of so many bytes, each in a process of its own.
fn read_large(test: &str, size: usize) {
    type Make = fn(usize) -> String;
    let makes: [(&str, Make); 3] = [
        ("rules", iptables),
        ("rules.nft", nftables),
        ("policies.yaml", manifests),
    ];
    let mut failures = Vec::new();
    for (name, make) in makes {
        let cost = alone(test, name, || {
            let text = make(size);
            assert!(text.len() > size - 1000);
            let limits = Limits::default();
            let text = Text {
                source: SourceId(0),
                path: name,
                device: "",
                bytes: text.as_bytes(),
            };
            let Gathered { model, problems } = gather(&[text], &limits);
            let rules = model
                .devices
                .iter()
                .flat_map(|device| &device.filter.chains);
            let rules = rules.map(|chain| chain.rules.len()).max().unwrap_or(0);
            let read = rules.max(model.cluster.network_policies.len());
            // What is beyond a limit is told, never read in silence.
            assert!(read <= limits.filter_rules as usize + 1, "{read}");
            assert_eq!(
                problems.is_empty(),
                read < limits.filter_rules as usize,
                "{read}"
            );
            assert!(read > size / 300, "{read}");
        });
        if let Some(cost) = cost {
            println!("{name} of {} MB: {cost:?}", size / 1_000_000);
            let most_ms = MOST_MS_PER_MB * (size as u64 / 1_000_000) * SLOWER + 500;
            if cost.peak_mib >= MOST_MIB || cost.cpu_ms >= most_ms {
                failures.push(format!("{name}: {cost:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// How much slower a build for debugging is.
const SLOWER: u64 = if cfg!(debug_assertions) { 20 } else { 1 };

#[test]
fn large_files_are_read_in_bounds() {
    read_large("declared::large_files_are_read_in_bounds", 2_000_000);
}

#[test]
#[ignore = "takes minutes; run by cargo xtask anomaly"]
fn long_files_of_100_mb_are_read_in_bounds() {
    read_large(
        "declared::long_files_of_100_mb_are_read_in_bounds",
        100_000_000,
    );
}
