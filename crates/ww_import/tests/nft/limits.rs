//! Bad input: a problem with a place, never a panic, and bounded time.

use crate::fixtures::files;
use std::fmt::Write;
use ww_base::{Limits, Locus, Partial, ProblemKind, SourceId};
use ww_import::nft::{Included, Includes, NoIncludes, read, read_json};
use ww_model::filter::Ruleset;

fn text(text: &str) -> Partial<Ruleset> {
    read(
        SourceId(0),
        text.as_bytes(),
        &mut NoIncludes,
        &Limits::default(),
    )
}

fn kinds(read: &Partial<Ruleset>) -> Vec<ProblemKind> {
    read.problems.iter().map(|problem| problem.kind).collect()
}

/// A small generator of numbers (xorshift), so that a failure can be repeated.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// Every problem lies inside the text, and every rule too.
fn assert_sound(bytes: &[u8], read: &Partial<Ruleset>) {
    for problem in &read.problems {
        if let Locus::Text(at) = problem.at {
            assert!(
                at.start <= at.end && at.end as usize <= bytes.len(),
                "{problem:?}"
            );
        }
    }
    for rule in read.value.chains.iter().flat_map(|chain| &chain.rules) {
        assert!(rule.at.start <= rule.at.end && rule.at.end as usize <= bytes.len());
    }
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let limits = Limits::default();
    for _ in 0..2000 {
        let length = numbers.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| numbers.below(256) as u8).collect();
        assert_sound(&bytes, &read(SourceId(0), &bytes, &mut NoIncludes, &limits));
        assert_sound(&bytes, &read_json(SourceId(0), &bytes, &limits));
    }
}

#[test]
fn words_of_the_language_in_any_order_are_read_without_a_panic() {
    let words = [
        "table", "inet", "ip", "t", "{", "}", "chain", "c", "type", "filter", "hook", "input",
        "priority", "0", ";", "\n", "tcp", "dport", "22", ",", "-", "/", "@", "s", "$", "x",
        "define", "=", "ip", "saddr", "10.0.0.1", "vmap", ":", "accept", "map", "set", "elements",
        "ct", "state", "new", "!", "==", "!=", "&", "|", "(", ")", ".", "meta", "mark", "dnat",
        "to", "add", "rule", "reject", "with", "counter", "limit", "rate", "flags", "*", "include",
        "\"f\"", "jump", "goto", "[", "]", "fib", "daddr", "delete", "element", "flush", "log",
    ];
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..5000 {
        let count = numbers.below(60);
        let line: Vec<&str> = (0..count)
            .map(|_| words[numbers.below(words.len())])
            .collect();
        let line = line.join(" ");
        assert_sound(line.as_bytes(), &text(&line));
    }
}

#[test]
fn damaged_rule_sets_are_read_without_a_panic() {
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let limits = Limits::default();
    for path in files("testdata/nft") {
        let whole = std::fs::read(path).unwrap();
        for _ in 0..20 {
            let mut damaged = whole.clone();
            damaged.truncate(numbers.below(whole.len() + 1));
            for _ in 0..numbers.below(4) {
                let place = numbers.below(damaged.len());
                if let Some(byte) = damaged.get_mut(place) {
                    *byte = numbers.below(256) as u8;
                }
            }
            assert_sound(
                &damaged,
                &read(SourceId(0), &damaged, &mut NoIncludes, &limits),
            );
        }
    }
}

#[test]
fn deep_nesting_is_a_problem() {
    for (open, close) in [("(", ")"), ("{", "}")] {
        let depth = 100_000;
        let rule = format!(
            "table ip t {{\nchain c {{\ntcp dport {}22{} accept\n}}\n}}\n",
            open.repeat(depth),
            close.repeat(depth)
        );
        assert!(kinds(&text(&rule)).contains(&ProblemKind::TooLarge));
    }
    let blocks = "table t { chain c { ".repeat(50_000);
    assert!(!text(&blocks).problems.is_empty());
    let json = format!(
        "{{\"nftables\": [{{\"rule\": {{\"family\": \"ip\", \"table\": \"t\", \"chain\": \"c\", \"expr\": {}{}}}}}]}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let read = read_json(SourceId(0), json.as_bytes(), &Limits::default());
    assert!(!read.problems.is_empty());
}

#[test]
fn definitions_that_multiply_are_bounded() {
    let mut bomb = String::from("define a0 = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }\n");
    for level in 1..9 {
        let inner = format!("$a{}, ", level - 1).repeat(10);
        let _ = writeln!(bomb, "define a{level} = {{ {inner} }}");
    }
    bomb += "add table ip t\nadd chain ip t c\nadd rule ip t c tcp dport $a8 accept\n";
    let limits = Limits {
        set_entries: 10_000,
        ..Limits::default()
    };
    let read = read(SourceId(0), bomb.as_bytes(), &mut NoIncludes, &limits);
    assert_eq!(kinds(&read), [ProblemKind::TooLarge]);
    assert_eq!(read.value.unknowns.len(), 1);
}

#[test]
fn chains_of_definitions_are_bounded() {
    let mut chain = String::from("define a0 = { 1 }\n");
    for level in 1..10_000 {
        let _ = writeln!(chain, "define a{level} = {{ $a{} }}", level - 1);
    }
    assert!(kinds(&text(&chain)).contains(&ProblemKind::TooLarge));
}

#[test]
fn too_many_rules_and_elements_are_a_problem() {
    let limits = Limits {
        filter_rules: 3,
        set_entries: 5,
        ..Limits::default()
    };
    let rules = "add table t\nadd chain t c\n".to_owned() + &"add rule t c accept\n".repeat(5);
    let many = read(SourceId(0), rules.as_bytes(), &mut NoIncludes, &limits);
    assert_eq!(many.value.chains[0].rules.len(), 3);
    assert!(kinds(&many).contains(&ProblemKind::TooLarge));
    let elements = "add table t\nadd chain t c\nadd rule t c tcp dport { 1, 2, 3, 4, 5, 6 }\n";
    let wide = read(SourceId(0), elements.as_bytes(), &mut NoIncludes, &limits);
    assert!(kinds(&wide).contains(&ProblemKind::TooLarge));
}

#[test]
fn a_text_that_is_too_long_is_cut() {
    let rules = "add table t\nadd chain t c\n".to_owned() + &"add rule t c accept\n".repeat(50);
    let limits = Limits {
        text_bytes: 100,
        ..Limits::default()
    };
    let read = read(SourceId(0), rules.as_bytes(), &mut NoIncludes, &limits);
    assert!(kinds(&read).contains(&ProblemKind::TooLarge));
    assert!(!read.value.chains[0].rules.is_empty());
}

#[test]
fn half_a_dump_gives_what_is_whole() {
    let dump = r#"{"nftables": [{"table": {"family": "ip", "name": "t"}},
        {"chain": {"family": "ip", "table": "t", "name": "c"}},
        {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"accept": null}]}},
        {"rule": {"family": "ip", "table": "t", "cha"#;
    let read = read_json(SourceId(0), dump.as_bytes(), &Limits::default());
    assert_eq!(read.value.chains[0].rules.len(), 1);
    assert_eq!(kinds(&read), [ProblemKind::Malformed]);
}

/// Files that are there, by path.
struct Folder(Vec<(&'static str, &'static str)>);

impl Includes for Folder {
    fn find(&mut self, pattern: &str, _from: SourceId) -> Result<Vec<Included>, String> {
        let fits = |path: &str| match pattern.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == pattern,
        };
        let found: Vec<Included> = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, (path, _))| fits(path))
            .map(|(number, (path, text))| Included {
                source: SourceId(number as u32 + 1),
                path: (*path).to_owned(),
                text: text.as_bytes().to_vec(),
            })
            .collect();
        if found.is_empty() && !pattern.ends_with('*') {
            return Err("no such file".to_owned());
        }
        Ok(found)
    }
}

fn with_files(root: &str, files: &[(&'static str, &'static str)]) -> Partial<Ruleset> {
    let mut folder = Folder(files.to_vec());
    read(
        SourceId(0),
        root.as_bytes(),
        &mut folder,
        &Limits::default(),
    )
}

#[test]
fn included_files_are_read_where_they_are_named() {
    let read = with_files(
        "include \"defs\"\ntable ip t {\n\tchain c {\n\t\tinclude \"rules/*\"\n\t\ttcp dport 3\n\t}\n}\n",
        &[
            ("defs", "define first = 1\n"),
            ("rules/a", "tcp dport $first"),
            ("rules/b", "tcp dport 2\n"),
        ],
    );
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    let rules = &read.value.chains[0].rules;
    let places: Vec<(u32, u32)> = rules
        .iter()
        .map(|rule| (rule.at.source.0, rule.at.start))
        .collect();
    assert_eq!(places, [(2, 0), (3, 0), (0, 61)]);
}

#[test]
fn files_that_include_themselves_are_a_problem() {
    let read = with_files(
        "include \"a\"\nadd table t\n",
        &[("a", "include \"b\"\n"), ("b", "include \"a\"\n")],
    );
    assert_eq!(kinds(&read), [ProblemKind::Malformed]);
    assert!(read.problems[0].message.contains("includes itself"));
}

#[test]
fn a_missing_file_is_a_problem_with_its_place() {
    let read = text("add table t\ninclude \"nowhere\"\nadd chain t c\n");
    assert_eq!(kinds(&read), [ProblemKind::Undefined]);
    let Locus::Text(at) = read.problems[0].at else {
        panic!("a problem without a place");
    };
    assert_eq!((at.start, at.end), (20, 29));
    assert_eq!(read.value.chains.len(), 1);
}

#[test]
fn many_files_are_bounded() {
    struct Endless(u32);
    impl Includes for Endless {
        fn find(&mut self, _: &str, _: SourceId) -> Result<Vec<Included>, String> {
            let file = |number: u32| Included {
                source: SourceId(number),
                path: number.to_string(),
                text: b"include \"next\"\ninclude \"next\"\n".to_vec(),
            };
            self.0 += 2;
            Ok(vec![file(self.0), file(self.0 + 1)])
        }
    }
    let limits = Limits::default();
    let read = read(SourceId(0), b"include \"next\"\n", &mut Endless(0), &limits);
    assert!(
        kinds(&read)
            .iter()
            .all(|kind| *kind == ProblemKind::TooLarge)
    );
    assert!(!read.problems.is_empty());
}
