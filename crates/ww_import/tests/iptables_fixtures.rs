//! Rule sets of our own, one feature each, with the model that each must become.
//!
//! `UPDATE=1` writes what is read now beside them.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test against files; helpers are not in a test function"
)]

mod render;

use proptest::prelude::*;
use std::path::{Path, PathBuf};
use ww_base::{Limits, SourceId};
use ww_import::{ipset, iptables};
use ww_model::filter::{Action, Aside, Condition, Ruleset, Step, Verdict};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/iptables");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "save"))
        .collect();
    paths.sort();
    paths
}

/// The rule set, with the sets of the fixture `sets.ipset`.
fn read(text: &[u8]) -> ww_base::Partial<Ruleset> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/iptables");
    let sets = std::fs::read(folder.join("sets.ipset")).unwrap();
    let limits = Limits::default();
    let sets = ipset::read(SourceId(1), &sets, &limits);
    assert_eq!(sets.problems, []);
    iptables::read(SourceId(0), text, None, &sets.value, &limits)
}

#[test]
fn every_fixture_becomes_its_model() {
    let mut wrong = Vec::new();
    for path in fixtures() {
        let text = std::fs::read_to_string(&path).unwrap();
        let found = render::render(&text, &read(text.as_bytes()));
        let expected = path.with_extension("model");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &found).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn windows_line_ends_change_nothing_but_places() {
    for path in fixtures() {
        let text = std::fs::read_to_string(&path).unwrap();
        let windows = text.replace('\n', "\r\n");
        let unix = render::render(&text, &read(text.as_bytes()));
        let windows = render::render(&windows, &read(windows.as_bytes()));
        assert_eq!(unix, windows, "{}", path.display());
    }
}

#[test]
fn a_fixture_cut_anywhere_is_still_read() {
    for path in fixtures() {
        let text = std::fs::read(&path).unwrap();
        for cut in (0..text.len()).step_by(7) {
            assert_sound(&read(&text[..cut]).value, cut);
        }
    }
}

/// Every place lies in the text, every id means something, and no chain leads back to itself.
fn assert_sound(rules: &Ruleset, length: usize) {
    let mut calls: Vec<Vec<usize>> = Vec::new();
    for chain in &rules.chains {
        let mut called = Vec::new();
        for rule in &chain.rules {
            assert!(rule.at.start < rule.at.end && rule.at.end as usize <= length);
            for step in &rule.steps {
                match step {
                    Step::Do(Action::Verdict(Verdict::Jump(id) | Verdict::Goto(id))) => {
                        called.push(id.0 as usize);
                    }
                    Step::Do(Action::Unknown(id)) | Step::If(Condition::Unknown(id)) => {
                        assert!((id.0 as usize) < rules.unknowns.len());
                    }
                    _ => {}
                }
            }
        }
        calls.push(called);
    }
    let mut left: Vec<usize> = (0..calls.len()).collect();
    while !left.is_empty() {
        let before = left.len();
        let open = left.clone();
        left.retain(|chain| calls[*chain].iter().any(|called| open.contains(called)));
        assert!(left.len() < before, "the chains {left:?} call one another");
    }
}

fn line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "-A",
        "INPUT",
        "-p",
        "tcp",
        "!",
        "--dport",
        "22",
        "-j",
        "ACCEPT",
        "-m",
        "set",
        "--match-set",
        "office",
        "src",
        "src,dst",
        "-g",
        "a",
        "b",
        "-s",
        "10.0.0.0/8",
        "::/0",
        "-I",
        "-D",
        "-R",
        "1",
        "2",
        "-X",
        "-E",
        "-F",
        "-N",
        "-P",
        "DROP",
        "conntrack",
        "--ctstate",
        "NEW",
        "mark",
        "--mark",
        "0x1/0x3",
        "MARK",
        "--set-mark",
        "multiport",
        "--dports",
        "1:5",
        "DNAT",
        "--to-destination",
        "10.0.0.1:80",
        "-t",
        "nat",
        "comment",
        "--comment",
        "\"x",
        "\\",
        "$A",
        "iptables",
        "ip6tables",
        "*filter",
        ":a",
        "-",
        "COMMIT",
        "[1:2]",
        "A=1",
        "limit",
        "icmp",
        "--icmp-type",
        "8/0",
        "-i",
        "+",
        "-f",
        "--",
        "-4",
        "||",
        "-C",
        ";",
        "é",
    ]);
    prop::collection::vec(words, 0..9).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        assert_sound(&read(&bytes).value, bytes.len());
        let sets = ipset::read(SourceId(0), &bytes, &Limits::default());
        prop_assert!(sets.value.len() <= bytes.len());
    }

    #[test]
    fn any_words_are_read(lines in prop::collection::vec(line(), 0..20)) {
        let text = lines.join("\n");
        assert_sound(&read(text.as_bytes()).value, text.len());
    }
}

/// What a rule may be there for besides its verdict.
#[test]
fn rules_keep_what_they_are_there_for_besides() {
    let text = "*filter\n\
        :INPUT ACCEPT [0:0]\n\
        -A INPUT -p tcp --dport 22 -j ACCEPT\n\
        -A INPUT -p tcp --dport 22 -m comment --comment \"the office\" -j ACCEPT\n\
        -A INPUT -m comment --comment \"seen\" -j LOG --log-prefix \"in: \"\n\
        -A INPUT -s 192.0.2.0/24\n\
        -A INPUT -j SET --add-set seen src\n\
        -A INPUT -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n\
        COMMIT\n";
    let read = read(text.as_bytes());
    assert_eq!(read.problems, []);
    let asides: Vec<_> = read.value.chains[0]
        .rules
        .iter()
        .map(|rule| rule.asides.clone())
        .collect();
    let expected = [
        vec![],
        vec![Aside::Comment],
        vec![Aside::Log, Aside::Comment],
        vec![Aside::Count],
        vec![Aside::Effect],
        vec![Aside::Effect],
    ];
    assert_eq!(asides, expected);
}
